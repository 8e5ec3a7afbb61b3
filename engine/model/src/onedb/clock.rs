//! Points in time as the tools print them, in UTC as the lab's hosts are.

/// A point in time, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 is Sunday.
    pub weekday: usize,
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Civil {
    /// From seconds since 1970.
    pub fn from_epoch(epoch: i64) -> Self {
        let (days, seconds) = (epoch.div_euclid(86_400), epoch.rem_euclid(86_400));
        // Days to a date in the Gregorian calendar, with years that begin in March.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or_default(),
        }
    }

    /// `2026-11-23_1:35:5`, as in the names of backups.
    pub fn unpadded(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        format!("{year}-{month}-{day}_{hour}:{minute}:{second}")
    }

    /// `2026-11-23  1:35:05`, as at the end of a dump of MySQL's.
    pub fn dumped(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        format!("{year}-{month:02}-{day:02} {hour:2}:{minute:02}:{second:02}")
    }

    /// `11/23 01:35:05`, as in `onedb version -v`.
    pub fn short(self) -> String {
        let Self {
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        format!("{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// `Mon Nov 23 01:35:05 2026`, as in oned.log.
    pub fn log(self) -> String {
        let Self {
            year,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        let (weekday, month) = self.names();
        format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
    }

    /// `Mon, 23 Nov 2026 01:35:05 UTC`, as in an HTTP header.
    pub fn http(self) -> String {
        let Self {
            year,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        let (weekday, month) = self.names();
        format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} UTC")
    }

    fn names(self) -> (&'static str, &'static str) {
        let month = usize::try_from(self.month - 1).unwrap_or_default();
        (
            WEEKDAYS.get(self.weekday).copied().unwrap_or_default(),
            MONTHS.get(month).copied().unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let seen = Civil::from_epoch(1_795_396_567);
        assert_eq!(seen.short(), "11/23 01:16:07");
        assert_eq!(seen.log(), "Mon Nov 23 01:16:07 2026");
        assert_eq!(seen.unpadded(), "2026-11-23_1:16:7");
        assert_eq!(Civil::from_epoch(951_782_400).log(), "Tue Feb 29 00:00:00 2000");
        assert_eq!(Civil::from_epoch(0).http(), "Thu, 01 Jan 1970 00:00:00 UTC");
    }
}
