//! Which database onedb works on.

use std::io::BufRead;
use std::path::PathBuf;

use nebplay_model::cli::options::Options;
use nebplay_model::onedb::Stop;
use nebplay_model::onedb::mysql::{Meant, PROMPT, meant, nobody_answers, unreached};

use super::database_of;
use crate::database::{Database, DatabaseError};
use crate::host::Host;
use crate::output;

pub(super) fn database(host: &Host, options: &Options) -> Result<Database, Stop> {
    Ok(match meant(options, password)? {
        Meant::Configured => database_of(host, &host.conf().backend),
        Meant::Sqlite(file) => Database::Sqlite(file.map_or_else(|| host.sqlite_file(), PathBuf::from)),
        Meant::Mysql(login) => Database::Mysql(login),
    })
}

fn password() -> Result<String, Stop> {
    if let Ok(password) = std::env::var("ONE_DB_PASSWORD") {
        return Ok(password);
    }
    output::say(PROMPT);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).unwrap_or_default();
    if read == 0 {
        let [of_stty, stop] = nobody_answers();
        output::error(&of_stty.line);
        return Err(stop);
    }
    Ok(line.trim().to_owned())
}

/// What onedb says of a database that cannot be reached, in the words of its own library.
pub(super) fn connection_error(database: &Database, error: &DatabaseError) -> Stop {
    match database {
        Database::Sqlite(_) => Stop::new(format!("Error connecting to DB: {error}")),
        Database::Mysql(_) => {
            // `ERROR 1045 (28000): Access denied …`
            let text = error.to_string();
            let message = text
                .split_once("): ")
                .map_or(text.as_str(), |(_, message)| message);
            unreached(message)
        }
    }
}
