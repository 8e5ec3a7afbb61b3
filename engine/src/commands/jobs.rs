//! `nebplay jobs`: what is left of jobs, anywhere.

use std::fmt::Write as _;

use clap::Args as ClapArgs;
use nebplay_modules::host::HostError;
use nebplay_modules::job::{JobRecord, JobState};
use serde::Serialize;

use super::asking::Asking;
use super::error::CommandError;
use super::options::{ConnectionArgs, InventoryArgs};
use super::terminal::{self, Terminal};
use super::{age, exit, locks};

pub(super) const EXAMPLES: &str = "\
A job is what a step started detached on a host, so that it outlives the connection and nebplay. A step that sees its job's end removes \
it; what is listed here was left by a run that was cut off, or is under way. Changes nothing.

Exit codes: 0 all was learnt; 2 a host was reached and did not tell; 4 one could not be reached.

Examples:
  nebplay jobs -i prod.ini
  nebplay jobs -i prod.ini --json | jq '.jobs[] | select(.state == \"running\")'";

/// Arguments of `nebplay jobs`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// As JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// A job that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Left {
    host: String,
    name: String,
    /// `running`, `ended` or `lost`.
    state: &'static str,
    /// Its exit status, negative for a signal, if it has ended.
    exit: Option<i32>,
    /// Seconds since the epoch, by its host's clock.
    started: i64,
    age_seconds: i64,
    /// What to do with it.
    next: &'static str,
}

/// A host of which nothing is known.
#[derive(Debug, Serialize)]
struct Silent {
    host: String,
    why: String,
    #[serde(skip)]
    unreachable: bool,
}

/// Everything, as `--json` writes it.
#[derive(Debug, Default, Serialize)]
struct Report {
    jobs: Vec<Left>,
    unknown: Vec<Silent>,
}

/// Lists the jobs.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<u8, CommandError> {
    let hosts = args.inventory.read(&[], Some(&args.connection))?;
    let all = hosts.zoned.inventory.hosts().map(|host| host.name.clone());
    let names: Vec<String> = hosts.limit.clone().unwrap_or_else(|| all.collect());
    let asking = Asking::of(hosts, names.clone())?;
    let whom = names.into_iter().map(|name| (name, ()));
    let answers = asking.each(whom, |host, ()| async move { host.list_jobs().await });
    let now = locks::now();
    let mut report = Report::of(answers, now);
    for silent in &mut report.unknown {
        silent.why = asking.secrets.scrub(&silent.why);
    }
    asking.end();
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&report.text(now, terminal))?;
    }
    Ok(report.exit_code())
}

impl Left {
    fn new(host: &str, job: JobRecord, now: i64) -> Self {
        let (state, exit, next) = match job.state {
            JobState::Running => (
                "running",
                None,
                "it goes on by itself. The run that started it, resumed, or its playbook, run again, joins it and follows it to its end; it is not started twice.",
            ),
            JobState::Ended(status) => (
                "ended",
                Some(status),
                "nobody saw its end. The run that started it, resumed, takes what it came to; the module job_clean removes it if nothing is to be run again.",
            ),
            JobState::Lost => (
                "lost",
                None,
                "its host was restarted, or it was killed, before it ended. The run that started it, resumed, looks at what it left, or asks you; the module job_clean removes it.",
            ),
        };
        Self {
            host: host.to_owned(),
            name: job.name,
            state,
            exit,
            started: job.started,
            age_seconds: now.saturating_sub(job.started).max(0),
            next,
        }
    }

    fn cells(&self, now: i64) -> [String; 5] {
        let state = match self.exit {
            Some(status) if status < 0 => format!("{} (signal {})", self.state, -status),
            Some(status) => format!("{} ({status})", self.state),
            None => self.state.to_owned(),
        };
        [
            self.host.clone(),
            self.name.clone(),
            state,
            age::moment(self.started),
            age::since(self.started, now),
        ]
    }
}

impl Report {
    fn of(answers: Vec<(String, Result<Vec<JobRecord>, HostError>)>, now: i64) -> Self {
        let mut report = Self::default();
        for (host, answer) in answers {
            match answer {
                Ok(jobs) => report
                    .jobs
                    .extend(jobs.into_iter().map(|job| Left::new(&host, job, now))),
                Err(error) => report.unknown.push(Silent {
                    host,
                    unreachable: matches!(error, HostError::Unreachable { .. }),
                    why: error.to_string(),
                }),
            }
        }
        report
    }

    fn text(&self, now: i64, terminal: &Terminal) -> String {
        let mut out = String::new();
        if self.jobs.is_empty() {
            out.push_str("no job is left on the hosts that told\n");
        } else {
            out.push_str(&self.table(now, terminal));
            out.push('\n');
            let mut said: Vec<&str> = Vec::new();
            for job in &self.jobs {
                if !said.contains(&job.state) {
                    said.push(job.state);
                    out.push_str(&terminal.prose(&format!("{}: {}", job.state, job.next), 0));
                }
            }
        }
        for silent in &self.unknown {
            let _ = writeln!(out, "{}", silent.why.trim_end());
        }
        out
    }

    fn table(&self, now: i64, terminal: &Terminal) -> String {
        let heading = ["HOST", "JOB", "STATE", "STARTED", "AGE"].map(str::to_owned);
        let cells: Vec<[String; 5]> = self.jobs.iter().map(|job| job.cells(now)).collect();
        let widths: [usize; 5] = std::array::from_fn(|column| {
            let column = cells
                .iter()
                .chain([&heading])
                .map(|row| row[column].chars().count());
            column.max().unwrap_or(0)
        });
        let line = |row: &[String; 5]| {
            let padded = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut out = terminal.heading(&line(&heading)) + "\n";
        for row in &cells {
            let _ = writeln!(out, "{}", line(row));
        }
        out
    }

    fn exit_code(&self) -> u8 {
        if self.unknown.iter().any(|silent| silent.unreachable) {
            exit::UNREACHABLE
        } else if self.unknown.is_empty() {
            exit::OK
        } else {
            exit::FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn job(name: &str, state: JobState, started: i64) -> JobRecord {
        JobRecord {
            name: name.to_owned(),
            digest: String::new(),
            state,
            started,
            fresh: false,
        }
    }

    #[test]
    fn what_is_left_and_what_to_do_with_it() {
        let jobs = vec![
            job("onedb-upgrade-0a1b2c3d4e5f", JobState::Running, NOW - 180),
            job("onedb-backup-0a1b2c3d4e5f", JobState::Ended(0), NOW - 7_200),
            job("command-0a1b2c3d4e5f", JobState::Ended(-9), NOW - 90_000),
        ];
        let lost = HostError::Unreachable {
            host: "ca".to_owned(),
            why: "no route to host".to_owned(),
            sent: false,
        };
        let answers = vec![
            ("fr".to_owned(), Ok(jobs)),
            (
                "ge".to_owned(),
                Ok(vec![job("onedb-restore-1", JobState::Lost, NOW)]),
            ),
            ("ca".to_owned(), Err(lost)),
        ];
        let report = Report::of(answers, NOW);
        assert_eq!(report.exit_code(), exit::UNREACHABLE);
        insta::assert_snapshot!(report.text(NOW, &Terminal::plain()), @r"
        HOST  JOB                         STATE             STARTED                  AGE
        fr    onedb-upgrade-0a1b2c3d4e5f  running           2026-11-18 11:03:40 UTC  3 minutes
        fr    onedb-backup-0a1b2c3d4e5f   ended (0)         2026-11-18 09:06:40 UTC  2 hours
        fr    command-0a1b2c3d4e5f        ended (signal 9)  2026-11-17 10:06:40 UTC  1 day
        ge    onedb-restore-1             lost              2026-11-18 11:06:40 UTC  0 seconds

        running: it goes on by itself. The run that started it, resumed, or its
        playbook, run again, joins it and follows it to its end; it is not started
        twice.
        ended: nobody saw its end. The run that started it, resumed, takes what it came
        to; the module job_clean removes it if nothing is to be run again.
        lost: its host was restarted, or it was killed, before it ended. The run that
        started it, resumed, looks at what it left, or asks you; the module job_clean
        removes it.
        ca is unreachable: no route to host
        ");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["jobs"][2]["exit"], -9);
        assert_eq!(json["unknown"][0]["host"], "ca");
    }

    #[test]
    fn nothing_is_left() {
        let report = Report::of(vec![("fr".to_owned(), Ok(Vec::new()))], NOW);
        assert_eq!(
            report.text(NOW, &Terminal::plain()),
            "no job is left on the hosts that told\n"
        );
        assert_eq!(report.exit_code(), exit::OK);
    }
}
