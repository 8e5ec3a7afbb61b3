//! How a command is put to a host: a fixed line that everybody may see, and scripts that travel on standard input.
//!
//! Argument vectors are visible to every user of a host, so the line only says how many bytes of script to read.
//! A script is one compound command in braces: cut short, it is a syntax error and runs nothing.

use nebplay_modules::host::{Command, HostError, RunAs, quote};

/// The path of a command that starts from an empty environment.
const PLAIN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What sudo's shell says on standard error once sudo has let it through.
pub(super) const PAST_SUDO: &str = "nebplay-past-sudo";

/// Who we are on the host, and how we become somebody else.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// Inventory name of the host, for messages.
    pub(super) host: String,
    /// The user we logged in as.
    pub(super) login: String,
    /// The password sudo asks for.
    pub(super) password: Option<String>,
}

/// Which way leads to the user that a command runs as.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// It is the login user.
    Direct,
    /// From root, without a password.
    FromRoot(String),
    /// Through sudo.
    Sudo(String),
}

impl Account {
    /// The way from the login to `who`.
    pub(super) fn way(&self, who: &RunAs) -> Way {
        match who {
            RunAs::Login => Way::Direct,
            RunAs::User(user) if *user == self.login => Way::Direct,
            RunAs::User(user) if self.login == "root" => Way::FromRoot(user.clone()),
            RunAs::User(user) => Way::Sudo(user.clone()),
        }
    }
}

/// A password to be given when, and only when, it is asked for by a prompt that nobody else can know.
#[derive(Clone)]
pub(super) struct Password {
    pub(super) prompt: String,
    pub(super) secret: String,
}

/// A command ready to be put to a host.
#[derive(Clone)]
pub(super) struct Launch {
    /// The line for the login shell (SSH), or for `sh -c` (this machine).
    pub(super) line: String,
    /// Scripts, in the order in which they are read from standard input.
    pub(super) scripts: Vec<u8>,
    /// If sudo may ask: how many bytes of `scripts` go before it can, and what to answer.
    pub(super) password: Option<(usize, Password)>,
    /// Stands on both streams right before the first byte that the command prints.
    pub(super) marker: String,
}

/// The shell that stays, as login shells understand it: those that are not of POSIX either do as well, or come to `sh`.
const BEST_SHELL: &str = "command -v bash >/dev/null && exec bash --posix; exec sh";

/// What a shell that stays does first: its own messages go nowhere from then on, and commands find standard error at descriptor 3;
/// the parts of a command's frame become functions, so that little is to be read for each; and it says that it is there.
///
/// `nebplay_run` runs `nebplay_command` in a process group of its own, which bash can make when it is told to control jobs. It says
/// how that ended, and whether the group still has members, whose words must not be taken for the next command's: then it is not used
/// again. So nothing needs to be said when a command begins, which would cost as much as its end; [`SILENT`] tells that this is so.
/// bash runs it in the background, because an interrupted foreground job takes bash along. `wait` also returns when one stops, which
/// is waited out; `wait -f` would do that, but bash 5.2 now and then waits for ever, busily, for one that a signal ended.
///
/// Any other shell wants a terminal for process groups, so there every command is started by `setsid`, which is half of what a short
/// command costs, and says its process when it begins. `nebplay_alone GROUP`: the last command's group; if it still has members, the
/// shell says so and ends.
///
/// `nebplay_take LENGTH`: what follows is a text of so many characters to be run, see [`at_once`].
const STAYING: &str = r#"{ exec 3>&2 2>/dev/null
nebplay_say() { printf '%s %s\n' MARKER "$1"; printf '%s %s\n' MARKER "$2" >&3; }
if [ "${BASH_VERSINFO:-0}" -ge 5 ] && set -m; then
nebplay_group=
nebplay_take() { read -r -N $1 nebplay_text || exit; eval "$nebplay_text"; }
nebplay_wait() {
wait $1
nebplay_status=$?
while [ $nebplay_status -gt 128 ] && kill -s 0 $1; do
sleep 1
wait $1
nebplay_status=$?
done
}
nebplay_run() {
( nebplay_command ) &
nebplay_wait $!
if kill -s 0 -- -$!; then nebplay_say "$nebplay_status left"; exit; fi
nebplay_say $nebplay_status
}
nebplay_say "$$ SILENT" SILENT
else
nebplay_group=setsid
nebplay_take() { :; }
nebplay_alone() { kill -s 0 -- -$1 && { nebplay_say left; exit; }; }
nebplay_run() { ( read -r p rest </proc/self/stat; nebplay_say $p; nebplay_command ); nebplay_say $?; }
nebplay_say $$
fi
}
"#;

/// What a shell that stays says at first if its commands do not say when they begin.
pub(super) const SILENT: &str = "silent";

/// The first that a shell that stays is told: what [`STAYING`] says, which bash reads at once like all else (see [`at_once`]), by hand
/// because there is no function yet. It was started in POSIX mode, in which it reads no start-up file, and leaves it here.
fn staying(marker: &str) -> String {
    let text = STAYING.replace("MARKER", marker).replace("SILENT", SILENT);
    let length = text.len();
    format!(
        "{{ [ \"${{BASH_VERSINFO:-0}}\" -lt 5 ] || {{ set +o posix; read -r -N {length} nebplay_text || exit; \
         eval \"$nebplay_text\"; }}; }}\n{text}"
    )
}

/// A text for a shell that stays, such that bash reads it at once. By itself it reads what it is told byte by byte, a system call
/// each, or a program could not read on where it stopped; so does its `read` in POSIX mode. Other shells read ahead, so what is there
/// to be taken is theirs already, and they run it as it stands.
pub(super) fn at_once(text: &str) -> String {
    // How many characters others are depends on the host's language.
    if text.is_ascii() {
        format!("nebplay_take {}\n{text}", text.len())
    } else {
        text.to_owned()
    }
}

/// A shell that reads `length` bytes of script from descriptor `from`, and runs them.
fn reader(length: usize, from: u8) -> String {
    match from {
        0 => format!(r#"eval "$(head -c {length})""#),
        _ => format!(r#"eval "$(head -c {length} <&{from})""#),
    }
}

/// Sets the command's variables.
fn exports(command: &Command) -> String {
    let set = |(name, value): (&String, &String)| format!("export {name}={}\n", quote_always(value));
    command.env.iter().map(set).collect()
}

/// The command's words, every one quoted.
fn words(command: &Command) -> String {
    command
        .argv
        .iter()
        .map(|word| quote_always(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A script that sets variables and then becomes the command.
fn become_command(command: &Command, from: u8) -> String {
    let redirect = match (from, &command.stdin) {
        (0, Some(_)) => String::new(),
        (0, None) => " </dev/null".to_owned(),
        _ => format!(" </dev/null {from}<&-"),
    };
    format!("{}exec {}{redirect}", exports(command), words(command))
}

/// The same for a subshell of a shell that stays, whose descriptor 3 is where standard error goes: the command gets a process
/// group of its own, from the shell or by `setsid` (see [`STAYING`]). An empty environment takes another shell, which is told
/// through a pipe, not by its arguments.
pub(super) fn in_shell(command: &Command) -> String {
    if command.clear_env {
        let script = quote_always(&become_command(command, 0));
        return format!(
            "printf %s {script} | exec $nebplay_group env -i PATH={PLAIN_PATH} sh -c 'eval \"$(cat)\"' 2>&3 3>&-"
        );
    }
    // `exec` would take such a program for an option.
    let option = command
        .argv
        .first()
        .is_some_and(|program| program.starts_with('-'));
    let group = if option { "setsid --" } else { "$nebplay_group" };
    format!(
        "{}exec {group} {} </dev/null 2>&3 3>&-",
        exports(command),
        words(command)
    )
}

/// Quotes a word even where [`quote`] leaves it alone: a bare `a=b` before a command would be an assignment.
fn quote_always(word: &str) -> String {
    let quoted = quote(word);
    if quoted.starts_with('\'') {
        quoted
    } else {
        format!("'{quoted}'")
    }
}

/// Refuses what no shell and no kernel can take, before anything is sent.
pub(super) fn check(host: &str, command: &Command) -> Result<(), HostError> {
    let refuse = |why: String| {
        Err(HostError::Refused {
            host: host.to_owned(),
            what: "starting a command".to_owned(),
            why,
        })
    };
    if command.argv.first().is_none_or(String::is_empty) {
        return refuse("it has no program".to_owned());
    }
    let user = match &command.run_as {
        RunAs::User(user) => user.as_str(),
        RunAs::Login => "login",
    };
    if user.is_empty() || user.starts_with('-') {
        return refuse(format!("{user:?} is no user name"));
    }
    for name in command.env.keys() {
        let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first_fits || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return refuse(format!("{name:?} is no name of a variable"));
        }
    }
    let texts = command
        .argv
        .iter()
        .chain(command.env.values())
        .chain(&command.chdir);
    if texts.chain([&user.to_owned()]).any(|text| text.contains('\0')) {
        return refuse("an argument or a variable holds a NUL byte".to_owned());
    }
    Ok(())
}

/// What is run once we are the right user.
enum Inner<'a> {
    Command(&'a Command),
    /// A shell that reads further commands from standard input.
    Shell,
}

/// The command as it is put to a host.
pub(super) fn command(account: &Account, command: &Command) -> std::io::Result<Launch> {
    build(
        account,
        &account.way(&command.run_as),
        command.clear_env,
        &Inner::Command(command),
    )
}

/// A shell of this user that reads commands until its input ends.
pub(super) fn shell(account: &Account, way: &Way) -> std::io::Result<Launch> {
    build(account, way, false, &Inner::Shell)
}

fn build(account: &Account, way: &Way, clear_env: bool, inner: &Inner<'_>) -> std::io::Result<Launch> {
    let marker = super::random::word()?;
    let announce = format!("printf '%s %s\\n' {marker} \"$$\"; printf '%s\\n' {marker} >&2");
    let last = match inner {
        Inner::Command(command) => {
            let cd = change_directory(command);
            format!("{{ {cd}{announce}\n{}\n}}\n", become_command(command, 0))
        }
        Inner::Shell => format!("{{ {BEST_SHELL}\n}}\n"),
    };
    // What it does first, before any command; the marker is nobody's to see before.
    let prelude = match inner {
        Inner::Command(_) => String::new(),
        Inner::Shell => staying(&marker),
    };
    if matches!((inner, way, clear_env), (Inner::Shell, Way::Direct, false)) {
        // There is nobody to become, so the line can be the shell itself: three programs less to start.
        return Ok(Launch {
            line: BEST_SHELL.to_owned(),
            scripts: prelude.into_bytes(),
            password: None,
            marker,
        });
    }
    let asks = account.password.is_some() && matches!(way, Way::Sudo(_));
    let prompt = if asks {
        Some(format!("nebplay-{}: ", super::random::word()?))
    } else {
        None
    };
    let Some(first) = become_user(way, clear_env, prompt.as_deref(), &reader(last.len(), 0)) else {
        return Ok(Launch {
            line: first_line(last.len()),
            scripts: [last, prelude].concat().into_bytes(),
            password: None,
            marker,
        });
    };
    let password = prompt.zip(account.password.clone());
    Ok(Launch {
        line: first_line(first.len()),
        password: password.map(|(prompt, secret)| (first.len(), Password { prompt, secret })),
        scripts: [first, last, prelude].concat().into_bytes(),
        marker,
    })
}

fn first_line(length: usize) -> String {
    format!("exec sh -c '{}'", reader(length, 0))
}

/// A directory that cannot be entered is refused before the command starts: it must not look like the command's failure.
fn change_directory(command: &Command) -> String {
    command.chdir.as_ref().map_or_else(String::new, |dir| {
        let dir = if dir.starts_with('/') {
            dir.clone()
        } else {
            format!("./{dir}")
        };
        format!("cd {} || exit 1\n", quote_always(&dir))
    })
}

/// The script that becomes the user and reads the next script there; `None` where nothing has to change.
///
/// setpriv replaces itself, so signals and the process group stay as they are; runuser is there where it is not.
/// sudo's child gets a session of its own, whatever sudo's configuration does about terminals.
fn become_user(way: &Way, clear_env: bool, prompt: Option<&str>, next: &str) -> Option<String> {
    let clear = if clear_env {
        format!("env -i PATH={PLAIN_PATH} ")
    } else {
        String::new()
    };
    let next_shell = |before: &str| format!("{clear}sh -c {}", quote(&format!("{before}{next}")));
    let script = match way {
        Way::Direct if !clear_env => return None,
        Way::Direct => format!("{{ exec {}\n}}\n", next_shell("")),
        Way::FromRoot(user) => format!(
            "{{ u={user}\nh=$(getent passwd \"$u\" | cut -d: -f6)\n\
             export PATH={PLAIN_PATH} HOME=\"${{h:-/}}\" USER=\"$u\" LOGNAME=\"$u\" SHELL=/bin/sh\n\
             cd -- \"$HOME\" 2>/dev/null || cd /\n\
             if command -v setpriv >/dev/null; then\n\
             exec setpriv --reuid=\"$u\" --regid=\"$(id -g -- \"$u\")\" --init-groups -- {shell}\nfi\n\
             exec runuser -u \"$u\" -- {shell}\n}}\n",
            user = quote_always(user),
            shell = next_shell(""),
        ),
        Way::Sudo(user) => {
            let user = quote_always(user);
            match prompt {
                // -k: ask even if sudo remembers us, or the password would be read by the next shell.
                Some(prompt) => format!(
                    "{{ exec sudo -k -S -H -p {} -u {user} -- setsid -w {}\n}}\n",
                    quote_always(prompt),
                    next_shell(&format!("echo {PAST_SUDO} >&2; "))
                ),
                None => format!(
                    "{{ exec sudo -n -H -u {user} -- setsid -w {}\n}}\n",
                    next_shell("")
                ),
            }
        }
    };
    Some(script)
}

/// A job's script, for a shell that already runs as root: read from descriptor 3, whose first `length` bytes come first.
pub(super) struct JobScript {
    pub(super) length: usize,
    pub(super) bytes: Vec<u8>,
}

/// The script of a job; it runs with nothing on standard input.
pub(super) fn job(account: &Account, command: &Command) -> JobScript {
    let user = match &command.run_as {
        RunAs::Login => account.login.as_str(),
        RunAs::User(user) => user,
    };
    let way = if user == "root" {
        Way::Direct
    } else {
        Way::FromRoot(user.to_owned())
    };
    let last = format!(
        "{{ {}{}\n}}\n",
        change_directory(command),
        become_command(command, 3)
    );
    match become_user(&way, command.clear_env, None, &reader(last.len(), 3)) {
        None => JobScript {
            length: last.len(),
            bytes: last.into_bytes(),
        },
        Some(first) => JobScript {
            length: first.len(),
            bytes: [first, last].concat().into_bytes(),
        },
    }
}

/// Kills what a shell of this id has started, and the shell: first kindly, then for good.
///
/// A process group is killed as a whole; children of the shell that lead groups of their own, too.
pub(super) fn kill(account: &Account, way: &Way, pid: i32) -> std::io::Result<Launch> {
    const KILL: &str = r#"
groups="$1 $(cat "/proc/$1/task/$1/children" 2>/dev/null)"
all() { left=1; for g in $groups; do { kill -s "$1" -- "-$g" || kill -s "$1" "$g"; } 2>/dev/null && left=0; done; return $left; }
all TERM
for wait in 1 2 3 4 5 6 7 8 9 10; do all 0 || exit 0; sleep 0.1; done
all KILL; exit 0"#;
    let who = match way {
        Way::Direct => RunAs::Login,
        Way::FromRoot(_) => RunAs::root(),
        Way::Sudo(user) => RunAs::User(user.clone()),
    };
    command(account, &Command::script(KILL, [pid.to_string()]).run_as(who))
}
