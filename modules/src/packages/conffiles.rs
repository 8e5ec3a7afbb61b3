//! Configuration files that a package wanted to replace and the operator had edited.

use serde_json::{Value, json};

use crate::host::Command;
use crate::module::{Cx, Failure};

/// dpkg leaves the packager's new version beside the one it kept. A difference is cut at 64 KiB, and whatever looks like a
/// password is left out of it: oned.conf holds the database's.
const LEFT: &str = r#"
find /etc/one /etc/default /etc/sudoers.d /etc/logrotate.d -name '*.dpkg-dist' -o -name '*.dpkg-new' 2>/dev/null | sort |
while IFS= read -r new; do
  kept=${new%.dpkg-*}
  printf '=== %s\n' "$kept"
  diff -u --label "$kept" --label "$new" -- "$kept" "$new" | head -c 65536 | sed -E 's/(PASS[A-Z]*[[:space:]]*=[[:space:]]*).*/\1…/I'
done
"#;

/// What dpkg left beside an edited file: path and difference.
pub(super) async fn left(cx: &Cx<'_>) -> Result<Vec<(String, String)>, Failure> {
    let output = cx.host.run(&Command::script::<&str>(LEFT, []).as_root()).await?;
    Ok(read(&output.text()))
}

fn read(text: &str) -> Vec<(String, String)> {
    let mut left: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("=== ") {
            left.push((path.to_owned(), String::new()));
        } else if let Some((_, diff)) = left.last_mut() {
            diff.push_str(line);
            diff.push('\n');
        }
    }
    left
}

/// The same as a registered value.
pub(super) fn value(left: &[(String, String)]) -> Value {
    left.iter()
        .map(|(path, diff)| json!({"path": path, "diff": diff}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_its_own_difference() {
        let left = read("=== /etc/one/oned.conf\n--- a\n+++ b\n=== /etc/one/x\n-1\n");
        assert_eq!(
            left[0],
            ("/etc/one/oned.conf".to_owned(), "--- a\n+++ b\n".to_owned())
        );
        assert_eq!(left[1].1, "-1\n");
    }
}
