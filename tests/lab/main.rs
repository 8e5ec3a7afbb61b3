//! `lab`: a federation of three zones on this machine, for trying nebplay on.
#![expect(clippy::print_stderr, reason = "a command prints")]

use clap::{Parser, Subcommand};
use nebplay_tests::federation::{Backend, SITES};
use nebplay_tests::image::{self, Cache, Start};
use nebplay_tests::lab::{self, Owner, Plan};
use nebplay_tests::{Lab, LabError, machine, serve};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Real hosts for nebplay: three systemd containers with sshd and apt, on a network of their own.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a lab and print how to reach it
    Up {
        /// Name of the lab
        #[arg(default_value = "demo")]
        name: String,
        /// Where oned keeps its tables
        #[arg(long, value_enum, default_value = "sqlite")]
        backend: Database,
        /// Users beside those a new cloud has
        #[arg(long, default_value_t = 50)]
        users: u32,
        /// Remove a lab of this name first, if there is one
        #[arg(long)]
        again: bool,
    },
    /// Build the packages and print where their repositories are
    Packages,
    /// Switch a lab off and remove every trace of it
    Down {
        /// Name of the lab
        #[arg(default_value = "demo")]
        name: String,
    },
    /// List the labs of this machine and their hosts
    Status,
    /// Run a command as root on a host, or where nebplay runs (`ctl`)
    Exec {
        /// Name of the lab
        #[arg(long, default_value = "demo")]
        lab: String,
        /// Host, or `ctl` for the control namespace
        host: String,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Serve a directory by HTTP; a lab's package repository
    #[command(hide = true)]
    Serve {
        /// What to serve
        directory: PathBuf,
        /// Where to listen
        address: String,
    },
}

/// The backends, as words of the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Database {
    Sqlite,
    Mysql,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: failed to {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, LabError> {
    match command {
        Command::Up {
            name,
            backend,
            users,
            again,
        } => {
            if again && let Ok(lab) = Lab::attach(&name) {
                lab.remove()?;
            }
            let backend = match backend {
                Database::Sqlite => Backend::Sqlite,
                Database::Mysql => Backend::Mysql,
            };
            up(&name, Start { backend, users })?;
        }
        Command::Packages => {
            let repositories =
                image::zones(&Cache::from_environment()?.telling(tell), Start::default())?.repository;
            print(&format!("{}\n", repositories.display()))?;
        }
        Command::Down { name } => Lab::attach(&name)?.remove()?,
        Command::Status => status()?,
        Command::Exec { lab, host, command } => return exec(&lab, &host, &command),
        Command::Serve { directory, address } => serve::serve(&directory, &address)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what takes a while the first time, and never again.
fn tell(kind: &str) {
    let what = match kind {
        "root" => "a minimal Debian (a minute or two)",
        "packages" => "the packages of both versions",
        "installed" => "a host with OpenNebula installed",
        "zones" => "three zones in sync",
        other => other,
    };
    eprintln!("once, for the cache: making {what}");
}

/// How this program and `nebplay` beside it are called from where it was: for commands that it tells to type.
fn called() -> (String, String) {
    let program = std::env::args().next().unwrap_or_else(|| "lab".to_owned());
    let beside = program.strip_suffix("lab").unwrap_or_default();
    (program.clone(), format!("{beside}nebplay"))
}

/// Starts a lab that outlives this process, with the zones in sync.
fn up(name: &str, start: Start) -> Result<(), LabError> {
    machine::check(&lab::default_directory(""))?;
    for stale in lab::clean_stale()? {
        eprintln!("removed lab `{stale}`, whose process has died");
    }
    let zones = image::zones(&Cache::from_environment()?.telling(tell), start)?;
    let plan = Plan {
        name: name.to_owned(),
        directory: lab::default_directory(name),
        hosts: zones.hosts,
        owner: Owner::Person,
        repository: Some(zones.repository),
    };
    let lab = Lab::start(&plan)?;
    lab::wait_until_in_sync(&lab)?;
    let lab = lab.keep();
    let directory = lab.directory().display();
    let mut text = format!("lab `{name}` is up; its files are in {directory}\n");
    for site in SITES {
        text += &format!(
            "  {:10} {:15} zone {:3} {}\n",
            site.host, site.address, site.zone_id, site.zone_name
        );
    }
    let (program, nebplay) = called();
    text += &format!(
        "reach it from its control namespace:\n\
         \x20 {program} exec --lab {name} ctl {nebplay} status -i {directory}/inventory.ini\n\
         \x20 {} ssh -F {directory}/home/.ssh/config root@{}\n\
         or without a network: {program} exec --lab {name} {} COMMAND\n\
         remove it: {program} down {name}\n",
        lab.controller().join(" "),
        SITES[0].address,
        SITES[0].host
    );
    print(&text)
}

fn status() -> Result<(), LabError> {
    let mut text = String::new();
    for record in lab::labs() {
        text += &format!("{}  {}\n", record.name, record.directory.display());
        let Ok(lab) = Lab::attach(&record.name) else {
            continue;
        };
        for host in lab.hosts() {
            let is = if host.is_on() { "on" } else { "off" };
            text += &format!("  {:10} {:15} {is}\n", host.name, host.address);
        }
    }
    print(&text)
}

/// Prints. Whoever reads only the beginning, as `head` does, has had enough.
fn print(text: &str) -> Result<(), LabError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(LabError::file("write", "standard output")(error))
        }
        _ => Ok(()),
    }
}

fn exec(lab: &str, host: &str, command: &[String]) -> Result<ExitCode, LabError> {
    let lab = Lab::attach(lab)?;
    let argv = if host == "ctl" {
        let home = format!("HOME={}", lab.access().home().display());
        [lab.controller().to_vec(), vec!["env".to_owned(), home]].concat()
    } else {
        lab.host(host)?.inside_argv()?
    };
    let (program, first) = argv
        .split_first()
        .ok_or_else(|| LabError::Usage("run nothing".to_owned()))?;
    let status = std::process::Command::new(program)
        .args(first)
        .args(command)
        .status()
        .map_err(LabError::file("run", program))?;
    Ok(u8::try_from(nebplay_tests::program::exit_code(status)).map_or(ExitCode::FAILURE, ExitCode::from))
}
