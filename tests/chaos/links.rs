//! Cables that are out for a while, and hosts that boot, while the run goes on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nebplay_tests::harness::Lab;

/// What is not as it should be with the hosts of a lab.
pub(crate) struct Links<'l> {
    lab: &'l Lab,
    /// When a cable is plugged in again.
    out: HashMap<String, Instant>,
}

impl<'l> Links<'l> {
    /// All is well.
    pub(crate) fn new(lab: &'l Lab) -> Self {
        Self {
            lab,
            out: HashMap::new(),
        }
    }

    /// Pulls a host's cable for so long; one that is out already stays out until then.
    pub(crate) fn cut(&mut self, host: &str, time: Duration) {
        self.lab.host(host).cut_link();
        self.out.insert(host.to_owned(), Instant::now() + time);
    }

    /// Plugs in what was out long enough.
    pub(crate) fn restore_those_due(&mut self) {
        let lab = self.lab;
        self.out.retain(|host, until| {
            let due = *until <= Instant::now();
            if due {
                lab.host(host).restore_link();
            }
            !due
        });
    }

    /// Takes a host's power away and gives it back at once.
    pub(crate) fn reboot(&mut self, host: &str) {
        let host = self.lab.host(host);
        host.wait_until_up();
        host.power_off();
        host.boot();
    }

    /// Waits until all is well.
    pub(crate) fn wait(&mut self) {
        while !self.out.is_empty() {
            self.restore_those_due();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.lab.hosts().for_each(|host| host.wait_until_up());
    }
}
