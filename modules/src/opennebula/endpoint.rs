//! Endpoints of zones: `http://192.168.150.1:2633/RPC2`.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where an oned answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or address; IPv6 without its brackets.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The path of the request.
    pub path: String,
}

/// A text that names no endpoint nebplay can ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Behind TLS.
    #[error(
        "the endpoint {0} is behind TLS; it is asked through its own front-end, which must be in the inventory"
    )]
    Tls(String),
    /// Anything else.
    #[error("{0:?} is no endpoint: expected http://HOST:PORT/RPC2")]
    Malformed(String),
}

impl Endpoint {
    /// The oned of the machine the connection is opened from. The address, not the name `localhost`, which may mean ::1 where oned
    /// does not listen.
    pub fn local(conf: &super::conf::OnedConf) -> Self {
        Self {
            address: conf
                .listen_address
                .clone()
                .unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: conf.port,
            path: "/RPC2".to_owned(),
        }
    }

    /// Reads one, as oned and oned.conf write it.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let malformed = || EndpointError::Malformed(text.chars().take(200).collect());
        if text.starts_with("https://") {
            return Err(EndpointError::Tls(text.to_owned()));
        }
        let rest = text.strip_prefix("http://").ok_or_else(malformed)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/RPC2"),
        };
        let (address, port) = if let Some(rest) = authority.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or_else(malformed)?;
            (address, after.strip_prefix(':').unwrap_or("80"))
        } else {
            authority.split_once(':').unwrap_or((authority, "80"))
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
        let visible = |c: char| c.is_ascii_graphic();
        if address.is_empty() || !address.chars().all(plain) || !path.chars().all(visible) {
            return Err(malformed());
        }
        Ok(Self {
            address: address.to_owned(),
            port: port.parse().map_err(|_| malformed())?,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(f, "http://[{}]:{}{}", self.address, self.port, self.path)
        } else {
            write!(f, "http://{}:{}{}", self.address, self.port, self.path)
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_back_as_they_are_shown() {
        let cases = [
            ("http://192.168.150.1:2633/RPC2", "192.168.150.1", 2633),
            ("http://one.example.org:80/RPC2", "one.example.org", 80),
            ("http://[fd00::1]:2633/RPC2", "fd00::1", 2633),
        ];
        for (text, address, port) in cases {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.address.as_str(), endpoint.port), (address, port));
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            "-",
            "192.168.150.1:2633",
            "http://",
            "http://h:x/",
            "http://h:99999/",
            "http://[::1",
            "http://a b/",
            "http://h:1/x\r\nHost: y",
        ] {
            assert!(
                matches!(Endpoint::parse(text), Err(EndpointError::Malformed(_))),
                "{text}"
            );
        }
        assert!(matches!(
            Endpoint::parse("https://one/RPC2"),
            Err(EndpointError::Tls(_))
        ));
    }
}
