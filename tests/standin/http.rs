//! HTTP as far as XML-RPC needs it: one request a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use nebplay_model::onedb::clock::Civil;
use nebplay_model::rpc::{Answer, Call};

use crate::host::now;

/// More than any log entry.
const LONGEST: usize = 256 << 20;

/// Why a call brought no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection.
    #[error("{0}")]
    Connect(String, String, u16),
    /// A connection, but no answer.
    #[error("{0}")]
    Broken(String),
}

impl CallError {
    /// In the words of oned's library.
    pub(crate) fn as_libcurl(&self) -> String {
        let why = match self {
            Self::Connect(_, host, port) => {
                format!(" Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server")
            }
            Self::Broken(why) => format!(" {why}"),
        };
        format!("libcurl failed to execute the HTTP POST transaction, explaining: {why}")
    }
}

/// Calls the oned at `endpoint`; `timeout` bounds each wait.
pub(crate) fn call(endpoint: &str, call: &Call, timeout: Duration) -> Result<Answer, CallError> {
    let (host, port, path) = parts(endpoint);
    let connect = |why: &str, at: &str| {
        CallError::Connect(
            format!("Failed to open TCP connection to {host}:{port} ({why}{at})"),
            host.clone(),
            port,
        )
    };
    let addresses: Vec<_> = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(|_| connect("getaddrinfo: Name or service not known", ""))?
        .filter(std::net::SocketAddr::is_ipv4)
        .collect();
    let address = addresses
        .first()
        .ok_or_else(|| connect("getaddrinfo: Name or service not known", ""))?;
    let stream = TcpStream::connect_timeout(address, timeout).map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            connect("Connection refused - connect(2) for ", &address.to_string())
        }
        std::io::ErrorKind::TimedOut => connect("execution expired", ""),
        _ => connect("No route to host - connect(2) for ", &address.to_string()),
    })?;
    let answer = exchange(&stream, &host, &path, &call.render(), timeout)
        .map_err(|error| CallError::Broken(error.to_string()))?;
    Answer::parse(&answer).map_err(|error| CallError::Broken(error.to_string()))
}

fn exchange(
    mut stream: &TcpStream,
    host: &str,
    path: &str,
    body: &str,
    timeout: Duration,
) -> std::io::Result<String> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    read_message(&mut BufReader::new(stream)).map(|(_, body)| body)
}

/// Host, port and path of `http://host:port/path`.
pub(crate) fn parts(endpoint: &str) -> (String, u16, String) {
    let rest = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, "RPC2"));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "2633"));
    (host.to_owned(), port.parse().unwrap_or(2633), format!("/{path}"))
}

/// Reads a request or response: its first line and its body.
pub(crate) fn read_message(reader: &mut impl BufRead) -> std::io::Result<(String, String)> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; std::cmp::min(length, LONGEST)];
    reader.read_exact(&mut body)?;
    Ok((
        first.trim().to_owned(),
        String::from_utf8_lossy(&body).into_owned(),
    ))
}

/// The response of oned's HTTP server.
pub(crate) fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-type: text/xml; charset=utf-8\r\nContent-length: {}\r\n\
         Connection: close\r\nDate: {}\r\nServer: Xmlrpc-c_Abyss/1.33.14\r\n\r\n{body}",
        body.len(),
        Civil::from_epoch(now()).http()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        assert_eq!(
            parts("http://10.0.0.1:2634/RPC2"),
            ("10.0.0.1".to_owned(), 2634, "/RPC2".to_owned())
        );
        assert_eq!(
            parts("localhost"),
            ("localhost".to_owned(), 2633, "/RPC2".to_owned())
        );
    }
}
