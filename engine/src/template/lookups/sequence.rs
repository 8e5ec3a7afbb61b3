//! `sequence`: numbers as texts, `1-9/2:zone%02d` or `start=1 end=9 stride=2 format=zone%02d`.

use serde_json::Value as Json;

use super::lists::MOST;

/// From where to where, in which steps, and how each is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    start: i64,
    end: Option<i64>,
    count: Option<i64>,
    stride: Option<i64>,
    format: String,
}

impl Default for Sequence {
    fn default() -> Self {
        Self {
            start: 1,
            end: None,
            count: None,
            stride: None,
            format: "%d".to_owned(),
        }
    }
}

impl Sequence {
    /// Reads either form.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut sequence = Self::default();
        if !text.contains('=') {
            sequence
                .short(text)
                .ok_or_else(|| format!("`{text}` is no sequence, as `1-9/2` is"))?;
            return Ok(sequence);
        }
        for part in text.split_whitespace() {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` in `{text}` is not `name=value`"))?;
            sequence.set(name, value)?;
        }
        Ok(sequence)
    }

    /// `[START-]END[/STRIDE][:FORMAT]`.
    fn short(&mut self, text: &str) -> Option<()> {
        let (range, format) = text.split_once(':').unwrap_or((text, "%d"));
        format.clone_into(&mut self.format);
        let (range, stride) = match range.split_once('/') {
            Some((range, stride)) => (range, Some(number(stride)?)),
            None => (range, None),
        };
        self.stride = stride;
        match range.split_once('-') {
            Some((start, end)) => (self.start, self.end) = (number(start)?, Some(number(end)?)),
            None => self.end = Some(number(range)?),
        }
        Some(())
    }

    /// Sets one of its parts.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("`{value}` is no number for `{name}`");
        let read = || number(value).ok_or_else(wrong);
        match name {
            "start" => self.start = read()?,
            "end" => self.end = Some(read()?),
            "count" => self.count = Some(read()?),
            "stride" => self.stride = Some(read()?),
            "format" => value.clone_into(&mut self.format),
            other => {
                return Err(format!(
                    "a sequence has no `{other}`; there are start, end, count, stride and format"
                ));
            }
        }
        Ok(())
    }

    /// Its numbers, written.
    pub(super) fn items(&self) -> Result<Vec<Json>, String> {
        let stride = self.stride.unwrap_or(1);
        let end = match (self.end, self.count) {
            (Some(end), None) => end,
            (None, Some(0)) => return Ok(Vec::new()),
            (None, Some(count)) => self.start + (count - 1) * stride,
            _ => return Err("a sequence has either `end` or `count`".to_owned()),
        };
        if stride > 0 && end < self.start {
            return Err("to count backwards make the stride negative".to_owned());
        }
        if stride < 0 && end > self.start {
            return Err("to count forward make the stride positive".to_owned());
        }
        if stride == 0 {
            return Ok(Vec::new());
        }
        let steps = (end - self.start) / stride;
        if usize::try_from(steps).is_ok_and(|steps| steps > MOST) {
            return Err(format!("{steps} numbers are more than anybody meant"));
        }
        (0..=steps)
            .map(|step| written(&self.format, self.start + step * stride).map(Json::String))
            .collect()
    }
}

/// In decimal, hexadecimal with `0x`, or octal with `0`.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let found = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits.trim_start_matches("0o"), 8)
    } else {
        digits.parse()
    };
    // Far from where sums of them overflow.
    found
        .ok()
        .map(|number| sign * number)
        .filter(|number| number.abs() < 1 << 40)
}

/// `%d`, `%x`, `%o`, `%X`, with a width and zeros before it.
fn written(format: &str, number: i64) -> Result<String, String> {
    let wrong = || format!("`{format}` is no format of one number, as `zone%02d` is");
    let (before, rest) = format.split_once('%').ok_or_else(wrong)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (digits, rest) = rest.split_at(end);
    let width: usize = match digits {
        "" => 0,
        digits => digits
            .parse()
            .ok()
            .filter(|width| *width < 100)
            .ok_or_else(wrong)?,
    };
    let zeros = digits.starts_with('0');
    let mut rest = rest.chars();
    let text = match rest.next() {
        Some('d' | 'i' | 'u') => format!("{}", number.abs()),
        Some('x') => format!("{:x}", number.abs()),
        Some('X') => format!("{:X}", number.abs()),
        Some('o') => format!("{:o}", number.abs()),
        _ => return Err(wrong()),
    };
    let after = rest.as_str();
    if after.contains('%') {
        return Err(wrong());
    }
    let sign = if number < 0 { "-" } else { "" };
    let number = if zeros {
        format!("{sign}{text:0>width$}", width = width.saturating_sub(sign.len()))
    } else {
        format!("{:>width$}", format!("{sign}{text}"))
    };
    Ok(format!("{before}{number}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_texts() {
        for (text, wanted) in [
            ("3", "1 2 3"),
            ("2-4", "2 3 4"),
            ("1-7/3", "1 4 7"),
            ("1-3:fe%02d", "fe01 fe02 fe03"),
            ("start=4 end=0 stride=-2", "4 2 0"),
            ("start=0 count=3 stride=16 format=%x", "0 10 20"),
            ("count=2 format=%3d|", "  1|   2|"),
            ("start=0x0a end=11 format=v%d", "v10 v11"),
            ("count=0", ""),
            ("start=-1 end=1 format=%02d", "-1 00 01"),
        ] {
            let items = Sequence::read(text)
                .and_then(|sequence| sequence.items())
                .unwrap();
            let items: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            assert_eq!(items.join(" "), wanted, "{text}");
        }
        for (text, why) in [
            ("x", "`x` is no sequence"),
            ("start=x end=1", "`x` is no number for `start`"),
            ("start=1", "either `end` or `count`"),
            ("end=1 count=1", "either `end` or `count`"),
            ("3-1", "make the stride negative"),
            ("start=1 end=3 stride=-1", "make the stride positive"),
            ("end=1 step=2", "has no `step`"),
            ("1-2:%s", "no format"),
            ("1-2:x", "no format"),
            ("1-9999999999999", "no sequence"),
            ("1-99999999", "more than anybody meant"),
        ] {
            let came = Sequence::read(text)
                .and_then(|sequence| sequence.items())
                .unwrap_err();
            assert!(came.contains(why), "{text}: {came}");
        }
    }
}
