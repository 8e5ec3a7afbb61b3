use clap::{CommandFactory, Parser};

use super::{Cli, Command};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_plain_form_and_the_explicit_one() {
    let plain = parse("nebplay a.yml b.yml -i x -i y -e a=1 -t p,q -CD -vv").unwrap();
    assert!(plain.command.is_none());
    let Some(Command::Run(explicit)) = parse("nebplay run a.yml b.yml -i x -i y -e a=1 -t p,q -CD -vv")
        .unwrap()
        .command
    else {
        panic!("`run` is a command");
    };
    assert_eq!(format!("{:?}", plain.run), format!("{explicit:?}"));
}

#[test]
fn command_lines_that_are_wrong() {
    let cases = [
        "nebplay",
        "nebplay run",
        "nebplay -i x",
        "nebplay a.yml --no-such-option",
        "nebplay a.yml -f 0",
        "nebplay a.yml -f many",
        "nebplay a.yml -T 0",
        "nebplay a.yml --list-hosts --list-tasks",
        "nebplay a.yml --host-keys off",
        "nebplay inventory -i x",
        "nebplay inventory -i x --list --graph",
        "nebplay inventory -i x --list --vars",
    ];
    for line in cases {
        assert!(parse(line).is_err(), "{line}");
    }
}
