//! The person at the keyboard, and what they want of a run that is under way.

use std::io::{self, BufRead, IsTerminal, Write};

use async_trait::async_trait;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::run::{Operator, Stop};

/// Who sits at the terminal, if anybody does.
pub(super) struct AtTerminal;

#[async_trait]
impl Operator for AtTerminal {
    async fn ask(&self, question: &str, echo: bool) -> Option<String> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let question = question.to_owned();
        // A read from a terminal cannot be cancelled; on a thread of its own it holds nothing up but itself.
        let answer = tokio::task::spawn_blocking(move || ask(&question, echo));
        answer.await.ok()?.ok()
    }
}

fn ask(question: &str, echo: bool) -> io::Result<String> {
    if !echo {
        return rpassword::prompt_password(format!("{question} "));
    }
    let mut out = io::stderr().lock();
    write!(out, "{question} ")?;
    out.flush()?;
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    answer.truncate(answer.trim_end_matches(['\r', '\n']).len());
    Ok(answer)
}

/// Turns signals into what the operator wants: the first INT or TERM lets running steps end, the second leaves at once; a
/// terminal that goes away (HUP) is no reason to stop. Jobs on hosts go on in any case. Must be called inside of a runtime.
pub(super) fn listen() -> io::Result<watch::Receiver<Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (wants, stop) = watch::channel(Stop::Run);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => continue,
            }
            wants.send_modify(|now| *now = next(*now));
        }
    });
    Ok(stop)
}

/// What the operator wants after one more signal.
fn next(now: Stop) -> Stop {
    match now {
        Stop::Run => Stop::Drain,
        Stop::Drain | Stop::Leave => Stop::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_add_up() {
        assert_eq!(next(Stop::Run), Stop::Drain);
        assert_eq!(next(Stop::Drain), Stop::Leave);
        assert_eq!(next(Stop::Leave), Stop::Leave);
    }

    #[tokio::test]
    async fn a_signal_arrives() {
        let mut stop = listen().unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT).unwrap();
        assert_eq!(
            *stop.wait_for(|now| *now != Stop::Run).await.unwrap(),
            Stop::Drain
        );
    }
}
