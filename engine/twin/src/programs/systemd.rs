//! systemd: units, and what `systemctl` says and does.

mod power;
mod show;

use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::files::Node;
use crate::machine::Machine;
use crate::opennebula::daemon;
use crate::process::{Process, Program};
use crate::programs::network;
pub(crate) use power::{boot, power_cut, shut_down};

/// Where administrators' units and masks are.
const OWN: &str = "/etc/systemd/system";

/// A unit as systemd knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// What it is, in a few words.
    pub description: String,
    /// Whether it runs.
    pub active: State,
    /// Whether it is started at boot. A unit that cannot be enabled is static.
    pub enabled: Option<bool>,
    /// Nothing starts it.
    pub masked: bool,
    /// Its file is the administrator's own.
    pub own: bool,
    /// What runs behind it: name and arguments of a process.
    pub runs: Option<(String, String)>,
    /// The process, while it runs.
    pub pid: Option<u32>,
    /// Units that its start pulls up.
    pub pulls: Vec<String>,
}

/// Whether a unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It does not.
    #[default]
    Down,
    /// It does.
    Up,
    /// It does not, because something went wrong.
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Down => "inactive",
            Self::Up => "active",
            Self::Failed => "failed",
        }
    }
}

/// The programs of this family.
pub(crate) fn find(name: &str) -> Option<Program> {
    match name {
        "systemctl" => Some(systemctl),
        "systemd-run" => Some(power::systemd_run),
        "reboot" => Some(power::reboot),
        "deb-systemd-invoke" | "journalctl" | "loginctl" => Some(|_| 0),
        _ => None,
    }
}

/// The units of a front-end: oned's, what its start pulls up, and what talks to it. Observed on 7.0 and 7.2.
pub(crate) fn front_end(with_form: bool) -> Vec<(String, Unit)> {
    let service = |description: &str, comm: &str, args: &str, enabled: bool| Unit {
        description: description.to_owned(),
        enabled: Some(enabled),
        runs: Some((comm.to_owned(), args.to_owned())),
        ..Unit::default()
    };
    let timer = |description: &str| Unit {
        description: description.to_owned(),
        enabled: Some(false),
        ..Unit::default()
    };
    let mut units = vec![
        (
            "opennebula.service",
            Unit {
                pulls: [
                    "opennebula-hem.service",
                    "opennebula-ssh-agent.service",
                    "opennebula-ssh-socks-cleaner.timer",
                    "opennebula-showback.timer",
                ]
                .map(str::to_owned)
                .to_vec(),
                ..service(
                    "OpenNebula Cloud Controller Daemon",
                    "oned",
                    "/usr/bin/oned -f",
                    true,
                )
            },
        ),
        (
            "opennebula-hem.service",
            service(
                "OpenNebula Hook Execution Service",
                "ruby",
                "/usr/bin/ruby /usr/lib/one/onehem/onehem-server.rb",
                false,
            ),
        ),
        (
            "opennebula-ssh-agent.service",
            service(
                "OpenNebula SSH agent",
                "ssh-agent",
                "/usr/bin/ssh-agent -D -a /var/run/one/ssh-agent.sock",
                false,
            ),
        ),
        (
            "opennebula-ssh-socks-cleaner.timer",
            timer("OpenNebula SSH persistent connection cleaner"),
        ),
        (
            "opennebula-showback.timer",
            timer("OpenNebula's periodic showback calculation"),
        ),
        (
            "opennebula-flow.service",
            service(
                "OpenNebula Flow Service",
                "ruby",
                "/usr/bin/ruby /usr/lib/one/oneflow/oneflow-server.rb",
                true,
            ),
        ),
        (
            "opennebula-gate.service",
            service(
                "OpenNebula Gate Service",
                "ruby",
                "/usr/bin/ruby /usr/lib/one/onegate/onegate-server.rb",
                true,
            ),
        ),
        (
            "opennebula-fireedge.service",
            Unit {
                pulls: vec!["opennebula-guacd.service".to_owned()],
                ..service(
                    "OpenNebula FireEdge Server",
                    "node",
                    "/usr/bin/node /usr/lib/one/fireedge/dist/index.js",
                    true,
                )
            },
        ),
        (
            "opennebula-guacd.service",
            service(
                "OpenNebula Guacamole Server",
                "guacd",
                "/usr/sbin/guacd -f",
                false,
            ),
        ),
    ];
    if with_form {
        units.push((
            "opennebula-form.service",
            service(
                "OpenNebula Form Server",
                "ruby",
                "/usr/bin/ruby /usr/lib/one/oneform/oneform-server.rb",
                false,
            ),
        ));
    }
    units
        .into_iter()
        .map(|(name, unit)| (name.to_owned(), unit))
        .collect()
}

/// A unit's full name.
fn full(name: &str) -> String {
    let kinds = [".service", ".timer", ".socket", ".target", ".path", ".mount"];
    if kinds.iter().any(|kind| name.ends_with(kind)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}

/// The unit of this name, also one whose file was put there by somebody.
fn known(machine: &Machine, name: &str) -> Option<Unit> {
    if let Some(unit) = machine.units.get(name) {
        return Some(unit.clone());
    }
    let text = match machine.files.followed(&format!("{OWN}/{name}")) {
        Some(Node::File(_, content)) => String::from_utf8_lossy(&content.bytes()).into_owned(),
        _ => return None,
    };
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    Some(Unit {
        description: value("Description").unwrap_or(name).to_owned(),
        enabled: text.contains("[Install]").then_some(false),
        own: true,
        ..Unit::default()
    })
}

/// The unit, to be changed.
fn unit_mut<'a>(federation: &'a mut Federation, at: At, name: &str) -> Option<&'a mut Unit> {
    let unit = known(federation.machine(at), name)?;
    Some(
        federation
            .machine_mut(at)
            .units
            .entry(name.to_owned())
            .or_insert(unit),
    )
}

fn set_active(federation: &mut Federation, at: At, name: &str, active: State) {
    let was = known(federation.machine(at), name).map(|unit| unit.active);
    let machine = federation.machine_mut(at);
    let pid = machine.new_pid();
    if let Some(unit) = machine.units.get_mut(name) {
        unit.active = active;
        unit.pid = (active == State::Up && unit.runs.is_some()).then_some(pid);
    }
    match (was, active) {
        (Some(State::Up), State::Up) | (None, _) => {}
        (_, State::Up) => federation.did(at, Act::UnitStarted(name.to_owned())),
        (Some(State::Up), _) => federation.did(at, Act::UnitStopped(name.to_owned())),
        _ => {}
    }
}

/// Starts a unit and what it pulls up. The error is what systemctl says.
pub(crate) fn start(federation: &mut Federation, at: At, name: &str) -> Result<(), String> {
    let Some(unit) = unit_mut(federation, at, name).map(|unit| unit.clone()) else {
        return Err(format!("Failed to start {name}: Unit {name} not found.\n"));
    };
    if unit.masked {
        return Err(format!("Failed to start {name}: Unit {name} is masked.\n"));
    }
    if unit.active == State::Up {
        return Ok(());
    }
    if name == "opennebula.service"
        && let Err(why) = daemon::start(federation, at)
    {
        set_active(federation, at, name, State::Failed);
        let _ = why;
        return Err(format!(
            "Job for {name} failed because the control process exited with error code.\n\
             See \"systemctl status {name}\" and \"journalctl -xeu {name}\" for details.\n"
        ));
    }
    if unit.own
        && let Err(why) = execute(federation, at, name, "ExecStart")
    {
        set_active(federation, at, name, State::Failed);
        return Err(format!("Job for {name} failed: {why}\n"));
    }
    set_active(federation, at, name, State::Up);
    for pulled in unit.pulls {
        // What is only wanted and cannot be started is none of its failure.
        let _ = start(federation, at, &pulled);
    }
    Ok(())
}

/// What an administrator's unit runs; only the packet filter's program is known.
fn execute(federation: &mut Federation, at: At, name: &str, key: &str) -> Result<(), String> {
    let text = federation.machine(at).files.text(&format!("{OWN}/{name}"));
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match line.and_then(|line| line.strip_prefix("/usr/sbin/nft -f ")) {
        Some(file) => network::load(federation, at, file),
        None => Ok(()),
    }
}

/// Stops a unit, and no other: none of OpenNebula's is a part of another.
pub(crate) fn stop(federation: &mut Federation, at: At, name: &str) {
    let is_active = federation
        .machine(at)
        .units
        .get(name)
        .is_some_and(|unit| unit.active == State::Up);
    if !is_active {
        return;
    }
    if name == "opennebula.service" {
        daemon::stop(federation, at, true);
    }
    set_active(federation, at, name, State::Down);
}

fn systemctl(process: &mut Process<'_>) -> i32 {
    let mut words = process
        .args
        .iter()
        .filter(|word| !word.starts_with('-') || *word == "--");
    let Some(verb) = words.next().cloned() else {
        return show::list_units(process, &[]);
    };
    let names: Vec<String> = words
        .filter(|word| *word != "--")
        .map(|name| full(name))
        .collect();
    let now = process.args.iter().any(|word| word == "--now");
    match verb.as_str() {
        "list-units" => show::list_units(process, &names),
        "list-unit-files" => show::list_unit_files(process, &names),
        "show" => show::show(process, &names),
        "is-active" => show::is_active(process, &names),
        "is-enabled" => show::is_enabled(process, &names),
        "is-failed" => 1,
        "status" => show::status(process, &names),
        "is-system-running" => {
            process.say("running\n");
            0
        }
        "reboot" => power::reboot(process),
        "daemon-reload" | "reset-failed" => {
            for name in &names {
                if let Some(unit) = unit_mut(process.federation, process.at, name)
                    && unit.active == State::Failed
                {
                    unit.active = State::Down;
                }
            }
            0
        }
        "start" | "restart" | "reload-or-restart" | "try-restart" => {
            each(process, &names, |process, name| {
                let before = *process.elapsed;
                if verb != "start" {
                    if verb == "try-restart" && !is_up(process, name) {
                        return Ok(());
                    }
                    stop_one(process, name);
                }
                let takes = if name == "opennebula.service" {
                    process.federation.rates.oned
                } else {
                    process.federation.rates.unit
                };
                if !is_up(process, name) && process.spends(takes) < 1.0 {
                    return Ok(());
                }
                debug_assert!(*process.elapsed >= before);
                start(process.federation, process.at, name)
            })
        }
        "reload" => each(process, &names, |process, name| {
            execute(process.federation, process.at, name, "ExecReload")
        }),
        "stop" => each(process, &names, |process, name| {
            stop_one(process, name);
            Ok(())
        }),
        "mask" | "unmask" => mask(process, &names, verb == "mask", now),
        "enable" | "disable" => enable(process, &names, verb == "enable", now),
        _ => {
            process.did(Act::NotModelled(format!("systemctl {}", process.args.join(" "))));
            0
        }
    }
}

fn is_up(process: &Process<'_>, name: &str) -> bool {
    let unit = process.machine().units.get(name);
    unit.is_some_and(|unit| unit.active == State::Up)
}

fn stop_one(process: &mut Process<'_>, name: &str) {
    let takes = process.federation.rates.unit;
    if is_up(process, name) && process.spends(takes) < 1.0 {
        return;
    }
    stop(process.federation, process.at, name);
}

fn each(
    process: &mut Process<'_>,
    names: &[String],
    mut act: impl FnMut(&mut Process<'_>, &str) -> Result<(), String>,
) -> i32 {
    let mut status = 0;
    for name in names {
        if let Err(why) = act(process, name) {
            process.complain(why);
            status = 1;
        }
    }
    status
}

fn mask(process: &mut Process<'_>, names: &[String], masks: bool, now: bool) -> i32 {
    each(process, names, |process, name| {
        let own = known(process.machine(), name).is_some_and(|unit| unit.own);
        if masks && own {
            return Err(format!(
                "Failed to mask unit: File {OWN}/{name} already exists.\n"
            ));
        }
        let link = format!("{OWN}/{name}");
        if masks {
            let meta = process.new_meta(0o777);
            let put = process
                .machine_mut()
                .files
                .put(&link, Node::Link(meta, "/dev/null".to_owned()));
            put.map_err(|why| format!("Failed to mask unit: {why}\n"))?;
            process.say(format!("Created symlink {link} → /dev/null.\n"));
        } else if matches!(process.machine().files.at(&link), Some(Node::Link(..))) {
            process.machine_mut().files.remove(&link);
            process.say(format!("Removed \"{link}\".\n"));
        }
        let unit = process.machine_mut().units.entry(name.to_owned()).or_default();
        unit.masked = masks;
        if masks && now {
            stop_one(process, name);
        }
        Ok(())
    })
}

fn enable(process: &mut Process<'_>, names: &[String], enables: bool, now: bool) -> i32 {
    each(process, names, |process, name| {
        let at = process.at;
        let Some(unit) = unit_mut(process.federation, at, name) else {
            return Err(format!(
                "Failed to {} unit: Unit file {name} does not exist.\n",
                if enables { "enable" } else { "disable" }
            ));
        };
        if enables && unit.masked {
            return Err(format!(
                "Failed to enable unit: Unit file {OWN}/{name} is masked.\n"
            ));
        }
        if unit.enabled.is_some() {
            unit.enabled = Some(enables);
        }
        if now && enables {
            return start(process.federation, at, name);
        }
        if now {
            stop_one(process, name);
        }
        Ok(())
    })
}
