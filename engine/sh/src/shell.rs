//! A shell at work.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::ast::{Command, Item, Kind, List, Pipeline, Redirect, Target, Word};
use crate::builtins;
use crate::glob;
use crate::system::{Call, Ended, System};
use crate::{Start, tools};

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

/// A variable.
#[derive(Debug, Clone, Default)]
struct Variable {
    value: Option<String>,
    exported: bool,
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

/// Bytes that are read as they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    at: usize,
}

impl Input {
    fn new(bytes: Vec<u8>) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { bytes, at: 0 }))
    }

    /// A line without its end; `None`: nothing is left. And whether it had an end.
    pub(crate) fn line(&mut self) -> Option<(Vec<u8>, bool)> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = rest[..end.unwrap_or(rest.len())].to_vec();
        self.at += line.len() + usize::from(end.is_some());
        Some((line, end.is_some()))
    }

    fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.at.min(self.bytes.len()));
        self.at = self.bytes.len();
        rest
    }
}

/// What a file descriptor leads to.
#[derive(Debug, Clone)]
pub(crate) enum Fd {
    /// Read from there.
    In(Rc<RefCell<Input>>),
    /// Collected.
    Out(Rc<RefCell<Vec<u8>>>),
    /// Written to a file.
    File(String),
    /// Nowhere.
    Null,
}

/// A shell: what a subshell gets a copy of.
pub(crate) struct Shell<'a> {
    pub(crate) system: &'a mut dyn System,
    name: String,
    pub(crate) arguments: Vec<String>,
    variables: Rc<HashMap<String, Variable>>,
    pub(crate) functions: Rc<HashMap<String, Arc<Command>>>,
    pub(crate) options: Options,
    pub(crate) fds: BTreeMap<u32, Fd>,
    pub(crate) cwd: String,
    pub(crate) umask: u32,
    pub(crate) status: i32,
    pub(crate) at_exit: Option<String>,
    pid: u32,
    last_background: Option<(u32, i32)>,
    /// Failures are looked at by somebody: `set -e` does not count.
    watched: usize,
}

/// What a subshell gets, to be put back when it has ended.
struct Kept {
    arguments: Vec<String>,
    variables: Rc<HashMap<String, Variable>>,
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
    let exported = |value| Variable {
        value: Some(value),
        exported: true,
    };
    let mut shell = Shell {
        system,
        name: start.name,
        arguments: start.args,
        variables: Rc::new(
            start
                .env
                .into_iter()
                .map(|(name, value)| (name, exported(value)))
                .collect(),
        ),
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
        last_background: None,
        watched: 0,
    };
    // However it ends, the status says it.
    let _ = shell.list(list);
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
                Err(_) => self.variables.get(name)?.value.clone(),
            },
        }
    }

    /// Sets a variable.
    pub(crate) fn assign(&mut self, name: &str, value: String) {
        Rc::make_mut(&mut self.variables)
            .entry(name.to_owned())
            .or_default()
            .value = Some(value);
    }

    /// Exports a variable, with a value if there is one.
    pub(crate) fn export(&mut self, name: &str, value: Option<String>) {
        let variable = Rc::make_mut(&mut self.variables)
            .entry(name.to_owned())
            .or_default();
        variable.exported = true;
        if value.is_some() {
            variable.value = value;
        }
    }

    /// Forgets a variable.
    pub(crate) fn unset(&mut self, name: &str) {
        Rc::make_mut(&mut self.variables).remove(name);
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

    /// Says what is wrong, as dash does.
    pub(crate) fn complain(&mut self, why: &str) {
        let line = format!("{}: 1: {why}\n", self.name);
        self.write(2, line.as_bytes());
    }

    /// Writes to a file descriptor; whether that worked.
    pub(crate) fn write(&mut self, fd: u32, bytes: &[u8]) -> bool {
        match self.fds.get(&fd) {
            Some(Fd::Out(sink)) => {
                sink.borrow_mut().extend_from_slice(bytes);
                true
            }
            Some(Fd::File(path)) => self.system.append(&path.clone(), bytes, self.umask).is_ok(),
            Some(Fd::Null) => true,
            Some(Fd::In(_)) | None => false,
        }
    }

    /// All that is left to read.
    fn rest_of_input(&mut self) -> Vec<u8> {
        match self.fds.get(&0) {
            Some(Fd::In(input)) => input.borrow_mut().rest(),
            _ => Vec::new(),
        }
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
            variables: Rc::clone(&self.variables),
            functions: Rc::clone(&self.functions),
            options: self.options,
            fds: self.fds.clone(),
            cwd: self.cwd.clone(),
            umask: self.umask,
            at_exit: self.at_exit.take(),
        };
        let _ = body(self);
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
        let Some(name) = argv.first().cloned() else {
            let before = self.fds.clone();
            let mut status = 0;
            for (name, word) in assignments {
                self.status = 0;
                let value = self.text(word)?;
                status = self.status;
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
            let result = self.command(&body);
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
                .map(|(name, _)| (name.clone(), self.variables.get(name).cloned()))
                .collect();
            for (name, value) in prefix {
                self.assign(&name, value);
            }
            let result = builtin(self, &argv);
            for (name, variable) in saved {
                match variable {
                    Some(variable) => Rc::make_mut(&mut self.variables).insert(name, variable),
                    None => Rc::make_mut(&mut self.variables).remove(&name),
                };
            }
            return result;
        }
        self.program(&argv, &prefix);
        Ok(())
    }

    /// Runs what is no builtin and no function.
    pub(crate) fn program(&mut self, argv: &[String], prefix: &[(String, String)]) {
        let mut env: BTreeMap<String, String> = self
            .variables
            .iter()
            .filter(|(_, variable)| variable.exported)
            .filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?)))
            .collect();
        env.extend(prefix.iter().cloned());
        // What is not read stays for the next command.
        let stdin = if reads_input(argv) {
            self.rest_of_input()
        } else {
            Vec::new()
        };
        let call = Call {
            argv,
            env: &env,
            cwd: &self.cwd,
            stdin: &stdin,
            umask: self.umask,
        };
        let mut ended = self.system.run(&call);
        if !self.write(1, &ended.stdout) {
            let name = argv.first().map_or("", String::as_str);
            ended.stderr.extend(format!("{name}: write error\n").bytes());
            ended.status = ended.status.max(1);
        }
        self.write(2, &ended.stderr);
        self.status = ended.status;
    }

    /// Opens what a command reads and writes; no: it cannot be opened, which is said.
    fn redirect(&mut self, redirects: &[Redirect]) -> Result<bool, Stop> {
        for redirect in redirects {
            let fd = match &redirect.target {
                Target::Here(text) => match text.get() {
                    Some(word) => {
                        let text = self.text(&word.clone())?;
                        Fd::In(Input::new(text.into_bytes()))
                    }
                    None => Fd::Null,
                },
                Target::Same(word) => {
                    let other = self.text(word)?;
                    if other == "-" {
                        self.fds.remove(&redirect.fd);
                        continue;
                    }
                    let found = other.parse().ok().and_then(|number: u32| self.fds.get(&number));
                    if let Some(fd) = found.cloned() {
                        fd
                    } else {
                        self.complain(&format!("{other}: Bad file descriptor"));
                        return Ok(false);
                    }
                }
                Target::Read(word) => {
                    let path = self.text(word)?;
                    match self.open_to_read(&path) {
                        Ok(fd) => fd,
                        Err(why) => {
                            self.complain(&format!("cannot open {path}: {}", shorter(&why)));
                            return Ok(false);
                        }
                    }
                }
                Target::Write(word, clobber) => {
                    let path = self.text(word)?;
                    let exclusive = self.options.no_clobber && !clobber;
                    let at = self.path(&path);
                    if at == "/dev/null" {
                        Fd::Null
                    } else if let Err(why) = self.system.create(&at, exclusive, self.umask) {
                        self.complain(&format!("cannot create {path}: {}", shorter(&why)));
                        return Ok(false);
                    } else {
                        Fd::File(at)
                    }
                }
                Target::Append(word) => {
                    let path = self.text(word)?;
                    let at = self.path(&path);
                    if at == "/dev/null" {
                        Fd::Null
                    } else if let Err(why) = self.system.append(&at, b"", self.umask) {
                        self.complain(&format!("cannot create {path}: {}", shorter(&why)));
                        return Ok(false);
                    } else {
                        Fd::File(at)
                    }
                }
            };
            self.fds.insert(redirect.fd, fd);
        }
        Ok(true)
    }

    fn open_to_read(&mut self, path: &str) -> Result<Fd, String> {
        let at = self.path(path);
        if at == "/dev/null" {
            return Ok(Fd::Null);
        }
        // A directory can be held open, to be locked.
        if self.system.test(crate::FileTest::Directory, &at) {
            return Ok(Fd::Null);
        }
        let bytes = self.system.read(&at)?;
        Ok(Fd::In(Input::new(bytes)))
    }
}

/// Whether a program reads its standard input, as far as it is known. One that is not known is taken to leave it alone.
fn reads_input(argv: &[String]) -> bool {
    const READERS: [&str; 28] = [
        "awk",
        "bash",
        "bc",
        "cat",
        "chroot",
        "cmp",
        "cut",
        "dash",
        "env",
        "grep",
        "gzip",
        "head",
        "mysql",
        "nft",
        "openssl",
        "runuser",
        "sed",
        "setpriv",
        "sh",
        "sha256sum",
        "sort",
        "sqlite3",
        "sudo",
        "tail",
        "tar",
        "tee",
        "timeout",
        "tr",
    ];
    const MORE: [&str; 8] = ["egrep", "mariadb", "nice", "perl", "uniq", "wc", "xargs", "zstd"];
    let name = argv
        .first()
        .and_then(|word| word.rsplit('/').next())
        .unwrap_or_default();
    READERS.contains(&name) || MORE.contains(&name)
}

/// dash's words for a file that is not there.
fn shorter(why: &str) -> &str {
    match why {
        "No such file or directory" => "No such file",
        why => why,
    }
}

/// Runs a tool of this package as a shell's builtin would be.
pub(crate) fn tool(shell: &mut Shell<'_>, argv: &[String]) -> bool {
    let Some(tool) = argv.first().and_then(|name| tools::find(name)) else {
        return false;
    };
    let stdin = Vec::new();
    let env = BTreeMap::new();
    let cwd = shell.cwd.clone();
    let call = Call {
        argv,
        env: &env,
        cwd: &cwd,
        stdin: &stdin,
        umask: shell.umask,
    };
    let mut ended = tool(&call, shell.system);
    if !shell.write(1, &ended.stdout) {
        ended.status = 1;
    }
    shell.write(2, &ended.stderr);
    shell.status = ended.status;
    true
}
