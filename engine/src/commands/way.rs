//! The last lines after a run that did not come to its end: the way on, and the way back.

use nebplay_modules::federation_map::Federation;

/// What can be done now. `run` can be resumed; `back` is what the playbook says of the way back from where it stopped.
pub(super) fn on(run: Option<&str>, federation: &Federation, back: Option<&str>) -> String {
    let mut lines = Vec::new();
    if let Some(run) = run {
        lines.push(format!("next: nebplay resume {run}"));
        lines.push("      goes on where this run stopped; what is done is not run again".to_owned());
    } else {
        lines.push("next: run the same command again to go on:".to_owned());
        lines.push("      what is done already is recognized and not done twice".to_owned());
    }
    if !federation.zones.is_empty() {
        lines.push("      `nebplay status` with the same -i shows the zones as they are".to_owned());
    }
    if let Some(back) = back {
        let mut words = back.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.push(format!("back: {}", words.next().unwrap_or_default()));
        lines.extend(words.map(|line| format!("      {line}")));
    }
    lines.push(String::new());
    lines.join("\n")
}
