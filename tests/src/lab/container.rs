//! One host: an overlay over cached layers, booted by `systemd-nspawn`.

use super::cgroup::Cgroup;
use super::network::Network;
use crate::LabError;
use crate::program::{Output, Program};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A host to be made.
#[derive(Debug, Clone)]
pub struct HostPlan {
    /// Host name.
    pub name: String,
    /// Address in the lab's network.
    pub address: String,
    /// Directories it starts from, the topmost first; never written to.
    pub layers: Vec<PathBuf>,
}

/// A host of a lab; it may be up or down.
#[derive(Debug, Clone)]
pub struct Container {
    /// Host name.
    pub name: String,
    /// Address in the lab's network.
    pub address: String,
    /// Name of its network namespace, its control group and its machine.
    machine: String,
    directory: PathBuf,
}

/// How long a boot or a clean shutdown may take before something is plainly wrong.
const PATIENCE: Duration = Duration::from_secs(60);

impl Container {
    /// The host of this name in a lab whose files are under `lab_directory`.
    pub(super) fn of(lab: &str, lab_directory: &Path, name: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            machine: Network::of(lab).namespace(name),
            directory: lab_directory.join("hosts").join(name),
        }
    }

    /// Its root directory as this machine sees it, while it is mounted.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// What it wrote since it was made: the overlay's upper directory.
    pub fn written(&self) -> PathBuf {
        self.directory.join("upper")
    }

    /// What its console printed: the place to look when it does not boot.
    pub fn console_log(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// Mounts its root over the given layers, the topmost first.
    pub(super) fn mount(&self, layers: &[PathBuf]) -> Result<(), LabError> {
        for part in ["root", "upper", "work"] {
            let path = self.directory.join(part);
            fs::create_dir_all(&path).map_err(LabError::file("create", &path))?;
        }
        let lower: Vec<String> = layers.iter().map(|layer| layer.display().to_string()).collect();
        // `volatile`: nothing here must survive a crash of the machine, so no sync need reach its disk.
        let options = format!(
            "lowerdir={},upperdir={},workdir={},volatile",
            lower.join(":"),
            self.written().display(),
            self.directory.join("work").display()
        );
        Program::new("mount")
            .args(["-t", "overlay", "nebplay-lab", "-o", &options])
            .arg(self.root())
            .run()
            .map(drop)
    }

    /// Writes a file into the root of a host that is mounted, with the directories above it; owner root.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<(), LabError> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.root().join(path.trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(LabError::file("create", parent))?;
        }
        fs::write(&path, content).map_err(LabError::file("write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .map_err(LabError::file("set the mode of", &path))
    }

    /// Switches it on. Returns at once; see [`Container::wait_until_up`].
    pub fn boot(&self) -> Result<(), LabError> {
        let console = self.console_log();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&console)
            .map_err(LabError::file("open", &console))?;
        let stderr = log.try_clone().map_err(LabError::file("open", &console))?;
        let enter = Cgroup::of(&self.machine).enter()?;
        let mut command = std::process::Command::new("setsid");
        command
            .args(&enter)
            .args([
                "systemd-nspawn",
                "--register=no",
                "--keep-unit",
                "--resolv-conf=off",
                "--link-journal=no",
                // Its network is its own: it may put up a firewall there.
                "--capability=CAP_NET_ADMIN",
            ])
            .arg(format!("--network-namespace-path=/run/netns/{}", self.machine))
            .arg(format!("--hostname={}", self.name))
            .args(["-M", &self.machine, "--console=pipe", "-bD"])
            .arg(self.root())
            .stdin(std::process::Stdio::null())
            .stdout(log)
            .stderr(stderr);
        let mut child = command
            .spawn()
            .map_err(LabError::file("start systemd-nspawn for", self.root()))?;
        // It outlives this call, and maybe this process; whoever is its parent takes its exit status.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Waits until its systemd has finished booting; units that failed do not matter here.
    pub fn wait_until_up(&self) -> Result<(), LabError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self
                .exec(&["systemctl", "is-system-running", "--wait"])
                .map(|output| output.stdout.trim().to_owned())
                .unwrap_or_default();
            if matches!(state.as_str(), "running" | "degraded") {
                return Ok(());
            }
            if Instant::now() > deadline {
                let console = fs::read_to_string(self.console_log()).unwrap_or_default();
                return Err(LabError::Late {
                    what: format!("{} booted", self.name),
                    seconds: PATIENCE.as_secs(),
                    last_seen: format!("its systemd says `{state}`\n{}", crate::program::tail(&console)),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Pulls the plug: every process is gone at once, what was written stays.
    pub fn power_off(&self) -> Result<(), LabError> {
        let cgroup = Cgroup::of(&self.machine);
        cgroup.kill()?;
        cgroup.remove();
        Ok(())
    }

    /// Shuts it down as `systemctl poweroff` does, and waits for it.
    pub fn shut_down(&self) -> Result<(), LabError> {
        let cgroup = Cgroup::of(&self.machine);
        self.exec(&["systemctl", "poweroff"])?;
        let deadline = Instant::now() + PATIENCE;
        while cgroup.is_populated() {
            if Instant::now() > deadline {
                return Err(LabError::Late {
                    what: format!("{} shut down", self.name),
                    seconds: PATIENCE.as_secs(),
                    last_seen: String::new(),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        cgroup.remove();
        Ok(())
    }

    /// Whether it is switched on.
    pub fn is_on(&self) -> bool {
        Cgroup::of(&self.machine).is_populated()
    }

    /// Runs a program inside as root, without SSH: works with the cable cut and no sshd.
    pub fn exec<S: AsRef<std::ffi::OsStr>>(&self, argv: &[S]) -> Result<Output, LabError> {
        self.inside()?.args(argv).output()
    }

    /// Runs a shell script inside as root; `arguments` are its `$1`, `$2`, …
    pub fn sh(&self, script: &str, arguments: &[&str]) -> Result<Output, LabError> {
        self.inside()?
            .args(["bash", "-c", script, "bash"])
            .args(arguments)
            .output()
    }

    /// As [`Container::sh`], but any exit status except 0 is an error; returns what it printed.
    pub fn must(&self, script: &str, arguments: &[&str]) -> Result<String, LabError> {
        self.inside()?
            .args(["bash", "-c", script, "bash"])
            .args(arguments)
            .run()
    }

    /// Writes a file of a host that is on, wherever in its own tree of mounts that is; owner root.
    pub fn put(&self, path: &str, content: &[u8]) -> Result<(), LabError> {
        let script = "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\"";
        self.inside()?
            .args(["sh", "-c", script, "sh", path])
            .input(content)
            .run()
            .map(drop)
    }

    /// The words before a command that make it run inside, as root, in a clean environment.
    pub fn inside_argv(&self) -> Result<Vec<String>, LabError> {
        let init = Cgroup::of(&self.machine)
            .init()
            .ok_or_else(|| LabError::Usage(format!("run a command on {}: it is switched off", self.name)))?;
        Ok([
            "nsenter",
            "--target",
            &init.to_string(),
            "--all",
            "--root",
            "--",
            "env",
            "-i",
            "-C",
            "/",
        ]
        .into_iter()
        .chain([
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
        ])
        .map(str::to_owned)
        .collect())
    }

    fn inside(&self) -> Result<Program, LabError> {
        let argv = self.inside_argv()?;
        Ok(Program::new(&argv[0]).args(&argv[1..]))
    }

    /// Takes its root off the machine's file tree.
    pub(super) fn unmount(&self) -> Result<(), LabError> {
        if !is_mount_point(&self.root()) {
            return Ok(());
        }
        let plain = Program::new("umount").arg(self.root()).output()?;
        if plain.code == 0 {
            return Ok(());
        }
        let lazy = Program::new("umount").arg("--lazy").arg(self.root()).run();
        // Another process may tidy the same dead lab up at this moment.
        lazy.map(drop).or_else(|error| {
            if is_mount_point(&self.root()) {
                Err(error)
            } else {
                Ok(())
            }
        })
    }
}

fn is_mount_point(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    // Lab paths hold no blanks, which the kernel would have written as octal escapes.
    mounts.lines().any(|line| {
        line.split(' ')
            .nth(1)
            .is_some_and(|target| Path::new(target) == path)
    })
}
