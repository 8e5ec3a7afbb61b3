//! What the shell does by itself.

use crate::shell::{Fd, Shell, Stop, tool};
use crate::test_command;

type Builtin = fn(&mut Shell<'_>, &[String]) -> Result<(), Stop>;

/// The builtin of this name.
pub(crate) fn find(name: &str) -> Option<Builtin> {
    Some(match name {
        ":" | "true" => |shell, _| done(shell, 0),
        "false" => |shell, _| done(shell, 1),
        "echo" | "printf" => |shell, argv| {
            tool(shell, argv);
            Ok(())
        },
        "test" | "[" => test,
        "exit" => exit,
        "return" => |shell, argv| {
            number(shell, argv);
            Err(Stop::Return)
        },
        "break" => |shell, argv| {
            shell.status = 0;
            Err(Stop::Break(levels(argv)))
        },
        "continue" => |shell, argv| {
            shell.status = 0;
            Err(Stop::Continue(levels(argv)))
        },
        "cd" => cd,
        "pwd" => |shell, _| {
            let line = format!("{}\n", shell.cwd);
            shell.write(1, line.as_bytes());
            done(shell, 0)
        },
        "set" => set,
        "shift" => shift,
        "export" | "readonly" | "local" => declare,
        "unset" => |shell, argv| {
            for name in argv[1..].iter().filter(|word| !word.starts_with('-')) {
                shell.unset(name);
                shell.forget_function(name);
            }
            done(shell, 0)
        },
        "read" => read,
        "eval" => |shell, argv| run_text(shell, &argv[1..].join(" ")),
        "." => source,
        "exec" => exec,
        "command" => command,
        "type" | "hash" => |shell, argv| look_up(shell, argv.get(1)),
        "trap" => trap,
        "wait" => |shell, argv| {
            let status = shell.waited(argv.get(1).map(String::as_str));
            done(shell, status)
        },
        "kill" => kill,
        "umask" => umask,
        _ => return None,
    })
}

/// Whether a mistake in its redirections ends the script.
pub(crate) fn is_special(name: &str) -> bool {
    matches!(
        name,
        ":" | "."
            | "break"
            | "continue"
            | "eval"
            | "exec"
            | "exit"
            | "export"
            | "readonly"
            | "return"
            | "set"
            | "shift"
            | "trap"
            | "unset"
    )
}

#[expect(clippy::unnecessary_wraps, reason = "what every builtin ends with")]
fn done(shell: &mut Shell<'_>, status: i32) -> Result<(), Stop> {
    shell.status = status;
    Ok(())
}

fn number(shell: &mut Shell<'_>, argv: &[String]) {
    if let Some(status) = argv.get(1).and_then(|word| word.parse().ok()) {
        shell.status = status;
    }
}

fn levels(argv: &[String]) -> usize {
    argv.get(1).and_then(|word| word.parse().ok()).unwrap_or(1).max(1)
}

fn test(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let mut words = &argv[1..];
    if argv[0] == "[" {
        match words.split_last() {
            Some((last, rest)) if last == "]" => words = rest,
            _ => {
                shell.complain("[: missing ]");
                return done(shell, 2);
            }
        }
    }
    let cwd = shell.cwd.clone();
    match test_command::evaluate(words, &cwd, shell.system) {
        Ok(holds) => done(shell, i32::from(!holds)),
        Err(why) => {
            shell.complain(&format!("{}: {why}", argv[0]));
            done(shell, 2)
        }
    }
}

fn exit(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    number(shell, argv);
    Err(Stop::Exit)
}

fn cd(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let word = argv[1..]
        .iter()
        .find(|word| !matches!(word.as_str(), "--" | "-P" | "-L"));
    let to = word.cloned().or_else(|| shell.value("HOME")).unwrap_or_default();
    let path = shell.path(&to);
    if shell.system.test(crate::FileTest::Directory, &path) {
        shell.cwd = plain(&path);
        return done(shell, 0);
    }
    shell.complain(&format!("cd: can't cd to {to}"));
    done(shell, 2)
}

fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn set(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let mut words = argv[1..].iter();
    let mut arguments = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                arguments = Some(words.by_ref().cloned().collect());
                break;
            }
            "-o" | "+o" => {
                words.next();
            }
            word if word.len() > 1 && word.starts_with(['-', '+']) => {
                let on = word.starts_with('-');
                for letter in word[1..].chars() {
                    match letter {
                        'e' => shell.options.exit_on_failure = on,
                        'u' => shell.options.unset_is_error = on,
                        'f' => shell.options.no_glob = on,
                        'C' => shell.options.no_clobber = on,
                        _ => {}
                    }
                }
            }
            first => {
                arguments = Some(
                    [first.to_owned()]
                        .into_iter()
                        .chain(words.by_ref().cloned())
                        .collect(),
                );
                break;
            }
        }
    }
    if let Some(arguments) = arguments {
        shell.arguments = arguments;
    }
    done(shell, 0)
}

fn shift(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let count = argv.get(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    if count > shell.arguments.len() {
        return Err(shell.abort("shift: can't shift that many"));
    }
    shell.arguments.drain(..count);
    done(shell, 0)
}

fn declare(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    for word in argv[1..].iter().filter(|word| !word.starts_with('-')) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        if argv[0] == "export" {
            shell.export(name, value);
        } else if let Some(value) = value {
            shell.assign(name, value);
        }
    }
    done(shell, 0)
}

fn read(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let raw = argv[1..].iter().any(|word| word == "-r");
    let names: Vec<&String> = argv[1..].iter().filter(|word| !word.starts_with('-')).collect();
    let line = match shell.fds.get(&0) {
        Some(Fd::In(input)) => input.borrow_mut().line(),
        _ => None,
    };
    let (line, whole) = line.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&line).into_owned();
    if !raw {
        text = text.replace('\\', "");
    }
    let ifs = shell.value("IFS").unwrap_or_else(|| " \t\n".to_owned());
    let is_blank = |c: char| ifs.contains(c) && c.is_ascii_whitespace();
    let mut rest = text.trim_matches(is_blank);
    for (at, name) in names.iter().enumerate() {
        if at + 1 == names.len() {
            shell.assign(name, rest.to_owned());
            break;
        }
        let end = rest.find(|c: char| ifs.contains(c)).unwrap_or(rest.len());
        shell.assign(name, rest[..end].to_owned());
        let after = &rest[end..];
        let after = after.trim_start_matches(is_blank);
        // One separator that is no blank is between two fields.
        let stripped = after.strip_prefix(|c: char| ifs.contains(c) && !c.is_ascii_whitespace());
        rest = stripped.map_or(after, |after| after.trim_start_matches(is_blank));
    }
    done(shell, i32::from(!whole))
}

fn run_text(shell: &mut Shell<'_>, text: &str) -> Result<(), Stop> {
    match crate::parser::parse(text) {
        Ok(list) => {
            shell.status = 0;
            shell.inside(|shell| shell.list(&list))
        }
        Err(error) => Err(shell.abort(&format!("Syntax error: {}", error.message))),
    }
}

fn source(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let path = shell.path(argv.get(1).map_or("", String::as_str));
    match shell.system.read(&path) {
        Ok(bytes) => run_text(shell, &String::from_utf8_lossy(&bytes)),
        Err(why) => {
            shell.complain(&format!(".: cannot open {path}: {why}"));
            shell.status = 2;
            Err(Stop::Exit)
        }
    }
}

fn exec(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let Some(argv) = argv.get(1..).filter(|argv| !argv.is_empty()) else {
        return done(shell, 0);
    };
    match find(&argv[0]) {
        Some(builtin) => builtin(shell, argv)?,
        None => shell.program(argv, &[]),
    }
    shell.at_exit = None;
    Err(Stop::Exit)
}

fn command(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let words = &argv[1..];
    match words.first().map(String::as_str) {
        Some("-v" | "-V") => look_up(shell, words.get(1)),
        Some(name) => {
            if let Some(builtin) = find(name) {
                builtin(shell, words)
            } else {
                shell.program(words, &[]);
                Ok(())
            }
        }
        None => done(shell, 0),
    }
}

fn look_up(shell: &mut Shell<'_>, name: Option<&String>) -> Result<(), Stop> {
    let name = name.map_or("", String::as_str);
    let found = if find(name).is_some() || shell.functions.contains_key(name) {
        Some(name.to_owned())
    } else {
        shell.system.has_program(name)
    };
    match found {
        Some(path) => {
            shell.write(1, format!("{path}\n").as_bytes());
            done(shell, 0)
        }
        None => done(shell, 127),
    }
}

fn trap(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let [_, action, signals @ ..] = argv else {
        return done(shell, 0);
    };
    if signals.iter().any(|signal| signal == "EXIT" || signal == "0") {
        shell.at_exit = (!matches!(action.as_str(), "-" | "")).then(|| action.clone());
    }
    done(shell, 0)
}

fn kill(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    let pid = argv.last().and_then(|word| word.parse().ok()).unwrap_or(0);
    let is_there = shell.value("$").is_some_and(|own| own == pid.to_string()) || shell.system.alive(pid);
    if argv.get(1).is_some_and(|word| word == "-0") || !is_there {
        if !is_there {
            shell.complain("kill: No such process");
        }
        return done(shell, i32::from(!is_there));
    }
    shell.program(argv, &[]);
    Ok(())
}

fn umask(shell: &mut Shell<'_>, argv: &[String]) -> Result<(), Stop> {
    match argv.get(1).map(|word| u32::from_str_radix(word, 8)) {
        Some(Ok(mask)) => shell.umask = mask,
        Some(Err(_)) => return done(shell, 2),
        None => {
            let line = format!("{:04o}\n", shell.umask);
            shell.write(1, line.as_bytes());
        }
    }
    done(shell, 0)
}
