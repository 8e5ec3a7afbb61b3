//! What a filter or a test is given beside its value: each thing by its place or by its name, as Python's functions take them.

use minijinja::value::{ArgType, Kwargs, Rest, ValueOrKwargs};
use minijinja::{Error, ErrorKind, Value};

/// See the module.
pub(super) struct Given {
    by_place: Vec<Value>,
    by_name: Kwargs,
}

impl Given {
    pub(super) fn new(arguments: Rest<ValueOrKwargs>) -> Result<Self, Error> {
        let arguments = arguments.into_values();
        let (by_place, by_name): (&[Value], Kwargs) = minijinja::value::from_args(&arguments)?;
        Ok(Self {
            by_place: by_place.to_vec(),
            by_name,
        })
    }

    /// What was given at this place (the first is 0), or by this name.
    pub(super) fn get<T>(&self, place: usize, name: &'static str) -> Result<Option<T>, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        match self.by_place.get(place) {
            Some(value) if value.is_none() => Ok(None),
            Some(value) => T::from_value(Some(value)).map(Some),
            None => self.named(name),
        }
    }

    /// What was given by a name; it has no place.
    pub(super) fn named<T>(&self, name: &'static str) -> Result<Option<T>, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        self.by_name.get(name)
    }

    /// As [`Given::get`], of what has to be given.
    pub(super) fn need<T>(&self, place: usize, name: &'static str) -> Result<T, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        self.get(place, name)?
            .ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("`{name}` is not given")))
    }

    /// All that is given by place from this one on.
    pub(super) fn all_from(&self, place: usize) -> &[Value] {
        self.by_place.get(place..).unwrap_or_default()
    }

    /// Refuses what was not asked for: names, and more than so many places.
    pub(super) fn end(&self, places: usize) -> Result<(), Error> {
        if self.by_place.len() > places {
            let message = format!("it takes {places} arguments, and not {}", self.by_place.len());
            return Err(Error::new(ErrorKind::TooManyArguments, message));
        }
        self.by_name.assert_all_used()
    }
}
