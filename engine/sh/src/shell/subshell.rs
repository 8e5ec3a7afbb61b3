//! What runs in a copy of the shell: subshells, the stages of a pipeline, `$( … )`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::descriptors::Input;
use super::variables::Variables;
use super::{Fd, Options, Shell, Stop};
use crate::ast::{Command, List};

/// What a subshell gets, to be put back when it has ended.
struct Kept {
    arguments: Vec<String>,
    variables: Variables,
    functions: Rc<HashMap<String, Arc<Command>>>,
    options: Options,
    fds: BTreeMap<u32, Fd>,
    cwd: String,
    umask: u32,
    at_exit: Option<String>,
}

impl Shell<'_> {
    pub(super) fn stages(&mut self, commands: &[Command]) {
        let mut input = None;
        for (number, command) in commands.iter().enumerate() {
            let is_last = number + 1 == commands.len();
            let sink = Rc::new(RefCell::new(Vec::new()));
            let read = input.take();
            self.status = self.apart(|shell| {
                if let Some(read) = read {
                    shell.fds.insert(0, Fd::In(Input::new(read)));
                }
                if !is_last {
                    shell.fds.insert(1, Fd::Out(Rc::clone(&sink)));
                }
                shell.command(command)
            });
            input = Some(sink.take());
        }
    }

    /// Runs something in a subshell; gives its status.
    pub(super) fn apart(&mut self, body: impl FnOnce(&mut Self) -> Result<(), Stop>) -> i32 {
        let kept = Kept {
            arguments: self.arguments.clone(),
            variables: self.variables.clone(),
            functions: Rc::clone(&self.functions),
            options: self.options,
            fds: self.fds.clone(),
            cwd: self.cwd.clone(),
            umask: self.umask,
            at_exit: self.at_exit.take(),
        };
        let _ = self.inside(body);
        self.run_exit_trap();
        let status = self.status;
        self.arguments = kept.arguments;
        self.variables = kept.variables;
        self.functions = kept.functions;
        self.options = kept.options;
        self.fds = kept.fds;
        self.cwd = kept.cwd;
        self.umask = kept.umask;
        self.at_exit = kept.at_exit;
        status
    }

    /// What `$( … )` becomes.
    pub(crate) fn output_of(&mut self, list: &List) -> Result<String, Stop> {
        let sink = Rc::new(RefCell::new(Vec::new()));
        self.status = self.apart(|shell| {
            shell.fds.insert(1, Fd::Out(Rc::clone(&sink)));
            shell.list(list)
        });
        if self.system.stopped() {
            return Err(Stop::Exit);
        }
        self.substituted = Some(self.status);
        let output = sink.take();
        let text = String::from_utf8_lossy(&output);
        Ok(text.trim_end_matches('\n').to_owned())
    }

    pub(super) fn run_exit_trap(&mut self) {
        let Some(trap) = self.at_exit.take() else { return };
        if self.system.stopped() {
            return;
        }
        let status = self.status;
        if let Ok(list) = crate::parser::parse(&trap)
            && let Err(Stop::Exit) = self.list(&list)
        {
            return;
        }
        self.status = status;
    }
}
