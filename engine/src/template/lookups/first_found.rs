//! `first_found`: the first of several files that is there.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::{Lookups, invalid};
use crate::template::hole::is_undefined;

/// What `first_found` looks for: files by name, or by their names and where they may be.
#[derive(Default)]
pub(super) struct Wanted {
    files: Vec<String>,
    /// Finding none of them is no failure.
    skip: bool,
}

impl Wanted {
    pub(super) fn of(terms: &[Value], options: &Kwargs) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for term in terms {
            wanted.add(term)?;
        }
        let (files, paths): (Option<Value>, Option<Value>) = (options.get("files")?, options.get("paths")?);
        wanted.add_in(files.as_ref(), paths.as_ref())?;
        wanted.skip |= options.get::<Option<bool>>("skip")?.unwrap_or_default();
        Ok(wanted)
    }

    /// The path of the first that is there, in these directories.
    pub(super) fn found(&self, lookups: &dyn Lookups, directories: &[String]) -> Result<Vec<Value>, Error> {
        let found = self.files.iter().find_map(|path| lookups.find(directories, path));
        match found {
            Some(path) => Ok(vec![Value::from(path)]),
            None if self.skip => Ok(Vec::new()),
            None => Err(invalid(format!(
                "there is none of these files: {}; with `skip=true` that is no error",
                self.files.join(", ")
            ))),
        }
    }

    /// A name, a list of such, or a mapping with `files`, `paths` and `skip`.
    fn add(&mut self, term: &Value) -> Result<(), Error> {
        match term.kind() {
            ValueKind::Map => {
                let given = |name: &str| term.get_attr(name).ok().filter(|value| !is_undefined(value));
                self.skip |= given("skip").is_some_and(|skip| skip.is_true());
                self.add_in(given("files").as_ref(), given("paths").as_ref())
            }
            ValueKind::Seq | ValueKind::Iterable => term.try_iter()?.try_for_each(|term| self.add(&term)),
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            _ => {
                self.files.push(term.to_string());
                Ok(())
            }
        }
    }

    /// Each of these files in each of these directories.
    fn add_in(&mut self, files: Option<&Value>, paths: Option<&Value>) -> Result<(), Error> {
        let (files, paths) = (several(files)?, several(paths)?);
        for file in files {
            match paths.as_slice() {
                [] => self.files.push(file),
                paths => self
                    .files
                    .extend(paths.iter().map(|path| format!("{path}/{file}"))),
            }
        }
        Ok(())
    }
}

/// The texts of a list, or the one text that it is instead.
pub(super) fn several(list: Option<&Value>) -> Result<Vec<String>, Error> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.kind() == ValueKind::Seq => {
            Ok(list.try_iter()?.map(|item| item.to_string()).collect())
        }
        Some(one) => Ok(vec![one.to_string()]),
    }
}
