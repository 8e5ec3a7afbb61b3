//! Package files: what is in one, and `dpkg-deb`.

use crate::process::Process;

/// The content of a package's file.
pub(super) fn content(name: &str, version: &str, arch: &str) -> String {
    format!("!<arch>\ndebian-binary\nPackage: {name}\nVersion: {version}\nArchitecture: {arch}\n")
}

/// Name, version and architecture in a package's file; `None`: it is none, or not whole.
pub(super) fn read(text: &str) -> Option<(String, String, String)> {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key))
            .map(str::to_owned)
    };
    let whole = text.starts_with("!<arch>") && text.ends_with('\n');
    whole.then(|| Some((value("Package: ")?, value("Version: ")?, value("Architecture: ")?)))?
}

/// The name of a package's file, as apt and its archives have it.
pub(super) fn file_name(name: &str, version: &str, arch: &str) -> String {
    format!("{name}_{}_{arch}.deb", version.replace(':', "%3a"))
}

pub(super) fn dpkg_deb(process: &mut Process<'_>) -> i32 {
    let Some(file) = process.args.iter().rfind(|word| !word.starts_with('-')) else {
        return 2;
    };
    let path = process.path(file);
    let text = process.machine().files.text(&path);
    let Some((name, version, arch)) = read(&text) else {
        process.complain(format!(
            "dpkg-deb: error: '{file}' is not a Debian format archive\n"
        ));
        return 2;
    };
    let format = process
        .args
        .iter()
        .find_map(|word| word.strip_prefix("--showformat="));
    if process.args.iter().any(|word| word == "--show" || word == "-W") {
        let format = format.unwrap_or("${Package}\\t${Version}\\n").to_owned();
        let line = format
            .replace("${Package}", &name)
            .replace("${Version}", &version)
            .replace("${Architecture}", &arch)
            .replace("\\t", "\t")
            .replace("\\n", "\n");
        process.say(line);
    }
    0
}
