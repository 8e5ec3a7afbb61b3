//! What ansible-vault has encrypted, opened: whole files of variables, inventories and playbooks, and single values (`!vault`).
//!
//! What comes out of a vault is a secret: every text in it is told to the run's secrets, and no finding shows the text of a file that
//! was encrypted.

mod sealed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use nebplay_modules::digest::sha256;

use crate::diagnostics::{Finding, Source};
use crate::yaml::{self, Node, Style, Tag, Value};
use sealed::{SIGN, Sealed};

/// What to do where no password was given.
pub const GIVE_A_PASSWORD: &str =
    "give its password with --vault-password-file FILE, or --ask-vault-password";

/// What to do where none of them opens it.
const GIVE_ITS_OWN: &str =
    "give the password it was encrypted with: --vault-password-file FILE, or --vault-id LABEL@FILE";

/// A password, and the label (`--vault-id`) of what it opens first.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultPassword {
    /// The label, if it has one; it is tried on everything all the same, as Ansible does.
    pub label: Option<String>,
    /// The password.
    pub secret: Vec<u8>,
}

impl fmt::Debug for VaultPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultPassword({:?})", self.label)
    }
}

/// The passwords of a run. Without any, values stay closed until they are used, and encrypted files are refused.
#[derive(Debug, Clone, Default)]
pub struct Vault(Vec<VaultPassword>);

/// Why something stays closed.
enum Closed {
    /// No password was given.
    NoPassword,
    /// A sentence without an end, and what to do about it.
    Because(String, Option<&'static str>),
}

impl Closed {
    fn because(why: &str) -> Self {
        Self::Because(why.to_owned(), None)
    }
}

impl Vault {
    /// Opens with these, those of the same label first, then in this order.
    pub fn new(passwords: Vec<VaultPassword>) -> Self {
        Self(passwords)
    }

    /// The passwords that are texts.
    pub fn passwords(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|password| std::str::from_utf8(&password.secret).ok())
    }

    /// Opens nothing.
    pub const fn closed() -> Self {
        Self(Vec::new())
    }

    /// A file as it is on the disk, opened if it is encrypted.
    pub fn source(&self, name: impl Into<String>, text: String) -> Result<Arc<Source>, Finding> {
        let name = name.into();
        if !text.starts_with(SIGN) {
            return Ok(Source::new(name, text));
        }
        match self.open(&text).and_then(as_text) {
            Ok(opened) => Ok(Source::sealed(name, opened, sha256(&text))),
            Err(Closed::NoPassword) => {
                Err(Finding::nowhere(format!("{name} is encrypted by ansible-vault")).help(GIVE_A_PASSWORD))
            }
            Err(Closed::Because(why, help)) => {
                let message = format!("{name} is encrypted by ansible-vault and cannot be opened: {why}");
                Err(with_help(Finding::nowhere(message), help))
            }
        }
    }

    /// What is in a file that is encrypted, which need not be text; nothing if it is not. An error is the end of a sentence.
    pub fn open_file(&self, content: &[u8]) -> Result<Option<Vec<u8>>, String> {
        if !content.starts_with(SIGN.as_bytes()) {
            return Ok(None);
        }
        let opened = match std::str::from_utf8(content) {
            Ok(text) => self.open(text),
            Err(_) => Err(Closed::because("it is damaged: it is no text")),
        };
        opened.map(Some).map_err(|closed| match closed {
            Closed::NoPassword => format!("it is encrypted by ansible-vault; {GIVE_A_PASSWORD}"),
            Closed::Because(why, help) => {
                let help = help.map_or_else(String::new, |help| format!("; {help}"));
                format!("it is encrypted by ansible-vault and cannot be opened: {why}{help}")
            }
        })
    }

    /// The YAML in a source, its `!vault` values opened.
    pub fn parse(&self, source: &Arc<Source>) -> Result<Option<Node>, Finding> {
        let mut root = yaml::parse(source)?;
        if let Some(root) = &mut root {
            self.open_in(root)?;
        }
        Ok(root)
    }

    fn open_in(&self, node: &mut Node) -> Result<(), Finding> {
        let is_sealed = node.tag == Some(Tag::Vault);
        match &mut node.value {
            Value::Sequence(items) => items.iter_mut().try_for_each(|item| self.open_in(item)),
            Value::Mapping(entries) => entries
                .iter_mut()
                .try_for_each(|entry| self.open_in(&mut entry.value)),
            Value::Scalar { text, style } if is_sealed => match self.open(text).and_then(as_text) {
                Ok(opened) => {
                    (*text, *style) = (opened, Style::Text);
                    node.tag = Some(Tag::Opened);
                    Ok(())
                }
                Err(Closed::NoPassword) => Ok(()),
                Err(Closed::Because(why, help)) => {
                    let message = "this value is encrypted by ansible-vault and cannot be opened";
                    Err(with_help(Finding::at(&node.span, message, why), help))
                }
            },
            // What else an encrypted file says by its look, as a number does, tells nobody a password.
            Value::Scalar { .. } => {
                if node.span.source.sealed.is_some() && node.tag.is_none() && node.to_value().is_string() {
                    node.tag = Some(Tag::Secret);
                }
                Ok(())
            }
        }
    }

    fn open(&self, text: &str) -> Result<Vec<u8>, Closed> {
        if self.0.is_empty() {
            return Err(Closed::NoPassword);
        }
        let sealed = Sealed::read(text).map_err(Closed::because)?;
        let is_labelled =
            |password: &&VaultPassword| sealed.label.is_some() && password.label == sealed.label;
        let first = self.0.iter().filter(is_labelled);
        let others = self.0.iter().filter(|password| !is_labelled(password));
        let opened = first
            .chain(others)
            .find_map(|password| sealed.open(&password.secret));
        opened.ok_or_else(|| {
            let label = sealed.label.as_deref();
            let label = label.map_or_else(String::new, |label| format!(" (its label is `{label}`)"));
            Closed::Because(
                format!("none of the passwords opens it{label}"),
                Some(GIVE_ITS_OWN),
            )
        })
    }
}

fn with_help(finding: Finding, help: Option<&str>) -> Finding {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn as_text(opened: Vec<u8>) -> Result<String, Closed> {
    String::from_utf8(opened).map_err(|_| Closed::because("what is in it is no UTF-8 text"))
}
