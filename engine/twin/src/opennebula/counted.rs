//! The one script of perl that modules run: it counts the rows of each table in a dump of MySQL, where it may not be loaded.

use nebplay_model::rows::Dialect;

use super::database::Database;
use super::mysql::is_federated;
use crate::process::Process;
use crate::session::not_modelled;

/// What that script looks for, and no other one.
const MARK: &str = "s/^INSERT INTO `";

/// perl's status after `die`.
const DIED: i32 = 255;

pub(super) fn perl(process: &mut Process<'_>) -> i32 {
    let path = match process.args {
        [option, script, path] if option == "-ne" && script.contains(MARK) => process.path(path),
        words => {
            let command = format!("perl {}", words.join(" "));
            let ended = not_modelled(process.federation, process.at, command);
            process.say(ended.stdout);
            process.complain(ended.stderr);
            return ended.status;
        }
    };
    let text = match process.machine().files.read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(why) => {
            process.complain(format!("Can't open {path}: {why}.\n"));
            return 2;
        }
    };
    let (sizes, rate) = (process.machine().sizes, process.federation.rates.read);
    let bytes = if is_federated(&text) {
        sizes.federated
    } else {
        sizes.database
    };
    process.works_through(bytes, rate);
    // What follows the last whole statement.
    let rest = text.rsplit(";\n").next();
    if rest.is_some_and(|rest| rest.contains("INSERT INTO `")) {
        process.complain("a statement is cut off\n");
        return DIED;
    }
    let mut counted = Database::default();
    counted.run(&text, 1.0, true, Dialect::Mysql);
    process.say(counted.counted());
    0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nebplay_model::config::{Backend, Mysql};
    use nebplay_modules::host::{Command, RunAs};

    use crate::image::{self, Description};

    /// A line of shell on a front-end on MySQL; status, and everything printed.
    fn shell(makes_schemas: bool, line: &str) -> (i32, String) {
        let mut description = Description::guide(1);
        for zone in &mut description.zones {
            zone.backend = Backend::Mysql(Mysql {
                server: "localhost".to_owned(),
                port: 0,
                user: "oneadmin".to_owned(),
                password: "secret".to_owned(),
                database: "opennebula".to_owned(),
            });
            zone.makes_schemas = makes_schemas;
        }
        let mut federation = image::federation(&description);
        let then = federation.now() + Duration::from_secs(60);
        federation.advance(then);
        let line = format!("export MYSQL_PWD=secret\n{line}");
        let command = Command::script::<&str>(&line, []).run_as(RunAs::User("oneadmin".to_owned()));
        let came = federation.execute(0, &command, None);
        let text = format!("{}{}", came.output.text(), came.output.err_text());
        (came.output.exit.rc(), text)
    }

    const BACKUP: &str = "onedb backup -v /var/lib/one/dump.sql >/dev/null\n";

    #[test]
    fn rows_of_a_dump_are_counted_and_one_that_is_cut_off_is_seen() {
        let perl = r"perl -ne 'if (s/^INSERT INTO `x//) { }' ";
        let (status, counted) = shell(false, &format!("{BACKUP}{perl} /var/lib/one/dump.sql"));
        assert_eq!(status, 0, "{counted}");
        let users = counted.lines().find(|line| line.contains(" user_pool "));
        assert!(users.is_some_and(|line| line.ends_with(" 12")), "{counted}");
        assert!(
            counted.contains("table 0 logdb ") && counted.ends_with("end\n"),
            "{counted}"
        );

        let cut = format!(
            "{BACKUP}sed -n '/^INSERT INTO `user_pool/q;p' /var/lib/one/dump.sql > /var/lib/one/cut.sql\n\
             echo 'INSERT INTO `user_pool` VALUES' >> /var/lib/one/cut.sql\n{perl} /var/lib/one/cut.sql"
        );
        assert_eq!(shell(false, &cut), (255, "a statement is cut off\n".to_owned()));
    }

    #[test]
    fn an_account_makes_no_schema_that_it_was_not_granted() {
        let make = "echo 'create database `x`' | mysql -u oneadmin";
        let (status, said) = shell(false, make);
        assert_eq!(status, 1);
        assert!(said.starts_with("ERROR 1044 (42000): Access denied"), "{said}");
        assert_eq!(shell(true, make), (0, String::new()));
    }
}
