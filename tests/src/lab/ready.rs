//! When a federation is ready: every zone answers and has what the master has.

use super::running::Lab;
use crate::LabError;
use crate::federation::SITES;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `onezone list` on the master shows every zone with the same index.
pub fn wait_until_in_sync(lab: &Lab) -> Result<(), LabError> {
    let deadline = Instant::now() + PATIENCE;
    let master = lab.host(SITES[0].host)?;
    loop {
        let list = master.exec(&["runuser", "-u", "oneadmin", "--", "onezone", "list", "--csv"])?;
        if in_sync(&list.stdout) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(LabError::Late {
                what: "all zones in sync".to_owned(),
                seconds: PATIENCE.as_secs(),
                last_seen: format!("{}{}", list.stdout, list.stderr),
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `C,ID,NAME,ENDPOINT,FED_INDEX,STAT`: the fifth field, a number, is the same in all three.
fn in_sync(csv: &str) -> bool {
    let indexes: Vec<Option<u64>> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(4).and_then(|index| index.parse().ok()))
        .collect();
    indexes.len() == SITES.len() && indexes[0].is_some() && indexes.iter().all(|index| *index == indexes[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_down_or_behind_is_not_ready() {
        let header = "CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT\n";
        let list = |slave: &str| {
            format!("{header}*,0,M,http://m,872,on\n,100,S,http://s,{slave},on\n,101,T,http://t,872,on\n")
        };
        assert!(in_sync(&list("872")));
        assert!(!in_sync(&list("871")));
        assert!(!in_sync(&list("-")));
        assert!(!in_sync(header));
        assert!(!in_sync(""));
    }
}
