//! What a shell's file descriptors lead to, and how they are redirected.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use bytes::{Buf as _, Bytes};

use super::{BYTES_A_STEP, Shell, Stop};
use crate::FileTest;
use crate::ast::{Redirect, Target};

/// Bytes that are read as they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Input {
    rest: Bytes,
}

impl Input {
    pub(super) fn new(bytes: impl Into<Bytes>) -> Rc<RefCell<Self>> {
        let rest = bytes.into();
        Rc::new(RefCell::new(Self { rest }))
    }

    /// A line without its end; `None`: nothing is left. And whether it had an end.
    pub(crate) fn line(&mut self) -> Option<(Bytes, bool)> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') else {
            return Some((mem::take(&mut self.rest), false));
        };
        let line = self.rest.split_to(end);
        self.rest.advance(1);
        Some((line, true))
    }
}

/// What a file descriptor leads to.
#[derive(Debug, Clone)]
pub(crate) enum Fd {
    /// Read from there.
    In(Rc<RefCell<Input>>),
    /// Collected.
    Out(Rc<RefCell<Vec<u8>>>),
    /// Written to a file.
    File(String),
    /// Nowhere.
    Null,
}

impl Shell<'_> {
    /// Writes to a file descriptor; whether that worked.
    pub(crate) fn write(&mut self, fd: u32, bytes: &[u8]) -> bool {
        self.system.works(bytes.len() / BYTES_A_STEP);
        match self.fds.get(&fd) {
            Some(Fd::Out(sink)) => {
                sink.borrow_mut().extend_from_slice(bytes);
                true
            }
            Some(Fd::File(path)) => self.system.append(&path.clone(), bytes, self.umask).is_ok(),
            Some(Fd::Null) => true,
            Some(Fd::In(_)) | None => false,
        }
    }

    /// All that is left to read.
    pub(super) fn rest_of_input(&mut self) -> Bytes {
        match self.fds.get(&0) {
            Some(Fd::In(input)) => mem::take(&mut input.borrow_mut().rest),
            _ => Bytes::new(),
        }
    }

    /// Opens what a command reads and writes; no: it cannot be opened, which is said.
    pub(super) fn redirect(&mut self, redirects: &[Redirect]) -> Result<bool, Stop> {
        for redirect in redirects {
            let fd = match &redirect.target {
                Target::Here(text) => match text.get() {
                    Some(word) => {
                        let text = self.text(&word.clone())?;
                        Fd::In(Input::new(text.into_bytes()))
                    }
                    None => Fd::Null,
                },
                Target::Same(word) => {
                    let other = self.text(word)?;
                    if other == "-" {
                        self.fds.remove(&redirect.fd);
                        continue;
                    }
                    let found = other.parse().ok().and_then(|number: u32| self.fds.get(&number));
                    if let Some(fd) = found.cloned() {
                        fd
                    } else {
                        self.complain(&format!("{other}: Bad file descriptor"));
                        return Ok(false);
                    }
                }
                Target::Read(word) => {
                    let path = self.text(word)?;
                    match self.open_to_read(&path) {
                        Ok(fd) => fd,
                        Err(why) => {
                            self.complain(&format!("cannot open {path}: {}", shorter(&why)));
                            return Ok(false);
                        }
                    }
                }
                Target::Write(word, clobber) => {
                    let path = self.text(word)?;
                    let exclusive = self.options.no_clobber && !clobber;
                    let at = self.path(&path);
                    if at == "/dev/null" {
                        Fd::Null
                    } else if let Err(why) = self.system.create(&at, exclusive, self.umask) {
                        self.complain(&format!("cannot create {path}: {}", shorter(&why)));
                        return Ok(false);
                    } else {
                        Fd::File(at)
                    }
                }
                Target::Append(word) => {
                    let path = self.text(word)?;
                    let at = self.path(&path);
                    if at == "/dev/null" {
                        Fd::Null
                    } else if let Err(why) = self.system.append(&at, b"", self.umask) {
                        self.complain(&format!("cannot create {path}: {}", shorter(&why)));
                        return Ok(false);
                    } else {
                        Fd::File(at)
                    }
                }
            };
            self.fds.insert(redirect.fd, fd);
        }
        Ok(true)
    }

    fn open_to_read(&mut self, path: &str) -> Result<Fd, String> {
        let at = self.path(path);
        if at == "/dev/null" {
            return Ok(Fd::Null);
        }
        // A directory can be held open, to be locked.
        if self.system.test(FileTest::Directory, &at) {
            return Ok(Fd::Null);
        }
        let bytes = self.system.read(&at)?;
        Ok(Fd::In(Input::new(bytes)))
    }
}

/// dash's words for a file that is not there.
fn shorter(why: &str) -> &str {
    match why {
        "No such file or directory" => "No such file",
        why => why,
    }
}
