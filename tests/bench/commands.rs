//! 10 hosts x 20 commands, connections included.

use std::fs;
use std::process::Command;

use crate::Bench;
use crate::floor::{AT_ONCE, IN_GROUPS, TASK_BY_TASK};
use crate::measure::{Contender, Fallible, on_path, promise, race};
use crate::sshd::Servers;

const HOSTS: usize = 10;
const TASKS: usize = 20;

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let servers = Servers::start(HOSTS)?;
    let (inventory, home) = (servers.inventory()?, servers.home().to_owned());
    let task = |module: &str| format!("    - {module}: /bin/true\n      changed_when: false\n");
    let tasks = |module: &str| task(module).repeat(TASKS);
    let play = home.join("play.yml");
    fs::write(
        &play,
        format!("- hosts: hosts\n  parallel: all\n  tasks:\n{}", tasks("command")),
    )?;
    let ansible_play = home.join("ansible.yml");
    fs::write(
        &ansible_play,
        format!(
            "- hosts: hosts\n  gather_facts: false\n  tasks:\n{}",
            tasks("command")
        ),
    )?;
    let pyinfra = home.join("deploy.py");
    let lines = "server.shell(commands=['/bin/true'])\n".repeat(TASKS);
    fs::write(
        &pyinfra,
        format!("from pyinfra.operations import server\n{lines}"),
    )?;

    let ports: Vec<String> = servers.ports.iter().map(ToString::to_string).collect();
    let floor = |order: &str| {
        let mut command = Command::new(&bench.this);
        command
            .args(["floor", order])
            .arg(servers.key())
            .args([&TASKS.to_string(), "/bin/true"])
            .args(&ports);
        command
    };
    let mut contenders = vec![
        Contender::new("the floor: ssh2, one sh for each host", || {
            floor("each-for-itself")
        }),
        Contender::new("the floor, task by task", || floor(TASK_BY_TASK)),
        Contender::new("the floor, in bash and process groups", || floor(IN_GROUPS)),
        Contender::new("the floor, acknowledging at once", || floor(AT_ONCE)),
        Contender::new("nebplay", || {
            let mut command = Command::new(&bench.nebplay);
            command
                .arg(&play)
                .arg("-i")
                .arg(&inventory)
                .args(["-f", "10"])
                .env("HOME", &home)
                .env_remove("SSH_AUTH_SOCK");
            command
        }),
        Contender::new("nebplay, without its journal", || {
            let mut command = Command::new(&bench.nebplay);
            command
                .arg(&play)
                .arg("-i")
                .arg(&inventory)
                .args(["-f", "10", "--no-journal"])
                .env("HOME", &home)
                .env_remove("SSH_AUTH_SOCK");
            command
        }),
    ];
    race(
        &format!("{HOSTS} hosts x {TASKS} commands, connections included"),
        bench.rounds,
        &mut contenders,
    )?;
    if let [floor, in_order, in_groups, at_once, ours, ..] = contenders.as_slice() {
        let ratio = ours.wall() / floor.wall();
        let megabytes = f64::from(u32::try_from(ours.peak()).unwrap_or(u32::MAX)) / 1024.0;
        promise("within 1.3 times the floor", ratio, ratio <= 1.3);
        let in_order = ours.wall() / in_order.wall();
        println!(
            "  {in_order:.2} times the floor that waits for all hosts between two tasks, as `linear` does"
        );
        println!(
            "  {:.2} times the floor whose hosts do as much: a shell that can end a command with all that it started",
            ours.wall() / in_groups.wall()
        );
        println!(
            "  {:.2} times the floor that acknowledges at once, as nebplay does",
            ours.wall() / at_once.wall()
        );
        promise("below 40 MB", megabytes, megabytes < 40.0);
    }

    let mut peers = Vec::new();
    if on_path("ansible-playbook") {
        for (name, pipelining) in [
            ("ansible, pipelining, forks 10", "True"),
            ("ansible, default, forks 10", "False"),
        ] {
            let (play, inventory, servers, home) = (&ansible_play, &inventory, &servers, &home);
            peers.push(Contender::new(name, move || {
                let mut command = Command::new("ansible-playbook");
                command
                    .arg(play)
                    .arg("-i")
                    .arg(inventory)
                    .args(["-f", "10"])
                    .env("HOME", home)
                    .env("ANSIBLE_PIPELINING", pipelining);
                command.env(
                    "ANSIBLE_SSH_ARGS",
                    format!(
                        "-F {} -o ControlMaster=auto -o ControlPersist=60s",
                        servers.config().display()
                    ),
                );
                command
            }));
        }
    }
    if on_path("pyinfra") {
        peers.push(Contender::new("pyinfra", || {
            let hosts: Vec<String> = (1..=HOSTS).map(|number| format!("b{number:02}")).collect();
            let mut command = Command::new("pyinfra");
            command
                .arg("-y")
                .arg("--ssh-key")
                .arg(servers.key())
                .arg(hosts.join(","))
                .arg(&pyinfra)
                .env("HOME", &home);
            command
        }));
    }
    if peers.is_empty() {
        println!("(no peer on the PATH: pip install ansible-core pyinfra)");
        return Ok(());
    }
    race(
        "the same by the peers (ratio to the first of them)",
        bench.rounds.min(3),
        &mut peers,
    )?;
    let ours = contenders.last().map_or(f64::NAN, Contender::wall);
    for peer in &peers {
        println!(
            "  {} takes {:.0} times as long as nebplay",
            peer.name,
            peer.wall() / ours
        );
    }
    Ok(())
}
