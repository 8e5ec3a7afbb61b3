//! Installing packages under a zone that stands still: what upgrading and going back share.

use std::time::Duration;

use super::apt;
use crate::host::{Command, Exit};
use crate::job_run;
use crate::module::{Cx, Failure};

/// Seconds that apt may take unless the author says otherwise.
pub(super) fn half_an_hour() -> u64 {
    1800
}

/// Heals, then installs. A policy-rc.d of ours keeps maintainer scripts from starting anything meanwhile
/// (invoke-rc.d(8): status 101 forbids the action); one that is there already is left alone and does the same job or not.
const INSTALL: &str = r#"
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  printf '#!/bin/sh\n# put here by nebplay while packages are upgraded\nexit 101\n' > "$guard"
  chmod 0755 "$guard"
fi
trap 'grep -qs "put here by nebplay" "$guard" && rm -f "$guard"' EXIT
flags=$1; shift
# What was unpacked beside older packages that it does not go with cannot be configured before apt has brought these.
dpkg --configure -a --force-confdef --force-confold || [ $# -gt 0 ] || exit
[ $# -eq 0 ] || apt_quiet $flags install "$@"
"#;

/// Installs these (`name=version`, or files; `name-` is removed) as a job; what an earlier attempt left half-configured is healed
/// first. `flags`: apt's.
pub(super) async fn install(
    cx: &Cx<'_>,
    job: &str,
    flags: &str,
    packages: &[String],
    deadline: Duration,
) -> Result<(), Failure> {
    let script = format!("{}{INSTALL}", apt::QUIET);
    let words = std::iter::once(flags).chain(packages.iter().map(String::as_str));
    let command = Command::script(&script, words).as_root().deadline(deadline);
    let end = job_run::run(cx, job, command).await?;
    if end.exit.is_some_and(Exit::success) {
        return Ok(());
    }
    let words = apt::last_words(&end.text());
    Err(
        Failure::failed(format!("{}: apt failed: {words}", cx.host.name()))
            .state("packages may be half-configured; the database was not touched")
            .hint(
                "mend what apt complains about, then run the playbook again: it heals half-configured packages itself",
            ),
    )
}

pub(super) async fn oned_runs(cx: &Cx<'_>) -> Result<bool, Failure> {
    let look = Command::new(["pgrep", "-x", "oned"]).as_root();
    Ok(cx.host.run(&look).await?.exit.success())
}

/// Fails where oned runs.
pub(super) async fn refuse_under_oned(cx: &Cx<'_>) -> Result<(), Failure> {
    if !oned_runs(cx).await? {
        return Ok(());
    }
    Err(
        Failure::unsafe_to_go_on(format!("{}: oned is running", cx.host.name()))
            .hint("stop it with `service_stop` first; its packages must not be replaced under it"),
    )
}

/// What the binary says of itself: dpkg's word alone is not the binary's.
pub(super) async fn verify_binary(cx: &Cx<'_>, wanted: &str) -> Result<(), Failure> {
    let output = cx
        .host
        .run(&Command::new(["oned", "--version"]).as_root())
        .await?;
    let text = output.text();
    let first = text.lines().next().unwrap_or_default();
    let version = first
        .strip_prefix("OpenNebula ")
        .and_then(|rest| rest.split_whitespace().next());
    if version.is_some_and(|version| apt::is_of(version, wanted)) {
        return Ok(());
    }
    Err(Failure::not_verified(format!(
        "{}: the packages say {wanted}, but `oned --version` says `{first}`",
        cx.host.name()
    )))
}
