//! `awk`, as far as scripts on front-ends use it: patterns, fields, arrays, functions, and pipes to
//! commands. It writes no files and reads from none but its input.

mod lexer;
mod parse;
mod run;
mod text;
mod tree;
mod value;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;

use super::{all_bytes, failed, with_complaints};
use crate::system::{Call, Ended, System};

pub(super) fn awk(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let mut words = call.argv[1..].iter().peekable();
    let mut variables = Vec::new();
    while let Some(word) = words
        .peek()
        .filter(|word| word.len() > 1 && word.starts_with('-'))
    {
        let word = (*word).clone();
        words.next();
        if word == "--" {
            break;
        }
        let (letter, glued) = word.split_at(2);
        let value = if glued.is_empty() {
            words.next().cloned().unwrap_or_default()
        } else {
            glued.to_owned()
        };
        match letter {
            "-F" => variables.push(("FS".to_owned(), value)),
            "-v" => match value.split_once('=') {
                Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
                None => return failed(2, "awk: -v takes name=value"),
            },
            _ => return failed(2, &format!("awk: {word}: not modelled")),
        }
    }
    let Some(text) = words.next() else {
        return failed(
            2,
            "usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]",
        );
    };
    let Some(program) = parsed(text) else {
        return failed(2, &format!("awk: {text}: not modelled"));
    };
    let files: Vec<String> = words.cloned().collect();
    let (bytes, wrong) = all_bytes(call, system, &files);
    let input = String::from_utf8_lossy(&bytes);
    let mut complaints = Vec::new();
    let mut command = |line: &str, reads: &str| {
        let argv = ["sh", "-c", line].map(str::to_owned);
        let ended = system.run(&Call {
            argv: &argv,
            stdin: &Bytes::copy_from_slice(reads.as_bytes()),
            ..*call
        });
        complaints.extend(ended.stderr);
        String::from_utf8_lossy(&ended.stdout).into_owned()
    };
    let ran = run::run(&program, &variables, &input, &mut command);
    system.works(ran.steps);
    let mut ended = with_complaints(ran.out.into_bytes(), &wrong);
    ended.stderr.extend(complaints);
    ended.status = ended.status.max(ran.status);
    ended
}

/// Programs are few and run often.
fn parsed(text: &str) -> Option<Rc<tree::Program>> {
    thread_local! {
        static PARSED: RefCell<HashMap<String, Option<Rc<tree::Program>>>> = RefCell::default();
    }
    PARSED.with_borrow_mut(|parsed| {
        parsed
            .entry(text.to_owned())
            .or_insert_with(|| parse::program(text).map(Rc::new))
            .clone()
    })
}
