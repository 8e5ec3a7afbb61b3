//! A value: text that may count as a number.

/// A value: text that may count as a number.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    /// From the input: a number if it looks like one.
    Read(String),
}

impl Value {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => shown(*number),
            Self::Text(text) | Self::Read(text) => text.clone(),
        }
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) | Self::Read(text) => leading_number(text),
        }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
            Self::Read(text) if text.is_empty() => Some(0.0),
            Self::Read(text) => text.trim().parse().ok(),
        }
    }

    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Read(text) => match text.trim().parse::<f64>() {
                Ok(number) => number != 0.0,
                Err(_) => !text.is_empty(),
            },
        }
    }
}

pub(super) fn shown(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of that size fits")]
    if number.fract() == 0.0 && number.abs() < 1e16 {
        (number as i64).to_string()
    } else {
        let text = format!("{number:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let fits = c.is_ascii_digit() || c == '.' || (at == 0 && "+-".contains(c));
        if !fits {
            break;
        }
        end = at + c.len_utf8();
    }
    text[..end].parse().unwrap_or(0.0)
}

pub(super) fn flag(holds: bool) -> Value {
    Value::Number(f64::from(u8::from(holds)))
}
