//! What a shell and its tools need of the machine they run on.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A program that is called.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its name and arguments; never empty.
    pub argv: &'a [String],
    /// Its environment.
    pub env: &'a BTreeMap<String, String>,
    /// Where it runs.
    pub cwd: &'a str,
    /// What it reads.
    pub stdin: &'a Bytes,
    /// The mask for new files.
    pub umask: u32,
    /// How deep it is in functions and scripts that call each other.
    pub depth: usize,
}

/// What a program left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed as errors.
    pub stderr: Vec<u8>,
}

/// What one can ask of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileTest {
    /// `-e`
    Exists,
    /// `-f`
    File,
    /// `-d`
    Directory,
    /// `-L`
    Link,
    /// `-r`
    Readable,
    /// `-w`
    Writable,
    /// `-x`
    Executable,
    /// `-s`
    NotEmpty,
}

/// A machine, as its shell sees it. Paths are absolute. Errors are the words of strerror.
pub trait System {
    /// Runs a program that is none of the shell's own; one that is not there ends with 127.
    fn run(&mut self, call: &Call<'_>) -> Ended;
    /// The path of a program, if there is one.
    fn has_program(&self, name: &str) -> Option<String>;
    /// The bytes of a file.
    fn read(&mut self, path: &str) -> Result<Bytes, String>;
    /// Makes a file, or empties one; an exclusive one must not be there.
    fn create(&mut self, path: &str, exclusive: bool, umask: u32) -> Result<(), String>;
    /// Adds to a file, which is made if it is missing.
    fn append(&mut self, path: &str, bytes: &[u8], umask: u32) -> Result<(), String>;
    /// What `test` asks.
    fn test(&mut self, question: FileTest, path: &str) -> bool;
    /// Whether two paths lead to one file.
    fn same_file(&mut self, one: &str, other: &str) -> bool;
    /// The names in a directory.
    fn list(&mut self, directory: &str) -> Vec<String>;
    /// Whether a process is there.
    fn alive(&mut self, pid: u32) -> bool;
    /// So much was done, in commands of a shell or what takes as long. A script that does more than any that comes to an end never will:
    /// the machine lets it hang until it is killed, as it would in the end.
    fn works(&mut self, steps: usize);
    /// Whether the script was killed from outside: nothing more of it is run, no trap either.
    fn stopped(&self) -> bool;
}
