//! A machine for tests: files in memory, and no programs but the tools and the shell itself.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::system::{Call, Ended, FileTest, System};
use crate::{Start, parse, run, tools};

/// Files by path; a directory is a path with a file below it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// After that many programs it is killed.
    pub(crate) stops_after: Option<usize>,
    pub(crate) ran: usize,
    /// What shells and tools did.
    pub(crate) steps: usize,
}

/// More than any test does that comes to an end.
const MOST: usize = 100_000;

impl Memory {
    fn is_directory(&self, path: &str) -> bool {
        let below = format!("{}/", path.trim_end_matches('/'));
        path == "/" || path == "/somewhere" || self.files.keys().any(|file| file.starts_with(&below))
    }
}

fn plain(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    format!("/{}", parts.join("/"))
}

impl System for Memory {
    fn run(&mut self, call: &Call<'_>) -> Ended {
        self.ran += 1;
        if let [sh, option, line] = call.argv
            && (sh.as_str(), option.as_str()) == ("sh", "-c")
        {
            let start = Start {
                name: sh.clone(),
                env: call.env.clone(),
                cwd: call.cwd.to_owned(),
                stdin: call.stdin.clone(),
                umask: call.umask,
                depth: call.depth,
                ..Start::default()
            };
            return run(&parse(line).expect("a script"), start, self);
        }
        match tools::find(&call.argv[0]) {
            Some(tool) => tool(call, self),
            None => Ended {
                status: 127,
                stdout: Vec::new(),
                stderr: format!("sh: 1: {}: not found\n", call.argv[0]).into_bytes(),
            },
        }
    }

    fn has_program(&self, name: &str) -> Option<String> {
        tools::find(name).map(|_| format!("/usr/bin/{name}"))
    }

    fn read(&mut self, path: &str) -> Result<Bytes, String> {
        let found = self.files.get(&plain(path)).cloned().map(Bytes::from);
        found.ok_or_else(|| "No such file or directory".to_owned())
    }

    fn create(&mut self, path: &str, exclusive: bool, _: u32) -> Result<(), String> {
        if exclusive && self.files.contains_key(&plain(path)) {
            return Err("File exists".to_owned());
        }
        self.files.insert(plain(path), Vec::new());
        Ok(())
    }

    fn append(&mut self, path: &str, bytes: &[u8], _: u32) -> Result<(), String> {
        self.files
            .entry(plain(path))
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }

    fn test(&mut self, question: FileTest, path: &str) -> bool {
        let path = plain(path);
        let file = self.files.get(&path);
        match question {
            FileTest::File => file.is_some(),
            FileTest::Directory => self.is_directory(&path),
            FileTest::Link | FileTest::Executable => false,
            FileTest::NotEmpty => file.is_some_and(|bytes| !bytes.is_empty()),
            _ => file.is_some() || self.is_directory(&path),
        }
    }

    fn same_file(&mut self, one: &str, other: &str) -> bool {
        plain(one) == plain(other)
    }

    fn list(&mut self, directory: &str) -> Vec<String> {
        let below = format!("{}/", plain(directory).trim_end_matches('/'));
        let names = self.files.keys().filter_map(|file| file.strip_prefix(&below));
        let mut names: Vec<String> = names
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        names.dedup();
        names
    }

    fn alive(&mut self, _: u32) -> bool {
        false
    }

    fn works(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps);
    }

    fn stopped(&self) -> bool {
        self.steps >= MOST || self.stops_after.is_some_and(|count| self.ran >= count)
    }
}
