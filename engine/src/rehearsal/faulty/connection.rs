//! Connections to oned: whether one tells it to change something, and one whose answer is lost.

use nebplay_modules::host::Duplex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::recorder::Recorder;

/// Whether a request tells oned to change something.
pub(super) fn tells(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let method = text
        .split("<methodName>")
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    let asks = |method: &str| {
        ["info", "raftstatus", "version"]
            .iter()
            .any(|end| method.ends_with(end))
    };
    method.is_some_and(|method| !asks(method))
}

/// A connection on which a request is heard, and the answer is lost.
pub(super) fn without_answer(mut inner: Box<dyn Duplex>, dies: Option<Recorder>) -> Box<dyn Duplex> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let mut chunk = [0; 8192];
        let mut answer = [0; 8192];
        loop {
            tokio::select! {
                read = theirs.read(&mut chunk) => match read {
                    Ok(length) if length > 0 => {
                        if inner.write_all(&chunk[..length]).await.is_err() { break; }
                    }
                    _ => break,
                },
                _ = inner.read(&mut answer) => break,
            }
        }
        if let Some(recorder) = dies {
            recorder.kill();
            std::future::pending::<()>().await;
        }
    });
    Box::new(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_told_from_questions() {
        let request = |method: &str| {
            format!("<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName></methodCall>")
        };
        for method in ["one.zone.enable", "one.host.status", "one.user.allocate"] {
            assert!(tells(request(method).as_bytes()), "{method}");
        }
        for method in [
            "one.zonepool.info",
            "one.zone.raftstatus",
            "one.system.version",
            "one.vm.info",
        ] {
            assert!(!tells(request(method).as_bytes()), "{method}");
        }
        assert!(!tells(b"GET / HTTP/1.1"));
    }
}
