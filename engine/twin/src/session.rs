//! A command on a machine: a program, or a script and everything it calls.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use nebplay_modules::host::{Command, Exit, Output, RunAs};
use nebplay_sh::{Call, Ended, FileTest, Script, Start, SyntaxError, System};

use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::files::{Content, EXISTS, Node};
use crate::opennebula::daemon;
use crate::process::{Limit, Process};
use crate::programs::{self, access, network};

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Came {
    /// What it printed, and how it ended.
    pub output: Output,
    /// How long it took.
    pub took: Duration,
    /// Whether it came to its end in time; otherwise it was ended from outside at the limit.
    pub whole: bool,
}

/// A command at work.
struct Session<'a> {
    federation: &'a mut Federation,
    at: At,
    user: String,
    elapsed: Duration,
    limit: Option<Limit>,
    /// A program ended by itself when it was asked to.
    caught: bool,
    /// How much a script may still do before it is taken to be one that never ends.
    left: usize,
}

/// Much more than any script does that comes to an end, and done in a second or two.
const MOST: usize = 1_000_000;

/// So many bytes are copied while a command is run.
const BYTES_A_STEP: usize = 4_096;

/// How long something goes on that never ends, where nothing ends it.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// Runs a command now, all at once; what it takes is told and not waited for.
pub(crate) fn execute(federation: &mut Federation, at: At, command: &Command, limit: Option<Limit>) -> Came {
    let user = match &command.run_as {
        RunAs::User(user) => user.clone(),
        RunAs::Login => "root".to_owned(),
    };
    let cwd = command.chdir.clone().unwrap_or_else(|| match user.as_str() {
        "root" => "/root".to_owned(),
        "oneadmin" => "/var/lib/one".to_owned(),
        user => format!("/home/{user}"),
    });
    let mut env = command.env.clone();
    env.entry("PATH".to_owned())
        .or_insert_with(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    if !command.clear_env {
        env.entry("HOME".to_owned()).or_insert_with(|| cwd.clone());
        env.entry("USER".to_owned()).or_insert_with(|| user.clone());
    }
    let mut session = Session {
        federation,
        at,
        user,
        elapsed: Duration::ZERO,
        limit,
        caught: false,
        left: MOST,
    };
    let stdin = Bytes::copy_from_slice(command.stdin.as_deref().unwrap_or_default());
    let call = Call {
        argv: &command.argv,
        env: &env,
        cwd: &cwd,
        stdin: &stdin,
        umask: 0o022,
        depth: 0,
    };
    let ended = session.run(&call);
    let whole = !session.stopped();
    if !whole {
        let end = limit.map_or(FOR_EVER, Limit::ends);
        session.elapsed = session.elapsed.max(end);
    }
    Came {
        output: Output {
            exit: Exit::Code(if whole || session.caught {
                ended.status
            } else {
                137
            }),
            stdout: ended.stdout,
            stderr: ended.stderr,
            elapsed: session.elapsed,
        },
        took: session.elapsed,
        whole,
    }
}

/// Scripts are few and run often.
fn parsed(text: &str) -> Result<Script, SyntaxError> {
    thread_local! {
        static PARSED: RefCell<HashMap<String, Script>> = RefCell::default();
    }
    PARSED.with_borrow_mut(|parsed| {
        if let Some(script) = parsed.get(text) {
            return Ok(script.clone());
        }
        let script = nebplay_sh::parse(text)?;
        parsed.insert(text.to_owned(), script.clone());
        Ok(script)
    })
}

impl Session<'_> {
    /// `sh -c SCRIPT NAME ARGS…`, `sh FILE ARGS…`, and the same with bash.
    fn shell(&mut self, call: &Call<'_>) -> Ended {
        let (text, rest) = match call.argv.get(1).map(String::as_str) {
            Some("-c") => (
                Cow::Borrowed(call.argv.get(2).map_or("", String::as_str)),
                call.argv.get(3..).unwrap_or_default(),
            ),
            Some(file) => {
                let text = self.read(&absolute(call.cwd, file));
                let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
                (Cow::Owned(text), call.argv.get(1..).unwrap_or_default())
            }
            None => (String::from_utf8_lossy(call.stdin), call.argv),
        };
        if let Some(place) = text.strip_prefix("exec 3<>/dev/tcp/") {
            return self.connects(place, rest.get(1));
        }
        let script = match parsed(&text) {
            Ok(script) => script,
            Err(error) => return complaint(2, &format!("sh: {error}\n")),
        };
        let start = Start {
            name: rest.first().unwrap_or(&call.argv[0]).clone(),
            args: rest.get(1..).unwrap_or_default().to_vec(),
            env: call.env.clone(),
            cwd: call.cwd.to_owned(),
            stdin: call.stdin.clone(),
            pid: self.federation.new_pid(self.at),
            umask: call.umask,
            depth: call.depth,
        };
        nebplay_sh::run(&script, start, self)
    }

    /// `exec 3<>/dev/tcp/ADDRESS/$1`, bash's own way to see whether something listens.
    fn connects(&mut self, place: &str, port: Option<&String>) -> Ended {
        let address = place.split('/').next().unwrap_or_default();
        let port = port.and_then(|port| port.parse::<u16>().ok());
        let is_open = port.is_some_and(|port| {
            daemon::listens(self.federation, self.at, address, port).is_ok()
                && network::open_to_user(self.federation, self.at, &self.user, port)
        });
        if is_open {
            complaint(0, "")
        } else {
            complaint(1, "bash: connect: Connection refused\n")
        }
    }

    /// `setpriv`, `runuser`, `sudo`, `timeout`, `nice` and their like: another program with something changed.
    fn wrapped(&mut self, call: &Call<'_>) -> Option<Ended> {
        let wrapper = programs::wrappers::wrapper(call.argv)?;
        let user = wrapper.user.map(|user| std::mem::replace(&mut self.user, user));
        let inner = Call {
            argv: wrapper.argv,
            ..*call
        };
        let outer_limit = self.limit;
        let own_limit = wrapper.limit.map(|limit| self.elapsed + limit);
        if let Some(own) = own_limit.filter(|own| outer_limit.is_none_or(|outer| *own < outer.at())) {
            self.limit = Some(Limit::Asked(own));
        }
        let left = self.left;
        let mut ended = self.run(&inner);
        // Its own limit was the nearer one: the rest of the script goes on, if it does not begin such things for ever.
        if self.stopped() && self.limit != outer_limit {
            ended.status = 124;
            self.elapsed = self.elapsed.max(self.limit.map_or(Duration::ZERO, Limit::ends));
            self.left = self.left.max(left.saturating_sub(MOST / 10));
        }
        self.limit = outer_limit;
        if let Some(user) = user {
            self.user = user;
        }
        Some(ended)
    }
}

fn complaint(status: i32, text: &str) -> Ended {
    Ended {
        status,
        stdout: Vec::new(),
        stderr: text.as_bytes().to_vec(),
    }
}

fn absolute(cwd: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{cwd}/{path}")
    }
}

impl System for Session<'_> {
    fn run(&mut self, call: &Call<'_>) -> Ended {
        let Some(name) = call
            .argv
            .first()
            .map(|word| word.rsplit('/').next().unwrap_or_default())
        else {
            return complaint(127, "sh: 1: : not found\n");
        };
        self.elapsed += self.federation.rates.spawn;
        if matches!(name, "sh" | "bash" | "dash") {
            return self.shell(call);
        }
        if let Some(ended) = self.wrapped(call) {
            return ended;
        }
        if let Some(program) = programs::find(name) {
            let pid = self.federation.new_pid(self.at);
            let mut process = Process {
                federation: self.federation,
                at: self.at,
                args: call.argv.get(1..).unwrap_or_default(),
                env: call.env,
                user: &self.user,
                cwd: call.cwd,
                stdin: call.stdin,
                umask: call.umask,
                pid,
                stdout: Vec::new(),
                stderr: Vec::new(),
                elapsed: &mut self.elapsed,
                limit: self.limit,
                caught: &mut self.caught,
            };
            let status = program(&mut process);
            return process.ended(status);
        }
        if let Some(tool) = nebplay_sh::tools::find(name) {
            return tool(call, self);
        }
        not_modelled(self.federation, self.at, call.argv.join(" "))
    }

    fn has_program(&self, name: &str) -> Option<String> {
        let known = programs::find(name).is_some()
            || nebplay_sh::tools::find(name).is_some()
            || matches!(name, "sh" | "bash" | "timeout" | "runuser" | "setpriv");
        known.then(|| format!("/usr/bin/{name}"))
    }

    fn read(&mut self, path: &str) -> Result<Bytes, String> {
        programs::read(self.federation, self.at, &self.user, path)
    }

    fn create(&mut self, path: &str, exclusive: bool, umask: u32) -> Result<(), String> {
        if path == "/dev/null" {
            return Ok(());
        }
        let now = self.federation.now() + self.elapsed;
        let user = self.user.clone();
        let machine = self.federation.machine_mut(self.at);
        if exclusive && machine.files.at(path).is_some() {
            return Err(EXISTS.to_owned());
        }
        access::may_write(machine, &user, path)?;
        let meta = machine.meta(&user, 0o666 & !umask, now);
        Ok(machine.files.write(path, Content::text(""), &meta)?)
    }

    fn append(&mut self, path: &str, bytes: &[u8], umask: u32) -> Result<(), String> {
        if path == "/dev/null" {
            return Ok(());
        }
        let now = self.federation.now() + self.elapsed;
        let user = self.user.clone();
        let machine = self.federation.machine_mut(self.at);
        access::may_write(machine, &user, path)?;
        let mut content = machine
            .files
            .read(path)
            .map(|old| old.to_vec())
            .unwrap_or_default();
        content.extend_from_slice(bytes);
        // A loop that adds to a file copies all of it each time.
        self.left = self.left.saturating_sub(content.len() / BYTES_A_STEP);
        let meta = machine.meta(&user, 0o666 & !umask, now);
        Ok(machine.files.write(path, Content::Bytes(content.into()), &meta)?)
    }

    fn test(&mut self, question: FileTest, path: &str) -> bool {
        access::test(self.federation.machine(self.at), &self.user, question, path)
    }

    fn same_file(&mut self, one: &str, other: &str) -> bool {
        // A descriptor of the shell's own: the scripts ask whether a directory still is the one they hold.
        if other.starts_with("/proc/self/fd/") {
            return true;
        }
        let files = &self.federation.machine(self.at).files;
        let inode = |path: &str| files.followed(path).map(|node| node.meta().inode);
        inode(one).is_some() && inode(one) == inode(other)
    }

    fn list(&mut self, directory: &str) -> Vec<String> {
        let machine = self.federation.machine(self.at);
        match programs::proc_names(machine, directory) {
            Some(names) => names,
            None => match machine.files.followed(directory) {
                Some(Node::Directory(_)) => machine.files.names(directory),
                _ => Vec::new(),
            },
        }
    }

    fn alive(&mut self, pid: u32) -> bool {
        programs::processes::of(self.federation.machine(self.at))
            .iter()
            .any(|process| process.pid == pid)
    }

    fn works(&mut self, steps: usize) {
        self.left = self.left.saturating_sub(steps);
    }

    fn stopped(&self) -> bool {
        self.left == 0 || self.limit.is_some_and(|limit| self.elapsed >= limit.at())
    }
}

/// What comes of a command that the twin knows nothing of: what its task says, or nothing and success, which is then told.
pub(crate) fn not_modelled(federation: &mut Federation, at: At, command: String) -> Ended {
    if let Some(answer) = federation.answers.get(&at) {
        return answer.clone();
    }
    federation.did(at, Act::NotModelled(command));
    complaint(0, "")
}
