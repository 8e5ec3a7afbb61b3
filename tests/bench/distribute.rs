//! One dump of 500 MB from one host to three: nebplay's `distribute`, OpenSSH streaming through zstd, and scp three times.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Bench;
use crate::measure::{Contender, Fallible, race};
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

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let servers = Servers::start(4)?;
    let (inventory, home) = (servers.inventory()?, servers.home().to_owned());
    let source = home.join("dump.sql");
    write_dump(&source)?;
    let dest = |host: usize| home.join(format!("copy{host}.sql"));
    let play = home.join("distribute.yml");
    fs::write(
        &play,
        format!(
            "- hosts: b02:b03:b04\n  tasks:\n    - distribute:\n        from: b01\n        src: {}\n        dest: {}/{{{{ inventory_hostname }}}}.sql\n",
            source.display(),
            home.display()
        ),
    )?;
    let config = servers.config();
    let fresh = || {
        for host in 2..=4 {
            let _ = fs::remove_file(dest(host));
            let _ = fs::remove_file(home.join(format!("b{host:02}.sql")));
        }
    };
    let shell = |script: String| {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &script]);
        command
    };
    let ssh = |host: usize| format!("ssh -F {} b{host:02}", config.display());
    let copy = |host: usize| dest(host).display().to_string();
    // The same promise as distribute's: a copy whose digest differs is a failure.
    let check = |copies: [PathBuf; 3]| {
        let copies = copies.map(|path| path.display().to_string()).join(" ");
        format!(
            "[ \"$(sha256sum {} {copies} | cut -c1-64 | sort -u | wc -l)\" = 1 ]",
            source.display()
        )
    };
    let mut contenders = [
        Contender::new("OpenSSH, zstd -1, tee", || {
            fresh();
            let pipe = format!(
                "{} 'zstd -1 -q -c {}' | tee >({} 'zstd -dqc > {}') >({} 'zstd -dqc > {}') | {} 'zstd -dqc > {}'; wait",
                ssh(1),
                source.display(),
                ssh(2),
                copy(2),
                ssh(3),
                copy(3),
                ssh(4),
                copy(4)
            );
            // Process substitutions end after the pipe: wait until the copies are whole before they are compared.
            let sizes = format!(
                "for n in 2 3; do until [ \"$(stat -c %s {}/copy$n.sql)\" = \"$(stat -c %s {})\" ]; do sleep 0.01; done; done",
                home.display(),
                source.display()
            );
            shell(format!("{pipe}; {sizes}; {}", check([dest(2), dest(3), dest(4)])))
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
            fresh();
            let one = |host: usize| {
                format!(
                    "scp -q -F {} {} b{host:02}:{}",
                    config.display(),
                    source.display(),
                    copy(host)
                )
            };
            shell(format!(
                "{}; {}; {}; {}",
                one(2),
                one(3),
                one(4),
                check([dest(2), dest(3), dest(4)])
            ))
        }),
    ];
    race(
        &format!("one dump of {MIB} MiB to three hosts, digests checked"),
        bench.rounds.min(3),
        &mut contenders,
    )
}
