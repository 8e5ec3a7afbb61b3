//! Asking oned by XML-RPC, over a connection opened from a host: no port of OpenNebula need be reachable from the controller.

mod http;
pub mod value;

use std::fmt;
use std::time::Duration;

use crate::host::{Command, Host, HostError};
use crate::module::{Failure, FailureKind};
use crate::opennebula::auth::Auth;
use crate::opennebula::endpoint::Endpoint;

use http::HttpError;
use value::{Param, Response, Value};

/// How long one zone may take to answer a short question; the command line of OpenNebula gives it as much.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a pool may take: it grows with the cloud.
pub const POOL_TIMEOUT: Duration = Duration::from_mins(1);

/// What OpenNebula's error codes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 256: the session is wrong.
    Authentication,
    /// 512: the user may not.
    Authorization,
    /// 1024: there is no such thing.
    NoExists,
    /// 2048: not now, not here, or no such zone.
    Action,
    /// 8192: the zone is disabled, has no leader, or worse.
    Internal,
    /// Any other.
    Other(i64),
}

impl From<i64> for Code {
    fn from(code: i64) -> Self {
        match code {
            256 => Self::Authentication,
            512 => Self::Authorization,
            1024 => Self::NoExists,
            2048 => Self::Action,
            8192 => Self::Internal,
            other => Self::Other(other),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RpcError {
    /// The host that was to ask failed, not the one that was to be asked.
    #[error("{0}")]
    Host(HostError),
    /// Nothing answers at the endpoint: oned is down, or something is in between.
    #[error("{endpoint}, asked from {from}: no connection: {why}")]
    NoConnection {
        /// Inventory name of the host that asked.
        from: String,
        /// Who was asked.
        endpoint: Endpoint,
        /// The host's words.
        why: String,
    },
    /// No answer in time. Whether a call took effect is unknown.
    #[error("{endpoint}, asked from {from}: no answer within {limit:?}")]
    TimedOut {
        /// Inventory name of the host that asked.
        from: String,
        /// Who was asked.
        endpoint: Endpoint,
        /// What was allowed.
        limit: Duration,
    },
    /// The connection broke before an answer had come whole. Whether a call took effect is unknown.
    #[error("{endpoint}, asked from {from}: the connection broke: {why}")]
    Broken {
        /// Inventory name of the host that asked.
        from: String,
        /// Who was asked.
        endpoint: Endpoint,
        /// What broke it.
        why: String,
    },
    /// What came is no answer of oned.
    #[error("{endpoint}, asked from {from}: not an answer of oned: {why}")]
    Malformed {
        /// Inventory name of the host that asked.
        from: String,
        /// Who was asked.
        endpoint: Endpoint,
        /// What is wrong with it.
        why: String,
    },
    /// oned answered, and the answer is no.
    #[error("{endpoint}: {text}")]
    Refused {
        /// Who was asked.
        endpoint: Endpoint,
        /// What kind of no.
        code: Code,
        /// OpenNebula's own words.
        text: String,
    },
}

impl RpcError {
    /// Whether the zone said that it is disabled.
    pub fn zone_disabled(&self) -> bool {
        matches!(self, Self::Refused { code: Code::Internal, text, .. } if text.contains("zone disabled"))
    }

    /// Whether oned was not reached at all, so that nothing can have happened.
    pub fn nothing_listens(&self) -> bool {
        matches!(self, Self::NoConnection { .. })
    }

    /// The same in a word or two, for a table.
    pub fn short(&self) -> &'static str {
        match self {
            Self::Host(_) => "host unreachable",
            Self::NoConnection { .. } => "no connection",
            Self::TimedOut { .. } => "timed out",
            Self::Broken { .. } => "connection broke",
            Self::Malformed { .. } => "no valid answer",
            Self::Refused { code, .. } => match code {
                Code::Authentication => "not authenticated",
                Code::Authorization => "not authorized",
                _ => "refused",
            },
        }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let message = error.to_string();
        match error {
            RpcError::Host(error) => error.into(),
            RpcError::TimedOut { .. } => Self::new(FailureKind::TimedOut, message)
                .hint("look at /var/log/one/oned.log of that zone: a long database operation keeps oned from answering"),
            RpcError::NoConnection { .. } => Self::failed(message)
                .hint("check that oned runs there (systemctl status opennebula), and that nothing filters its port"),
            RpcError::Broken { .. } | RpcError::Malformed { .. } => Self::failed(message)
                .hint("check what listens on that port and the end of /var/log/one/oned.log"),
            RpcError::Refused { code, .. } => {
                let failure = Self::failed(message);
                match code {
                    Code::Authentication => failure.hint(
                        "the password in oneadmin's one_auth is not the one OpenNebula knows: correct /var/lib/one/.one/one_auth",
                    ),
                    Code::Authorization => failure.hint("one_auth must hold oneadmin's own session"),
                    _ => failure,
                }
            }
        }
    }
}

/// An oned, as asked from a host.
#[derive(Clone)]
pub struct Client<'a> {
    host: &'a dyn Host,
    endpoint: Endpoint,
    auth: &'a Auth,
    limit: Duration,
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} from {})", self.endpoint, self.host.name())
    }
}

impl<'a> Client<'a> {
    /// Asks that endpoint from that host, waiting [`TIMEOUT`].
    pub fn new(host: &'a dyn Host, endpoint: Endpoint, auth: &'a Auth) -> Self {
        Self {
            host,
            endpoint,
            auth,
            limit: TIMEOUT,
        }
    }

    /// Waits this long for an answer.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Who is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Calls a method and returns what OpenNebula said after its yes.
    pub async fn call(&self, method: &str, params: &[Param<'_>]) -> Result<Value, RpcError> {
        self.said(&self.answer(method, params).await?)
    }

    /// Calls a method that only reads and answers a text: most of OpenNebula's are XML in a string.
    pub async fn text(&self, method: &str, params: &[Param<'_>]) -> Result<String, RpcError> {
        self.text_in(method, &self.asked(method, params).await?)
    }

    /// The answer to a method that only reads, not looked at yet.
    ///
    /// Without an answer it is called once more, after the host that asks has answered itself: it may be that one that is gone, or that
    /// was and came back, and oned none the worse. Silence therefore takes twice the limit.
    pub async fn asked(&self, method: &str, params: &[Param<'_>]) -> Result<Vec<u8>, RpcError> {
        match self.answer(method, params).await {
            Err(RpcError::Broken { .. } | RpcError::TimedOut { .. }) => {
                self.host_is_there().await?;
                self.answer(method, params).await
            }
            answer => answer,
        }
    }

    /// The text that the answer to a method is.
    pub fn text_in(&self, method: &str, answer: &[u8]) -> Result<String, RpcError> {
        match self.said(answer)? {
            Value::Text(text) => Ok(text),
            _ => Err(self.malformed(format!("{method} did not answer a text"))),
        }
    }

    async fn answer(&self, method: &str, params: &[Param<'_>]) -> Result<Vec<u8>, RpcError> {
        let body = value::call(method, self.auth.session(), params);
        let answer = tokio::time::timeout(self.limit, self.exchange(&body));
        answer.await.map_err(|_| RpcError::TimedOut {
            from: self.from(),
            endpoint: self.endpoint.clone(),
            limit: self.limit,
        })?
    }

    fn said(&self, answer: &[u8]) -> Result<Value, RpcError> {
        match value::response(&String::from_utf8_lossy(answer)) {
            Ok(Response::Value(value)) => self.verdict(value),
            Ok(Response::Fault { code, text }) => Err(self.refused(Code::Other(code), text)),
            Err(error) => Err(self.malformed(error.to_string())),
        }
    }

    async fn host_is_there(&self) -> Result<(), RpcError> {
        match self.host.run(&Command::new(["true"])).await {
            Err(error @ HostError::Unreachable { .. }) => Err(RpcError::Host(error)),
            _ => Ok(()),
        }
    }

    /// Says that an answer is not what it should be.
    pub fn malformed(&self, why: impl Into<String>) -> RpcError {
        RpcError::Malformed {
            from: self.from(),
            endpoint: self.endpoint.clone(),
            why: why.into(),
        }
    }

    fn from(&self) -> String {
        self.host.name().to_owned()
    }

    fn refused(&self, code: Code, text: String) -> RpcError {
        RpcError::Refused {
            endpoint: self.endpoint.clone(),
            code,
            text,
        }
    }

    async fn exchange(&self, body: &str) -> Result<Vec<u8>, RpcError> {
        let connected = self
            .host
            .connect(&self.endpoint.address, self.endpoint.port)
            .await;
        let mut stream = connected.map_err(|error| match error {
            HostError::Refused { why, .. } => RpcError::NoConnection {
                from: self.from(),
                endpoint: self.endpoint.clone(),
                why,
            },
            HostError::TimedOut { limit, .. } => RpcError::TimedOut {
                from: self.from(),
                endpoint: self.endpoint.clone(),
                limit,
            },
            error @ HostError::Unreachable { .. } => RpcError::Host(error),
        })?;
        let answer = http::post(&mut *stream, &self.endpoint, body).await;
        answer.map_err(|error| match error {
            HttpError::Malformed(why) => self.malformed(why),
            HttpError::Broken(why) => RpcError::Broken {
                from: self.from(),
                endpoint: self.endpoint.clone(),
                why,
            },
        })
    }

    /// OpenNebula's own envelope: yes and a value, or no, a text and a code.
    fn verdict(&self, value: Value) -> Result<Value, RpcError> {
        let Value::Array(parts) = value else {
            return Err(self.malformed("the answer is not OpenNebula's list"));
        };
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Value::Bool(true)), Some(value), _) => Ok(value),
            (Some(Value::Bool(false)), Some(Value::Text(text)), Some(Value::Int(code))) => {
                Err(self.refused(code.into(), text))
            }
            _ => Err(self.malformed("the answer is neither OpenNebula's yes nor its no")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::fake::{self, Reply};
    use crate::testing::FakeHost;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn endpoint() -> Endpoint {
        Endpoint::parse("http://192.168.150.1:2633/RPC2").unwrap()
    }

    async fn ask(reply: Reply) -> Result<String, RpcError> {
        let host = FakeHost::new("m").listener(fake::oned(move |_| reply.clone()));
        let auth = Auth::of("oneadmin:secret");
        Client::new(&host, endpoint(), &auth)
            .text("one.system.version", &[])
            .await
    }

    #[tokio::test]
    async fn a_yes_is_its_value() {
        assert_eq!(ask(Reply::text("7.0.0")).await.unwrap(), "7.0.0");
    }

    #[tokio::test]
    async fn every_no_keeps_its_meaning() {
        let cases = [
            (
                256,
                "[one.x] User couldn't be authenticated, aborting call.",
                Code::Authentication,
            ),
            (
                512,
                "[one.x] User [10] : Not authorized to perform ADMIN ZONE [100].",
                Code::Authorization,
            ),
            (
                2048,
                "[one.zone.enable] Enable/disable mode have to be set through",
                Code::Action,
            ),
            (
                8192,
                "[one.x] Cannot process request, zone disabled",
                Code::Internal,
            ),
        ];
        for (number, words, expected) in cases {
            let error = ask(Reply::no(number, words)).await.unwrap_err();
            let RpcError::Refused { code, text, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!((*code, text.as_str()), (expected, words));
            assert_eq!(error.zone_disabled(), number == 8192);
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[tokio::test]
    async fn refused_reset_silent_and_garbled_are_four_things() {
        let refused = ask(Reply::NoConnection).await.unwrap_err();
        assert!(refused.nothing_listens(), "{refused}");
        let host = ask(Reply::Unreachable).await.unwrap_err();
        assert_eq!(Failure::from(host).kind, FailureKind::Unreachable);
        for (raw, short) in [
            ("", "connection broke"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a",
                "connection broke",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n<methodResponse/>", "no valid answer"),
        ] {
            let error = ask(Reply::Raw(raw.as_bytes().to_vec())).await.unwrap_err();
            assert_eq!(error.short(), short, "{raw}: {error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_is_asked_once_more_if_the_host_is_there() {
        let gone = || HostError::Unreachable {
            host: "m".to_owned(),
            why: "no route".to_owned(),
            sent: false,
        };
        for (first, is_there, then, expected) in [
            (Reply::Raw(Vec::new()), true, Reply::text("7.0.0"), "7.0.0"),
            (Reply::Silence, true, Reply::text("7.0.0"), "7.0.0"),
            (Reply::Silence, true, Reply::Silence, "timed out"),
            (Reply::Silence, false, Reply::text("7.0.0"), "host unreachable"),
            (Reply::Raw(Vec::new()), true, Reply::NoConnection, "no connection"),
        ] {
            let connections = AtomicUsize::new(0);
            let host = FakeHost::new("m").listener(fake::oned(move |call| {
                // The probe before a connection.
                let is_probe = call.method.is_empty();
                match connections.fetch_add(usize::from(is_probe), Ordering::Relaxed) {
                    0 => Reply::Silence,
                    1 if !is_probe => first.clone(),
                    _ => then.clone(),
                }
            }));
            let host = if is_there {
                host.on("true", 0, "")
            } else {
                host.on_error("true", gone())
            };
            let auth = Auth::of("oneadmin:secret");
            let client = Client::new(&host, endpoint(), &auth);
            let answer = client.text("one.system.version", &[]).await;
            assert_eq!(answer.unwrap_or_else(|error| error.short().to_owned()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_times_out() {
        let error = ask(Reply::Silence).await.unwrap_err();
        assert_eq!(Failure::from(error).kind, FailureKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_cut_at_any_byte_is_never_taken() {
        let whole = Reply::text("<RAFT><FEDLOG_INDEX>63</FEDLOG_INDEX></RAFT>").bytes();
        for end in 0..whole.len() {
            assert!(ask(Reply::Raw(whole[..end].to_vec())).await.is_err(), "{end}");
        }
        assert!(ask(Reply::Raw(whole)).await.is_ok());
    }
}
