//! Texts, as Jinja lays them out: `truncate`, `center`, `wordcount`.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::super::methods::centered;
use super::given::Given;
use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("truncate", truncate);
    environment.add_filter("center", center);
    environment.add_filter("wordcount", |value: &Value| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let text = text_of(value)?;
        let words = text.split(|c| !is_part(c)).filter(|word| !word.is_empty());
        Ok::<_, Error>(words.count())
    });
}

/// `truncate(length=255, killwords=false, end='...', leeway=5)`: a text that is longer than `length` and `leeway` is cut, between
/// words unless `killwords` says otherwise, and has `length` characters with its `end`.
fn truncate(value: &Value, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let length: usize = given.get(0, "length")?.unwrap_or(255);
    let kill_words = given.get(1, "killwords")?.unwrap_or(false);
    let end: String = given.get(2, "end")?.unwrap_or_else(|| "...".to_owned());
    let leeway: usize = given.get(3, "leeway")?.unwrap_or(5);
    given.end(4)?;
    let text = text_of(value)?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let room = length.checked_sub(end.chars().count());
    let room = room.ok_or_else(|| invalid(format!("truncate: `{end}` is longer than {length}")))?;
    let cut = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let kept = &text[..cut];
    let kept = match kept.rfind(' ') {
        Some(space) if !kill_words => &kept[..space],
        _ => kept,
    };
    Ok(format!("{kept}{end}"))
}

/// `center(width=80)`.
fn center(value: &Value, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let width = given.get(0, "width")?.unwrap_or(80);
    given.end(1)?;
    centered(&text_of(value)?, width)
}
