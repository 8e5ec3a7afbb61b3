//! Cables that are out for a while, and hosts that boot, while the run goes on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::harness::Lab;

/// What is not as it should be with the hosts of a lab.
pub(super) struct Links<'l> {
    lab: &'l Lab,
    /// When a cable is plugged in again.
    out: HashMap<String, Instant>,
    /// When the zones reach each other again.
    apart: Option<Instant>,
    /// When a host loses its power.
    doomed: Vec<(Instant, String)>,
}

impl<'l> Links<'l> {
    /// All is well.
    pub(super) fn new(lab: &'l Lab) -> Self {
        Self {
            lab,
            out: HashMap::new(),
            apart: None,
            doomed: Vec::new(),
        }
    }

    /// Pulls a host's cable for so long; one that is out already stays out until then.
    pub(super) fn cut(&mut self, host: &str, time: Duration) {
        self.lab.host(host).cut_link();
        self.out.insert(host.to_owned(), Instant::now() + time);
    }

    /// Keeps the zones from reaching each other for so long.
    pub(super) fn part(&mut self, time: Duration) {
        self.lab.part_zones(true);
        self.apart = Some(Instant::now() + time);
    }

    /// Does what is due.
    pub(super) fn tend(&mut self) {
        let lab = self.lab;
        self.doomed.retain(|(when, host)| {
            let due = *when <= Instant::now();
            if due {
                lab.host(host).power_off();
                lab.host(host).boot();
            }
            !due
        });
        if self.apart.is_some_and(|until| until <= Instant::now()) {
            lab.part_zones(false);
            self.apart = None;
        }
        self.out.retain(|host, until| {
            let due = *until <= Instant::now();
            if due {
                lab.host(host).restore_link();
            }
            !due
        });
    }

    /// Takes a host's power away after so long, and gives it back at once.
    pub(super) fn reboot(&mut self, host: &str, after: Duration) {
        self.doomed.push((Instant::now() + after, host.to_owned()));
        self.tend();
    }

    /// Waits until all is well.
    pub(super) fn wait(&mut self) {
        while self.apart.is_some() || !self.out.is_empty() || !self.doomed.is_empty() {
            self.tend();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.lab.hosts().for_each(|host| host.wait_until_up());
    }
}
