//! One dump of 500 MB from one host to three: nebplay's `distribute`, OpenSSH streaming through zstd, and scp three times. All know the
//! digest that was recorded when the dump was made, as `upgrade.yml` does, and compare what each host then has with it. The peers are given
//! nebplay's cipher, but for `scp` as people type it, which gets the one that OpenSSH prefers by itself.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::Bench;
use crate::measure::{Contender, Fallible, promise, race};
use crate::sshd::Servers;

const MIB: usize = 500;

/// Rows such as a federated dump has: most of it repeats, ids and digests do not.
fn write_dump(path: &Path) -> Fallible<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let (mut written, mut row, mut seed) = (0, 0_u64, 0x9E37_79B9_7F4A_7C15_u64);
    while written < MIB << 20 {
        row += 1;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let line = format!(
            "INSERT INTO user_pool VALUES({row},'user{row}','<USER><ID>{row}</ID><GID>1</GID><GROUPS><ID>1</ID></GROUPS>\
             <GNAME><![CDATA[users]]></GNAME><NAME><![CDATA[user{row}]]></NAME><PASSWORD><![CDATA[{seed:016x}]]></PASSWORD>\
             <AUTH_DRIVER><![CDATA[core]]></AUTH_DRIVER><ENABLED>1</ENABLED><TEMPLATE><TOKEN_PASSWORD><![CDATA[]]>\
             </TOKEN_PASSWORD></TEMPLATE></USER>',0,1,1,1,0,0);\n"
        );
        written += line.len();
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    Ok(())
}

fn digest(path: &Path) -> Fallible<String> {
    let answer = Command::new("openssl")
        .args(["dgst", "-sha256", "-r"])
        .arg(path)
        .output()?;
    let answer = String::from_utf8(answer.stdout)?;
    Ok(answer.split(' ').next().unwrap_or_default().to_owned())
}

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let servers = Servers::start(4)?;
    let (inventory, home) = (servers.inventory()?, servers.home().to_owned());
    let source = home.join("dump.sql");
    write_dump(&source)?;
    let recorded = digest(&source)?;
    let copy = servers.data().join("copy.sql").display().to_string();
    let play = home.join("distribute.yml");
    fs::write(
        &play,
        format!(
            "- hosts: b02:b03:b04\n  tasks:\n    - distribute:\n        from: b01\n        src: {}\n        dest: {copy}\n        \
             sha256: {recorded}\n        owner: root\n        group: root\n",
            source.display()
        ),
    )?;
    let config = servers.config();
    let fresh = || {
        for host in 2..=4 {
            let _ = fs::remove_file(servers.data_of(host).join("copy.sql"));
        }
    };
    let shell = |script: String| {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", &script])
            .env("HOME", &home)
            .current_dir(&home);
        command
    };
    let ssh = |host: usize| format!("ssh -F {} b{host:02}", config.display());
    // The same promise as distribute's: on disk, and every copy with the recorded digest, by the same program.
    let settled = format!("sync {copy} && openssl dgst -sha256 -r < {copy}");
    let same = format!("[ \"$(cat sum? | grep -c ^{recorded})\" = 3 ]");
    let scp = |options: &str| {
        fresh();
        let one = |host: usize| {
            format!(
                "scp -q {options} -F {} {} b{host:02}:{copy}",
                config.display(),
                source.display()
            )
        };
        let look = |host: usize| format!("{} '{settled}' > sum{host} & sinks+=($!)", ssh(host));
        shell(format!(
            "rm -f sum?; sinks=()\n{}\n{}\n{}\n{}\n{}\n{}\n\
             for sink in \"${{sinks[@]}}\"; do wait \"$sink\"; done\n{same}",
            one(2),
            one(3),
            one(4),
            look(2),
            look(3),
            look(4)
        ))
    };
    let mut contenders = [
        Contender::new("OpenSSH, zstd -1, three ways", || {
            fresh();
            // Named pipes, not `tee >(…)`: their ends can be waited for, and each has its own flags.
            let sink = |host: usize| {
                format!(
                    "{} 'zstd -dqc > {copy} && {settled}' < way{host} > sum{host} & sinks+=($!)",
                    ssh(host)
                )
            };
            shell(format!(
                "rm -f way? sum?; mkfifo way2 way3 way4; sinks=()\n{}\n{}\n{}\n\
                 {} 'zstd -1 -q -c {}' | tee way2 way3 > way4\nfor sink in \"${{sinks[@]}}\"; do wait \"$sink\"; done\n{same}",
                sink(2),
                sink(3),
                sink(4),
                ssh(1),
                source.display(),
            ))
        }),
        Contender::new("nebplay distribute", || {
            fresh();
            let mut command = Command::new(&bench.nebplay);
            command
                .arg(&play)
                .arg("-i")
                .arg(&inventory)
                .env("HOME", &home)
                .env_remove("SSH_AUTH_SOCK");
            command
        }),
        Contender::new("scp three times", || {
            scp("-o Ciphers=chacha20-poly1305@openssh.com")
        }),
        Contender::new("scp three times, with nebplay's cipher", || scp("")),
    ];
    race(
        &format!("one dump of {MIB} MiB to three hosts, digests checked"),
        bench.rounds.min(5),
        &mut contenders,
    )?;
    let [openssh, ours, scp, tuned] = &contenders;
    let openssh = ours.wall() / openssh.wall();
    let (scp, tuned) = (scp.wall() / ours.wall(), tuned.wall() / ours.wall());
    promise(
        "at least as fast as OpenSSH through zstd: ratio at most 1",
        openssh,
        openssh <= 1.0,
    );
    promise("at least 2.5 times as fast as three scp", scp, scp >= 2.5);
    println!("  {tuned:.2} times as fast as three scp with nebplay's cipher");
    Ok(())
}
