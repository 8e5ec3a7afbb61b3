//! `now` and the filter `strftime`: the time where the operator is.

use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind};

use super::lookups::Lookups;

/// How a time is written where no format is given: as Python prints one.
const TIME: &str = "%Y-%m-%d %H:%M:%S.%6f";

pub(super) fn add(environment: &mut Environment<'static>, lookups: &Arc<dyn Lookups>) {
    let clock = Arc::clone(lookups);
    environment.add_function("now", move |options: Kwargs| {
        let utc: Option<bool> = options.get("utc")?;
        let format: Option<String> = options.get("fmt")?;
        options.assert_all_used()?;
        written(&clock.now(), utc, format.as_deref().unwrap_or(TIME))
    });
    let clock = Arc::clone(lookups);
    environment.add_filter(
        "strftime",
        move |format: &str, second: Option<f64>, options: Kwargs| {
            let named: Option<f64> = options.get("second")?;
            let utc: Option<bool> = options.get("utc")?;
            options.assert_all_used()?;
            let now = clock.now();
            let time = match second.or(named) {
                None => now,
                Some(seconds) => at(seconds)?.to_zoned(now.time_zone().clone()),
            };
            written(&time, utc, format)
        },
    );
}

/// The instant that is so many seconds after 1970.
fn at(seconds: f64) -> Result<jiff::Timestamp, Error> {
    let since = jiff::SignedDuration::try_from_secs_f64(seconds);
    since
        .and_then(jiff::Timestamp::from_duration)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime: {error}")))
}

fn written(time: &Zoned, utc: Option<bool>, format: &str) -> Result<String, Error> {
    let time = if utc == Some(true) {
        time.with_time_zone(TimeZone::UTC)
    } else {
        time.clone()
    };
    jiff::fmt::strtime::format(format, &time).map_err(|error| {
        let message = format!("`{format}` is no format of a time: {error}");
        Error::new(ErrorKind::InvalidOperation, message)
    })
}
