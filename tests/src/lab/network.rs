//! A lab's network: a bridge in a namespace of its own, one namespace per host, one for the controller.
//!
//! Nothing here touches an interface, a route or a firewall rule of the machine, so any number of labs can use the same
//! addresses at once.

use crate::LabError;
use crate::federation::CONTROLLER;
use crate::program::Program;

/// The namespaces of one lab, by its name. A value of this type is only a name: nothing is held open.
#[derive(Debug, Clone)]
pub struct Network {
    lab: String,
}

impl Network {
    /// The network of the lab of this name.
    pub fn of(lab: &str) -> Self {
        Self { lab: lab.to_owned() }
    }

    /// Name of the namespace a host, or `ctl`, or the bridge (`net`) lives in.
    pub fn namespace(&self, member: &str) -> String {
        format!("nebplay-{}-{member}", self.lab)
    }

    /// Makes bridge and control namespace.
    pub fn create(&self) -> Result<(), LabError> {
        let bridge = self.namespace("net");
        add_namespace(&bridge)?;
        ip(&["-n", &bridge, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &bridge, "link", "set", "br0", "up"])?;
        self.join("ctl", CONTROLLER)
    }

    /// Makes the namespace of a host and plugs it into the bridge.
    pub fn join(&self, member: &str, address: &str) -> Result<(), LabError> {
        let (bridge, own, port) = (self.namespace("net"), self.namespace(member), port(address));
        add_namespace(&own)?;
        ip(&[
            "-n", &bridge, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &own,
        ])?;
        ip(&["-n", &bridge, "link", "set", &port, "master", "br0", "up"])?;
        ip(&[
            "-n",
            &own,
            "address",
            "add",
            &format!("{address}/24"),
            "dev",
            "eth0",
        ])?;
        ip(&["-n", &own, "link", "set", "eth0", "up"])
    }

    /// Pulls a member's cable: what it and others send is lost, and neither gets an answer or a reset.
    pub fn cut(&self, address: &str) -> Result<(), LabError> {
        ip(&[
            "-n",
            &self.namespace("net"),
            "link",
            "set",
            &port(address),
            "down",
        ])
    }

    /// Plugs it in again.
    pub fn restore(&self, address: &str) -> Result<(), LabError> {
        ip(&["-n", &self.namespace("net"), "link", "set", &port(address), "up"])
    }

    /// Keeps members so marked from reaching each other, and nobody else from reaching them; or lets them again.
    pub fn isolate(&self, address: &str, isolated: bool) -> Result<(), LabError> {
        let (bridge, port) = (self.namespace("net"), port(address));
        let isolated = if isolated { "on" } else { "off" };
        ip(&[
            "-n",
            &bridge,
            "link",
            "set",
            &port,
            "type",
            "bridge_slave",
            "isolated",
            isolated,
        ])
    }

    /// Delays everything that leaves for a member, to feel a long way between controller and host.
    pub fn delay(&self, address: &str, milliseconds: u32) -> Result<(), LabError> {
        Program::new("tc")
            .args([
                "-n",
                &self.namespace("net"),
                "qdisc",
                "replace",
                "dev",
                &port(address),
                "root",
                "netem",
            ])
            .args(["delay", &format!("{milliseconds}ms")])
            .run()
            .map(drop)
    }

    /// Processes that live in a member's namespace.
    pub fn processes(&self, member: &str) -> Vec<u32> {
        Program::new("ip")
            .args(["netns", "pids", &self.namespace(member)])
            .run()
            .map(|pids| pids.lines().filter_map(|pid| pid.trim().parse().ok()).collect())
            .unwrap_or_default()
    }

    /// Removes every namespace of this lab that is there, whoever made it.
    pub fn remove(&self) -> Result<(), LabError> {
        let prefix = self.namespace("");
        for line in Program::new("ip").args(["netns", "list"]).run()?.lines() {
            let name = line.split_whitespace().next().unwrap_or_default();
            // A lab may be named `a`, another `a-b`: what is left of the prefix must be a member, not another lab's name.
            if name.strip_prefix(&prefix).is_some_and(is_member) {
                // Another process may be tidying up the same dead lab: what counts is that it is gone.
                let deleted = ip(&["netns", "delete", name]);
                if deleted.is_err()
                    && Program::new("ip")
                        .args(["netns", "list"])
                        .run()?
                        .lines()
                        .any(|line| line.split_whitespace().next() == Some(name))
                {
                    return deleted;
                }
            }
        }
        Ok(())
    }
}

/// Host names of the federation all start with `fe-`; others are the two fixed members and the image builder's host.
fn is_member(name: &str) -> bool {
    matches!(name, "net" | "ctl" | "builder") || crate::federation::SITES.iter().any(|site| site.host == name)
}

/// The bridge's port for an address: interface names hold 15 characters, host names more.
fn port(address: &str) -> String {
    format!("v{}", address.rsplit('.').next().unwrap_or(address))
}

fn add_namespace(name: &str) -> Result<(), LabError> {
    ip(&["netns", "add", name])?;
    ip(&["-n", name, "link", "set", "lo", "up"])
}

fn ip(arguments: &[&str]) -> Result<(), LabError> {
    Program::new("ip").args(arguments).run().map(drop)
}
