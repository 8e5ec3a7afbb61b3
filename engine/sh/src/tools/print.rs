//! `echo` and `printf`.

use super::{WIDEST, failed, printed};
use crate::system::{Call, Ended, System};

pub(super) fn echo(call: &Call<'_>, _: &mut dyn System) -> Ended {
    let mut words = &call.argv[1..];
    let end = if words.first().is_some_and(|word| word == "-n") {
        words = &words[1..];
        ""
    } else {
        "\n"
    };
    // dash's echo knows escapes.
    let mut out = Vec::new();
    let whole = escaped(&words.join(" "), &mut out);
    if whole {
        out.extend(end.bytes());
    }
    printed(out)
}

/// Adds a text with its escapes replaced; no: `\c` says that nothing more is printed.
fn escaped(text: &str, out: &mut Vec<u8>) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (replacement, length) = match bytes.get(at) {
            Some(b'n') => (b'\n', 1),
            Some(b't') => (b'\t', 1),
            Some(b'r') => (b'\r', 1),
            Some(b'a') => (7, 1),
            Some(b'b') => (8, 1),
            Some(b'f') => (12, 1),
            Some(b'v') => (11, 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'c') => return false,
            Some(b'0'..=b'7') => {
                let digits = bytes[at..].iter().take(if bytes[at] == b'0' { 4 } else { 3 });
                let count = digits.take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
                let digits = String::from_utf8_lossy(&bytes[at..at + count]);
                let value = u32::from_str_radix(&digits, 8).unwrap_or(0);
                (u8::try_from(value & 0xff).unwrap_or(0), count)
            }
            _ => (b'\\', 0),
        };
        out.push(replacement);
        at += length;
    }
    true
}

pub(super) fn printf(call: &Call<'_>, _: &mut dyn System) -> Ended {
    let mut words = call.argv[1..].iter();
    let mut format = words.next();
    if format.is_some_and(|word| word == "--") {
        format = words.next();
    }
    let Some(format) = format else {
        return failed(2, "printf: usage: printf format [arg ...]");
    };
    let arguments: Vec<&String> = words.collect();
    let mut out = Vec::new();
    let mut rest = arguments.as_slice();
    let mut status = 0;
    let mut complaint = String::new();
    loop {
        let before = rest.len();
        if let Err(why) = one_round(format, &mut rest, &mut out) {
            status = 1;
            complaint = why;
        }
        if rest.is_empty() || rest.len() == before {
            break;
        }
    }
    Ended {
        status,
        stdout: out,
        stderr: complaint.into_bytes(),
    }
}

/// Goes over the format once, using up arguments.
fn one_round(format: &str, rest: &mut &[&String], out: &mut Vec<u8>) -> Result<(), String> {
    let mut result = Ok(());
    let mut chars = format.char_indices().peekable();
    let mut plain_from = 0;
    while let Some((at, c)) = chars.next() {
        if c != '%' {
            if c == '\\' {
                chars.next();
            }
            continue;
        }
        escaped(&format[plain_from..at], out);
        let mut flags = String::new();
        while let Some((_, c)) = chars.peek().filter(|(_, c)| "-0+ #".contains(*c)) {
            flags.push(*c);
            chars.next();
        }
        let mut number = String::new();
        while let Some((_, c)) = chars.peek().filter(|(_, c)| c.is_ascii_digit() || *c == '.') {
            number.push(*c);
            chars.next();
        }
        let Some((end, verb)) = chars.next() else {
            plain_from = format.len();
            break;
        };
        plain_from = end + verb.len_utf8();
        if verb == '%' {
            out.push(b'%');
            continue;
        }
        let argument = rest.first().map_or("", |word| word.as_str());
        *rest = rest.get(1..).unwrap_or_default();
        let (width, precision): (usize, _) = match number.split_once('.') {
            Some((width, precision)) => (width.parse().unwrap_or(0), precision.parse::<usize>().ok()),
            None => (number.parse().unwrap_or(0), None),
        };
        let mut text = Vec::new();
        match verb {
            's' => {
                let cut: String = argument.chars().take(precision.unwrap_or(usize::MAX)).collect();
                text.extend(cut.bytes());
            }
            'b' => {
                escaped(argument, &mut text);
            }
            'c' => text.extend(
                argument
                    .chars()
                    .next()
                    .map(String::from)
                    .unwrap_or_default()
                    .bytes(),
            ),
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let value = integer(argument);
                if value.is_none() && !argument.is_empty() {
                    result = Err(format!("printf: {argument}: expected numeric value\n"));
                }
                let value = value.unwrap_or(0);
                let shown = match verb {
                    'o' => format!("{value:o}"),
                    'x' => format!("{value:x}"),
                    'X' => format!("{value:X}"),
                    _ => value.to_string(),
                };
                text.extend(shown.bytes());
            }
            _ => result = Err(format!("printf: %{verb}: invalid directive\n")),
        }
        let fill = width.min(WIDEST).saturating_sub(text.len());
        if flags.contains('-') {
            text.extend(std::iter::repeat_n(b' ', fill));
        } else {
            let with = if flags.contains('0') && verb != 's' {
                b'0'
            } else {
                b' '
            };
            text.splice(0..0, std::iter::repeat_n(with, fill));
        }
        out.extend(text);
    }
    escaped(&format[plain_from..], out);
    result
}

fn integer(text: &str) -> Option<i64> {
    if let Some(c) = text.strip_prefix(['\'', '"']) {
        return c.chars().next().map(|c| i64::from(u32::from(c)));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    if text.len() > 1 && text.starts_with('0') {
        return i64::from_str_radix(text, 8).ok();
    }
    text.parse().ok()
}
