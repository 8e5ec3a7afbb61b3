//! Unpacking and configuring packages.

use nebplay_model::onedb::upgrade::migrator_file;
use nebplay_model::version::Version;

use super::apt::Step;
use super::{Package, State, dpkg, upstream};
use crate::deeds::Act;
use crate::files::{Content, FULL, Node};
use crate::machine::Machine;
use crate::process::Process;
use crate::programs::systemd;
use crate::rates::lasting;

/// The guard that keeps packages from starting services.
const GUARD: &str = "/usr/sbin/policy-rc.d";

/// Packages in a state.
fn in_state(machine: &Machine, is: impl Fn(State) -> bool) -> Vec<String> {
    let installed = machine.packages.installed.iter();
    installed
        .filter(|(_, package)| is(package.state))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Packages that were left unpacked and not configured.
fn half(machine: &Machine) -> Vec<String> {
    in_state(machine, |state| state == State::HalfConfigured)
}

/// Packages that are not installed whole.
pub(super) fn incomplete(machine: &Machine) -> Vec<String> {
    in_state(machine, |state| state != State::Installed)
}

/// Removes packages; one that is half-installed only by force.
pub(super) fn remove(process: &mut Process<'_>, names: &[String], by_force: bool) -> i32 {
    for name in names {
        let installed = &process.machine().packages.installed;
        let torn = installed
            .get(name)
            .is_some_and(|package| package.state == State::HalfInstalled);
        if torn && !by_force {
            process.complain(format!(
                "dpkg: error processing package {name} (--remove):\n package is in a very bad inconsistent state; you should\n \
                 reinstall it before attempting a removal\n"
            ));
            return 100;
        }
        if process.machine_mut().packages.installed.remove(name).is_some() {
            process.say(format!("Removing {name} ...\n"));
        }
    }
    dpkg::write_status(process.machine_mut());
    0
}

/// Configures what was left unpacked.
pub(super) fn configure_all(process: &mut Process<'_>) -> i32 {
    let left = half(process.machine());
    if left.is_empty() {
        return 0;
    }
    for name in left {
        if process.machine().files.full {
            process.complain(format!(
                "dpkg: error processing package {name} (--configure):\n {FULL}\n"
            ));
            return 1;
        }
        if process.spends(std::time::Duration::from_secs(1)) < 1.0 {
            return 1;
        }
        if let Some(package) = process.machine_mut().packages.installed.get_mut(&name) {
            package.state = State::Installed;
        }
        process.say(format!("Setting up {name} ...\n"));
    }
    dpkg::write_status(process.machine_mut());
    start_services(process);
    0
}

/// Unpacks and configures, in the order of the steps.
pub(super) fn install(process: &mut Process<'_>, steps: &[Step]) -> i32 {
    if half(process.machine())
        .iter()
        .any(|name| !steps.iter().any(|step| step.name == *name))
    {
        process.complain(
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n",
        );
        return 100;
    }
    let before = super::version_of(process.machine(), "opennebula");
    let old_at_hand = old_at_hand(process.machine(), before.as_deref());
    let share = process.machine().sizes.packages / u64::try_from(steps.len().max(1)).unwrap_or(1);
    let mut status = 0;
    for step in steps {
        let rates = process.federation.rates;
        let done = process.spends(lasting(share, rates.unpack) + rates.package);
        // In the first half of its time it is unpacked, and that has begun after a while.
        if done < 0.5 {
            if done >= 0.25 {
                tear(process.machine_mut(), step);
            }
            status = 100;
            break;
        }
        if process.machine().files.full {
            let name = &step.name;
            process.complain(format!(
                "dpkg: error processing archive {name} (--unpack):\n cannot copy extracted data: failed to write ({FULL})\n\
                 E: Sub-process /usr/bin/dpkg returned an error code (1)\n"
            ));
            status = 100;
            break;
        }
        let package = Package {
            version: step.to.clone(),
            arch: step.arch,
            state: if done < 1.0 {
                State::HalfConfigured
            } else {
                State::Installed
            },
            held: false,
        };
        process.say(format!(
            "Unpacking {} ({}) ...\nSetting up {} ({}) ...\n",
            step.name, step.to, step.name, step.to
        ));
        process
            .machine_mut()
            .packages
            .installed
            .insert(step.name.clone(), package);
        if step.name == "opennebula"
            && let Some(version) = upstream(&step.to)
        {
            unpack_files(process.machine_mut(), version);
        }
        if done < 1.0 {
            status = 100;
            break;
        }
    }
    dpkg::write_status(process.machine_mut());
    let after = super::version_of(process.machine(), "opennebula");
    if before != after || status != 0 {
        process.did(Act::Installed {
            from: before,
            to: after,
            whole: status == 0,
            old_at_hand,
        });
    }
    if status == 0 {
        start_services(process);
    }
    status
}

/// Leaves a package as one that is cut off while it is unpacked: under its old version, if there was one.
fn tear(machine: &mut Machine, step: &Step) {
    let installed = machine.packages.installed.entry(step.name.clone());
    installed
        .and_modify(|package| package.state = State::HalfInstalled)
        .or_insert_with(|| Package {
            version: step.to.clone(),
            arch: step.arch,
            state: State::HalfInstalled,
            held: false,
        });
}

/// Whether the packages of a version are kept on the machine.
fn old_at_hand(machine: &Machine, version: Option<&str>) -> bool {
    let Some(version) = version else { return true };
    let kept = format!("/var/lib/nebplay/packages/{version}");
    machine
        .files
        .names(&kept)
        .iter()
        .any(|name| name.starts_with("opennebula_"))
}

/// What the maintainer scripts do after an upgrade: every enabled unit is restarted, also one that was stopped on purpose; unless
/// it is masked, or a policy says no.
fn start_services(process: &mut Process<'_>) {
    if process.machine().files.text(GUARD).contains("exit 101") {
        return;
    }
    let enabled: Vec<String> = process
        .machine()
        .units
        .iter()
        .filter(|(name, unit)| name.starts_with("opennebula") && unit.enabled == Some(true) && !unit.masked)
        .map(|(name, _)| name.clone())
        .collect();
    for name in enabled {
        systemd::stop(process.federation, process.at, &name);
        // The scripts of the packages do not mind when it does not start.
        let _ = systemd::start(process.federation, process.at, &name);
    }
}

/// The files a release brings: what says its version, its units and its migrators.
pub(super) fn unpack_files(machine: &mut Machine, version: Version) {
    let meta = machine.meta("root", 0o644, std::time::Duration::ZERO);
    let directory = machine.meta("root", 0o755, std::time::Duration::ZERO);
    let mut write = |path: &str, text: String| {
        // The caller has looked whether the disk is full.
        let _ = machine.files.write(path, Content::text(text), &meta);
    };
    for name in ["opennebula", "opennebula-tools"] {
        write(&format!("/usr/share/one/{name}.version"), version.to_string());
    }
    for part in ["shared", "local"] {
        let place = format!("/usr/lib/one/ruby/onedb/{part}");
        let _ = machine.files.make_directories(&place, &directory);
        if version > Version::V7_0_0 {
            let file = format!("{place}/{}", migrator_file(Version::V7_0_0, version));
            let _ = machine.files.write(&file, Content::text(""), &meta);
        }
    }
    for (name, unit) in systemd::front_end(version >= Version::V7_2_0) {
        machine.units.entry(name).or_insert(unit);
    }
    debug_assert!(matches!(
        machine.files.at("/usr/share/one"),
        Some(Node::Directory(_)) | None
    ));
}
