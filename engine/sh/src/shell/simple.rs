//! Simple commands: words, of which the first is a function, a builtin or a program.

use super::variables::Variable;
use super::{BYTES_A_STEP, Shell, Stop};
use crate::ast::{Redirect, Word};
use crate::builtins;

impl Shell<'_> {
    pub(super) fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Result<(), Stop> {
        let argv = self.fields(words)?;
        let bytes: usize = argv.iter().map(|word| word.len() + size_of::<String>()).sum();
        self.system.works(bytes / BYTES_A_STEP);
        let Some(name) = argv.first().cloned() else {
            let before = self.fds.clone();
            // `$?` is that of the command before, for every one of them.
            let (last, mut status) = (self.status, 0);
            for (name, word) in assignments {
                self.substituted = None;
                let value = self.text(word)?;
                self.status = last;
                status = self.substituted.unwrap_or(status);
                self.assign(name, value);
            }
            let opened = self.redirect(redirects)?;
            self.fds = before;
            self.status = if opened { status } else { 2 };
            return Ok(());
        };
        let mut prefix = Vec::with_capacity(assignments.len());
        for (name, word) in assignments {
            prefix.push((name.clone(), self.text(word)?));
        }
        let before = (!redirects.is_empty()).then(|| self.fds.clone());
        if !self.redirect(redirects)? {
            self.status = 2;
            self.fds = before.unwrap_or_default();
            // A special builtin's redirection that fails ends the script.
            return if builtins::is_special(&name) {
                Err(Stop::Exit)
            } else {
                Ok(())
            };
        }
        let keeps_fds =
            name == "exec" || (name == "command" && argv.get(1).is_some_and(|word| word == "exec"));
        let result = self.call(&name, argv, prefix);
        if let Some(before) = before.filter(|_| !keeps_fds) {
            self.fds = before;
        }
        result
    }

    fn call(&mut self, name: &str, argv: Vec<String>, prefix: Vec<(String, String)>) -> Result<(), Stop> {
        if let Some(body) = self.functions.get(name).cloned() {
            for (name, value) in prefix {
                self.assign(&name, value);
            }
            let outer = std::mem::replace(&mut self.arguments, argv.into_iter().skip(1).collect());
            let result = self.inside(|shell| shell.command(&body));
            self.arguments = outer;
            return match result {
                Err(Stop::Return) => Ok(()),
                result => result,
            };
        }
        if let Some(builtin) = builtins::find(name) {
            // Only `IFS= read` and its like come with assignments, for which they hold alone.
            let saved: Vec<(String, Option<Variable>)> = prefix
                .iter()
                .map(|(name, _)| (name.clone(), self.variables.kept(name)))
                .collect();
            for (name, value) in prefix {
                self.assign(&name, value);
            }
            let result = builtin(self, &argv);
            for (name, variable) in saved {
                self.variables.put(&name, variable);
            }
            return result;
        }
        self.program(&argv, &prefix);
        Ok(())
    }
}
