//! Just enough HTTP/1.1 for one POST and its answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::host::Duplex;
use crate::opennebula::endpoint::Endpoint;

/// Headers of oned have about 200 bytes.
const MAX_HEAD: usize = 64 << 10;

/// A pool of 10,000 VMs has about 50 MiB.
const MAX_BODY: usize = 512 << 20;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HttpError {
    /// The connection broke or was closed before the answer's end; whether the request was read is unknown.
    Broken(String),
    /// What came is no answer of oned.
    Malformed(String),
}

fn malformed<T>(why: impl Into<String>) -> Result<T, HttpError> {
    Err(HttpError::Malformed(why.into()))
}

fn ended<T>(why: impl Into<String>) -> Result<T, HttpError> {
    Err(HttpError::Broken(why.into()))
}

fn broken(error: std::io::Error) -> HttpError {
    HttpError::Broken(error.to_string())
}

/// Sends the body and returns the answer's.
pub(super) async fn post(
    stream: &mut dyn Duplex,
    endpoint: &Endpoint,
    body: &str,
) -> Result<Vec<u8>, HttpError> {
    let host = if endpoint.address.contains(':') {
        format!("[{}]:{}", endpoint.address, endpoint.port)
    } else {
        format!("{}:{}", endpoint.address, endpoint.port)
    };
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: nebplay\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        endpoint.path,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    Answer::new(stream).read().await
}

/// How the end of the body is known.
enum Length {
    Known(usize),
    Chunked,
    UntilClose,
}

struct Answer<'a> {
    stream: &'a mut dyn Duplex,
    buffer: Vec<u8>,
    /// How much of the buffer has been taken.
    taken: usize,
}

impl<'a> Answer<'a> {
    fn new(stream: &'a mut dyn Duplex) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> Result<bool, HttpError> {
        if self.buffer.len() > MAX_BODY + MAX_HEAD {
            return malformed(format!("the answer is larger than {} MiB", MAX_BODY >> 20));
        }
        let read = self.stream.read_buf(&mut self.buffer).await.map_err(broken)?;
        Ok(read > 0)
    }

    async fn line(&mut self) -> Result<String, HttpError> {
        let mut searched = self.taken;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let end = searched + at;
                let line = String::from_utf8_lossy(&self.buffer[self.taken..end]).into_owned();
                self.taken = end + 1;
                return Ok(line.trim_end_matches('\r').to_owned());
            }
            searched = self.buffer.len();
            if searched - self.taken > MAX_HEAD {
                return malformed("a line of the answer's head never ends");
            }
            if !self.more().await? {
                return ended("the answer ends inside its head");
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        while self.buffer.len() - self.taken < length {
            if !self.more().await? {
                let got = self.buffer.len() - self.taken;
                return ended(format!("the answer ends after {got} of {length} bytes"));
            }
        }
        let bytes = self.buffer[self.taken..self.taken + length].to_vec();
        self.taken += length;
        Ok(bytes)
    }

    async fn read(mut self) -> Result<Vec<u8>, HttpError> {
        let status = self.line().await?;
        let mut words = status.split(' ');
        let (protocol, code) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !protocol.starts_with("HTTP/1.") {
            return malformed("what answers there does not speak HTTP");
        }
        if code != "200" {
            return malformed(format!(
                "the answer is HTTP status {:.80}",
                &status[protocol.len()..].trim()
            ));
        }
        match self.length().await? {
            Length::Known(length) => self.take(length).await,
            Length::Chunked => self.chunks().await,
            Length::UntilClose => {
                while self.more().await? {}
                Ok(self.buffer.split_off(self.taken))
            }
        }
    }

    async fn length(&mut self) -> Result<Length, HttpError> {
        let start = self.taken;
        let mut length = Length::UntilClose;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(length);
            }
            if self.taken - start > MAX_HEAD {
                return malformed("the answer's head never ends");
            }
            let Some((name, value)) = line.split_once(':') else {
                return malformed("a header of the answer has no colon");
            };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("transfer-encoding", value) if value.eq_ignore_ascii_case("chunked") => {
                    length = Length::Chunked;
                }
                ("transfer-encoding", _) => return malformed("an unknown transfer encoding"),
                // Chunked wins over a length, as RFC 9112 has it.
                ("content-length", _) if matches!(length, Length::Chunked) => {}
                ("content-length", value) => match value.parse() {
                    Ok(size) if size <= MAX_BODY => length = Length::Known(size),
                    _ => return malformed("the answer's length is none, or too large"),
                },
                _ => {}
            }
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let Ok(size) = usize::from_str_radix(digits, 16) else {
                return malformed("a chunk of the answer has no size");
            };
            if size > MAX_BODY || body.len() + size > MAX_BODY {
                return malformed(format!("the answer is larger than {} MiB", MAX_BODY >> 20));
            }
            if size == 0 {
                return Ok(body);
            }
            body.extend(self.take(size).await?);
            if !self.line().await?.is_empty() {
                return malformed("a chunk of the answer is longer than it said");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(bytes: &[u8]) -> Result<String, HttpError> {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(bytes).await.unwrap();
        far.shutdown().await.unwrap();
        let endpoint = Endpoint::parse("http://h:1/RPC2").unwrap();
        let body = post(&mut near, &endpoint, "x").await?;
        Ok(String::from_utf8(body).unwrap())
    }

    const KNOWN: &str = "HTTP/1.1 200 OK\r\nContent-type: text/xml\r\nContent-length: 5\r\n\r\nhello";
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n";

    #[tokio::test]
    async fn all_three_kinds_of_body_are_read() {
        let until_close = "HTTP/1.0 200 OK\r\n\r\nhello";
        for text in [KNOWN, CHUNKED, until_close] {
            assert_eq!(answer(text.as_bytes()).await.unwrap(), "hello", "{text}");
        }
    }

    #[tokio::test]
    async fn a_cut_answer_is_never_a_shorter_one() {
        for text in [KNOWN, CHUNKED] {
            for end in 0..text.len() {
                let cut = answer(&text.as_bytes()[..end]).await;
                assert!(cut.is_err(), "{:?}", &text[..end]);
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MAX_HEAD + 10));
        let cases = [
            ("SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "length"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "length",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                "larger",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                "unknown transfer",
            ),
            ("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "no colon"),
            (long.as_str(), "never ends"),
        ];
        for (text, part) in cases {
            let Err(HttpError::Malformed(why) | HttpError::Broken(why)) = answer(text.as_bytes()).await
            else {
                panic!("{text:.80} was taken");
            };
            assert!(why.contains(part), "{text:.80}: {why}");
        }
    }
}
