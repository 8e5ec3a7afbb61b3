//! `nebplay doc [MODULE]`: what a module takes, promises and looks like, all from its one file.

mod markdown;

use clap::Args as ClapArgs;
use nebplay_modules::contract::{Concurrency, Contract, Order, Privilege, Recovery};
use nebplay_modules::registry::{self, Acts, Entry};
use serde_json::{Value, json};

use super::error::CommandError;
use super::exit;
use super::schema_text::{Argument, arguments, text};
use super::terminal::{self, Terminal};
use crate::diagnostics::suggest;

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay doc
  nebplay doc onedb_restore
  nebplay doc --json > modules.json
  nebplay doc --markdown > modules.md";

/// Arguments of `nebplay doc`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Modules to show; all, with their summaries, where there is none.
    #[arg(value_name = "MODULE")]
    modules: Vec<String>,
    /// As JSON, with the schemas of the arguments.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As one page of Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Shows modules.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<u8, CommandError> {
    let entries: Vec<&Entry> = match args.modules.as_slice() {
        [] => registry::all().iter().collect(),
        names => names.iter().map(|name| find(name)).collect::<Result<_, _>>()?,
    };
    let text = if args.json {
        format!("{:#}\n", Value::Array(entries.into_iter().map(as_json).collect()))
    } else if args.markdown {
        markdown::reference(&entries)
    } else if args.modules.is_empty() {
        index(&entries)
    } else {
        let pages: Vec<String> = entries.into_iter().map(|entry| page(entry, terminal)).collect();
        pages.join("\n")
    };
    terminal::print(&text)?;
    Ok(exit::OK)
}

fn find(name: &str) -> Result<&'static Entry, CommandError> {
    registry::find(name).ok_or_else(|| CommandError::Usage {
        message: format!("there is no module `{name}`"),
        help: suggest(name, registry::all().iter().map(|entry| entry.name))
            .or_else(|| Some("`nebplay doc` lists all modules".to_owned())),
    })
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "contract": entry.contract,
        "changes": entry.acts != Acts::Never,
        "arguments": entry.schema(),
        "example": entry.example,
    })
}

/// All modules, a line each.
fn index(entries: &[&Entry]) -> String {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let lines = entries.iter().map(|entry| {
        let schema = entry.schema().as_value();
        let (summary, _) = summary(schema);
        format!("{:width$}  {summary}\n", entry.name)
    });
    lines.collect()
}

/// The first paragraph of a module's documentation, and the rest.
fn summary(schema: &Value) -> (String, &str) {
    let (first, rest) = text(schema, "description")
        .split_once("\n\n")
        .unwrap_or((text(schema, "description"), ""));
    (first.split_whitespace().collect::<Vec<_>>().join(" "), rest)
}

/// The page of one module.
fn page(entry: &Entry, terminal: &Terminal) -> String {
    let schema = entry.schema().as_value();
    let (summary, description) = summary(schema);
    let mut paragraphs = vec![terminal.prose(&summary, 2)];
    if !description.is_empty() {
        paragraphs.push(terminal.prose(description, 2));
    }
    let arguments: Vec<String> = arguments(schema)
        .iter()
        .map(|one| argument(one, &entry.contract, 2, terminal))
        .collect();
    let arguments = if arguments.is_empty() {
        format!("  {}\n", no_arguments(schema))
    } else {
        arguments.concat()
    };
    let contract = contract(&entry.contract, entry.acts)
        .into_iter()
        .map(|(name, sentence)| {
            let told = terminal.prose(&sentence, 18);
            format!("  {name:16}{}", told.trim_start())
        });
    let example = entry
        .example
        .trim_matches('\n')
        .lines()
        .map(|line| format!("  {line}\n"));
    let section = |title: &str, text: String| format!("{}\n{text}", terminal.heading(title));
    [
        section(entry.name, paragraphs.join("\n")),
        section("Arguments", arguments),
        section("Contract", contract.collect()),
        section("Example", example.collect()),
    ]
    .join("\n")
}

/// An argument, and below it what may stand in it.
fn argument(argument: &Argument<'_>, contract: &Contract, indent: usize, terminal: &Terminal) -> String {
    let margin = " ".repeat(indent);
    let mut text = format!(
        "{margin}{} ({})\n",
        terminal.heading(argument.name),
        facts(argument, contract)
    );
    if !argument.description.is_empty() {
        text += &terminal.prose(argument.description, indent + 4);
    }
    for (choice, what) in &argument.choices {
        let line = if what.is_empty() {
            choice.clone()
        } else {
            format!("{choice}: {what}")
        };
        text += &terminal.prose(&format!("- {line}"), indent + 4);
    }
    for field in &argument.fields {
        text += &self::argument(field, contract, indent + 4, terminal);
    }
    text
}

/// "text; required"
fn facts(argument: &Argument<'_>, contract: &Contract) -> String {
    let mut facts = vec![if contract.expressions.contains(&argument.name) {
        "expression".to_owned()
    } else {
        argument.kind.clone()
    }];
    if argument.required {
        facts.push("required".to_owned());
    }
    facts.extend(
        argument
            .default
            .map(|default| format!("default {}", shown(default))),
    );
    facts.join("; ")
}

/// What stands where a module declares no arguments.
fn no_arguments(schema: &Value) -> &'static str {
    match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => "none",
        _ => "any name",
    }
}

/// A default as one would write it in a playbook.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

/// A contract in sentences.
fn contract(contract: &Contract, acts: Acts) -> Vec<(&'static str, String)> {
    let at_once = match contract.concurrency {
        Concurrency::Serial => "one host; a playbook that asks for more is refused".to_owned(),
        Concurrency::Parallel { allowed_by } => {
            format!("all hosts of the task, at most --forks: {allowed_by}")
        }
        Concurrency::OnRequest => {
            "one host, unless the play or task says `parallel: N` or `parallel: all`".to_owned()
        }
    };
    let order = match contract.order {
        Order::Inventory => "as the inventory has them",
        Order::MasterFirst => "the master zone first, whatever the inventory says",
        Order::MasterLast => "the master zone last, whatever the inventory says",
    };
    let interrupted = match contract.recovery {
        _ if acts == Acts::Never => "nothing was changed: it runs again",
        Recovery::Inspect => "the module looks again whether it happened",
        Recovery::Job => "the work goes on as a job on the host, and its record there tells how it ended",
        Recovery::Ask => {
            "nobody can tell: the run stops and asks; where the task is `durable`, its job tells"
        }
    };
    let runs_as = match contract.privilege {
        Privilege::Root => "root, whatever `become` says",
        Privilege::Oneadmin => "oneadmin, whatever `become` says",
        Privilege::AsTask => "what `become` and `become_user` say",
        Privilege::None => "nobody: it touches no host",
    };
    let check = match (acts, contract.recovery) {
        (Acts::Never, _) => "the same as without: it changes nothing",
        (_, Recovery::Ask) => {
            "skipped, with an unknown result, unless a look can tell that nothing is to be done"
        }
        _ => "looks and says what it would do",
    };
    vec![
        ("hosts at once", at_once),
        ("order of hosts", order.to_owned()),
        ("if cut off", interrupted.to_owned()),
        ("runs as", runs_as.to_owned()),
        ("with --check", check.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use nebplay_modules::registry;

    use super::{Terminal, as_json, find, index, page};

    const PLAIN: Terminal = Terminal {
        colour: false,
        error_colour: false,
        error_is_seen: false,
        columns: None,
        width: 100,
    };

    /// A page comes from the module alone, so that it can only be checked for what every module must say.
    #[test]
    fn every_module_explains_itself() {
        for entry in registry::all() {
            let page = page(entry, &PLAIN);
            let schema = entry.schema().as_value();
            let properties = schema["properties"].as_object();
            for (name, argument) in properties.into_iter().flatten() {
                assert!(
                    argument["description"].is_string(),
                    "{}: {name} is not described",
                    entry.name
                );
                assert!(page.contains(&format!("  {name} (")), "{}: {name}", entry.name);
            }
            assert!(schema["description"].is_string(), "{} has no summary", entry.name);
            assert!(
                page.contains(&format!("{}:", entry.name)),
                "the example of {} does not use it",
                entry.name
            );
            assert_eq!(as_json(entry)["name"], entry.name);
        }
    }

    #[test]
    fn the_index_has_a_line_each() {
        let entries: Vec<_> = registry::all().iter().collect();
        assert_eq!(index(&entries).lines().count(), entries.len());
    }

    #[test]
    fn misspelt_modules() {
        assert!(find("ansible.builtin.command").is_ok());
        assert_eq!(find("comand").err().unwrap().exit_code(), 64);
    }
}
