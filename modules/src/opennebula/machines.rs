//! Virtual machines and hypervisor hosts of a zone: their states, and what they mean for a zone that is about to stop.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::opennebula::xml::{self, Element, XmlError};
use crate::opennebula::xmlrpc::value::Param;
use crate::opennebula::xmlrpc::{Client, POOL_TIMEOUT, RpcError};

/// Names by LCM_STATE.
const LCM_NAMES: [&str; 36] = [
    "LCM_INIT",
    "PROLOG",
    "BOOT",
    "RUNNING",
    "MIGRATE",
    "SAVE_STOP",
    "SAVE_SUSPEND",
    "SAVE_MIGRATE",
    "PROLOG_MIGRATE",
    "PROLOG_RESUME",
    "EPILOG_STOP",
    "EPILOG",
    "SHUTDOWN",
    "CANCEL",
    "FAILURE",
    "CLEANUP_RESUBMIT",
    "UNKNOWN",
    "HOTPLUG",
    "SHUTDOWN_POWEROFF",
    "BOOT_UNKNOWN",
    "BOOT_POWEROFF",
    "BOOT_SUSPENDED",
    "BOOT_STOPPED",
    "CLEANUP_DELETE",
    "HOTPLUG_SNAPSHOT",
    "HOTPLUG_NIC",
    "HOTPLUG_SAVEAS",
    "HOTPLUG_SAVEAS_POWEROFF",
    "HOTPLUG_SAVEAS_SUSPENDED",
    "SHUTDOWN_UNDEPLOY",
    "EPILOG_UNDEPLOY",
    "PROLOG_UNDEPLOY",
    "BOOT_UNDEPLOY",
    "HOTPLUG_PROLOG_POWEROFF",
    "HOTPLUG_EPILOG_POWEROFF",
    "BOOT_MIGRATE",
];

/// STATE and LCM_STATE of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmState {
    /// STATE, the VM's direct child.
    pub state: u32,
    /// LCM_STATE; says something in STATE 3 alone.
    pub lcm: u32,
}

/// What a state means for a zone that is about to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// Nothing under way.
    AtRest,
    /// A transition under way; an oned that stops now never resumes it.
    Transient,
    /// A transition that failed: it moves only by hand.
    Failed,
}

impl VmState {
    /// Whether something is under way.
    pub fn motion(self) -> Motion {
        match (self.state, self.lcm) {
            (1 | 2 | 4 | 5 | 6 | 8 | 9, _) | (3, 3 | 16) => Motion::AtRest,
            (11, _) | (3, 36..=42 | 44 | 46..=50 | 61) => Motion::Failed,
            // What is not known is not at rest.
            _ => Motion::Transient,
        }
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 12] = [
            "INIT",
            "PENDING",
            "HOLD",
            "ACTIVE",
            "STOPPED",
            "SUSPENDED",
            "DONE",
            "STATE 7",
            "POWEROFF",
            "UNDEPLOYED",
            "CLONING",
            "CLONING_FAILURE",
        ];
        let name = |names: &[&'static str], number: u32| {
            usize::try_from(number)
                .ok()
                .and_then(|number| names.get(number).copied())
        };
        match name(&NAMES, self.state) {
            Some(text) => f.write_str(text)?,
            None => write!(f, "STATE {}", self.state)?,
        }
        if self.state == 3 {
            match name(&LCM_NAMES, self.lcm) {
                Some(text) => write!(f, "/{text}")?,
                None => write!(f, "/LCM_STATE {}", self.lcm)?,
            }
        }
        Ok(())
    }
}

impl Serialize for VmState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vm {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: VmState,
}

/// STATE of a hypervisor host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostState(pub u32);

impl HostState {
    /// Taken out of scheduling, still monitored.
    pub const DISABLED: Self = Self(4);
    /// Taken out altogether.
    pub const OFFLINE: Self = Self(8);

    /// Whether it is disabled.
    pub fn is_disabled(self) -> bool {
        // 7 is a disabled host while it is being monitored.
        matches!(self.0, 4 | 7)
    }

    /// Whether the scheduler leaves it alone by somebody's wish.
    pub fn is_out(self) -> bool {
        self.is_disabled() || self == Self::OFFLINE
    }
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("init"),
            2 => f.write_str("on"),
            3 => f.write_str("error"),
            4 => f.write_str("disabled"),
            8 => f.write_str("offline"),
            other => write!(f, "state {other}"),
        }
    }
}

/// A hypervisor host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypervisor {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: HostState,
}

/// All virtual machines that are not done, of all users.
pub async fn vms(client: &Client<'_>) -> Result<Vec<Vm>, RpcError> {
    let client = client.clone().limit(POOL_TIMEOUT);
    let all = [
        Param::Int(-2),
        Param::Int(-1),
        Param::Int(-1),
        Param::Int(-1),
        Param::Text(""),
    ];
    let text = client.text("one.vmpool.info", &all).await?;
    parse_vms(&text).map_err(|error| client.malformed(error.to_string()))
}

/// All hypervisor hosts.
pub async fn hypervisors(client: &Client<'_>) -> Result<Vec<Hypervisor>, RpcError> {
    let client = client.clone().limit(POOL_TIMEOUT);
    let text = client.text("one.hostpool.info", &[]).await?;
    parse_hypervisors(&text).map_err(|error| client.malformed(error.to_string()))
}

fn members<'a>(
    root: &'a Element,
    pool: &str,
    member: &'a str,
) -> Result<impl Iterator<Item = &'a Element>, XmlError> {
    if root.name == pool {
        Ok(root.all(member))
    } else {
        Err(XmlError(format!("expected a {pool} and found {}", root.name)))
    }
}

/// Reads a VM_POOL.
pub fn parse_vms(text: &str) -> Result<Vec<Vm>, XmlError> {
    let root = xml::parse(text)?;
    let vm = |element: &Element| {
        Ok(Vm {
            id: element.number_of("ID")?,
            name: element.text_of("NAME")?.to_owned(),
            state: VmState {
                state: element.number_of("STATE")?,
                lcm: element.number_of("LCM_STATE")?,
            },
        })
    };
    let mut vms = members(&root, "VM_POOL", "VM")?
        .map(vm)
        .collect::<Result<Vec<_>, XmlError>>()?;
    vms.sort_by_key(|vm| vm.id);
    Ok(vms)
}

/// Reads a HOST_POOL.
pub fn parse_hypervisors(text: &str) -> Result<Vec<Hypervisor>, XmlError> {
    let root = xml::parse(text)?;
    let host = |element: &Element| {
        Ok(Hypervisor {
            id: element.number_of("ID")?,
            name: element.text_of("NAME")?.to_owned(),
            state: HostState(element.number_of("STATE")?),
        })
    };
    let mut hosts = members(&root, "HOST_POOL", "HOST")?
        .map(host)
        .collect::<Result<Vec<_>, XmlError>>()?;
    hosts.sort_by_key(|host| host.id);
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_means_what_was_seen() {
        let at_rest = [
            (1, 0),
            (2, 0),
            (3, 3),
            (3, 16),
            (4, 0),
            (5, 0),
            (6, 0),
            (8, 0),
            (9, 0),
        ];
        let failed = [(11, 0), (3, 36), (3, 42), (3, 44), (3, 46), (3, 50), (3, 61)];
        let transient = [
            (0, 0),
            (10, 0),
            (3, 0),
            (3, 1),
            (3, 2),
            (3, 18),
            (3, 43),
            (3, 45),
            (3, 51),
            (3, 99),
            (7, 0),
            (12, 0),
        ];
        for (motion, states) in [
            (Motion::AtRest, &at_rest[..]),
            (Motion::Failed, &failed),
            (Motion::Transient, &transient),
        ] {
            for &(state, lcm) in states {
                assert_eq!(VmState { state, lcm }.motion(), motion, "{state} {lcm}");
            }
        }
        assert_eq!(
            VmState { state: 3, lcm: 18 }.to_string(),
            "ACTIVE/SHUTDOWN_POWEROFF"
        );
        assert_eq!(VmState { state: 3, lcm: 77 }.to_string(), "ACTIVE/LCM_STATE 77");
        assert_eq!(VmState { state: 12, lcm: 0 }.to_string(), "STATE 12");
    }

    #[test]
    fn the_state_inside_monitoring_is_not_the_vms() {
        let text = "<VM_POOL><VM><ID>26</ID><NAME>sw-26</NAME><STATE>3</STATE><LCM_STATE>1</LCM_STATE>\
            <MONITORING><STATE><![CDATA[]]></STATE></MONITORING></VM>\
            <VM><MONITORING><STATE>9</STATE></MONITORING><ID>2</ID><NAME>x</NAME><STATE>8</STATE><LCM_STATE>0</LCM_STATE></VM></VM_POOL>";
        let vms = parse_vms(text).unwrap();
        assert_eq!((vms[0].id, vms[0].state.motion()), (2, Motion::AtRest));
        assert_eq!((vms[1].id, vms[1].state.motion()), (26, Motion::Transient));
        for end in 0..text.len() {
            assert!(parse_vms(&text[..end]).is_err());
        }
        assert_eq!(parse_vms("<VM_POOL></VM_POOL>").unwrap(), []);
        assert!(parse_vms("<HOST_POOL/>").is_err());
        assert!(parse_vms("<VM_POOL><VM><ID>1</ID></VM></VM_POOL>").is_err());
    }

    #[test]
    fn hosts_are_read_with_their_states() {
        let text = "<HOST_POOL><HOST><ID>5</ID><NAME>h5</NAME><STATE>3</STATE><PREV_STATE>2</PREV_STATE></HOST>\
            <HOST><ID>4</ID><NAME>d3</NAME><STATE>8</STATE></HOST></HOST_POOL>";
        let hosts = parse_hypervisors(text).unwrap();
        let seen: Vec<_> = hosts
            .iter()
            .map(|host| (host.id, host.state.to_string(), host.state.is_out()))
            .collect();
        assert_eq!(
            seen,
            [(4, "offline".to_owned(), true), (5, "error".to_owned(), false)]
        );
    }
}
