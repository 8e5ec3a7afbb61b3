//! The ends of bytes on their way through the transport: what a command reads, and where its output goes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;

/// How many bytes wait between a channel and its reader or writer.
pub(super) const PIPE_SIZE: usize = 256 * 1024;

/// How much is kept of what a command prints on one stream. One that prints more is ended: a controller that runs out of memory in the
/// middle of a night is worse. Less in tests, which have no time for that much.
pub(super) const MOST_KEPT: usize = if cfg!(test) { 4 << 20 } else { 64 << 20 };

/// Something to read from.
pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;
/// Something to write to.
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// What a command reads.
pub(super) enum Feed {
    /// Nothing beside what was already put to it.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// What comes through a pipe, until its writer says that this is all.
    Pipe(Reader, Finished),
}

/// Where standard output goes.
pub(super) enum Drain {
    /// Into the answer.
    Answer,
    /// Into the answer, and piece by piece to whoever watches; `true` marks standard error.
    Watched(UnboundedSender<(bool, Vec<u8>)>),
    /// To whoever watches, and nowhere else.
    Shown(UnboundedSender<(bool, Vec<u8>)>),
    /// Into a pipe.
    Pipe(Writer),
}

impl Drain {
    /// Tells whoever watches.
    pub(super) fn show(&self, bytes: &[u8], stderr: bool) {
        if let Self::Watched(watcher) | Self::Shown(watcher) = self
            && !bytes.is_empty()
        {
            // A watcher that is gone has dropped the request too, which ends it elsewhere.
            let _ = watcher.send((stderr, bytes.to_vec()));
        }
    }

    /// Whether the answer has what is printed.
    pub(super) fn keeps(&self) -> bool {
        !matches!(self, Self::Shown(_))
    }
}

/// What a command printed, for the answer.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// More came than is kept.
    pub(super) too_much: bool,
}

impl Kept {
    pub(super) fn take(&mut self, bytes: Vec<u8>, stderr: bool) {
        let stream = if stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        if stream.len() + bytes.len() > MOST_KEPT {
            self.too_much = true;
        } else {
            stream.extend(bytes);
        }
    }
}

/// Whether the writer of a pipe said that this is all. A writer that just vanishes did not.
#[derive(Clone, Default)]
pub(super) struct Finished(Arc<AtomicBool>);

impl Finished {
    pub(super) fn said(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn say(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The writing end of a [`Feed::Pipe`].
pub(super) struct FeedWriter {
    pipe: DuplexStream,
    finished: Finished,
}

/// A pipe into a command.
pub(super) fn feed() -> (FeedWriter, Feed) {
    let (ours, theirs) = tokio::io::duplex(PIPE_SIZE);
    let finished = Finished::default();
    (
        FeedWriter {
            pipe: ours,
            finished: finished.clone(),
        },
        Feed::Pipe(Box::new(theirs), finished),
    )
}

impl AsyncWrite for FeedWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finished.say();
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// Reads what a pipe holds now; `None`: nothing at the moment, the waker is called when there is.
pub(super) fn read_now(pipe: &mut Reader, waker: &Waker, buffer: &mut [u8]) -> Option<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    match Pin::new(pipe).poll_read(&mut Context::from_waker(waker), &mut buffer) {
        Poll::Ready(Ok(())) => Some(Ok(buffer.filled().len())),
        Poll::Ready(Err(error)) => Some(Err(error)),
        Poll::Pending => None,
    }
}

/// Writes what a pipe takes now; `None`: nothing at the moment, the waker is called when it does.
pub(super) fn write_now(pipe: &mut Writer, waker: &Waker, bytes: &[u8]) -> Option<io::Result<usize>> {
    match Pin::new(pipe).poll_write(&mut Context::from_waker(waker), bytes) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// Says to the reader of a pipe that this was all.
pub(super) fn end(pipe: &mut Writer, waker: &Waker) {
    let _ = Pin::new(pipe).poll_shutdown(&mut Context::from_waker(waker));
}
