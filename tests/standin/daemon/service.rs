//! A running oned: calls in, answers out, writes into the database.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nebplay_model::errors::{Code, Refusal};
use nebplay_model::log::LogEntry;
use nebplay_model::oned::{Mode, Oned, Outcome};
use nebplay_model::replication::Replication;
use nebplay_model::rpc::{Answer, Call};

use super::log::Log;
use crate::database::{Database, DatabaseError, zone};
use crate::host::now;
use crate::http;

/// How long a client may take for its request, and the master for its answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What changes while oned runs.
pub(super) struct State {
    pub(super) oned: Oned,
    pub(super) replication: Replication,
    /// The slaves that did not answer when they were last called.
    pub(super) away: BTreeSet<i64>,
}

/// Everything the threads of oned share.
pub(super) struct Service {
    state: Mutex<State>,
    /// Something was written.
    pub(super) written: Condvar,
    pub(super) database: Database,
    master: String,
    pub(super) session: String,
    pub(super) log: Log,
}

impl Service {
    pub(super) fn new(
        oned: Oned,
        database: Database,
        master: String,
        session: String,
        log: Log,
    ) -> Arc<Self> {
        let slaves = oned.other_zones().into_iter().map(|(id, _)| id);
        let replication = Replication::at_start(slaves, &oned.log);
        let state = Mutex::new(State {
            oned,
            replication,
            away: BTreeSet::new(),
        });
        let service = Arc::new(Self {
            state,
            written: Condvar::new(),
            database,
            master,
            session,
            log,
        });
        service.write_own(|oned| oned.started(now()));
        service
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What oned does by itself each second.
    pub(super) fn tick(&self) {
        self.write_own(|oned| oned.tick(now()));
    }

    /// Waits until the slaves that answer have everything: the real one takes seconds to stop.
    pub(super) fn settle(&self) {
        for _ in 0..100 {
            let mut state = self.lock();
            let State {
                oned,
                replication,
                away,
            } = &mut *state;
            let is_master = oned.identity.mode == Mode::Master;
            let lacks = |slave: i64| !away.contains(&slave) && replication.next(slave, &oned.log).is_some();
            if !is_master || !oned.other_zones().into_iter().map(|(id, _)| id).any(lacks) {
                return;
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes connections for ever.
    pub(super) fn serve(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let service = Arc::clone(&self);
            std::thread::spawn(move || service.connection(&stream));
        }
    }

    fn connection(&self, mut stream: &TcpStream) {
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.set_nodelay(true);
        let Ok((_, body)) = http::read_message(&mut BufReader::new(stream)) else {
            return;
        };
        let answer = match Call::parse(&body) {
            Ok(call) => self.answer(&call),
            Err(error) => Answer::Fault {
                code: -503,
                message: error.to_string(),
            },
        };
        let _ = stream.write_all(http::response(&answer.render()).as_bytes());
    }

    fn answer(&self, call: &Call) -> Answer {
        let method = &call.method;
        if method != "one.zone.fedreplicate" {
            self.log.debug("ReM", &format!("Req:0 {method} invoked"));
        }
        let mut state = self.lock();
        let answer = match state.oned.handle(call, now()) {
            Outcome::Answered { answer, writes } => match self.write(&mut state, &writes) {
                Ok(()) => answer,
                Err(error) => Answer::refused(
                    method,
                    &Refusal::new(Code::Internal, format!("Database error: {error}")),
                ),
            },
            Outcome::AskMaster(asked) => {
                // The master may be replicating to this zone at this moment.
                drop(state);
                let came =
                    http::call(&self.master, &asked.call, PATIENCE).map_err(|error| error.as_libcurl());
                self.lock().oned.after_master(&asked, method, came)
            }
        };
        if let Answer::Failure { message, .. } = &answer {
            self.log
                .error("ReM", &format!("Req:0 {method} result FAILURE {message}"));
        }
        answer
    }

    fn write_own(&self, act: impl FnOnce(&mut Oned) -> Vec<LogEntry>) {
        let mut state = self.lock();
        let writes = act(&mut state.oned);
        // Logged there; there is nobody to tell.
        let _ = self.write(&mut state, &writes);
    }

    /// Writes what the model already remembers. If that fails, the model forgets: it is read anew.
    fn write(&self, state: &mut State, entries: &[LogEntry]) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Err(error) = zone::write(&self.database, entries) {
            self.log.error(
                "ONE",
                &format!("SQL command was: INSERT INTO logdb, error: {error}"),
            );
            if let Ok(store) = zone::load_store(&self.database) {
                state.oned.store = store;
                state.oned.log = zone::load_log(&self.database).0;
            }
            return Err(error);
        }
        self.written.notify_all();
        Ok(())
    }
}
