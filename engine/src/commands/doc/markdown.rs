//! The reference of modules as Markdown: `docs/modules.md`.

use nebplay_modules::registry::Entry;

use super::super::schema_text::{Argument, arguments};
use super::{contract, facts, no_arguments, summary};

/// Whoever edits the file by hand loses it: so it says where it comes from.
const HEAD: &str = "\
# Modules

Made by `nebplay doc --markdown`; a test compares it with what the modules say of themselves. `nebplay doc MODULE` shows the
same in the terminal. Every module has a *contract*: how many hosts it may work on at once and what allows that, in which order,
what becomes of a run that is cut off inside of it, as whom it works, and what `--check` can say.

";

/// All these modules on one page, with a table of them.
pub(super) fn reference(entries: &[&Entry]) -> String {
    let rows = entries.iter().map(|entry| {
        let schema = entry.schema().as_value();
        let (summary, _) = summary(schema);
        format!(
            "| [`{name}`](#{name}) | {} |\n",
            in_cell(&summary),
            name = entry.name
        )
    });
    let table = format!(
        "| module | what it does |\n|---|---|\n{}",
        rows.collect::<String>()
    );
    let pages = entries.iter().map(|entry| page(entry));
    format!("{HEAD}{table}\n{}", pages.collect::<Vec<_>>().join("\n"))
}

fn page(entry: &Entry) -> String {
    let schema = entry.schema().as_value();
    let (summary, description) = summary(schema);
    let mut page = format!("## {}\n\n{summary}\n\n", entry.name);
    for paragraph in description.split("\n\n").filter(|text| !text.is_empty()) {
        page += &format!("{}\n\n", one_line(paragraph));
    }
    let arguments = arguments(schema);
    if arguments.is_empty() {
        page += &format!("Arguments: {}.\n\n", no_arguments(schema));
    } else {
        page += "| argument | | what it is |\n|---|---|---|\n";
        for one in &arguments {
            page += &rows(one, "", entry);
        }
        page += "\n";
    }
    for (name, sentence) in contract(&entry.contract, entry.acts) {
        page += &format!("- **{name}**: {sentence}\n");
    }
    page + &format!("\n```yaml\n{}\n```\n", entry.example.trim_matches('\n'))
}

/// An argument's row, and one for each thing that may stand in it.
fn rows(argument: &Argument<'_>, within: &str, entry: &Entry) -> String {
    let mut what = vec![one_line(argument.description)];
    what.extend(argument.choices.iter().map(|(choice, meaning)| {
        if meaning.is_empty() {
            format!("`{choice}`")
        } else {
            format!("`{choice}`: {}", one_line(meaning))
        }
    }));
    let name = format!("{within}{}", argument.name);
    let mut text = format!(
        "| `{name}` | {} | {} |\n",
        in_cell(&facts(argument, &entry.contract)),
        in_cell(&what.join("<br>"))
    );
    for field in &argument.fields {
        text += &rows(field, &format!("{name}."), entry);
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A bar would end the cell.
fn in_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use nebplay_modules::registry;

    use super::reference;

    #[test]
    fn the_reference_in_docs_is_what_the_modules_say() {
        let entries: Vec<_> = registry::all().iter().collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/modules.md");
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            written == reference(&entries),
            "docs/modules.md is out of date: nebplay doc --markdown > docs/modules.md"
        );
    }
}
