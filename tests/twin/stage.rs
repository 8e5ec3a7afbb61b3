//! Three zones of the twin, with the addresses of the recordings.

use std::time::Duration;

use nebplay_model::cli::options::Options;
use nebplay_model::config::Backend;
use nebplay_model::seed::options::{OPTIONS, plan};
use nebplay_model::version::Version;
use nebplay_modules::host::{Command, RunAs};
use nebplay_tests::story::{Said, Stage};
use nebplay_twin::Limit;
use nebplay_twin::federation::{self, At};
use nebplay_twin::files::{Content, Node};
use nebplay_twin::image::{self, Description, Zone};
use nebplay_twin::opennebula;
use nebplay_twin::rates::{Sizes, lasting};

/// The zones, in the order of their machines.
const ZONES: [i64; 3] = [0, 100, 101];
/// Longer than the pauses between what OpenNebula does by itself.
const LONG: Duration = Duration::from_secs(90);

/// The zones, and nobody but the story writes in them.
pub(crate) struct Federation(federation::Federation);

fn at(zone: i64) -> At {
    ZONES.iter().position(|known| *known == zone).unwrap()
}

fn address(zone: i64) -> String {
    format!("10.99.0.{}", at(zone) + 1)
}

fn endpoint(zone: i64) -> String {
    format!("http://{}:2633/RPC2", address(zone))
}

impl Federation {
    /// None of them runs yet, and none has migrators.
    pub(crate) fn new(backend: &Backend) -> Self {
        let zone = |id| Zone {
            id,
            name: format!("zone{id}"),
            master: id == 0,
            machine: format!("fe{id}"),
            address: address(id),
            backend: backend.clone(),
            makes_schemas: false,
            hosts: Vec::new(),
            sizes: Sizes::default(),
        };
        let description = Description {
            zones: ZONES.map(zone).to_vec(),
            ..Description::guide(0)
        };
        let mut federation = Self(image::federation(&description));
        federation.0.set_next_client(Duration::MAX);
        for zone in ZONES {
            federation.stop(zone);
            federation.as_root(zone, "rm -rf /usr/lib/one/ruby/onedb");
            federation.install(zone, "7.0.0");
        }
        federation
    }

    /// Runs a command; its time passes.
    fn run(&mut self, zone: i64, command: &Command, limit: Option<Limit>) -> Said {
        let came = self.0.execute(at(zone), command, limit);
        self.pass(came.took);
        Said {
            exit: came.output.exit.rc(),
            stdout: came.output.stdout,
            stderr: came.output.stderr,
        }
    }

    fn as_root(&mut self, zone: i64, line: &str) {
        let said = self.run(zone, &Command::script::<&str>(line, []), None);
        assert_eq!(said.exit, 0, "{line}: {}", String::from_utf8_lossy(&said.stderr));
    }

    fn pass(&mut self, time: Duration) {
        let now = self.0.now();
        self.0.advance(now + time);
    }

    /// A line of shell of a story. What it reads of another zone's, `$ROOT/../0/tmp`, is brought first.
    fn line(&mut self, zone: i64, line: &str) -> Command {
        if line.contains("$ROOT/../0/") {
            let from = self.0.machine(at(0));
            let nodes: Vec<(String, Node)> = from
                .files
                .below("/tmp")
                .map(|(path, node)| (format!("/0{path}"), node.clone()))
                .collect();
            let now = self.0.now();
            let machine = self.0.machine_mut(at(zone));
            let meta = machine.meta("oneadmin", 0o755, now);
            machine.files.make_directories("/0/tmp", &meta).unwrap();
            for (path, node) in nodes {
                machine.files.put(&path, node).unwrap();
            }
        }
        Command::script::<&str>(line, [])
            .run_as(RunAs::User("oneadmin".to_owned()))
            .env("ROOT", "")
            .env("DB", "opennebula")
            .env("DB_PORT", "3306")
            .env("ONE_XMLRPC", endpoint(zone))
    }
}

impl Stage for Federation {
    fn seed(&mut self, options: &str) {
        let endpoints = ZONES.map(|zone| format!("{zone}={}", endpoint(zone))).join(",");
        let words: Vec<String> = ["--endpoints", &endpoints]
            .into_iter()
            .chain(options.split(' '))
            .map(str::to_owned)
            .collect();
        let options = Options::parse(&words, &OPTIONS).unwrap();
        for zone in ZONES {
            let now = self.0.now();
            let machine = self.0.machine_mut(at(zone));
            let installed: Version = machine
                .files
                .text("/usr/share/one/opennebula.version")
                .parse()
                .unwrap();
            let plan = plan(&options, zone, installed).unwrap();
            opennebula::seed(machine, &plan, now).unwrap();
        }
    }

    fn start(&mut self, zone: i64) {
        self.as_root(zone, "systemctl start opennebula");
        let ready = self.0.rates.oned;
        self.pass(ready);
    }

    fn stop(&mut self, zone: i64) {
        self.as_root(zone, "systemctl stop opennebula");
    }

    fn settle(&mut self) {
        self.pass(Duration::from_secs(1));
    }

    fn pause(&mut self, _: u64) {
        self.pass(LONG);
    }

    fn install(&mut self, zone: i64, version: &str) {
        let now = self.0.now();
        let machine = self.0.machine_mut(at(zone));
        let meta = machine.meta("root", 0o644, now);
        for file in ["opennebula", "opennebula-tools"] {
            let path = format!("/usr/share/one/{file}.version");
            machine.files.write(&path, Content::text(version), &meta).unwrap();
        }
    }

    fn install_migrators(&mut self, zone: i64) {
        for part in ["shared", "local"] {
            let directory = format!("/usr/lib/one/ruby/onedb/{part}");
            self.as_root(
                zone,
                &format!("mkdir -p {directory}; : > {directory}/7.0.0_to_7.2.0.rb"),
            );
        }
    }

    fn shell(&mut self, zone: i64, line: &str) -> Said {
        let command = self.line(zone, line);
        self.run(zone, &command, None)
    }

    fn interrupted(&mut self, zone: i64, signal: &str, line: &str) -> Said {
        let command = self.line(zone, line);
        let whole = self.0.clone().execute(at(zone), &command, None).took;
        // The migration comes last; from a quarter of it on it is the local one.
        let database = self.0.machine(at(zone)).sizes.database;
        let migration = lasting(database, self.0.rates.migrate);
        let middle = whole.saturating_sub(migration / 2);
        let limit = match signal {
            "TERM" => Limit::Asked(middle),
            "KILL" => Limit::Killed(middle),
            other => unreachable!("the story sends SIG{other}"),
        };
        self.run(zone, &command, Some(limit))
    }

    fn as_recorded(&self, _: i64, text: &str) -> String {
        text.to_owned()
    }
}
