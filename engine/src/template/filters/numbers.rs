//! Numbers: `log`, `pow`, `root`. What comes of them is no whole number.

use std::f64::consts::E;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::given::Given;
use super::invalid;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("log", |x: &Value, given: Rest<ValueOrKwargs>| {
        let given = Given::new(given)?;
        let base: f64 = given.get(0, "base")?.unwrap_or(E);
        given.end(1)?;
        let x = number(x, "log")?;
        // Of 10 alone there is one that is exact.
        let is_ten = base.total_cmp(&10.0).is_eq();
        real(if is_ten { x.log10() } else { x.log(base) }, "log")
    });
    environment.add_filter("pow", |x: &Value, given: Rest<ValueOrKwargs>| {
        let given = Given::new(given)?;
        let power: f64 = given.need(0, "y")?;
        given.end(1)?;
        real(number(x, "pow")?.powf(power), "pow")
    });
    environment.add_filter("root", |x: &Value, given: Rest<ValueOrKwargs>| {
        let given = Given::new(given)?;
        let degree: f64 = given.get(0, "base")?.unwrap_or(2.0);
        given.end(1)?;
        let x = number(x, "root")?;
        let is_square = degree.total_cmp(&2.0).is_eq();
        real(if is_square { x.sqrt() } else { x.powf(1.0 / degree) }, "root")
    });
}

fn number(value: &Value, filter: &str) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()),
        kind => Err(invalid(format!("{filter} takes a number, not a {kind}"))),
    }
}

fn real(value: f64, filter: &str) -> Result<f64, Error> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(invalid(format!("{filter}: there is no such number")))
    }
}
