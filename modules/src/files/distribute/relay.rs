//! One reading, many writers: a source relayed into bounded queues, one for each host that receives.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Distribute;
use crate::host::{Clock, Command, Host, HostError, Output, RunAs, Sink, Source};
use crate::module::{Cx, Failure, FailureKind};
use crate::opennebula::onedb::LOOK;

/// What is handed over at once, and how many of these a host may lag behind the fastest: 4 MiB each keeps the controller small. A
/// packed file comes in pieces of a few KiB, and each that is passed on by itself costs every host a packet.
const CHUNK: usize = 64 << 10;
const LAG: usize = 64;

/// A host that takes nothing for this long is given up.
const STALL: Duration = Duration::from_mins(1);

/// What a host may need after the last byte, to unpack, sync and read back.
const SETTLE: Duration = Duration::from_mins(30);

/// How the file travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Packing {
    /// As it is.
    Plain,
    /// `gzip -1`.
    Gzip,
    /// `zstd -1`: a dump shrinks to a tenth faster than a link carries it. Without zstd's own checksum: the digest covers more.
    Zstd,
}

impl Packing {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The best that the source and all receivers have. A host that does not answer is not asked: it fails soon enough.
    pub(super) async fn common(source: &dyn Host, receivers: &[&Cx<'_>]) -> Self {
        let hosts = std::iter::once(source).chain(receivers.iter().map(|cx| cx.host));
        join_all(hosts.map(Self::best_of))
            .await
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Self::Plain)
    }

    async fn best_of(host: &dyn Host) -> Option<Self> {
        let script = "# nebplay: how files can be packed\n\
            if command -v zstd > /dev/null; then echo zstd; elif command -v gzip > /dev/null; then echo gzip; else echo plain; fi";
        let output = host.run(&Command::script(script, [""; 0])).await.ok()?;
        Some(match output.text().trim() {
            "zstd" => Self::Zstd,
            "gzip" => Self::Gzip,
            _ => Self::Plain,
        })
    }
}

/// What a host has of the file.
#[derive(Debug)]
pub(super) struct Received {
    /// SHA-256 (hex) of what it wrote to disk, unpacked, as it reads back.
    pub(super) sha256: String,
    /// Which file it was that read so (see [`WHICH`]); moving it to its place does not change that.
    pub(super) which: String,
    /// Bytes that travelled to it.
    pub(super) sent: u64,
    /// Who wrote it, and may put it in its place.
    pub(super) writer: RunAs,
}

/// Where a file is until it is known to be whole.
pub(super) fn part(dest: &str) -> String {
    format!("{dest}.nebplay-part")
}

/// What tells a file with its content from any other: file system, inode, size, and when it was last written to.
pub(super) const WHICH: &str = "%d:%i:%s:%.Y";

/// `$1` file, `$2` packing.
///
/// zstd's own threads for reading and writing take a quarter more of the processor and make nothing faster: the system reads ahead and
/// writes later by itself. zstd has both, threads and the option to do without, from 1.5.3 on.
const SEND: &str = r#"# nebplay: send a file
case $2 in
zstd)
    threads=--no-asyncio
    zstd $threads -q -c < /dev/null > /dev/null 2>&1 || threads=
    exec zstd -1 --no-check $threads -q -c -- "$1"
    ;;
gzip) exec gzip -1 -c < "$1" ;;
*) exec cat -- "$1" ;;
esac"#;

/// `$1` part, `$2` packing, `$3` owner, `$4` group, `$5` mode, `$6` how to tell which file it is. The part is made anew, never
/// written through a link somebody put there. It is read back while the disk still writes; if it changed meanwhile, it says so in
/// place of which file it is, and will be read again in its place.
const RECEIVE: &str = r#"# nebplay: receive a file
part=$1
umask 077
directory=$(dirname -- "$part")
[ -d "$directory" ] || install -d -m 0700 -o "$3" -g "$4" -- "$directory" || exit
# Where root does not write, the owner must be able to.
if [ ! -w "$directory" ]; then
    echo "$3 may not write in $directory, and root does not write there for them: somebody else could put a link in the way;" \
        "give that directory to $3, or choose one below directories that are root's alone" >&2
    exit 1
fi
rm -f -- "$part" || exit
set -C
case $2 in
zstd)
    threads=--no-asyncio
    zstd $threads -q -c < /dev/null > /dev/null 2>&1 || threads=
    zstd -d $threads -q -c > "$part"
    ;;
gzip) gzip -d -c > "$part" ;;
*) cat > "$part" ;;
esac || { status=$?; rm -f -- "$part"; exit $status; }
chown -h "$3:$4" -- "$part" && chmod "$5" -- "$part" || exit
which=$(stat -c "$6" -- "$part") || exit
sync -- "$part" & syncing=$!
if command -v openssl > /dev/null; then openssl dgst -sha256 -r < "$part"; else sha256sum < "$part"; fi || exit
wait "$syncing" || exit
if [ "$(stat -c "$6" -- "$part")" = "$which" ]; then echo "$which"; else echo changed; fi"#;

/// Relays the source's file to all receivers; the results are in their order.
pub(super) async fn relay(
    source: &dyn Host,
    reader: &RunAs,
    task: &Distribute,
    receivers: &[&Cx<'_>],
    packing: Packing,
) -> Vec<Result<Received, Failure>> {
    let word = packing.word();
    let send = Command::script(SEND, [task.src.as_str(), word])
        .run_as(reader.clone())
        .deadline(LOOK);
    let reading = match source.source(&send).await {
        Ok(reading) => reading,
        Err(error) => {
            let failure = Failure::from(error);
            return receivers.iter().map(|_| Err(failure.clone())).collect();
        }
    };
    let part = part(&task.dest);
    let receive = Command::script(
        RECEIVE,
        [&part, word, &task.owner, &task.group, &task.mode, WHICH],
    )
    .deadline(LOOK);
    let (queues, writers): (Vec<_>, Vec<_>) = receivers
        .iter()
        .map(|cx| {
            let (queue, chunks) = channel::<Arc<[u8]>>(LAG);
            (Some(queue), write(task, cx, &receive, chunks))
        })
        .unzip();
    let (read, mut written) = tokio::join!(pump(source, reading, queues), join_all(writers));
    if let Err(failure) = read {
        // A receiver cannot tell a source that broke off from one that ended, unless the packing tells it.
        for result in &mut written {
            if result.is_ok() {
                *result = Err(failure.clone());
            }
        }
    }
    written
}

/// Reads the source to its end and hands every chunk to every receiver that still takes any.
async fn pump(
    source: &dyn Host,
    mut reading: Source,
    mut queues: Vec<Option<Sender<Arc<[u8]>>>>,
) -> Result<(), Failure> {
    let broken =
        |why: String| Failure::failed(format!("{}: failed to read the source: {why}", source.name()));
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let mut next = (&mut reading.stdout).take(CHUNK as u64);
        next.read_to_end(&mut chunk)
            .await
            .map_err(|error| broken(error.to_string()))?;
        if chunk.is_empty() {
            break;
        }
        let chunk: Arc<[u8]> = Arc::from(chunk);
        for queue in &mut queues {
            let Some(sender) = queue else { continue };
            // A closed or stalled queue is its writer's failure, and nobody else's.
            if !handed_over(source.clock(), sender, &chunk).await {
                *queue = None;
            }
        }
        if queues.iter().all(Option::is_none) {
            return Err(broken("no host takes it any more".to_owned()));
        }
    }
    let end = match reading.end.await {
        Ok(end) => end?,
        Err(_) => return Err(broken("its end is unknown".to_owned())),
    };
    if end.exit.success() {
        Ok(())
    } else {
        Err(broken(format!("{} ({})", end.exit, end.err_text().trim())))
    }
}

async fn handed_over(clock: &dyn Clock, sender: &Sender<Arc<[u8]>>, chunk: &Arc<[u8]>) -> bool {
    if sender.try_send(Arc::clone(chunk)).is_ok() {
        return true;
    }
    tokio::select! {
        biased;
        sent = sender.send(Arc::clone(chunk)) => sent.is_ok(),
        () = clock.sleep(STALL) => false,
    }
}

/// Writes to one receiver what its queue brings, and returns what it then has.
async fn write(
    task: &Distribute,
    cx: &Cx<'_>,
    receive: &Command,
    mut chunks: Receiver<Arc<[u8]>>,
) -> Result<Received, Failure> {
    let writer = task.writer(cx).await?;
    let Sink { mut stdin, end } = cx.host.sink(&receive.clone().run_as(writer.clone())).await?;
    let mut sent = 0;
    let mut broken = None;
    while let Some(chunk) = chunks.recv().await {
        let written = tokio::select! {
            biased;
            written = stdin.write_all(&chunk) => written.map_err(|error| error.to_string()),
            () = cx.host.clock().sleep(STALL) => Err(format!("it took nothing for {STALL:?}")),
        };
        if let Err(why) = written {
            broken = Some(why);
            break;
        }
        sent += chunk.len() as u64;
        // How many there will be is not known of a packed stream.
        cx.progress.bytes(sent, 0);
    }
    // Nothing more is taken: the others go on without this one.
    drop(chunks);
    if broken.is_none()
        && let Err(error) = stdin.shutdown().await
    {
        broken = Some(error.to_string());
    }
    drop(stdin);
    let stalled = broken
        .as_ref()
        .is_some_and(|why| why.starts_with("it took nothing"));
    let end = tokio::select! {
        biased;
        end = end => end.map_err(|_| "its end is unknown".to_owned()),
        () = cx.host.clock().sleep(if stalled { Duration::ZERO } else { SETTLE }) => Err("it did not finish".to_owned()),
    };
    let (sha256, which) = settle(cx, broken, end)?;
    Ok(Received {
        sha256,
        which,
        sent,
        writer,
    })
}

/// The digest of what it wrote and which file that is, or why there is none.
fn settle(
    cx: &Cx<'_>,
    broken: Option<String>,
    end: Result<Result<Output, HostError>, String>,
) -> Result<(String, String), Failure> {
    let host = cx.host.name();
    let failed = |kind, why: &str| {
        Err(Failure::new(
            kind,
            format!("{host}: failed to receive the file: {why}"),
        ))
    };
    match (broken, end) {
        (_, Ok(Err(error))) => Err(error.into()),
        (broken, Ok(Ok(output))) => {
            let text = output.text();
            let said = (text.split_whitespace().next(), text.lines().nth(1));
            match said {
                (Some(sha256), Some(which))
                    if output.exit.success() && broken.is_none() && sha256.len() == 64 =>
                {
                    Ok((sha256.to_owned(), which.trim().to_owned()))
                }
                _ => {
                    let said = output.err_text();
                    let why = format!("{} ({})", output.exit, said.trim());
                    failed(
                        FailureKind::Failed,
                        &broken.map_or(why.clone(), |broken| format!("{broken}; {why}")),
                    )
                }
            }
        }
        (broken, Err(why)) => failed(FailureKind::TimedOut, &broken.unwrap_or(why)),
    }
}
