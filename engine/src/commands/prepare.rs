//! What a run is made from: playbooks, inventory and options, read and checked.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::error::CommandError;
use super::inputs::{self, Noting};
use super::lookups::ProcessLookups;
use super::options::{self, Options, RunArgs};
use crate::diagnostics::{Findings, suggest};
use crate::events::Secrets;
use crate::events::journal::{FORMAT, Header};
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Playbook};
use crate::template::Templates;

/// Playbooks that are right, and their plan.
pub(super) struct Prepared {
    pub(super) options: Options,
    pub(super) plan: Plan,
    pub(super) templates: Templates,
    pub(super) directory: PathBuf,
    pub(super) secrets: Arc<Secrets>,
    /// The command line.
    args: RunArgs,
    /// The files it was made from, with the SHA-256 of each.
    inputs: IndexMap<String, String>,
}

impl Prepared {
    /// What the journal says about where the run comes from.
    pub(super) fn header(&self, run: &str) -> Header {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let login = variable("USER").or_else(|| variable("LOGNAME"));
        let names: Vec<String> = self.plan.hosts().into_iter().map(str::to_owned).collect();
        let args = self.args.without_secrets(&self.secrets);
        Header {
            format: FORMAT,
            run: run.to_owned(),
            nebplay: env!("CARGO_PKG_VERSION").to_owned(),
            who: format!(
                "{}@{}",
                login.as_deref().unwrap_or("root"),
                rustix::system::uname().nodename().to_string_lossy()
            ),
            at: jiff::Timestamp::now().as_second(),
            directory: std::env::current_dir()
                .map_or_else(|_| ".".to_owned(), |here| here.display().to_string()),
            arguments: serde_json::to_value(args).unwrap_or_default(),
            inputs: self.inputs.clone(),
            variables: inputs::variables(&self.options.hosts, &names, &self.secrets),
        }
    }

    pub(super) fn listing(&self) -> Listing {
        Listing::of(
            &self.plan,
            &self.options.hosts.zoned.federation,
            self.options.forks,
        )
    }
}

/// Reads and checks everything that is given: all that is wrong, in the inventory and in every playbook, is said in one go.
pub(super) fn prepare(args: RunArgs) -> Result<Prepared, CommandError> {
    let mut playbooks: Vec<Playbook> = Vec::new();
    let mut wrong = Findings::new();
    let vault = args.vault()?;
    let reader = Noting::new(&vault);
    let given = args.clone();
    for path in &args.playbooks {
        match playbook::load(path, &reader) {
            Ok(playbook) => playbooks.push(playbook),
            Err(findings) => wrong.extend(findings),
        }
    }
    let directory = args
        .playbooks
        .first()
        .and_then(|path| options::directory_of(path));
    let directory = directory.unwrap_or_else(|| PathBuf::from("."));
    let options = match args.read() {
        Ok(options) => options,
        Err(CommandError::Files(findings)) => {
            wrong.extend(findings);
            return Err(wrong.into());
        }
        Err(other) => return Err(other),
    };
    let secrets = Arc::new(Secrets::default());
    let templates = Templates::with_lookups(Arc::new(ProcessLookups {
        directory: directory.clone(),
        secrets: Arc::clone(&secrets),
        vault,
    }));
    let chosen = plan::Options { tags: tags(&options) };
    let planned = plan::plan(&playbooks, &chosen, |pattern| {
        options.hosts.of_play(pattern, &templates)
    });
    match planned {
        Ok(mut plan) if wrong.is_empty() => {
            unknown_tags(&options, &plan)?;
            if let Some(task) = &options.start_at_task {
                plan.start_at(task).map_err(|error| CommandError::Usage {
                    message: error.to_string(),
                    help: error.suggestion,
                })?;
            }
            options.hosts.tell_passwords(&secrets);
            for play in &mut plan.plays {
                if let Some(name) = options.hosts.name_of_play(&play.play, &templates) {
                    Arc::make_mut(&mut play.play).name.value = name;
                }
            }
            Ok(Prepared {
                options,
                plan,
                templates,
                directory,
                secrets,
                args: given,
                inputs: reader.seen(),
            })
        }
        planned => {
            wrong.extend(planned.err().into_iter().flatten());
            Err(wrong.into())
        }
    }
}

/// A misspelt tag would choose nothing, in silence.
fn unknown_tags(options: &Options, plan: &Plan) -> Result<(), CommandError> {
    let special = ["all", "always", "never", "tagged", "untagged"];
    let Some(known) = plan.tags() else {
        return Ok(());
    };
    let is_unknown = |tag: &&String| !special.contains(&tag.as_str()) && !known.contains(tag.as_str());
    match options.tags.iter().chain(&options.skip_tags).find(is_unknown) {
        None => Ok(()),
        Some(tag) => Err(CommandError::Usage {
            message: format!("no task has the tag `{tag}`"),
            help: suggest(tag, known),
        }),
    }
}

pub(super) fn tags(options: &Options) -> Tags {
    Tags {
        only: options.tags.clone(),
        skip: options.skip_tags.clone(),
    }
}
