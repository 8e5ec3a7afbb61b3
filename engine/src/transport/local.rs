//! This machine as a host: the same words as over SSH, said to a child process.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nebplay_modules::host::{Command, Duplex, Exit, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};

use super::TUNNEL_TIMEOUT;
use super::launch::{self, Account, Launch, Way};
use super::machine::{Link, Pending};
use super::opening::{Opening, Say};
use super::pipe::{Drain, Feed, Kept};
use super::ssh::Fault;

/// How long a killed command may take to let go of its output before we do.
const GRACE: Duration = Duration::from_secs(5);

/// How this machine is reached.
pub(super) struct LocalLink {
    account: Account,
}

impl LocalLink {
    pub(super) fn new(account: Account) -> Self {
        Self { account }
    }
}

#[async_trait]
impl Link for LocalLink {
    async fn start(&self, command: &Command, feed: Feed, drain: Drain) -> Result<Pending, Fault> {
        let launch =
            launch::command(&self.account, command).map_err(|error| Fault::Refused(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        let talk = Talk {
            account: self.account.clone(),
            way: self.account.way(&command.run_as),
            deadline: command.deadline,
        };
        let child = spawn(&launch.line).map_err(|error| Fault::Refused(format!("no shell: {error}")))?;
        tokio::spawn(talk.serve(child, launch, feed, drain, answer));
        Ok(Pending {
            answer: answered,
            guard: None,
        })
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, Fault> {
        match tokio::time::timeout(TUNNEL_TIMEOUT, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(Fault::Refused(error.to_string())),
            Err(_) => Err(Fault::TimedOut),
        }
    }
}

/// A shell that leads a process group of its own, and so does not hear the operator's Ctrl-C.
fn spawn(line: &str) -> std::io::Result<Child> {
    tokio::process::Command::new("sh")
        .args(["-c", line])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// One command under way.
struct Talk {
    account: Account,
    way: Way,
    deadline: Duration,
}

/// What the tasks around a child tell the one that holds the opening.
enum Heard {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

impl Talk {
    async fn serve(
        self,
        mut child: Child,
        launch: Launch,
        feed: Feed,
        drain: Drain,
        mut answer: oneshot::Sender<Result<Output, Fault>>,
    ) {
        let began = Instant::now();
        let (mut opening, at_once) = Opening::new(launch);
        let (say, words) = mpsc::unbounded_channel();
        let _ = say.send(at_once);
        let mut say = Some(say);
        if opening.settled() {
            say = None;
        }
        let (abandon, mut abandoned) = oneshot::channel();
        let (mut feeding, mut feeds) = (None, true);
        // A pipe of one message each way: a reader that is slow slows the child.
        let (tell, mut heard) = mpsc::channel(1);
        if let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        {
            feeding = Some(tokio::spawn(feed_child(stdin, words, feed, abandon)));
            tokio::spawn(hear_stdout(stdout, tell.clone()));
            tokio::spawn(hear_stderr(stderr, tell));
        } else {
            drop(tell);
        }
        let mut collected = Collected::new(drain);
        let deadline = tokio::time::sleep(self.deadline);
        let mut deadline = std::pin::pin!(deadline);
        let mut doom = None;
        loop {
            let watched = !collected.piped() && doom.is_none();
            tokio::select! {
                next = heard.recv() => match next {
                    None => break,
                    Some(Heard::Stdout(bytes)) => {
                        // A reader that stands still does not stop the clock.
                        let taken = collected.take(opening.stdout(bytes), false);
                        let fault = match tokio::time::timeout_at(deadline.deadline(), taken).await {
                            Ok(true) if collected.kept.too_much => Fault::TooMuch,
                            Ok(true) => continue,
                            Ok(false) => Fault::Refused("it was given up".to_owned()),
                            Err(_) => Fault::TimedOut,
                        };
                        if doom.is_none() {
                            doom = Some(fault);
                            self.end(&mut child, &opening).await;
                        }
                    }
                    Some(Heard::Stderr(bytes)) => {
                        let (bytes, next) = opening.stderr(bytes);
                        collected.take(bytes, true).await;
                        if collected.kept.too_much && doom.is_none() {
                            doom = Some(Fault::TooMuch);
                            self.end(&mut child, &opening).await;
                        }
                        match next {
                            Say::Nothing => {}
                            Say::Send(words) => {
                                if let Some(say) = &say {
                                    let _ = say.send(words);
                                }
                            }
                            Say::WrongPassword => {
                                doom = Some(Fault::Refused("the password is wrong (it was tried once)".to_owned()));
                                self.end(&mut child, &opening).await;
                            }
                        }
                        if opening.settled() {
                            say = None;
                        }
                    }
                },
                outcome = &mut abandoned, if feeds => {
                    feeds = false;
                    if outcome.is_ok() {
                        doom.get_or_insert(Fault::Refused("it was given up".to_owned()));
                        self.end(&mut child, &opening).await;
                    }
                }
                () = &mut deadline => {
                    if doom.is_some() {
                        break;
                    }
                    doom = Some(Fault::TimedOut);
                    self.end(&mut child, &opening).await;
                    deadline.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
                () = answer.closed(), if watched => {
                    doom = Some(Fault::Refused("it was given up".to_owned()));
                    self.end(&mut child, &opening).await;
                    deadline.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
            }
        }
        if let Some(feeding) = feeding {
            feeding.abort();
        }
        collected.finish().await;
        let status = tokio::time::timeout(GRACE, child.wait()).await;
        let outcome = match (doom, status) {
            (Some(fault), _) => Err(fault),
            (None, _) if !opening.open() => Err(Fault::Refused(opening.complaint())),
            (None, Ok(Ok(status))) => Ok(Output {
                exit: exit_of(status),
                stdout: collected.kept.stdout,
                stderr: collected.kept.stderr,
                elapsed: began.elapsed(),
            }),
            // It closed its output and runs on.
            (None, Ok(Err(_)) | Err(_)) => {
                self.end(&mut child, &opening).await;
                Err(Fault::TimedOut)
            }
        };
        drop(answer.send(outcome));
    }

    /// Kills the command with its whole process group, as the user it runs as.
    async fn end(&self, child: &mut Child, opening: &Opening) {
        if let Some(pid) = opening.pid()
            && let Ok(launch) = launch::kill(&self.account, &self.way, pid)
            && launch.password.is_none()
            && let Ok(mut killer) = spawn(&launch.line)
        {
            if let Some(mut stdin) = killer.stdin.take() {
                let _ = stdin.write_all(&launch.scripts).await;
            }
            // Both streams are small, and read by nobody: the pipes hold them.
            let _ = tokio::time::timeout(GRACE, killer.wait()).await;
        }
        let _ = child.start_kill();
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}

/// What the child printed, or where it went.
struct Collected {
    drain: Drain,
    kept: Kept,
}

impl Collected {
    fn new(drain: Drain) -> Self {
        Self {
            drain,
            kept: Kept::default(),
        }
    }

    fn piped(&self) -> bool {
        matches!(self.drain, Drain::Pipe(_))
    }

    /// Hands on one piece; `false`: nobody reads the pipe any more.
    async fn take(&mut self, bytes: Vec<u8>, stderr: bool) -> bool {
        self.drain.show(&bytes, stderr);
        match (&mut self.drain, stderr) {
            (Drain::Shown(_), _) => {}
            (Drain::Pipe(pipe), false) => return pipe.write_all(&bytes).await.is_ok(),
            _ => self.kept.take(bytes, stderr),
        }
        true
    }

    async fn finish(&mut self) {
        if let Drain::Pipe(pipe) = &mut self.drain {
            let _ = pipe.shutdown().await;
        }
    }
}

async fn hear_stdout(mut stream: ChildStdout, tell: mpsc::Sender<Heard>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if tell.send(Heard::Stdout(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn hear_stderr(mut stream: ChildStderr, tell: mpsc::Sender<Heard>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if tell.send(Heard::Stderr(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

/// Says the scripts, then hands on the command's own input. A child that does not listen is no error of ours.
async fn feed_child(
    mut stdin: ChildStdin,
    mut words: mpsc::UnboundedReceiver<Vec<u8>>,
    feed: Feed,
    abandon: oneshot::Sender<()>,
) {
    while let Some(bytes) = words.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
    match feed {
        Feed::Nothing => {}
        Feed::Bytes(bytes) => drop(stdin.write_all(&bytes).await),
        Feed::Pipe(mut pipe, finished) => {
            let copied = tokio::io::copy(&mut pipe, &mut stdin).await;
            if copied.is_ok() && !finished.said() {
                // The input must not end before the command is gone, or it would take a part for the whole.
                let _ = abandon.send(());
                std::future::pending::<()>().await;
            }
        }
    }
    drop(stdin);
}
