//! Programs that a shell runs.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use super::Shell;
use crate::system::Call;
use crate::tools;

/// A script in a script takes as much of the stack as so many functions.
const A_SCRIPT: usize = 8;

impl Shell<'_> {
    /// Runs what is no builtin and no function.
    pub(crate) fn program(&mut self, argv: &[String], prefix: &[(String, String)]) {
        let mut env = self.variables.environment();
        if !prefix.is_empty() {
            Rc::make_mut(&mut env).extend(prefix.iter().cloned());
        }
        // What is not read stays for the next command.
        let stdin = if reads_input(argv) {
            self.rest_of_input()
        } else {
            Bytes::new()
        };
        let call = Call {
            argv,
            env: &env,
            cwd: &self.cwd,
            stdin: &stdin,
            umask: self.umask,
            depth: self.depth + A_SCRIPT,
        };
        let mut ended = self.system.run(&call);
        if !self.write(1, &ended.stdout) {
            let name = argv.first().map_or("", String::as_str);
            ended.stderr.extend(format!("{name}: write error\n").bytes());
            ended.status = ended.status.max(1);
        }
        self.write(2, &ended.stderr);
        self.status = ended.status;
    }
}

/// Whether a program reads its standard input, as far as it is known. One that is not known is taken to leave it alone.
fn reads_input(argv: &[String]) -> bool {
    const READERS: [&str; 28] = [
        "awk",
        "bash",
        "bc",
        "cat",
        "chroot",
        "cmp",
        "cut",
        "dash",
        "env",
        "grep",
        "gzip",
        "head",
        "mysql",
        "nft",
        "openssl",
        "runuser",
        "sed",
        "setpriv",
        "sh",
        "sha256sum",
        "sort",
        "sqlite3",
        "sudo",
        "tail",
        "tar",
        "tee",
        "timeout",
        "tr",
    ];
    const MORE: [&str; 8] = ["egrep", "mariadb", "nice", "perl", "uniq", "wc", "xargs", "zstd"];
    let name = argv
        .first()
        .and_then(|word| word.rsplit('/').next())
        .unwrap_or_default();
    READERS.contains(&name) || MORE.contains(&name)
}

/// Runs a tool of this package as a shell's builtin would be.
pub(crate) fn tool(shell: &mut Shell<'_>, argv: &[String]) -> bool {
    let Some(tool) = argv.first().and_then(|name| tools::find(name)) else {
        return false;
    };
    let stdin = Bytes::new();
    let env = BTreeMap::new();
    let cwd = shell.cwd.clone();
    let call = Call {
        argv,
        env: &env,
        cwd: &cwd,
        stdin: &stdin,
        umask: shell.umask,
        depth: shell.depth,
    };
    let mut ended = tool(&call, shell.system);
    if !shell.write(1, &ended.stdout) {
        ended.status = 1;
    }
    shell.write(2, &ended.stderr);
    shell.status = ended.status;
    true
}
