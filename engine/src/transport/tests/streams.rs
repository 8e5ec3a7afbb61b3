//! What comes and goes while a command runs: lines, bytes, connections.

use std::sync::Mutex;

use nebplay_modules::host::{Command, Exit, Lines};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::running::{hosts, sh};
use super::sshd::Sshd;

#[derive(Default)]
struct Heard(Mutex<Vec<(String, bool)>>);

impl Lines for Heard {
    fn line(&self, line: &str, stderr: bool) {
        self.0.lock().unwrap().push((line.to_owned(), stderr));
    }
}

#[tokio::test]
async fn lines_come_while_it_runs() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let heard = Heard::default();
        let output = host
            .stream(&sh("echo one; echo two >&2; printf three; exit 4"), &heard)
            .await
            .unwrap();
        assert_eq!(
            (output.exit, output.text()),
            (Exit::Code(4), "one\nthree".to_owned())
        );
        let mut heard = heard.0.into_inner().unwrap();
        heard.sort();
        let expected =
            [("one", false), ("three", false), ("two", true)].map(|(line, err)| (line.to_owned(), err));
        assert_eq!(heard, expected);
    }
}

#[tokio::test]
async fn bytes_stream_out_and_in() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let mut source = host
            .source(&sh("head -c 5000000 /dev/zero; echo said >&2; exit 2"))
            .await
            .unwrap();
        let mut bytes = Vec::new();
        source.stdout.read_to_end(&mut bytes).await.unwrap();
        let end = source.end.await.unwrap().unwrap();
        assert_eq!(
            (bytes.len(), end.exit, end.err_text()),
            (5_000_000, Exit::Code(2), "said\n".to_owned())
        );

        let mut sink = host.sink(&Command::new(["wc", "-c"])).await.unwrap();
        sink.stdin.write_all(&vec![7; 3_000_000]).await.unwrap();
        sink.stdin.shutdown().await.unwrap();
        assert_eq!(sink.end.await.unwrap().unwrap().text().trim(), "3000000");
    }
}

#[tokio::test]
async fn a_sink_that_vanishes_is_no_end_of_file() {
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done").display().to_string();
        let mut sink = host
            .sink(&Command::script("cat >/dev/null; touch \"$1\"", [done]))
            .await
            .unwrap();
        sink.stdin.write_all(b"half of").await.unwrap();
        drop(sink.stdin);
        assert!(sink.end.await.unwrap().is_err(), "{}", host.name());
        assert!(
            !dir.path().join("done").exists(),
            "{} took a part for the whole",
            host.name()
        );
    }
}

#[tokio::test]
async fn connections_from_the_host() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = String::new();
            stream.read_to_string(&mut asked).await.unwrap();
            stream
                .write_all(format!("heard {}", asked.len()).as_bytes())
                .await
                .unwrap();
        }
    });
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (hosts, _sshd) = hosts().await;
    for host in &hosts {
        for _ in 0..3 {
            let mut stream = host.connect("127.0.0.1", port).await.unwrap();
            stream.write_all(&vec![b'x'; 600_000]).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "heard 600000", "{}", host.name());
        }
        let refused = host.connect("127.0.0.1", closed).await.err().unwrap().to_string();
        assert!(refused.to_lowercase().contains("connection refused"), "{refused}");
    }
    let Some(sshd) = Sshd::start("AllowTcpForwarding no") else {
        return;
    };
    let off = sshd
        .connect()
        .await
        .connect("127.0.0.1", port)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(off.contains("AllowTcpForwarding"), "{off}");
}
