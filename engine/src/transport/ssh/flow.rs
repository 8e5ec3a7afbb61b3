//! One channel of a session: bytes in, bytes out, without ever waiting.

use std::io::Write;
use std::task::Waker;

use ssh2::Channel;

use super::wire::{OpError, Wire};
use crate::transport::pipe::{Drain, Feed, Kept, end, read_now, write_now};

/// How much is written at once: two of libssh2's packets.
const CHUNK: usize = 64 * 1024;

/// What is on its way to the host over one channel.
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    feed: Feed,
    /// Where the feed's pipe is read into.
    scratch: Vec<u8>,
    /// Whether the end of input may be announced; not before everything else that must be sent is known.
    may_end: bool,
    ended: bool,
    /// The writer of the pipe vanished without saying that this is all.
    pub(super) abandoned: bool,
    total: usize,
}

impl Outgoing {
    pub(super) fn new(first: Vec<u8>, feed: Feed) -> Self {
        Self {
            bytes: first,
            written: 0,
            feed,
            scratch: Vec::new(),
            may_end: false,
            ended: false,
            abandoned: false,
            total: 0,
        }
    }

    /// Adds bytes that go before anything the feed holds.
    pub(super) fn say(&mut self, bytes: Vec<u8>) {
        self.bytes.extend(bytes);
    }

    /// Lets the feed flow.
    pub(super) fn open_feed(&mut self) {
        self.may_end = true;
    }

    /// How many bytes the host was handed so far.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Whether nothing waits to be sent.
    pub(super) fn all_sent(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Sends what can be sent now; whether anything moved.
    pub(super) fn push(
        &mut self,
        wire: &Wire,
        channel: &mut Channel,
        waker: &Waker,
    ) -> Result<bool, OpError> {
        let mut moved = false;
        while !self.ended && !self.abandoned {
            if self.written == self.bytes.len() && !self.refill(waker) {
                break;
            }
            if self.written < self.bytes.len() {
                let rest = &self.bytes[self.written..];
                let Some(count) = wire.attempt(|_| channel.write(rest))? else {
                    break;
                };
                self.written += count;
                self.total += count;
            } else if wire.attempt(|_| Ok(channel.send_eof()?))?.is_some() {
                self.ended = true;
            } else {
                break;
            }
            moved = true;
        }
        Ok(moved)
    }

    /// Fetches more to send; `false`: there is nothing to do now. With nothing fetched, the input has ended.
    fn refill(&mut self, waker: &Waker) -> bool {
        self.bytes.clear();
        self.written = 0;
        if !self.may_end {
            return false;
        }
        match &mut self.feed {
            Feed::Nothing => true,
            Feed::Bytes(bytes) => {
                self.bytes = std::mem::take(bytes);
                self.feed = Feed::Nothing;
                true
            }
            Feed::Pipe(pipe, finished) => {
                // Asked far more often than there is anything, so nothing is cleared or moved for the question.
                self.scratch.resize(CHUNK, 0);
                let Some(read) = read_now(pipe, waker, &mut self.scratch) else {
                    return false;
                };
                self.bytes.extend_from_slice(&self.scratch[..read.unwrap_or(0)]);
                if self.bytes.is_empty() {
                    self.abandoned = !finished.said();
                    self.feed = Feed::Nothing;
                    return !self.abandoned;
                }
                true
            }
        }
    }

    /// Whether the end of input was announced.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes no more input: the command has ended, or does not listen.
    pub(super) fn stop(&mut self) {
        self.ended = true;
    }
}

/// Where the output of one channel goes.
pub(super) struct Incoming {
    pub(super) drain: Drain,
    /// What the pipe did not take yet.
    pending: Vec<u8>,
    /// The reader of the pipe is gone.
    pub(super) abandoned: bool,
    pub(super) kept: Kept,
}

impl Incoming {
    pub(super) fn new(drain: Drain) -> Self {
        Self {
            drain,
            pending: Vec::new(),
            abandoned: false,
            kept: Kept::default(),
        }
    }

    /// Hands on one piece.
    pub(super) fn take(&mut self, bytes: Vec<u8>, stderr: bool, waker: &Waker) {
        if bytes.is_empty() {
            return;
        }
        self.drain.show(&bytes, stderr);
        match (&self.drain, stderr) {
            (Drain::Shown(_), _) => {}
            (Drain::Pipe(_), false) => {
                if self.pending.is_empty() {
                    self.pending = bytes;
                } else {
                    self.pending.extend(bytes);
                }
                self.flush(waker);
            }
            _ => self.kept.take(bytes, stderr),
        }
    }

    /// Hands to the pipe what it takes now; whether anything moved.
    pub(super) fn flush(&mut self, waker: &Waker) -> bool {
        let Drain::Pipe(pipe) = &mut self.drain else {
            return false;
        };
        let mut moved = false;
        while !self.pending.is_empty() && !self.abandoned {
            match write_now(pipe, waker, &self.pending) {
                None => break,
                Some(Ok(count)) if count > 0 => {
                    self.pending.drain(..count);
                    moved = true;
                }
                Some(_) => self.abandoned = true,
            }
        }
        moved
    }

    /// Whether everything that was read has been handed on.
    pub(super) fn flushed(&self) -> bool {
        self.pending.is_empty() || self.abandoned
    }

    /// Whether the output goes into a pipe.
    pub(super) fn piped(&self) -> bool {
        matches!(self.drain, Drain::Pipe(_))
    }

    /// Whether the reader of the pipe is gone; a pipe that takes nothing at the moment still has one.
    pub(super) fn unread(&mut self, waker: &Waker) -> bool {
        let Drain::Pipe(pipe) = &mut self.drain else {
            return false;
        };
        self.abandoned || matches!(write_now(pipe, waker, &[]), Some(Err(_)))
    }

    /// Tells the reader of the pipe that this was all.
    pub(super) fn finish(&mut self, waker: &Waker) {
        if let Drain::Pipe(pipe) = &mut self.drain {
            end(pipe, waker);
        }
    }
}

/// Reads what one stream of a channel holds now, as far as it is not too much at once; empty: nothing.
pub(super) fn read_stream(wire: &Wire, channel: &Channel, stderr: bool) -> Result<Vec<u8>, OpError> {
    let mut bytes = Vec::new();
    while bytes.len() < 4 * CHUNK
        && wire
            .read(channel, stderr, |piece| bytes.extend_from_slice(piece))?
            .is_some()
    {}
    Ok(bytes)
}
