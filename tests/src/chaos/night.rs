//! One run in which steps meet faults, each followed by `nebplay resume` or by the run's own reconnect.

use std::time::{Duration, Instant};

use crate::harness::{Host, Lab, Running};

use super::course::Course;
use super::end::{Before, End};
use super::fault::Fault;
use super::feed::Feed;
use super::kept::Kept;
use super::links::Links;

/// A run that is resumed more often than that without meeting a new fault is stuck.
const PATIENCE: u32 = 6;

/// A process that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(900);

/// A module of which a step meets a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub module: String,
    /// What befalls the step.
    pub fault: Fault,
    /// Whether it is hit when it acts; otherwise when it begins to look.
    pub acts: bool,
    /// How many other steps of the module act before.
    pub after: usize,
    /// How long it acts when nothing befalls it.
    pub takes: Duration,
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survived {
    /// The night came to its end without the step.
    NotMet,
    /// The run went on until the next fault after so many times `nebplay resume`.
    Resumed(u32),
}

/// A night to be run.
#[derive(Debug, Clone)]
pub struct Night {
    /// Short: the lab's name.
    pub name: String,
    /// What is disturbed.
    pub course: Course,
    /// Beside the playbook.
    pub arguments: Vec<String>,
    /// Seconds of `--keepalive`.
    pub keepalive: u64,
    /// In the order in which the steps come.
    pub cases: Vec<Case>,
}

/// How a night went.
#[derive(Debug, Clone)]
pub struct Told {
    /// What became of each case.
    pub cases: Vec<(Case, Survived)>,
    /// What failed on the way, a line each.
    pub failures: Vec<String>,
    /// How many times a connection was lost.
    pub lost: usize,
    /// How many migrations and restores were begun.
    pub begun: usize,
    /// How many of them were completed.
    pub completed: usize,
    /// What it left.
    pub end: End,
    /// What each module did first, in that order.
    pub modules: Vec<Met>,
}

impl Told {
    /// Whether every case was met.
    pub fn met_all(&self) -> bool {
        self.cases
            .iter()
            .all(|(_, survived)| *survived != Survived::NotMet)
    }
}

/// A module of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Its name.
    pub module: String,
    /// How long each of its steps that acted did so.
    pub takes: Vec<Duration>,
}

impl Night {
    /// Runs it on a lab of its own to its end and looks at what it left; a panic says what is wrong. `None`: no lab here.
    pub fn run(&self) -> Option<Told> {
        let lab = self.course.lab(&self.name).boot()?;
        let _kept = Kept::of(&lab, &self.name);
        for host in lab.hosts() {
            // So long that there is a middle to be hit.
            host.slow("upgrade", 1.0);
            host.slow("restore", 0.5);
        }
        let before = Before::of(&lab);
        self.course.prepare(&lab);
        let mut way = Way::new(self, &lab);
        while !way.process_ends() {
            way.resume();
        }
        let Way {
            told,
            mut links,
            feed,
            ..
        } = way;
        links.wait();
        Some(Told {
            cases: self.cases.iter().cloned().zip(told).collect(),
            end: match self.course {
                Course::Upgrade(_) => before.upgraded(&lab),
                Course::Back(_) => before.back(&lab),
            },
            failures: feed.failures().to_vec(),
            lost: feed.lost(),
            begun: changes(&lab, " started"),
            completed: changes(&lab, " completed"),
            modules: feed.modules(),
        })
    }
}

/// How many times the databases were migrated or restored, as far as it is said.
fn changes(lab: &Lab, how: &str) -> usize {
    let of_host =
        |host: Host<'_>| host.count(&format!("upgrade{how}")) + host.count(&format!("restore{how}"));
    lab.hosts().map(of_host).sum()
}

/// A night under way.
struct Way<'n> {
    night: &'n Night,
    lab: &'n Lab,
    links: Links<'n>,
    feed: Feed,
    process: Running,
    /// For each case.
    told: Vec<Survived>,
    /// The case that was met last.
    last: Option<usize>,
}

impl<'n> Way<'n> {
    fn new(night: &'n Night, lab: &'n Lab) -> Self {
        let told = vec![Survived::NotMet; night.cases.len()];
        let first = night
            .course
            .run(lab)
            .args(["--json", "--keepalive", &night.keepalive.to_string()])
            .args(&night.arguments)
            .args(halt(night, &told))
            .state(&lab.directory().join("state"));
        Self {
            night,
            lab,
            links: Links::new(lab),
            feed: Feed::default(),
            process: first.start(),
            told,
            last: None,
        }
    }

    /// Follows a process to its end, with what befalls it on the way. No: the run is to be resumed.
    fn process_ends(&mut self) -> bool {
        let deadline = Instant::now() + LONGEST;
        loop {
            let ended = self.process.has_ended();
            for line in self.process.news() {
                self.hear(&line);
            }
            self.links.tend();
            if ended {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{}: nebplay still runs after {LONGEST:?}; the last it said: {}",
                self.night.name,
                self.feed.last()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        let run = self.process.outcome();
        match run.code {
            0 => return true,
            KILLED => {
                let killed = self.next_kill();
                assert!(killed.is_some(), "nebplay was killed, and not by its own hand");
                if let Some(killed) = killed {
                    self.meet(killed);
                }
            }
            2 | 4 => {}
            other => panic!(
                "{}: exit status {other}\nstdout:\n{}\nstderr:\n{}",
                self.night.name,
                crate::program::tail(&run.stdout),
                run.stderr
            ),
        }
        false
    }

    /// Does what the night has in store for the step that an event tells of.
    fn hear(&mut self, line: &str) {
        let Some(heard) = self.feed.take(line) else {
            return;
        };
        let comes = |(at, case): &(usize, &Case)| {
            self.told[*at] == Survived::NotMet
                && case.fault.halt().is_none()
                && case.module == heard.module
                && case.acts == heard.acts
                && case.after <= heard.after
        };
        let Some((at, case)) = self.night.cases.iter().enumerate().find(comes) else {
            return;
        };
        if let Some(time) = case.fault.cut(self.night.keepalive) {
            self.links.cut(&heard.host, time);
        }
        if let Some(after) = case.fault.power_cut(case.takes) {
            self.links.reboot(&heard.host, after);
        }
        if case.fault == Fault::OthersReboot {
            for other in self.lab.hosts().filter(|other| other.name() != heard.host) {
                self.links.reboot(other.name(), Duration::ZERO);
            }
        }
        if let Some(time) = case.fault.apart() {
            self.links.part(time);
        }
        self.meet(at);
    }

    fn meet(&mut self, case: usize) {
        self.told[case] = Survived::Resumed(0);
        self.last = Some(case);
    }

    /// The next case in which the controller is killed.
    fn next_kill(&self) -> Option<usize> {
        next_kill(self.night, &self.told)
    }

    fn resume(&mut self) {
        // An operator resumes when the hosts are there again.
        self.links.wait();
        let times = match self.last.map(|last| &mut self.told[last]) {
            Some(Survived::Resumed(times)) => {
                *times += 1;
                *times
            }
            _ => PATIENCE,
        };
        assert!(
            times < PATIENCE,
            "{}: it fails again and again:\n{}",
            self.night.name,
            self.feed.failures().join("\n")
        );
        self.process = self
            .lab
            .nebplay(["resume", "--json"])
            .args(halt(self.night, &self.told))
            .without_inventory()
            .state(&self.lab.directory().join("state"))
            .start();
    }
}

/// The exit status of a process that SIGKILL ended.
const KILLED: i32 = 137;

fn next_kill(night: &Night, told: &[Survived]) -> Option<usize> {
    let mut cases = night.cases.iter().zip(told);
    cases.position(|(case, told)| *told == Survived::NotMet && case.fault.halt().is_some())
}

fn halt(night: &Night, told: &[Survived]) -> Vec<String> {
    let next = next_kill(night, told).map(|at| &night.cases[at]);
    let moment = next.and_then(|case| Some((case.fault.halt()?, case)));
    moment.map_or_else(Vec::new, |(moment, case)| {
        let look = if case.acts { "" } else { "-look" };
        vec!["--halt".to_owned(), format!("{moment}{look}@{}", case.module)]
    })
}
