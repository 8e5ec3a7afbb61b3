//! A session, its socket and how to wait for it: what the thread that owns them works with.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(target_os = "linux")]
use std::os::linux::net::TcpStreamExt as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::Channel;

/// How long the host's side may refuse to take bytes before the connection counts as dead.
const STUCK: Duration = Duration::from_secs(60);

/// How much is read from a stream at once: two of libssh2's packets.
const SCRATCH: usize = 64 * 1024;

/// The connection is gone; why.
#[derive(Debug, Clone)]
pub(super) struct Gone(pub(super) String);

/// Interrupts the owner's wait, from any thread.
#[derive(Clone)]
pub(super) struct Bell(Arc<UnixStream>);

impl Bell {
    /// A bell, and the end on which it is heard.
    pub(super) fn new() -> io::Result<(Self, UnixStream)> {
        let (rope, ear) = UnixStream::pair()?;
        rope.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok((Self(Arc::new(rope)), ear))
    }

    /// Rings. A full pipe means that it rings already; a closed one, that nobody listens any more.
    pub(super) fn ring(&self) {
        let _ = (&*self.0).write(&[1]);
    }

    /// The same as a waker, for the pipes that the asynchronous side holds the other end of.
    pub(super) fn waker(&self) -> Waker {
        struct Rope(Bell);
        impl Wake for Rope {
            fn wake(self: Arc<Self>) {
                self.0.ring();
            }
        }
        Waker::from(Arc::new(Rope(self.clone())))
    }
}

/// A socket that a session speaks over: TCP, or a pair of sockets whose other end a bastion serves.
pub(super) enum Socket {
    Tcp(std::net::TcpStream),
    Pair(UnixStream),
}

impl Socket {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Pair(socket) => Self::Pair(socket.try_clone()?),
        })
    }

    /// See [`Wire::acknowledge`]. Other systems have no such switch, and are as slow as they were.
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(socket) = self {
            let _ = socket.set_quickack(true);
        }
    }

    fn close(&self) {
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Self::Pair(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Pair(socket) => socket.as_fd(),
        }
    }
}

/// An authenticated session in non-blocking mode.
pub(super) struct Wire {
    pub(super) session: ssh2::Session,
    socket: Socket,
    ear: UnixStream,
    /// When the host last said anything.
    heard: Instant,
    /// Whether the socket may hold something that libssh2 has not fetched yet.
    unfetched: Cell<bool>,
    /// Where streams are read into, one after the other.
    scratch: RefCell<Vec<u8>>,
    keepalive: Duration,
}

impl Wire {
    pub(super) fn new(session: ssh2::Session, socket: Socket, ear: UnixStream, keepalive: Duration) -> Self {
        session.set_blocking(false);
        let seconds = u32::try_from(keepalive.as_secs()).unwrap_or(u32::MAX);
        session.set_keepalive(true, seconds);
        Self {
            session,
            socket,
            ear,
            heard: Instant::now(),
            unfetched: Cell::new(true),
            scratch: RefCell::new(vec![0; SCRATCH]),
            keepalive,
        }
    }

    /// Tries an operation; `None`: it waits for the host.
    ///
    /// libssh2 holds at most one packet that the socket did not take, and every other operation fails until that packet is out.
    /// So an operation that is stuck on sending is repeated right here until it is not.
    pub(super) fn attempt<T>(
        &self,
        mut operation: impl FnMut(&ssh2::Session) -> io::Result<T>,
    ) -> Result<Option<T>, OpError> {
        let begun = Instant::now();
        loop {
            match operation(&self.session) {
                Ok(value) => return Ok(Some(value)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.sending() {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(self.judge(&error)),
            }
            if begun.elapsed() > STUCK {
                return Err(OpError::Gone(Gone(format!("it took no bytes for {STUCK:?}"))));
            }
            let mut socket = [PollFd::new(&self.socket, PollFlags::OUT)];
            let _ = poll(&mut socket, Some(&timespec(Duration::from_millis(100))));
        }
    }

    /// Reads what one stream of a channel holds now; `None`: nothing.
    ///
    /// Any such read makes libssh2 fetch all that the socket holds, for whichever channel, so once one was made only what it has
    /// fetched is left to be read until the host speaks again. Most looks at a stream end here without a system call.
    pub(super) fn read<T>(
        &self,
        channel: &Channel,
        stderr: bool,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, OpError> {
        if !self.unfetched.get() && channel.read_window().available == 0 {
            return Ok(None);
        }
        let mut scratch = self.scratch.borrow_mut();
        let mut stream = channel.stream(i32::from(stderr));
        let read = self.attempt(|_| stream.read(&mut scratch))?;
        self.unfetched.set(false);
        let count = read.unwrap_or(0);
        Ok((count > 0).then(|| take(&scratch[..count])))
    }

    fn sending(&self) -> bool {
        use ssh2::BlockDirections::{Both, Outbound};
        matches!(self.session.block_directions(), Both | Outbound)
    }

    /// Tells an error of one channel from the end of the session.
    fn judge(&self, error: &io::Error) -> OpError {
        // LIBSSH2_ERROR_*: what happens to a channel, and leaves the session as it is.
        const OF_A_CHANNEL: std::ops::RangeInclusive<i32> = -28..=-21;
        let code = ssh2::Error::last_session_error(&self.session).map(|error| error.code());
        match code {
            Some(ssh2::ErrorCode::Session(code)) if OF_A_CHANNEL.contains(&code) => {
                OpError::Channel(error.to_string())
            }
            _ => OpError::Gone(Gone(error.to_string())),
        }
    }

    /// Acknowledges what the host has said so far, and what it says next, without waiting for something to say ourselves.
    ///
    /// Until a session's first command OpenSSH's server leaves small packets to Nagle's algorithm: it keeps one back until we have
    /// acknowledged the one before, which we would do after 40 ms. After a login it says what keys it has, and then answers
    /// the request for a channel. Linux forgets the switch sooner or later, so it is set at each wait that matters (`man 7 tcp`).
    pub(super) fn acknowledge(&self) {
        self.socket.acknowledge();
    }

    /// Waits until the host says something, the bell rings, or the time is over.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<(), Gone> {
        self.wait_for(limit, PollFlags::IN)
    }

    /// Waits until the bell rings or the time is over, whatever the host says: nothing could be done about it.
    pub(super) fn wait_for_bell(&mut self, limit: Duration) -> Result<(), Gone> {
        self.wait_for(limit, PollFlags::empty())
    }

    fn wait_for(&mut self, limit: Duration, socket: PollFlags) -> Result<(), Gone> {
        let asleep_at_most = limit.min(self.keep_alive()?);
        let mut fds = [
            PollFd::new(&self.socket, socket),
            PollFd::new(&self.ear, PollFlags::IN),
        ];
        match poll(&mut fds, Some(&timespec(asleep_at_most))) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Gone(format!("waiting for it failed: {error}"))),
        }
        let (spoke, rang) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) && socket.is_empty() {
            return Err(Gone("the connection was closed".to_owned()));
        }
        if spoke {
            self.heard = Instant::now();
            self.unfetched.set(true);
        }
        if rang {
            let mut rings = [0_u8; 64];
            while matches!((&self.ear).read(&mut rings), Ok(count) if count == rings.len()) {}
        }
        Ok(())
    }

    /// Whether the host has said something that was not read yet.
    pub(super) fn readable(&self) -> bool {
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut socket, Some(&timespec(Duration::ZERO))).is_ok_and(|ready| ready > 0)
    }

    /// Asks after a silent host; three questions without an answer are the end.
    fn keep_alive(&self) -> Result<Duration, Gone> {
        let silent = self.heard.elapsed();
        if silent > self.keepalive * 3 && !self.readable() {
            return Err(Gone(format!("it has been silent for {}s", silent.as_secs())));
        }
        match self.attempt(|session| session.keepalive_send().map_err(io::Error::from)) {
            Ok(next) => Ok(next.map_or(self.keepalive, |next| Duration::from_secs(u64::from(next.max(1))))),
            Err(OpError::Gone(gone)) => Err(gone),
            Err(OpError::Channel(why)) => Err(Gone(why)),
        }
    }

    /// Says goodbye, if that is possible without waiting, and closes the socket, so that nothing waits for it any more.
    pub(super) fn close(&self) {
        let _ = self.session.disconnect(None, "done", None);
        self.socket.close();
    }
}

/// What went wrong with an operation.
#[derive(Debug, Clone)]
pub(super) enum OpError {
    /// With this channel alone.
    Channel(String),
    /// With the connection.
    Gone(Gone),
}

fn timespec(duration: Duration) -> Timespec {
    // Rounded up to a millisecond: a poll that wakes just before a deadline would spin until it.
    let rounded = duration + Duration::from_micros(999);
    Timespec {
        tv_sec: i64::try_from(rounded.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(rounded.subsec_nanos()),
    }
}
