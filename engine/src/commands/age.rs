//! Points in time, and how long ago they are, in words.

use jiff::Timestamp;

/// A point in time, given in seconds since the epoch.
pub(super) fn moment(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{seconds} seconds after 1970"),
    }
}

/// The time between two points, to the largest unit that it fills. Clocks differ: what is in the future happened just now.
pub(super) fn since(then: i64, now: i64) -> String {
    let seconds = now.saturating_sub(then).max(0);
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let fills = units.into_iter().find(|(_, length)| seconds >= *length);
    let (unit, length) = fills.unwrap_or(("second", 1));
    let number = seconds / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_words() {
        let cases = [
            (-5, "0 seconds"),
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7_200, "2 hours"),
            (86_400 * 3 + 5, "3 days"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(since(1_000, 1_000 + seconds), expected);
        }
        assert_eq!(moment(1_795_000_000), "2026-11-18 11:06:40 UTC");
    }
}
