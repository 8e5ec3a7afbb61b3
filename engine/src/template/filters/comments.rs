//! `comment`: a text as a comment in a file.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::given::Given;
use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("comment", comment);
}

/// What begins each line, and what stands before and after all of them.
const STYLES: [(&str, &str, &str, &str); 5] = [
    ("plain", "# ", "", ""),
    ("erlang", "% ", "", ""),
    ("c", "// ", "", ""),
    ("cblock", " * ", "/*", " */"),
    ("xml", " - ", "<!--", "-->"),
];

/// `comment(style='plain', decoration=…, prefix=…, prefix_count=1, postfix=…, postfix_count=1, beginning=…, end=…, newline='\n')`.
fn comment(value: &Value, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let style: Option<String> = given.get(0, "style")?;
    let style = style.as_deref().unwrap_or("plain");
    let known = || {
        let names = STYLES.map(|(name, ..)| name).join(", ");
        invalid(format!("there is no style `{style}`; there are {names}"))
    };
    let (_, line, first, last) = STYLES
        .iter()
        .find(|(name, ..)| *name == style)
        .ok_or_else(known)?;
    let text_or = |name, otherwise: &str| {
        let said: Option<String> = given.named(name)?;
        Ok::<_, Error>(said.unwrap_or_else(|| otherwise.to_owned()))
    };
    let line = text_or("decoration", line)?;
    let around = line.trim_end();
    let (prefix, postfix) = (text_or("prefix", around)?, text_or("postfix", around)?);
    let (first, last) = (text_or("beginning", first)?, text_or("end", last)?);
    let newline = text_or("newline", "\n")?;
    let count = |name| Ok::<_, Error>(given.named::<usize>(name)?.unwrap_or(1).min(MOST));
    let (before, after) = (count("prefix_count")?, count("postfix_count")?);
    given.end(1)?;
    let mut lines = Vec::new();
    lines.extend(Some(first).filter(|first| !first.is_empty()));
    if prefix == newline {
        lines.extend(vec![String::new(); before]);
    } else if !prefix.is_empty() {
        lines.extend(vec![prefix; before]);
    }
    let text = text_of(value)?;
    for words in text.split(newline.as_str()) {
        let decorated = format!("{line}{words}");
        lines.push(if words.is_empty() {
            decorated.trim_end().to_owned()
        } else {
            decorated
        });
    }
    lines.extend(vec![postfix; after]);
    lines.extend(Some(last).filter(|last| !last.is_empty()));
    Ok(lines.join(&newline))
}

/// Nobody wants more lines around a text.
const MOST: usize = 1000;
