//! What nebplay remembers on a host between runs: JSON notes under `/var/lib/nebplay/memory`, root's alone.
//!
//! A note says how things were before nebplay touched them, so that the end restores that and not "everything on". A run that is
//! repeated must not overwrite it with what the first run left behind.

use serde::{Serialize, de::DeserializeOwned};

use crate::host::{Command, FileMeta, Host, RunAs};
use crate::module::Failure;

/// Where the notes are.
pub const DIRECTORY: &str = "/var/lib/nebplay/memory";

/// The notes that are removed when what they tell of is as it was before: where one is left, a run was stopped halfway.
/// All others last: what a dump was proven to be, which repository there was.
pub const TO_PUT_BACK: [&str; 4] = ["services", "zone-disabled", "hypervisor-hosts", "migration"];

const LIMIT: u64 = 16 << 20;

fn path(key: &str) -> Result<String, Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if key.is_empty() || key.len() > 100 || !key.chars().all(plain) {
        return Err(Failure::failed(format!("{key:?} is no key of a note")));
    }
    Ok(format!("{DIRECTORY}/{key}.json"))
}

/// The note of that key; `None`: there is none. One that cannot be read is a failure and never taken for none.
pub async fn recall<T: DeserializeOwned>(host: &dyn Host, key: &str) -> Result<Option<T>, Failure> {
    let path = path(key)?;
    let Some(bytes) = host.read_file(&path, &RunAs::root(), LIMIT).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::unsafe_to_go_on(format!("{}: the note {path} cannot be read: {error}", host.name())).hint(
            "it says how things were before nebplay changed them: look at it, then correct or remove it by hand",
        )
    })
}

/// Writes a note unless there is one, and returns what stands now: what the first run recorded wins.
pub async fn remember<T>(host: &dyn Host, key: &str, note: &T) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    if let Some(before) = recall(host, key).await? {
        return Ok(before);
    }
    overwrite(host, key, note).await
}

/// Writes a note whatever was there, and returns it as read back.
pub async fn overwrite<T>(host: &dyn Host, key: &str, note: &T) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let path = path(key)?;
    let failed =
        |why: String| Failure::failed(format!("{}: failed to write the note {path}: {why}", host.name()));
    let bytes = serde_json::to_vec_pretty(note).map_err(|error| failed(error.to_string()))?;
    make_directory(host).await?;
    let meta = FileMeta {
        mode: Some(0o600),
        owner: Some("root".to_owned()),
        group: Some("root".to_owned()),
    };
    host.write_file(&path, &bytes, &meta, &RunAs::root()).await?;
    match recall::<T>(host, key).await? {
        Some(read) if read == *note => Ok(read),
        _ => Err(Failure::not_verified(format!(
            "{}: the note {path} does not read back as it was written",
            host.name()
        ))),
    }
}

/// The beginning of a note's name while it is written; where the power goes then, it stays.
pub(crate) const HALF: &str = ".nebplay.";

/// Removes what is left of notes that were not written to their end.
pub(crate) async fn forget_halves(host: &dyn Host) -> Result<(), Failure> {
    let script = r#"rm -f -- "$1"/"$2"*"#;
    let command = Command::script(script, [DIRECTORY, HALF]).as_root();
    host.run(&command).await?;
    Ok(())
}

/// Removes a note; an unknown one is none of an error.
pub async fn forget(host: &dyn Host, key: &str) -> Result<(), Failure> {
    let path = path(key)?;
    let output = host
        .run(&Command::new(["rm", "-f", "--", path.as_str()]).as_root())
        .await?;
    if output.exit.success() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{}: failed to remove the note {path}: {}",
            host.name(),
            output.err_text().trim()
        )))
    }
}

async fn make_directory(host: &dyn Host) -> Result<(), Failure> {
    let parent = "/var/lib/nebplay";
    let make = Command::new([
        "install", "-d", "-m", "0700", "-o", "root", "-g", "root", parent, DIRECTORY,
    ]);
    let output = host.run(&make.as_root()).await?;
    if output.exit.success() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{}: failed to make {DIRECTORY}: {}",
            host.name(),
            output.err_text().trim()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::FakeHost;

    const FILE: &str = "/var/lib/nebplay/memory/zones.json";

    #[tokio::test]
    async fn the_first_note_wins_until_it_is_forgotten_or_overwritten() {
        let host = FakeHost::new("m").on("install -d", 0, "");
        assert_eq!(recall::<Vec<u32>>(&host, "zones").await.unwrap(), None);
        assert_eq!(remember(&host, "zones", &vec![1, 2]).await.unwrap(), [1, 2]);
        assert_eq!(remember(&host, "zones", &vec![3]).await.unwrap(), [1, 2]);
        assert_eq!(overwrite(&host, "zones", &vec![3]).await.unwrap(), [3]);
        let stat = host.stat_of(FILE).unwrap();
        assert_eq!((stat.mode, stat.owner.as_str()), (0o600, "root"));
    }

    #[tokio::test]
    async fn a_note_that_is_no_note_is_never_taken_for_none() {
        let host = FakeHost::new("m").file(FILE, "[1,");
        let failure = recall::<Vec<u32>>(&host, "zones").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        let failure = remember(&host, "zones", &vec![1]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert_eq!(host.content(FILE).unwrap(), b"[1,");
    }

    #[tokio::test]
    async fn keys_cannot_leave_the_directory() {
        let host = FakeHost::new("m");
        for key in ["", "../x", "a/b", "A", "a b", "é"] {
            assert!(recall::<u32>(&host, key).await.is_err(), "{key:?}");
        }
        assert!(host.asked().is_empty());
    }

    #[tokio::test]
    async fn forgetting_tells_when_it_failed() {
        let host = FakeHost::new("m").on_full("rm -f", 1, "", "Read-only file system");
        let failure = forget(&host, "zones").await.unwrap_err();
        assert!(failure.message.contains("Read-only"), "{}", failure.message);
    }
}
