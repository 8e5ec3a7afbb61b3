//! Would the packages that are saved bring the host back? Worked out by apt, beforehand and without installing anything.

use super::apt::{self, Action};
use super::saved;
use super::selection::Selection;
use crate::host::Command;
use crate::module::{Cx, Failure};

/// `$1` directory of the saved packages, then `NAME=VERSION` of what will be installed.
///
/// apt is shown a status in which the upgrade has happened: ours as the new packages say of themselves, all others as they are.
/// Nothing of it stays, not even in apt's own cache.
const SIMULATE: &str = r#"# nebplay: would the downgrade work
dir=$1; shift
ls "$dir"/*.deb >/dev/null 2>&1 || { echo "E: nothing is saved in $dir" >&2; exit 100; }
scratch=$(mktemp -d) || exit
trap 'rm -rf -- "$scratch"' EXIT
names=; for word; do names="$names ${word%%=*}"; done
awk -v RS= -v ORS='\n\n' -v names="$names" 'BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) gone["Package: " list[i]] }
  { split($0, lines, "\n"); if (!(lines[1] in gone)) print }' /var/lib/dpkg/status > "$scratch/status" || exit
for word; do
  apt-cache show -- "$word" > "$scratch/new" || exit
  awk -v RS= 'NR == 1 { print; print "Status: install ok installed\n" }' "$scratch/new" >> "$scratch/status" || exit
done
apt_quiet -s -o Dir::State::status="$scratch/status" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
  --allow-downgrades install "$dir"/*.deb
"#;

/// Fails unless apt could bring back everything that the upgrade replaces, from what `package_save` saved.
pub(super) async fn simulate(cx: &Cx<'_>, selection: &Selection) -> Result<(), Failure> {
    let replaced: Vec<&Action> = selection
        .actions
        .iter()
        // What is only unpacked once more replaces nothing.
        .filter(|action| action.from.is_some() && action.from != action.to)
        .collect();
    let Some(main) = selection
        .installed
        .get("opennebula")
        .filter(|_| !replaced.is_empty())
    else {
        return Ok(());
    };
    // An upgrade that was cut off may have replaced the main package already: the way back leads to what was there before it.
    let before = saved::before(cx.host).await?;
    let directory = saved::directory(before.as_ref().unwrap_or(&main.version));
    let future = selection
        .actions
        .iter()
        .filter_map(|action| Some(format!("{}={}", action.name, action.to.as_ref()?)));
    let script = format!("{}{SIMULATE}", apt::QUIET);
    let command = Command::script(&script, std::iter::once(directory.clone()).chain(future)).as_root();
    let output = cx.host.run(&command).await?;
    let hint = format!(
        "see that {directory} holds every package that is replaced, and what the old ones depend on: without them there is no way back"
    );
    let host = cx.host.name();
    if !output.exit.success() {
        let what = format!("{host}: the downgrade would fail");
        return Err(apt::apt_failed(&what, &output).hint(hint));
    }
    let back = apt::read_simulation(&output.text());
    let lost: Vec<String> = replaced
        .iter()
        .filter(|action| {
            !back
                .iter()
                .any(|way| way.name == action.name && way.to == action.from)
        })
        .map(ToString::to_string)
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{host}: the saved packages do not undo this: {}",
        lost.join(", ")
    ))
    .hint(hint))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn what_would_not_come_back_is_named() {
        let installed: BTreeMap<_, _> =
            apt::read_packages("opennebula\t7.0.0-1\tamd64\tii \nopennebula-flow\t7.0.0-1\tall\tii \n");
        let action = |name: &str, from: Option<&str>| Action {
            name: name.to_owned(),
            from: from.map(str::to_owned),
            to: Some("7.2.0-1".to_owned()),
        };
        let selection = Selection {
            install: Vec::new(),
            actions: vec![
                action("opennebula", Some("7.0.0-1")),
                action("opennebula-flow", Some("7.0.0-1")),
                action("opennebula-form", None),
            ],
            installed,
        };
        let main = "Inst opennebula [7.2.0-1] (7.0.0-1 local-deb [amd64])\n";
        let flow = "Inst opennebula-flow [7.2.0-1] (7.0.0-1 local-deb [all])\n";
        for (code, answer, word) in [
            (0, format!("{main}{flow}Remv opennebula-form [7.2.0-1]\n"), None),
            (0, main.to_owned(), Some("opennebula-flow 7.0.0-1")),
            (100, String::new(), Some("would fail")),
        ] {
            let host = FakeHost::new("m").on("would the downgrade work", code, &answer);
            let result = simulate(&FakeWorld::default().cx(&host), &selection).await;
            match word {
                None => assert!(result.is_ok(), "{result:?}"),
                Some(word) => assert!(result.unwrap_err().message.contains(word)),
            }
        }
    }

    #[tokio::test]
    async fn of_an_upgrade_that_was_cut_off_the_way_back_is_that_from_before_it() {
        let selection = Selection {
            install: Vec::new(),
            actions: vec![Action {
                name: "opennebula-flow".to_owned(),
                from: Some("7.0.0-1".to_owned()),
                to: Some("7.2.0-1".to_owned()),
            }],
            installed: apt::read_packages(
                "opennebula\t7.2.0-1\tamd64\tiU \nopennebula-flow\t7.0.0-1\tall\tii \n",
            ),
        };
        let host = FakeHost::new("m")
            .file(
                "/var/lib/nebplay/memory/packages-before.json",
                r#"{"version":"7.0.0-1"}"#,
            )
            .on(
                "would the downgrade work",
                0,
                "Inst opennebula-flow [7.2.0-1] (7.0.0-1 local-deb [all])\n",
            );
        simulate(&FakeWorld::default().cx(&host), &selection)
            .await
            .unwrap();
        let asked = host.asked().join("\n");
        assert!(asked.contains("/var/lib/nebplay/packages/7.0.0-1"), "{asked}");
    }
}
