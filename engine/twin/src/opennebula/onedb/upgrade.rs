//! `onedb upgrade`: a backup, the migrators, and the backup back if it did not work out.

use nebplay_model::onedb::upgrade::{
    LOCAL_STEPS, Quotas, Step, UP_TO_DATE, WILL_BE_RESTORED, comment, heading, is_needed, migrated_quotas,
    migrator_versions, missing_migrators, nothing_for, part_heading, parts,
};
use nebplay_model::onedb::{FAILED, Part, Stop};
use nebplay_model::version::Version;

use super::{Tool, backup, restore};
use crate::deeds::Act;
use crate::opennebula::database::Database;

pub(super) fn command(tool: &mut Tool<'_, '_>) -> Result<u8, Stop> {
    let versions = tool.versions()?;
    tool.guard()?;
    let required = tool.required;
    if !is_needed(&versions, required) {
        tool.say(&format!("{UP_TO_DATE}\n"));
        return Ok(0);
    }
    let from = (versions.shared.version, versions.local.version);
    let verbose = tool.verbose();
    let say = |tool: &mut Tool<'_, '_>, text: &str| {
        if verbose {
            tool.say(text);
        }
    };
    say(tool, &heading(&versions));
    let named = tool.options.get("backup").map(str::to_owned);
    let kept = backup::make(tool, named, false)?;
    say(tool, "\n");
    let (bytes, rate) = (
        tool.process.machine().sizes.database,
        tool.process.federation.rates.migrate,
    );
    let Some(mut database) = tool.database().map(|database| (*database).clone()) else {
        return Err(Stop::new("the database is gone"));
    };
    if tool.process.machine().files.full {
        let full = tool.full();
        say(tool, &format!("\n{full}\n\n"));
        tool.say(WILL_BE_RESTORED);
        restore::put_back(tool, &kept, false)?;
        return Ok(FAILED);
    }
    let done = tool.process.works_through(bytes, rate);
    let part_list = parts(&versions);
    for part in part_list {
        say(tool, &part_heading(*part));
        let at = match part {
            Part::Shared => versions.shared.version,
            Part::Local => versions.local.version,
        };
        // Killed in the middle: the shared part is written first, and the local one is in pieces.
        let share = if *part == Part::Local {
            done
        } else {
            (done * 4.0).min(1.0)
        };
        let text = migrate(tool, &mut database, *part, at, versions.is_slave, share);
        say(tool, &text);
        say(tool, "\n");
        if share < 1.0 {
            break;
        }
    }
    let to = database.both_versions().unwrap_or(from);
    tool.put(database)?;
    tool.process.did(Act::Migrated {
        from,
        to,
        whole: done >= 1.0,
    });
    if done < 1.0 {
        if tool.process.catches() {
            tool.say("\nSIGTERM\n\n");
            tool.say(WILL_BE_RESTORED);
            restore::put_back(tool, &kept, false)?;
        }
        return Ok(FAILED);
    }
    say(tool, "Total time: 0.42s\n");
    let ended = tool.versions()?;
    if is_needed(&ended, required) {
        let why = missing_migrators(ended.local.version, ended.shared.version);
        tool.process.complain(format!("{}\n", why.trim_end()));
        tool.say(WILL_BE_RESTORED);
        restore::put_back(tool, &kept, false)?;
        return Ok(FAILED);
    }
    Ok(0)
}

/// Runs the migrators of a part one after the other, each one where the last one ended; gives what is said of it.
fn migrate(
    tool: &Tool<'_, '_>,
    database: &mut Database,
    part: Part,
    from: Version,
    is_slave: bool,
    share: f64,
) -> String {
    let directory = format!("/usr/lib/one/ruby/onedb/{}", part.name());
    let files = tool.process.machine().files.names(&directory);
    let mut said = String::new();
    let mut at = from;
    loop {
        let next = files.iter().find_map(|file| {
            let (from, to) = migrator_versions(file)?;
            (from == at).then_some((file, to))
        });
        let Some((file, to)) = next else {
            if at == from {
                said.push_str(&nothing_for(at));
            }
            return said;
        };
        said.push_str(&format!("  > Running migrator {directory}/{file}\n"));
        if part == Part::Local {
            for step in LOCAL_STEPS {
                if share < 1.0 && matches!(step, Step::Rewrite(_)) {
                    return said;
                }
                do_step(database, step);
            }
        }
        if share < 1.0 {
            return said;
        }
        let comment = comment(at, to);
        database.record_version(
            part.table(),
            to,
            tool.process.seconds(),
            &comment,
            (part == Part::Local).then_some(is_slave),
        );
        said.push_str(&format!("  > Done in 0.21s\n\n{comment}\n"));
        at = to;
    }
}

fn do_step(database: &mut Database, step: Step) {
    match step {
        Step::DropIndexes => database.indexes.clear(),
        Step::SetAside(Quotas { table, key }) => {
            let old = format!("old_{table}");
            database.drop(&old);
            database.rename(table, &old);
            database.make(
                table,
                &format!("CREATE TABLE {table} ({key} INTEGER PRIMARY KEY, body MEDIUMTEXT)"),
            );
        }
        Step::Rewrite(Quotas { table, .. }) => {
            let old = format!("old_{table}");
            database.rewrite(&old, table, migrated_quotas);
            database.drop(&old);
        }
        Step::MakeIndexes => database.make_indexes(),
    }
}
