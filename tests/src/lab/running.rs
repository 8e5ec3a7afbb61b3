//! A lab as a whole: started from a plan, attached to by name, removed without a trace.

use super::access::Access;
use super::container::{Container, HostPlan};
use super::network::Network;
use super::record::{Owner, Record};
use crate::LabError;
use crate::federation::CONTROLLER;
use std::fs;
use std::path::{Path, PathBuf};

/// A lab to be started.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name: small letters, digits and dashes, at most 32.
    pub name: String,
    /// Where its files go; made, and removed with it.
    pub directory: PathBuf,
    /// Its hosts.
    pub hosts: Vec<HostPlan>,
    /// Who takes it down.
    pub owner: Owner,
    /// Directory served by HTTP on the controller's address, for apt.
    pub repository: Option<PathBuf>,
}

/// A running lab, by its record; cheap to clone. Nothing is removed when it is dropped: see [`Guard`].
#[derive(Debug, Clone)]
pub struct Lab {
    record: Record,
    hosts: Vec<Container>,
}

impl Lab {
    /// Starts a lab; returns when every host has booted. What was made is removed again if that fails.
    pub fn start(plan: &Plan) -> Result<Guard, LabError> {
        check_name(&plan.name)?;
        let record = Record {
            name: plan.name.clone(),
            directory: plan.directory.clone(),
            hosts: plan
                .hosts
                .iter()
                .map(|host| (host.name.clone(), host.address.clone()))
                .collect(),
            owner: plan.owner.clone(),
        };
        record.claim()?;
        let guard = Guard {
            lab: Self::from_record(record),
            armed: true,
        };
        guard.lab.bring_up(plan)?;
        Ok(guard)
    }

    /// The running lab of this name.
    pub fn attach(name: &str) -> Result<Self, LabError> {
        Record::read(name).map(Self::from_record)
    }

    pub(super) fn from_record(record: Record) -> Self {
        let hosts = record
            .hosts
            .iter()
            .map(|(name, address)| Container::of(&record.name, &record.directory, name, address))
            .collect();
        Self { record, hosts }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Its files.
    pub fn directory(&self) -> &Path {
        &self.record.directory
    }

    /// Its hosts, in the order of the plan.
    pub fn hosts(&self) -> &[Container] {
        &self.hosts
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Result<&Container, LabError> {
        self.hosts.iter().find(|host| host.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
            LabError::Usage(format!(
                "find host `{name}` in lab `{}`: it has {}",
                self.name(),
                known.join(", ")
            ))
        })
    }

    /// Its network.
    pub fn network(&self) -> Network {
        Network::of(self.name())
    }

    /// Keys, known_hosts, inventory.
    pub fn access(&self) -> Access {
        Access::of(self.directory())
    }

    /// The words before a command that make it run where the hosts can be reached.
    pub fn controller(&self) -> [String; 4] {
        ["ip", "netns", "exec", &self.network().namespace("ctl")].map(str::to_owned)
    }

    fn bring_up(&self, plan: &Plan) -> Result<(), LabError> {
        let directory = self.directory();
        // A machine that went down with the lab leaves its files and no record.
        remove_directory(directory)?;
        fs::create_dir_all(directory).map_err(LabError::file("create", directory))?;
        let network = self.network();
        network.create()?;
        for (host, planned) in self.hosts.iter().zip(&plan.hosts) {
            network.join(&host.name, &host.address)?;
            host.mount(&planned.layers)?;
        }
        self.access().create(&self.hosts)?;
        if let Some(repository) = &plan.repository {
            self.serve(repository)?;
        }
        for host in &self.hosts {
            host.boot()?;
        }
        self.hosts.iter().try_for_each(Container::wait_until_up)
    }

    /// Starts the package repository's web server in the control namespace; it ends with the lab.
    fn serve(&self, repository: &Path) -> Result<(), LabError> {
        let log = self.directory().join("repository.log");
        let file = fs::File::create(&log).map_err(LabError::file("create", &log))?;
        let server = crate::program::built("lab")?;
        let mut child = std::process::Command::new("setsid")
            .args(self.controller())
            .arg(&server)
            .arg("serve")
            .arg(repository)
            .arg(format!("{CONTROLLER}:80"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(LabError::file("start", &server))?;
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Switches everything off and removes every trace of the lab. Works on what is left of one, too.
    pub fn remove(&self) -> Result<(), LabError> {
        for host in &self.hosts {
            host.power_off()?;
        }
        let network = self.network();
        for pid in network.processes("ctl") {
            if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
                // One that has ended by itself is as good.
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
            }
        }
        for host in &self.hosts {
            host.unmount()?;
        }
        network.remove()?;
        remove_directory(self.directory())?;
        self.record.forget();
        Ok(())
    }
}

/// A lab that is removed when this value goes, also by a panic.
#[derive(Debug)]
pub struct Guard {
    lab: Lab,
    armed: bool,
}

impl Guard {
    /// Lets the lab live on.
    pub fn keep(mut self) -> Lab {
        self.armed = false;
        self.lab.clone()
    }
}

impl std::ops::Deref for Guard {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Err(error) = self.lab.remove() {
            // Nobody is left to return it to; the record stays, so the next start tries again.
            #[expect(clippy::print_stderr, reason = "a destructor has no other way to tell")]
            {
                eprintln!("failed to remove lab `{}`: failed to {error}", self.lab.name());
            }
        }
    }
}

/// Where a lab's files are when nobody says otherwise: `target/lab/NAME` beside the workspace's other build products.
pub fn default_directory(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    workspace.join("target/lab").join(name)
}

fn check_name(name: &str) -> Result<(), LabError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 32 || !name.chars().all(good) {
        return Err(LabError::Usage(format!(
            "start lab `{name}`: a name is 1 to 32 small letters, digits and dashes"
        )));
    }
    Ok(())
}

fn remove_directory(directory: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::file("remove", directory)(error))
        }
        _ => Ok(()),
    }
}
