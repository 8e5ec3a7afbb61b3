//! `nebplay unlock`: whose the locks are, and their removal.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args as ClapArgs;
use nebplay_modules::host::HostError;
use nebplay_modules::lock::{self, LockError, Removal, Seen};

use super::asking::Asking;
use super::error::CommandError;
use super::locks::{self, Standing};
use super::options::{ConnectionArgs, InventoryArgs};
use super::terminal;
use super::{exit, status};

pub(super) const EXAMPLES: &str = "\
A run locks the front-ends that it acts on, and removes its locks at its end. One that was killed leaves them: the next run from the \
same machine sees that its process is gone and takes them over. Only where nobody can tell (another controller, which is gone) they \
must be removed by hand, and you are the one who knows that it is not at work any more. A lock whose run is alive on this machine \
stays: end that run, and its lock goes with it.

Exit codes: 0 nothing is locked (any more); 2 a front-end was reached and did not tell; 4 one could not be reached; 5 a lock stays.

Examples:
  nebplay unlock -i prod.ini
  nebplay unlock -i prod.ini -l fe-eu-ge --yes";

/// Arguments of `nebplay unlock`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Remove what is shown without asking.
    #[arg(short, long)]
    yes: bool,
}

/// A front-end and its lock.
struct Row {
    host: String,
    lock: Result<Option<(Seen, Meaning)>, LockError>,
}

/// What a lock is seen from here.
enum Meaning {
    /// It says whose it is.
    Known(Standing),
    /// It says nothing that could be read.
    Riddle(String),
}

/// Shows the locks and removes them.
pub(super) fn run(args: &Args) -> Result<u8, CommandError> {
    let hosts = args.inventory.read(&[], Some(&args.connection))?;
    let federation = status::asked(&hosts);
    if federation.zones.is_empty() {
        return Err(status::no_zones(&hosts));
    }
    let names = locks::in_order(&federation);
    let asking = Asking::of(hosts, names.clone())?;
    let ended = shown_and_removed(&asking, names, args.yes);
    asking.end();
    ended
}

fn shown_and_removed(asking: &Asking, names: Vec<String>, yes: bool) -> Result<u8, CommandError> {
    let whom = names.into_iter().map(|name| (name, ()));
    let answers = asking.each(whom, |host, ()| async move { lock::read(&*host).await });
    let mut rows = Vec::new();
    for (host, answer) in answers {
        rows.push(Row::new(host, answer)?);
    }
    let text: String = rows.iter().map(Row::text).collect();
    terminal::print(&asking.secrets.scrub(&text))?;
    let mut code = rows.iter().fold(exit::OK, |code, row| worse(code, row.code()));
    let meant: Vec<(String, String)> = rows.iter().filter_map(Row::removable).collect();
    if meant.is_empty() {
        return Ok(code);
    }
    if !yes && !agreed(&meant)? {
        terminal::print("nothing was removed\n")?;
        return Ok(worse(code, exit::LOCKED));
    }
    let removals = asking.each(meant, |host, digest| async move {
        lock::remove(&*host, &digest).await
    });
    for (host, removal) in removals {
        let (said, this) = match removal {
            Ok(Removal::Removed) => ("removed".to_owned(), exit::OK),
            Ok(Removal::Gone) => ("it is gone already".to_owned(), exit::OK),
            Ok(Removal::Other) => (
                "another lock is there now than the one shown: it stays".to_owned(),
                exit::LOCKED,
            ),
            Err(error) => (error.to_string(), code_of(&error)),
        };
        code = worse(code, this);
        terminal::print(&asking.secrets.scrub(&format!("{host}: {said}\n")))?;
    }
    Ok(code)
}

impl Row {
    fn new(host: String, answer: Result<Option<Seen>, LockError>) -> Result<Self, CommandError> {
        let lock = match answer {
            Ok(None) => Ok(None),
            Ok(Some(seen)) => {
                let meaning = match &seen.lock {
                    Ok(lock) => Meaning::Known(locks::standing(lock)?),
                    Err(why) => Meaning::Riddle(why.clone()),
                };
                Ok(Some((seen, meaning)))
            }
            Err(error) => Err(error),
        };
        Ok(Self { host, lock })
    }

    fn text(&self) -> String {
        let host = &self.host;
        match &self.lock {
            Ok(None) => format!("{host}: no lock\n"),
            Ok(Some((seen, Meaning::Known(standing)))) => {
                let whose = seen
                    .lock
                    .as_ref()
                    .map(|lock| locks::whose(lock, standing, locks::now()));
                format!("{host}: locked\n{}", whose.unwrap_or_default())
            }
            Ok(Some((_, Meaning::Riddle(why)))) => {
                format!("{host}: locked, and nobody can tell by whom: {why}\n")
            }
            Err(error) => format!("{error}\n"),
        }
    }

    /// The lock that may be removed: one whose run is alive here may not.
    fn removable(&self) -> Option<(String, String)> {
        match &self.lock {
            Ok(Some((_, Meaning::Known(Standing::Alive(_)))) | None) | Err(_) => None,
            Ok(Some((seen, _))) => Some((self.host.clone(), seen.digest.clone())),
        }
    }

    /// What it alone makes of the exit code.
    fn code(&self) -> u8 {
        match &self.lock {
            Ok(Some((_, Meaning::Known(Standing::Alive(_))))) => exit::LOCKED,
            Ok(_) => exit::OK,
            Err(error) => code_of(error),
        }
    }
}

fn code_of(error: &LockError) -> u8 {
    match error {
        LockError::Host(HostError::Unreachable { .. }) => exit::UNREACHABLE,
        LockError::Host(_) | LockError::Failed { .. } => exit::FAILED,
    }
}

/// Of two codes the one that says more: not reached, not told, locked, well.
fn worse(one: u8, other: u8) -> u8 {
    let order = [exit::UNREACHABLE, exit::FAILED, exit::LOCKED];
    let worst = order.into_iter().find(|code| [one, other].contains(code));
    worst.unwrap_or(exit::OK)
}

fn agreed(meant: &[(String, String)]) -> Result<bool, CommandError> {
    let hosts: Vec<&str> = meant.iter().map(|(host, _)| host.as_str()).collect();
    let hosts = hosts.join(", ");
    if !io::stdin().is_terminal() {
        return Err(CommandError::Usage {
            message: format!("nothing was removed: nobody is there to be asked about the lock of {hosts}"),
            help: Some("if what is shown is not at work any more, add --yes".to_owned()),
        });
    }
    let mut out = io::stderr().lock();
    write!(
        out,
        "Is none of them at work any more? Remove the lock of {hosts}? [y/N] "
    )?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides() {
        let cases = [
            (exit::OK, exit::OK, exit::OK),
            (exit::OK, exit::LOCKED, exit::LOCKED),
            (exit::FAILED, exit::LOCKED, exit::FAILED),
            (exit::FAILED, exit::UNREACHABLE, exit::UNREACHABLE),
        ];
        for (one, other, expected) in cases {
            assert_eq!(worse(one, other), expected);
            assert_eq!(worse(other, one), expected);
        }
    }

    #[test]
    fn what_is_shown_and_what_of_it_may_be_removed() {
        let alive = Standing::Alive("process 7 of this machine runs it".to_owned());
        let riddle = Seen {
            digest: "d".to_owned(),
            lock: Err("EOF".to_owned()),
        };
        let lost = LockError::Host(HostError::Unreachable {
            host: "m".to_owned(),
            why: "no route".to_owned(),
            sent: false,
        });
        let cases = [
            (Ok(None), "m: no lock\n", false, exit::OK),
            (
                Ok(Some((riddle.clone(), Meaning::Known(alive)))),
                "m: locked\n",
                false,
                exit::LOCKED,
            ),
            (
                Ok(Some((riddle, Meaning::Riddle("EOF".to_owned())))),
                "m: locked, and nobody can tell by whom: EOF\n",
                true,
                exit::OK,
            ),
            (
                Err(lost),
                "m is unreachable: no route\n",
                false,
                exit::UNREACHABLE,
            ),
        ];
        for (lock, text, removable, code) in cases {
            let row = Row {
                host: "m".to_owned(),
                lock,
            };
            assert_eq!(row.text(), text);
            assert_eq!(
                (row.removable().is_some(), row.code()),
                (removable, code),
                "{text}"
            );
        }
    }
}
