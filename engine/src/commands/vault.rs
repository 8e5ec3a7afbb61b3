//! Where the passwords of vaults come from: files, programs, the operator.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::error::CommandError;
use crate::vault::{Vault, VaultPassword};

/// What stands in a `--vault-id` for the operator.
const PROMPT: &str = "prompt";

/// How what ansible-vault has encrypted is opened.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub(super) struct VaultArgs {
    /// File with the password of what ansible-vault has encrypted, or a program that prints it. May be repeated.
    #[arg(
        long = "vault-password-file",
        alias = "vault-pass-file",
        value_name = "FILE",
        env = "NEBPLAY_VAULT_PASSWORD_FILE",
        help_heading = "Hosts"
    )]
    files: Vec<PathBuf>,
    /// Ask for that password, once, before anything starts.
    #[arg(
        short = 'J',
        long = "ask-vault-password",
        alias = "ask-vault-pass",
        help_heading = "Hosts"
    )]
    ask: bool,
    /// The password of what is encrypted with this label: `LABEL@FILE`, or `LABEL@prompt` to be asked. May be repeated.
    #[arg(long = "vault-id", value_name = "LABEL@FILE", help_heading = "Hosts")]
    ids: Vec<String>,
    /// Once the passwords are read: nobody is asked, and no program run, twice, whoever reads the hosts again.
    #[arg(skip)]
    #[serde(skip)]
    vault: Arc<OnceLock<Arc<Vault>>>,
}

impl VaultArgs {
    /// Reads the passwords, and asks for those that must be asked for.
    pub(super) fn read(&self) -> Result<Arc<Vault>, CommandError> {
        if let Some(vault) = self.vault.get() {
            return Ok(Arc::clone(vault));
        }
        let vault = Arc::new(Vault::new(self.passwords()?));
        Ok(Arc::clone(self.vault.get_or_init(|| vault)))
    }

    fn passwords(&self) -> Result<Vec<VaultPassword>, CommandError> {
        let mut passwords = Vec::new();
        for id in &self.ids {
            let (label, source) = id.split_once('@').unwrap_or(("", id));
            let secret = match source {
                PROMPT => ask_for(label)?,
                file => from_file(Path::new(file), label)?,
            };
            let label = Some(label).filter(|label| !label.is_empty());
            passwords.push(VaultPassword {
                label: label.map(str::to_owned),
                secret,
            });
        }
        for file in &self.files {
            passwords.push(VaultPassword {
                label: None,
                secret: from_file(file, "")?,
            });
        }
        if self.ask {
            passwords.push(VaultPassword {
                label: None,
                secret: ask_for("")?,
            });
        }
        Ok(passwords)
    }

    /// Takes another's word, if that says anything.
    pub(super) fn replace(&mut self, other: &Self) {
        if !other.files.is_empty() || other.ask || !other.ids.is_empty() {
            self.clone_from(other);
        }
    }
}

fn ask_for(label: &str) -> Result<Vec<u8>, CommandError> {
    let question = match label {
        "" => "Vault password: ".to_owned(),
        label => format!("Vault password ({label}): "),
    };
    let answer = rpassword::prompt_password(question).map_err(|error| CommandError::Io {
        doing: "ask for the vault's password (that needs a terminal)".to_owned(),
        error,
    })?;
    let answer = answer.trim();
    if answer.is_empty() {
        return Err(CommandError::usage("the vault's password is empty"));
    }
    Ok(answer.as_bytes().to_vec())
}

/// What a file holds, or prints if it is a program, without the white space around it.
fn from_file(file: &Path, label: &str) -> Result<Vec<u8>, CommandError> {
    let cannot = |error| CommandError::Io {
        doing: format!("read the vault password file {}", file.display()),
        error,
    };
    let is_program = file.metadata().map_err(cannot)?.permissions().mode() & 0o111 != 0;
    let content = if is_program {
        printed_by(file, label)?
    } else {
        std::fs::read(file).map_err(cannot)?
    };
    let secret = content.trim_ascii();
    if secret.is_empty() {
        return Err(CommandError::usage(format!(
            "the vault password file {} is empty",
            file.display()
        )));
    }
    Ok(secret.to_vec())
}

/// What a program prints. As in Ansible, one whose name ends with `-client` is told for which label.
fn printed_by(program: &Path, label: &str) -> Result<Vec<u8>, CommandError> {
    // A name without a slash would be looked for on the path.
    let path = std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
    let mut command = Command::new(path);
    let stem = program.file_stem().and_then(|stem| stem.to_str());
    if stem.is_some_and(|stem| stem.ends_with("-client")) {
        command.args(["--vault-id", if label.is_empty() { "default" } else { label }]);
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| CommandError::Io {
        doing: format!(
            "run the vault password program {} (if it is none, `chmod -x` it)",
            program.display()
        ),
        error,
    })?;
    if !output.status.success() {
        return Err(CommandError::usage(format!(
            "the vault password program {} failed: {}",
            program.display(),
            output.status
        )));
    }
    Ok(output.stdout)
}
