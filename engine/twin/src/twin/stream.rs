//! Bytes that flow out of, into, and between the machines of the federation.

use nebplay_modules::host::{Command, Duplex, HostError, Output, Sink, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::oneshot;

use super::Twin;
use crate::federation::{At, Federation};
use crate::opennebula::daemon;
use crate::rates::lasting;
use crate::session::Came;

/// What a pipe holds before its writer waits.
const PIPE: usize = 1 << 20;

/// Runs the command at once; its output flows as fast as the link takes what it stands for.
pub(super) fn source(twin: Twin, at: At, command: &Command) -> Source {
    let (mut writer, reader) = duplex(PIPE);
    let (done, end) = oneshot::channel();
    let command = command.clone();
    tokio::spawn(async move {
        let came = run(&twin, at, &command).await;
        let time = twin.change(|federation| {
            let bytes = daemon::stands_for(federation, at, &came.output.stdout);
            // Bytes flow between two machines: the one of which more is known sets the pace.
            let pace = federation.pace.values().copied().min_by(f64::total_cmp);
            lasting(bytes, federation.rates.link).mul_f64(pace.unwrap_or(1.0))
        });
        tokio::time::sleep(time).await;
        // Whoever reads may have gone; the command has ended all the same.
        let _ = writer.write_all(&came.output.stdout).await;
        drop(writer);
        let output = Output {
            stdout: Vec::new(),
            ..came.output
        };
        let _ = done.send(Ok(output));
    });
    Source {
        stdout: Box::new(reader),
        end,
    }
}

/// Takes in everything, then runs the command on it.
pub(super) fn sink(twin: Twin, at: At, command: &Command) -> Sink {
    let (writer, mut reader) = duplex(PIPE);
    let (done, end) = oneshot::channel::<Result<Output, HostError>>();
    let command = command.clone();
    tokio::spawn(async move {
        let mut stdin = Vec::new();
        if reader.read_to_end(&mut stdin).await.is_err() {
            return;
        }
        let came = run(&twin, at, &command.stdin(stdin)).await;
        let _ = done.send(Ok(came.output));
    });
    Sink {
        stdin: Box::new(writer),
        end,
    }
}

async fn run(twin: &Twin, at: At, command: &Command) -> Came {
    let came = twin.change(|federation| federation.execute(at, command, None));
    tokio::time::sleep(came.took).await;
    came
}

/// What happens to the federation after a request was heard, whose bytes these are; the machine is the one that the connection comes from.
pub type Then = Box<dyn FnOnce(&mut Federation, At, &[u8]) + Send>;

/// A connection to what listens there: one request of HTTP, and one answer. `then` happens when the request has had its effect, before any
/// time has passed: if the machine that asked goes down by that, it gets no answer.
pub(super) fn connection(
    twin: Twin,
    from: At,
    address: &str,
    port: u16,
    mut then: Option<Then>,
) -> Box<dyn Duplex> {
    let (ours, mut theirs) = duplex(PIPE);
    let address = address.to_owned();
    tokio::spawn(async move {
        let mut request = Vec::new();
        let mut chunk = [0; 8192];
        loop {
            match theirs.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(length) => request.extend_from_slice(&chunk[..length]),
            }
            let answer = twin.change(|federation| {
                let answer = daemon::http(federation, from, &address, port, &request)?;
                if let Some(then) = then.take() {
                    then(federation, from, &request);
                }
                let is_up = federation.machine(from).away_until <= federation.now();
                Some(if is_up { answer } else { Vec::new() })
            });
            if let Some(answer) = answer {
                let _ = theirs.write_all(&answer).await;
                return;
            }
        }
    });
    Box::new(ours)
}
