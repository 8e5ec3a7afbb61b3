//! `xargs` and `env`: programs that run programs.

use bytes::Bytes;

use super::{failed, unknown};
use crate::system::{Call, Ended, System};

pub(super) fn xargs(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let mut command = call.argv[1..].iter().peekable();
    let (mut zero, mut no_run_if_empty, mut most) = (false, false, None);
    while let Some(word) = command.peek().filter(|word| word.starts_with('-')) {
        match word.as_str() {
            "-0" => zero = true,
            "-r" => no_run_if_empty = true,
            "-n" => {
                command.next();
                most = command.peek().and_then(|word| word.parse::<usize>().ok());
            }
            option => return unknown(call, option),
        }
        command.next();
    }
    let command: Vec<String> = command.cloned().collect();
    let command = if command.is_empty() {
        vec!["echo".to_owned()]
    } else {
        command
    };
    let text = String::from_utf8_lossy(call.stdin);
    let words: Vec<String> = if zero {
        text.split('\0')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    } else {
        text.split_whitespace().map(str::to_owned).collect()
    };
    if words.is_empty() && no_run_if_empty {
        return Ended::default();
    }
    let mut all = Ended::default();
    let size = most.unwrap_or(words.len()).max(1);
    let mut batches: Vec<&[String]> = words.chunks(size).collect();
    if batches.is_empty() {
        batches.push(&[]);
    }
    for batch in batches {
        let argv: Vec<String> = command.iter().chain(batch).cloned().collect();
        let ended = system.run(&Call {
            argv: &argv,
            stdin: &Bytes::new(),
            ..*call
        });
        all.stdout.extend(ended.stdout);
        all.stderr.extend(ended.stderr);
        if ended.status != 0 {
            all.status = 123;
        }
    }
    all
}

pub(super) fn env(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let mut env = call.env.clone();
    let mut at = 1;
    while let Some(word) = call.argv.get(at) {
        match word.split_once('=') {
            _ if word == "-i" => env.clear(),
            Some((name, value)) => {
                env.insert(name.to_owned(), value.to_owned());
            }
            None if word.starts_with('-') => return unknown(call, word),
            None => break,
        }
        at += 1;
    }
    let argv = &call.argv[at..];
    if argv.is_empty() {
        let lines = env.iter().map(|(name, value)| format!("{name}={value}\n"));
        return super::printed(lines.collect::<String>());
    }
    if argv[0].is_empty() {
        return failed(127, "env: '': No such file or directory");
    }
    system.run(&Call {
        argv,
        env: &env,
        ..*call
    })
}
