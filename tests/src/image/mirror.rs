//! Which Debian mirror this machine uses, as its own apt tells: no mirror is written down in this project.

use crate::LabError;
use crate::program::Program;

/// Where to get a Debian from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    /// Base address, without a slash at the end.
    pub uri: String,
    /// Code name of the release, such as `bookworm`.
    pub suite: String,
    /// Proxy, if apt is told to use one.
    pub proxy: Option<String>,
}

/// Asks apt, which understands every form its sources may have.
pub(super) fn of_this_machine() -> Result<Mirror, LabError> {
    let mut found = choose(&targets()?);
    if found.is_none() {
        // Which source is Debian's own stands in the lists, and a fresh machine may have none.
        Program::new("apt-get").args(["update", "-qq"]).run()?;
        found = choose(&targets()?);
    }
    let (uri, suite) = found.ok_or_else(|| {
        LabError::Unsuitable(
            "this machine's apt sources name no Debian release with its `main` component".to_owned(),
        )
    })?;
    let proxy = Program::new("apt-config")
        .args(["shell", "PROXY", "Acquire::http::Proxy"])
        .run()?;
    Ok(Mirror {
        uri,
        suite,
        proxy: proxy
            .trim()
            .strip_prefix("PROXY='")
            .and_then(|rest| rest.strip_suffix('\''))
            .map(str::to_owned),
    })
}

fn targets() -> Result<String, LabError> {
    Program::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)",
            "Created-By: Packages",
        ])
        .run()
}

/// The release itself: its updates and security suites carry a suffix in their names.
fn choose(targets: &str) -> Option<(String, String)> {
    targets.lines().find_map(|line| {
        let mut fields = line.splitn(4, ' ');
        let (uri, suite, component, origin) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let release = origin == "Debian" && component == "main" && !suite.contains('-');
        release.then(|| (uri.trim_end_matches('/').to_owned(), suite.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_chosen_among_all_sources() {
        let targets = "https://apt.example.org/tools/ nodistro main Tools\n\
            http://mirror.example.org/debian-security/ bookworm-security main Debian\n\
            http://mirror.example.org/debian/ bookworm contrib Debian\n\
            http://mirror.example.org/debian/ bookworm main Debian\n";
        assert_eq!(
            choose(targets),
            Some((
                "http://mirror.example.org/debian".to_owned(),
                "bookworm".to_owned()
            ))
        );
        assert_eq!(
            choose("http://mirror.example.org/ubuntu/ noble main Ubuntu\n"),
            None
        );
    }
}
