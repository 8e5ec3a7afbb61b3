//! A shell at work: its state, and the walk over its commands.

mod descriptors;
mod program;
mod variables;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::Start;
use crate::ast::{Command, Item, Kind, List, Pipeline, Redirect, Word};
use crate::builtins;
use crate::glob;
use crate::system::{Ended, System};
pub(crate) use descriptors::Fd;
use descriptors::Input;
pub(crate) use program::tool;
use variables::{Variable, Variables};

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

    fn stages(&mut self, commands: &[Command]) {
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
    fn apart(&mut self, body: impl FnOnce(&mut Self) -> Result<(), Stop>) -> i32 {
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

    fn run_exit_trap(&mut self) {
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

    fn compound(&mut self, kind: &Kind) -> Result<(), Stop> {
        match kind {
            Kind::Simple { .. } => Ok(()),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => {
                self.status = self.apart(|shell| shell.list(list));
                Ok(())
            }
            Kind::If(arms, otherwise) => {
                for (condition, list) in arms {
                    self.condition(condition)?;
                    if self.status == 0 {
                        return self.list(list);
                    }
                }
                if otherwise.0.is_empty() {
                    self.status = 0;
                }
                self.list(otherwise)
            }
            Kind::Loop {
                until,
                condition,
                body,
            } => {
                let mut status = 0;
                loop {
                    self.condition(condition)?;
                    if (self.status == 0) == *until {
                        self.status = status;
                        return Ok(());
                    }
                    if self.turn(body)? {
                        return Ok(());
                    }
                    status = self.status;
                }
            }
            Kind::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.fields(words)?,
                    None => self.arguments.clone(),
                };
                if values.is_empty() {
                    self.status = 0;
                }
                for value in values {
                    self.assign(name, value);
                    if self.turn(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Kind::Case(word, arms) => {
                let text: Vec<char> = self.text(word)?.chars().collect();
                for (patterns, list) in arms {
                    for pattern in patterns {
                        if glob::matches(&self.pattern(pattern)?, &text) {
                            if list.0.is_empty() {
                                self.status = 0;
                            }
                            return self.list(list);
                        }
                    }
                }
                self.status = 0;
                Ok(())
            }
            Kind::Function(name, body) => {
                Rc::make_mut(&mut self.functions).insert(name.clone(), Arc::clone(body));
                self.status = 0;
                Ok(())
            }
        }
    }

    fn condition(&mut self, list: &List) -> Result<(), Stop> {
        self.watched += 1;
        let result = self.list(list);
        self.watched -= 1;
        result
    }

    /// One turn of a loop; whether the loop is over.
    fn turn(&mut self, body: &List) -> Result<bool, Stop> {
        match self.list(body) {
            Ok(()) | Err(Stop::Continue(1)) => Ok(false),
            Err(Stop::Break(1)) => Ok(true),
            Err(Stop::Break(levels)) => Err(Stop::Break(levels - 1)),
            Err(Stop::Continue(levels)) => Err(Stop::Continue(levels - 1)),
            Err(stop) => Err(stop),
        }
    }

    fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Result<(), Stop> {
        let argv = self.fields(words)?;
        let bytes: usize = argv.iter().map(|word| word.len() + size_of::<String>()).sum();
        self.system.works(bytes / BYTES_A_STEP);
        let Some(name) = argv.first().cloned() else {
            let before = self.fds.clone();
            // `$?` is that of the command before, for every one of them.
            let (last, mut status) = (self.status, 0);
            for (name, word) in assignments {
                self.substituted = None;
                let value = self.text(word)?;
                self.status = last;
                status = self.substituted.unwrap_or(status);
                self.assign(name, value);
            }
            let opened = self.redirect(redirects)?;
            self.fds = before;
            self.status = if opened { status } else { 2 };
            return Ok(());
        };
        let mut prefix = Vec::with_capacity(assignments.len());
        for (name, word) in assignments {
            prefix.push((name.clone(), self.text(word)?));
        }
        let before = (!redirects.is_empty()).then(|| self.fds.clone());
        if !self.redirect(redirects)? {
            self.status = 2;
            self.fds = before.unwrap_or_default();
            // A special builtin's redirection that fails ends the script.
            return if builtins::is_special(&name) {
                Err(Stop::Exit)
            } else {
                Ok(())
            };
        }
        let keeps_fds =
            name == "exec" || (name == "command" && argv.get(1).is_some_and(|word| word == "exec"));
        let result = self.call(&name, argv, prefix);
        if let Some(before) = before.filter(|_| !keeps_fds) {
            self.fds = before;
        }
        result
    }

    fn call(&mut self, name: &str, argv: Vec<String>, prefix: Vec<(String, String)>) -> Result<(), Stop> {
        if let Some(body) = self.functions.get(name).cloned() {
            for (name, value) in prefix {
                self.assign(&name, value);
            }
            let outer = std::mem::replace(&mut self.arguments, argv.into_iter().skip(1).collect());
            let result = self.inside(|shell| shell.command(&body));
            self.arguments = outer;
            return match result {
                Err(Stop::Return) => Ok(()),
                result => result,
            };
        }
        if let Some(builtin) = builtins::find(name) {
            // Only `IFS= read` and its like come with assignments, for which they hold alone.
            let saved: Vec<(String, Option<Variable>)> = prefix
                .iter()
                .map(|(name, _)| (name.clone(), self.variables.kept(name)))
                .collect();
            for (name, value) in prefix {
                self.assign(&name, value);
            }
            let result = builtin(self, &argv);
            for (name, variable) in saved {
                self.variables.put(&name, variable);
            }
            return result;
        }
        self.program(&argv, &prefix);
        Ok(())
    }
}
