//! `validate`: a program's word that a content is right, before it is put in its place.

use crate::module::{Cx, Failure};

/// What stands for the file with the content.
const FILE: &str = "%s";

/// A command that looks at a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Validation(Vec<String>);

impl Validation {
    /// Reads `visudo -cf %s`: words as a shell has them, one of which holds the file's place.
    pub(super) fn of(line: &str) -> Result<Self, Failure> {
        let words = shlex::split(line)
            .ok_or_else(|| Failure::failed(format!("validate: a quote is not closed in `{line}`")))?;
        match line.matches(FILE).count() {
            1 => Ok(Self(words)),
            0 => Err(
                Failure::failed("`validate` does not say where the file's name goes")
                    .hint("`%s` stands for it: `visudo -cf %s`"),
            ),
            _ => Err(Failure::failed(
                "`validate` can name the file once, and `%s` stands there more often",
            )),
        }
    }

    /// Asks the program, as who the task runs as, about a file with this content that is gone afterwards. `dest`: what it is to become.
    pub(super) async fn ask(&self, cx: &Cx<'_>, content: &[u8], dest: &str) -> Result<(), Failure> {
        let script = r#"# nebplay: is a file right?
            umask 077
            file=$(mktemp) || exit
            trap 'rm -f -- "$file"' EXIT
            cat >"$file" || exit
            for word; do
                shift
                case $word in
                *%s*) word=${word%%"%s"*}$file${word#*"%s"} ;;
                esac
                set -- "$@" "$word"
            done
            "$@" </dev/null
        "#;
        let command = cx.script(script, self.0.clone()).stdin(content);
        let output = cx.host.run(&command).await?;
        if output.exit.success() {
            return Ok(());
        }
        let said = [output.err_text(), output.text()].concat();
        Err(Failure::failed(format!(
            "{}: what was to become {dest} is not right, says {}: {} ({})",
            cx.host.name(),
            self.0.first().map_or("", String::as_str),
            said.trim(),
            output.exit
        ))
        .state(format!("{dest} is as it was")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[test]
    fn the_file_has_one_place() {
        let words = ["visudo", "-cf", "%s"].map(str::to_owned).to_vec();
        assert_eq!(Validation::of("visudo -cf '%s'").unwrap(), Validation(words));
        for (line, message) in [
            ("visudo -cf", "`validate` does not say where the file's name goes"),
            (
                "cmp %s %s",
                "`validate` can name the file once, and `%s` stands there more often",
            ),
            ("visudo '%s", "validate: a quote is not closed in `visudo '%s`"),
        ] {
            assert_eq!(Validation::of(line).unwrap_err().message, message);
        }
    }

    #[tokio::test]
    async fn what_is_not_right_does_not_get_there() {
        let host = FakeHost::new("m")
            .file("/etc/sudoers", "old\n")
            .on(
                "^sha256sum",
                0,
                &format!("{} *x\n", crate::digest::sha256("old\n")),
            )
            .on("is a file right", 1, "syntax error");
        let args = json!({"content": "new\n", "dest": "/etc/sudoers", "validate": "visudo -cf %s"});
        let failure = FakeWorld::default().run(&host, "copy", args).await.unwrap_err();
        assert!(
            failure
                .message
                .starts_with("m: what was to become /etc/sudoers is not right, says visudo: syntax error"),
            "{}",
            failure.message
        );
        assert_eq!(host.content("/etc/sudoers").unwrap(), b"old\n");
    }
}
