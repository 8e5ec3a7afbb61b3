//! Why a oned could not be asked, in the words of whoever tried.

use std::fmt;

/// A connection that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    address: String,
    port: u16,
    why: Why,
}

/// Why it cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing takes connections there.
    Refused,
    /// Nobody answers.
    Silent,
    /// There is no machine of that name.
    Unknown,
}

impl Unreached {
    pub(super) fn new(address: &str, port: u16, why: Why) -> Self {
        Self {
            address: address.to_owned(),
            port,
            why,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.why == Why::Refused
    }

    /// As oned's own library says it.
    pub(super) fn as_libcurl(&self) -> String {
        let Self { address, port, .. } = self;
        format!(
            "libcurl failed to execute the HTTP POST transaction, explaining:  \
             Failed to connect to {address} port {port} after 0 ms: Couldn't connect to server"
        )
    }
}

/// As the tools say it, which are written in Ruby.
impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, port, why } = self;
        write!(f, "Failed to open TCP connection to {address}:{port} (")?;
        match why {
            Why::Refused => write!(f, "Connection refused - connect(2) for {address}:{port})"),
            Why::Silent => write!(f, "execution expired)"),
            Why::Unknown => write!(f, "getaddrinfo: Name or service not known)"),
        }
    }
}
