//! The errors oned answers with: a code and a message that starts with the method's name.

/// The error classes of the XML-RPC API, by the number that stands in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Wrong user or password.
    Authentication = 256,
    /// The user may not do this.
    Authorization = 512,
    /// No such object.
    NoExists = 1024,
    /// The object exists, the action does not fit it.
    Action = 2048,
    /// The parameters do not fit the method.
    Parameters = 4096,
    /// Anything inside oned; also a disabled zone.
    Internal = 8192,
    /// The object cannot be made.
    Allocate = 16384,
    /// A replicated entry does not follow the last one this zone has.
    Replication = 65536,
}

/// A refusal: what stands in the answer after `[one.x.y] `, and its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The class of the error.
    pub code: Code,
    /// The text without the method in brackets.
    pub message: String,
}

impl Refusal {
    /// A refusal of class `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// User unknown or password wrong.
    pub fn not_authenticated() -> Self {
        Self::new(
            Code::Authentication,
            "User couldn't be authenticated, aborting call.",
        )
    }

    /// `uid` may not do `right` (for example `ADMIN`) on `object` (for example `ZONE [100]`).
    pub fn not_authorized(uid: i64, right: &str, object: &str) -> Self {
        Self::new(
            Code::Authorization,
            format!("User [{uid}] : Not authorized to perform {right} {object}."),
        )
    }

    /// The zone that was asked is disabled.
    pub fn zone_disabled() -> Self {
        Self::new(Code::Internal, "Cannot process request, zone disabled")
    }

    /// There is no `kind` with this id.
    pub fn no_such(kind: &str, id: i64) -> Self {
        Self::new(Code::NoExists, format!("Error getting {kind} [{id}]."))
    }

    /// A zone's state was set at another zone's endpoint, or the zone does not exist: the same words.
    pub fn not_my_zone() -> Self {
        Self::new(
            Code::Action,
            "Enable/disable mode have to be set through the target zone endpoints",
        )
    }

    /// A slave that cannot reach its master with a federated write.
    pub fn no_master() -> Self {
        Self::new(Code::Action, "Could not connect to the federation master oned")
    }

    /// A slave's toggle that failed at the master, for the reason `why`.
    pub fn master_refused_zone(why: &str) -> Self {
        Self::new(
            Code::Action,
            format!("Cannot update zone at federation master: {why}"),
        )
    }
}
