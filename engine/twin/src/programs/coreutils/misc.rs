//! The rest: time, names, numbers.

use std::time::Duration;

use nebplay_model::onedb::clock::Civil;

use crate::process::Process;
use crate::programs::wrappers::duration;

pub(super) fn date(process: &mut Process<'_>) -> i32 {
    let mut seconds = process.seconds();
    let mut words = process.args.iter();
    let mut format = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "-d" => {
                let at = words.next().and_then(|word| word.strip_prefix('@')?.parse().ok());
                seconds = at.unwrap_or(seconds);
            }
            word => format = word.strip_prefix('+').map(str::to_owned).or(format),
        }
    }
    let civil = Civil::from_epoch(seconds);
    let text = match format {
        None => civil.log(),
        Some(format) => format
            .replace("%s", &seconds.to_string())
            .replace(
                "%F",
                &format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day),
            )
            .replace(
                "%T",
                &format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second),
            )
            .replace("%Y", &format!("{:04}", civil.year))
            .replace("%m", &format!("{:02}", civil.month))
            .replace("%d", &format!("{:02}", civil.day))
            .replace("%H", &format!("{:02}", civil.hour))
            .replace("%M", &format!("{:02}", civil.minute))
            .replace("%S", &format!("{:02}", civil.second))
            .replace("%Z", "UTC")
            .replace("%z", "+0000"),
    };
    process.say(format!("{text}\n"));
    0
}

pub(super) fn sleep(process: &mut Process<'_>) -> i32 {
    let mut whole = Duration::ZERO;
    for word in process.args {
        let Some(time) = duration(word) else {
            process.complain(format!("sleep: invalid time interval '{word}'\n"));
            return 1;
        };
        whole += time;
    }
    process.spends(whole);
    0
}

pub(super) fn id(process: &mut Process<'_>) -> i32 {
    let words = super::Words::of(process, "");
    let user = words
        .names
        .first()
        .cloned()
        .unwrap_or_else(|| process.user.to_owned());
    let text = process.machine().files.text("/etc/passwd");
    let Some(line) = text
        .lines()
        .find(|line| line.split(':').next() == Some(user.as_str()))
    else {
        process.complain(format!("id: '{user}': no such user\n"));
        return 1;
    };
    let number = line.split(':').nth(2).unwrap_or("0");
    let said = match (words.has("n"), words.has("u") || words.has("g")) {
        (true, _) => user,
        (false, true) => number.to_owned(),
        (false, false) => format!("uid={number}({user}) gid={number}({user}) groups={number}({user})"),
    };
    process.say(format!("{said}\n"));
    0
}

pub(super) fn whoami(process: &mut Process<'_>) -> i32 {
    let line = format!("{}\n", process.user);
    process.say(line);
    0
}

pub(super) fn uname(process: &mut Process<'_>) -> i32 {
    let hostname = process.machine().hostname.clone();
    let said = match process.args.first().map(String::as_str) {
        Some("-n") => hostname,
        Some("-r") => "6.1.0-28-amd64".to_owned(),
        Some("-m") => "x86_64".to_owned(),
        Some("-a") => format!("Linux {hostname} 6.1.0-28-amd64 x86_64 GNU/Linux"),
        _ => "Linux".to_owned(),
    };
    process.say(format!("{said}\n"));
    0
}

pub(super) fn processors(process: &mut Process<'_>) -> i32 {
    process.say("4\n");
    0
}

pub(super) fn which(process: &mut Process<'_>) -> i32 {
    let name = process.args.first().cloned().unwrap_or_default();
    let known = crate::programs::find(&name).is_some() || nebplay_sh::tools::find(&name).is_some();
    if known {
        process.say(format!("/usr/bin/{name}\n"));
    }
    i32::from(!known)
}
