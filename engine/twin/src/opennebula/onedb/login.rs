//! Which database onedb works on, and whether it is let in.

use nebplay_model::cli::options::Options;
use nebplay_model::config::Backend;
use nebplay_model::onedb::Stop;
use nebplay_model::onedb::mysql::{Meant, PROMPT, meant, nobody_answers, unreached};

use crate::opennebula::mysql;
use crate::opennebula::place::Place;
use crate::process::Process;

pub(super) fn place(process: &mut Process<'_>, options: &Options) -> Result<Place, Stop> {
    let place = match meant(options, || password(process))? {
        Meant::Configured => Place::of(process.machine()),
        Meant::Sqlite(Some(file)) => Place::Sqlite(process.path(&file)),
        Meant::Sqlite(None) => Place::new(Backend::Sqlite),
        Meant::Mysql(login) => Place::Mysql(login),
    };
    if let Place::Mysql(login) = &place {
        // It connects before it does anything.
        mysql::open(process.machine(), login).map_err(|refusal| unreached(&refusal.2))?;
    }
    Ok(place)
}

fn password(process: &mut Process<'_>) -> Result<String, Stop> {
    if let Some(password) = process.env.get("ONE_DB_PASSWORD") {
        return Ok(password.clone());
    }
    process.say(PROMPT);
    let line = String::from_utf8_lossy(process.stdin);
    if let Some(line) = line.lines().next() {
        return Ok(line.trim().to_owned());
    }
    let [of_stty, stop] = nobody_answers();
    process.complain(format!("{}\n", of_stty.line));
    Err(stop)
}
