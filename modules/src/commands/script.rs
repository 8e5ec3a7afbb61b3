//! `script`: a script of the controller, run on the host.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::report::{Around, judge};
use crate::contract::{Contract, Recovery};
use crate::host::Command;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Runs a script that is a file of the controller, beside the playbook or in its `files/`.
///
/// The interpreter is that of the script's first line, or `/bin/sh`. The script is put into a directory of its own on the host, which nobody
/// else can read, and removed when it has ended. As with `command`, check mode does not run it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "cmd"))]
pub(super) struct Script {
    /// The file, and the script's arguments behind it, split as a shell would.
    cmd: String,
    /// The interpreter, instead of that of the first line.
    executable: Option<String>,
    /// Directory to change into first.
    chdir: Option<String>,
    /// Do not run if this path (wildcards allowed) exists.
    creates: Option<String>,
    /// Do not run unless this path (wildcards allowed) exists.
    removes: Option<String>,
}

/// What a connection that broke off left of the script must not be run. The directory is its owner's alone as it is; the umask stays that of
/// the host, since it would be the script's.
const RUN: &str = r#"# nebplay: a script of the controller
name=$1 size=$2 with=$3 option=$4
shift 4
dir=$(mktemp -d) || exit 126
trap 'rm -rf -- "$dir"' EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
cat > "$dir/$name" || exit 126
[ "$(wc -c < "$dir/$name")" -eq "$size" ] || { echo "the script did not arrive whole" >&2; exit 126; }
"$with" ${option:+"$option"} "$dir/$name" "$@" < /dev/null
"#;

/// Interpreter and its one argument, as a first line says it; the kernel reads it so, too.
fn shebang(content: &[u8]) -> Option<(&str, &str)> {
    let line = content.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    let (with, option) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    (!with.is_empty()).then(|| (with, option.trim()))
}

impl Script {
    fn words(&self) -> Result<(String, Vec<String>), Failure> {
        let words = shlex::split(&self.cmd)
            .ok_or_else(|| Failure::failed(format!("a quote is not closed in `{}`", self.cmd)))?;
        let mut words = words.into_iter();
        let file = words
            .next()
            .ok_or_else(|| Failure::failed("no script: give its file"))?;
        Ok((file, words.collect()))
    }

    fn around(&self) -> Around<'_> {
        Around {
            chdir: self.chdir.as_deref(),
            creates: self.creates.as_deref(),
            removes: self.removes.as_deref(),
            stdin: None,
            stdin_add_newline: false,
            durable: false,
        }
    }

    async fn command(&self, cx: &Cx<'_>) -> Result<Command, Failure> {
        let (file, arguments) = self.words()?;
        let content = cx.controller.read(&file).await?;
        let (with, option) = match &self.executable {
            Some(with) => (with.as_str(), ""),
            None => shebang(&content).unwrap_or(("/bin/sh", "")),
        };
        let name = file.rsplit('/').next().unwrap_or_default();
        let size = content.len().to_string();
        let head = [name, &size, with, option].map(str::to_owned);
        Ok(cx.script(RUN, head.into_iter().chain(arguments)).stdin(content))
    }
}

#[async_trait]
impl Module for Script {
    const NAME: &'static str = "script";
    const CONTRACT: Contract = Contract::general(Recovery::Ask);
    const EXAMPLE: &'static str = "\
- name: what the night's own check says
  script: checks/quotas.sh --zone {{ zone_id }}
  register: quotas
  changed_when: false
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        // That it is there, and can be read.
        self.command(cx).await?;
        if let Some(done) = self.around().already_done(cx).await? {
            return Ok(done);
        }
        Ok(Finding::CannotTell(Change::new(format!("run {}", self.cmd))))
    }
}

#[async_trait]
impl Effect for Script {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let command = self.command(cx).await?;
        let output = self.around().run(cx, Self::NAME, command).await?;
        judge(&Value::from(self.cmd.as_str()), &output, false)
    }

    /// What a script of the operator's does is the operator's to check.
    async fn verify(&self, _: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::FakeWorld;
    use crate::testing_local::LocalHost;

    fn world(files: &[(&str, &str)]) -> FakeWorld {
        let world = FakeWorld::default();
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        world.files.lock().unwrap().extend(files);
        world
    }

    #[test]
    fn the_first_line_names_the_interpreter() {
        for (text, wanted) in [
            ("#!/bin/bash\necho", Some(("/bin/bash", ""))),
            ("#! /usr/bin/env  python3 \n", Some(("/usr/bin/env", "python3"))),
            ("#!/usr/bin/env -S awk -f\n", Some(("/usr/bin/env", "-S awk -f"))),
            ("#!\n", None),
            ("echo #!/bin/sh\n", None),
            ("", None),
        ] {
            assert_eq!(shebang(text.as_bytes()), wanted, "{text}");
        }
    }

    #[tokio::test]
    async fn it_runs_with_its_arguments_and_leaves_nothing() {
        let host = LocalHost::new("m");
        let world = world(&[
            (
                "say.sh",
                "#!/bin/sh -u\nprintf '<%s>' \"$@\"; echo \"$0\"; cat; exit 3\n",
            ),
            ("plain", "echo plain $1\n"),
            ("mask", "umask\n"),
        ]);
        let cx = world.cx_of(&host);
        let script = |args| -> Script { serde_json::from_value(args).unwrap() };
        let failure = script(json!({"cmd": "say.sh 'a b' '' $HOME"}))
            .apply(&cx, &Change::default())
            .await
            .unwrap_err();
        assert_eq!(failure.result["rc"], 3);
        let said = failure.result["stdout"].as_str().unwrap();
        let at = said.strip_prefix("<a b><><$HOME>").unwrap().trim();
        assert!(at.ends_with("/say.sh"), "{at}");
        assert!(!std::path::Path::new(at).exists());
        for (args, wanted) in [
            (json!({"cmd": "plain x"}), "plain x\n"),
            (json!({"cmd": "plain x", "executable": "cat"}), "echo plain $1\n"),
        ] {
            // `cat` reads the arguments as files, of which there are none.
            let came = script(args).apply(&cx, &Change::default()).await;
            let result = came.map_or_else(|failure| failure.result, |outcome| outcome.result);
            assert_eq!(result["stdout"], wanted);
        }
        let mask = script(json!({"cmd": "mask"}))
            .apply(&cx, &Change::default())
            .await;
        let own = cx.host.run(&Command::new(["sh", "-c", "umask"])).await.unwrap();
        assert_eq!(mask.unwrap().result["stdout"], own.text());
        let failure = script(json!({"cmd": "'say.sh"})).inspect(&cx).await.unwrap_err();
        assert!(failure.message.contains("quote"), "{}", failure.message);
    }

    #[tokio::test]
    async fn what_did_not_arrive_whole_is_not_run() {
        let host = LocalHost::new("m");
        let world = world(&[("say.sh", "echo ran\n")]);
        let cx = world.cx_of(&host);
        let script: Script = serde_json::from_value(json!({"cmd": "say.sh"})).unwrap();
        let mut command = script.command(&cx).await.unwrap();
        command.stdin = Some(b"echo ra".to_vec());
        let output = cx.host.run(&command).await.unwrap();
        assert_eq!((output.exit.rc(), output.text().as_str()), (126, ""));
        assert!(output.err_text().contains("did not arrive whole"));
    }
}
