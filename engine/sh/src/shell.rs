//! A shell at work: its state, and the walk over its commands.

mod compound;
mod descriptors;
mod program;
mod simple;
mod subshell;
mod variables;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::Start;
use crate::ast::{Command, Item, Kind, List, Pipeline};
use crate::system::{Ended, System};
pub(crate) use descriptors::Fd;
use descriptors::Input;
pub(crate) use program::tool;
use variables::Variables;

/// Functions and scripts that call each other deeper than this do so for ever; real shells end when their stack does.
const DEEPEST: usize = 200;

/// So many bytes take as long as a command.
const BYTES_A_STEP: usize = 64;

/// Why the commands that follow are not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Out of that many loops.
    Break(usize),
    /// On with the next turn of that many loops.
    Continue(usize),
    /// Out of the function.
    Return,
    /// Out of the shell.
    Exit,
}

/// What `set` sets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// `-e`
    pub(crate) exit_on_failure: bool,
    /// `-u`
    pub(crate) unset_is_error: bool,
    /// `-f`
    pub(crate) no_glob: bool,
    /// `-C`
    pub(crate) no_clobber: bool,
}

/// A shell: what a subshell gets a copy of.
pub(crate) struct Shell<'a> {
    pub(crate) system: &'a mut dyn System,
    name: String,
    pub(crate) arguments: Vec<String>,
    variables: Variables,
    pub(crate) functions: Rc<HashMap<String, Arc<Command>>>,
    pub(crate) options: Options,
    pub(crate) fds: BTreeMap<u32, Fd>,
    pub(crate) cwd: String,
    pub(crate) umask: u32,
    pub(crate) status: i32,
    pub(crate) at_exit: Option<String>,
    pid: u32,
    depth: usize,
    last_background: Option<(u32, i32)>,
    /// What the last command substitution of a word ended with; an assignment ends with that.
    substituted: Option<i32>,
    /// Failures are looked at by somebody: `set -e` does not count.
    watched: usize,
}

/// Runs a script.
pub(crate) fn run(list: &List, start: Start, system: &mut dyn System) -> Ended {
    let stdout = Rc::new(RefCell::new(Vec::new()));
    let stderr = Rc::new(RefCell::new(Vec::new()));
    let mut shell = Shell {
        system,
        name: start.name,
        arguments: start.args,
        variables: Variables::of(start.env),
        functions: Rc::default(),
        options: Options::default(),
        fds: BTreeMap::from([
            (0, Fd::In(Input::new(start.stdin))),
            (1, Fd::Out(Rc::clone(&stdout))),
            (2, Fd::Out(Rc::clone(&stderr))),
        ]),
        cwd: start.cwd,
        umask: start.umask,
        status: 0,
        at_exit: None,
        pid: start.pid,
        depth: start.depth,
        last_background: None,
        substituted: None,
        watched: 0,
    };
    // However it ends, the status says it.
    let _ = shell.inside(|shell| shell.list(list));
    shell.run_exit_trap();
    let status = shell.status;
    drop(shell);
    Ended {
        status,
        stdout: stdout.take(),
        stderr: stderr.take(),
    }
}

impl Shell<'_> {
    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "#" => Some(self.arguments.len().to_string()),
            "$" => Some(self.pid.to_string()),
            "!" => self.last_background.map(|(pid, _)| pid.to_string()),
            "0" => Some(self.name.clone()),
            "-" => Some(String::new()),
            "@" | "*" => (!self.arguments.is_empty()).then(|| self.arguments.join(" ")),
            "PWD" => Some(self.cwd.clone()),
            _ => match name.parse::<usize>() {
                Ok(number) => self.arguments.get(number.checked_sub(1)?).cloned(),
                Err(_) => self.variables.value(name).cloned(),
            },
        }
    }

    /// Sets a variable.
    pub(crate) fn assign(&mut self, name: &str, value: String) {
        self.system.works(value.len() / BYTES_A_STEP);
        self.variables.assign(name, value);
    }

    /// Exports a variable, with a value if there is one.
    pub(crate) fn export(&mut self, name: &str, value: Option<String>) {
        self.variables.export(name, value);
    }

    /// Forgets a variable.
    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.put(name, None);
    }

    /// Forgets a function.
    pub(crate) fn forget_function(&mut self, name: &str) {
        if self.functions.contains_key(name) {
            Rc::make_mut(&mut self.functions).remove(name);
        }
    }

    /// A mistake that ends the script.
    pub(crate) fn abort(&mut self, why: &str) -> Stop {
        self.complain(why);
        self.status = 2;
        Stop::Exit
    }

    /// Runs what is inside of what is being run.
    pub(crate) fn inside(&mut self, body: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        if self.depth >= DEEPEST {
            return Err(self.abort("nested too deeply"));
        }
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        result
    }

    /// Says what is wrong, as dash does.
    pub(crate) fn complain(&mut self, why: &str) {
        let line = format!("{}: 1: {why}\n", self.name);
        self.write(2, line.as_bytes());
    }

    /// A path as seen from here.
    pub(crate) fn path(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", self.cwd.trim_end_matches('/'))
        }
    }

    pub(crate) fn list(&mut self, list: &List) -> Result<(), Stop> {
        for item in &list.0 {
            self.item(item)?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Result<(), Stop> {
        if item.background {
            let status = self.apart(|shell| shell.chain(item));
            self.last_background = Some((self.pid + 1, status));
            self.status = 0;
            return Ok(());
        }
        self.chain(item)
    }

    /// Waits for what was put in the background: it has ended, with this status.
    pub(crate) fn waited(&self, pid: Option<&str>) -> i32 {
        match (pid, self.last_background) {
            (None, _) => 0,
            (Some(pid), Some((last, status))) if pid == last.to_string() => status,
            (Some(_), _) => 127,
        }
    }

    fn chain(&mut self, item: &Item) -> Result<(), Stop> {
        let looked_at = !item.rest.is_empty();
        self.pipeline(&item.first, looked_at)?;
        for (number, (and, pipeline)) in item.rest.iter().enumerate() {
            if (self.status == 0) == *and {
                self.pipeline(pipeline, number + 1 < item.rest.len())?;
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, looked_at: bool) -> Result<(), Stop> {
        self.system.works(1);
        if self.system.stopped() {
            self.status = 137;
            return Err(Stop::Exit);
        }
        let looked_at = looked_at || pipeline.negated;
        self.watched += usize::from(looked_at);
        let result = match pipeline.commands.as_slice() {
            [only] => self.command(only),
            all => {
                self.stages(all);
                Ok(())
            }
        };
        self.watched -= usize::from(looked_at);
        result?;
        if pipeline.negated {
            self.status = i32::from(self.status == 0);
        } else if self.status != 0 && self.options.exit_on_failure && !looked_at && self.watched == 0 {
            return Err(Stop::Exit);
        }
        // With what the last program left: it may have ended by itself when it was asked to.
        if self.system.stopped() {
            return Err(Stop::Exit);
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Result<(), Stop> {
        if let Kind::Simple { assignments, words } = &command.kind {
            return self.simple(assignments, words, &command.redirects);
        }
        let before = (!command.redirects.is_empty()).then(|| self.fds.clone());
        if !self.redirect(&command.redirects)? {
            self.status = 2;
            self.fds = before.unwrap_or_default();
            return Ok(());
        }
        let result = self.compound(&command.kind);
        if let Some(before) = before {
            self.fds = before;
        }
        result
    }
}
