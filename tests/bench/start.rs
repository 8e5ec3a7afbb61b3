//! How long from the start of the process to the first byte on the wire.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, thread};

use crate::Bench;
use crate::measure::{Fallible, promise};

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join(".ssh"))?;
    let play = dir.path().join("play.yml");
    fs::write(&play, "- hosts: all\n  tasks:\n    - ping:\n")?;
    let mut times = Vec::new();
    for _ in 0..bench.rounds.max(5) {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let inventory = dir.path().join("hosts.ini");
        fs::write(
            &inventory,
            format!("b01 ansible_host=127.0.0.1 ansible_port={port} ansible_user=root\n"),
        )?;
        let first_byte = thread::spawn(move || {
            let (mut stream, _) = listener.accept().ok()?;
            stream.read_exact(&mut [0]).ok()?;
            Some(Instant::now())
        });
        let begin = Instant::now();
        let mut command = Command::new(&bench.nebplay);
        command
            .arg(&play)
            .arg("-i")
            .arg(&inventory)
            .env("HOME", dir.path());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let arrived = first_byte.join().ok().flatten().ok_or("nothing was sent")?;
        times.push(arrived.duration_since(begin).as_secs_f64() * 1000.0);
        let _ = child.kill();
        child.wait()?;
    }
    times.sort_by(f64::total_cmp);
    println!(
        "\nfrom start to the first byte sent: median {:.1} ms, longest {:.1} ms",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    promise(
        "within 50 ms",
        times[times.len() / 2],
        times[times.len() / 2] <= 50.0,
    );
    Ok(())
}
