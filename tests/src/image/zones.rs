//! Hosts with OpenNebula installed, and three zones in sync on them, as layers to start labs from.

use super::cache::{Cache, digest};
use super::packages::{VERSIONS, repositories};
use super::repository::source_line;
use super::root::root;
use crate::LabError;
use crate::federation::{Backend, SITES};
use crate::lab::{Container, Guard, HostPlan, Lab, Owner, Plan, default_directory};
use crate::program::{Program, built};
use std::fs;
use std::path::{Path, PathBuf};

const INSTALL: &str = include_str!("../../lab/install.sh");
const ZONE: &str = include_str!("../../lab/zone.sh");

/// What the zones hold when a lab starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// Where oned keeps its tables.
    pub backend: Backend,
    /// Users beside those a new cloud has.
    pub users: u32,
}

/// Hosts ready to be booted into three zones of the first version, in sync, and the package repository they need.
#[derive(Debug, Clone)]
pub struct Zones {
    /// One per zone, master first.
    pub hosts: Vec<HostPlan>,
    /// What the control namespace serves to apt.
    pub repository: PathBuf,
}

/// The zones of `start`, made if they are not cached: seconds where root and packages are.
pub fn zones(cache: &Cache, start: Start) -> Result<Zones, LabError> {
    let root = root(cache)?;
    let repository = repositories(cache, &standin()?)?;
    let installed = installed(cache, &root, &repository)?;
    let users = start.users.to_string();
    let parts = [name(&installed), ZONE, start.backend.name(), &users].map(str::as_bytes);
    let base = vec![installed.clone(), root];
    let checkpoint = cache.entry("zones", &digest(parts), |directory| {
        let lab = build_lab("image-zones", &repository, |_| base.clone())?;
        configure(&lab, start)?;
        crate::lab::wait_until_in_sync(&lab)?;
        lab.hosts().iter().try_for_each(Container::shut_down)?;
        lab.hosts()
            .iter()
            .try_for_each(|host| save(host, &directory.join(&host.name)))
    })?;
    let hosts = plans(|host| [vec![checkpoint.join(host)], base.clone()].concat());
    Ok(Zones { hosts, repository })
}

/// The stand-in's binary: `$NEBPLAY_STANDIN`, or the one built beside this program.
fn standin() -> Result<PathBuf, LabError> {
    std::env::var_os("NEBPLAY_STANDIN")
        .map_or_else(|| built("opennebula-standin"), |path| Ok(PathBuf::from(path)))
}

/// A host with the packages of the first version, not configured.
fn installed(cache: &Cache, root: &Path, repository: &Path) -> Result<PathBuf, LabError> {
    let line = source_line(VERSIONS[0]);
    let parts = [name(root), name(repository), INSTALL, &line].map(str::as_bytes);
    cache.entry("installed", &digest(parts), |directory| {
        let plan = Plan {
            name: "image-installed".to_owned(),
            directory: default_directory("image-installed"),
            hosts: vec![HostPlan {
                name: "builder".to_owned(),
                address: SITES[0].address.to_owned(),
                layers: vec![root.to_path_buf()],
            }],
            owner: Owner::this_process(),
            repository: Some(repository.to_path_buf()),
        };
        let lab = Lab::start(&plan)?;
        let host = lab.host("builder")?;
        host.must(INSTALL, &[line.trim_end()])?;
        host.shut_down()?;
        // Every host gets an identity of its own at its first boot.
        host.write("/etc/machine-id", "", 0o644)?;
        fs::remove_dir(directory).map_err(LabError::file("remove", directory))?;
        save(host, directory)
    })
}

/// A lab of the three hosts that only lives while a layer is made.
fn build_lab(
    name: &str,
    repository: &Path,
    layers: impl Fn(&str) -> Vec<PathBuf>,
) -> Result<Guard, LabError> {
    Lab::start(&Plan {
        name: name.to_owned(),
        directory: default_directory(name),
        hosts: plans(layers),
        owner: Owner::this_process(),
        repository: Some(repository.to_path_buf()),
    })
}

fn plans(layers: impl Fn(&str) -> Vec<PathBuf>) -> Vec<HostPlan> {
    SITES
        .iter()
        .map(|site| HostPlan {
            name: site.host.to_owned(),
            address: site.address.to_owned(),
            layers: layers(site.host),
        })
        .collect()
}

/// Makes the three hosts zones, all at the same time.
fn configure(lab: &Lab, start: Start) -> Result<(), LabError> {
    let endpoint = |address: &str| format!("http://{address}:2633/RPC2");
    let federation: Vec<String> = SITES
        .iter()
        .map(|site| format!("{}={}", site.zone_id, endpoint(site.address)))
        .collect();
    let (federation, master) = (federation.join(","), endpoint(SITES[0].address));
    let users = start.users.to_string();
    std::thread::scope(|scope| {
        let running: Vec<_> = SITES
            .iter()
            .map(|site| {
                let (federation, master, users) = (&federation, &master, &users);
                scope.spawn(move || {
                    let mode = if site.zone_id == 0 { "MASTER" } else { "SLAVE" };
                    let zone = site.zone_id.to_string();
                    lab.host(site.host)?.must(
                        ZONE,
                        &[start.backend.name(), &zone, mode, master, users, federation],
                    )
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| {
            thread.join().map_or_else(
                |panic| std::panic::resume_unwind(panic),
                |result| result.map(drop),
            )
        })
    })
}

/// Copies what a host wrote, with the marks by which an overlay knows what was deleted.
fn save(host: &Container, to: &Path) -> Result<(), LabError> {
    Program::new("cp")
        .args(["--archive", "--reflink=auto", "--no-target-directory"])
        .arg(host.written())
        .arg(to)
        .run()
        .map(drop)
}

/// The last part of a cached entry's path, which holds its digest.
fn name(entry: &Path) -> &str {
    entry
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
