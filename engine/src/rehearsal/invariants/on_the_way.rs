//! Rules about a deed, given where everything stood before it.

use nebplay_twin::deeds::{Act, Deed};

use super::Rule;
use super::tracked::{Dump, Tracked, installed};

type Look = fn(&Tracked, &Deed) -> Option<String>;

/// The rules, in the order of the night.
pub(super) const RULES: &[(Rule, Look)] = &[
    (
        Rule {
            name: "slaves-closed-first",
            sentence: "the slaves are disabled before the master, and enabled after it",
            source: "observed on 7.0: a disabled master refuses to write the state of any other zone",
        },
        slaves_closed_first,
    ),
    (
        Rule {
            name: "stopped-in-sync",
            sentence: "no zone is stopped, and nothing migrated, while the zones' FED_INDEX differ",
            source: "OpenNebula, \"Upgrading a Federation\", step 1: \"all the federated OpenNebula zones must be with the same FED_INDEX\"",
        },
        stopped_in_sync,
    ),
    (
        Rule {
            name: "kept-out-before-stopped",
            sentence: "no zone is stopped for the upgrade while clients may still write on the master",
            source: "OpenNebula, \"Upgrading a Federation\", step 1: \"prevent any API access to the master zone\"",
        },
        kept_out_before_stopped,
    ),
    (
        Rule {
            name: "all-stopped",
            sentence: "everything of OpenNebula is stopped in every zone before the master is upgraded",
            source: "OpenNebula, \"Upgrading a Federation\", step 2: \"stop OpenNebula services in all zones\"",
        },
        all_stopped,
    ),
    (
        Rule {
            name: "backup-first",
            sentence: "a zone has a full backup, made while it stands still, before its packages or its database are changed",
            source: "OpenNebula, \"Upgrading Single Front-end Deployments\": \"Backup OpenNebula Database\"; a migration cannot be undone without one",
        },
        backup_first,
    ),
    (
        Rule {
            name: "old-packages-at-hand",
            sentence: "the packages that are replaced are at hand before the first of them is",
            source: "repositories drop old releases; without the packages nobody can go back",
        },
        old_packages_at_hand,
    ),
    (
        Rule {
            name: "dump-of-the-new",
            sentence: "the federated backup that the slaves get is made after the master was migrated",
            source: "OpenNebula, \"Upgrading a Federation\", step 4: \"Create a backup of the federated tables\" after the master's upgrade",
        },
        dump_of_the_new,
    ),
    (
        Rule {
            name: "restore-on-still-ground",
            sentence: "nothing is restored where anything of OpenNebula runs",
            source: "observed: oned keeps what it has in memory and writes it over what was restored",
        },
        restore_on_still_ground,
    ),
    (
        Rule {
            name: "restore-proven",
            sentence: "nothing is built on a restore that did not come to its end",
            source: "observed: onedb restore on SQLite says \"restored\" and exits 0 whatever became of it",
        },
        restore_proven,
    ),
    (
        Rule {
            name: "one-migration",
            sentence: "a database is migrated once: never again after that came to its end, nor after it was broken off without the backup put back",
            source: "observed: onedb upgrade run again on a half migrated database exits 0 and loses rows",
        },
        one_migration,
    ),
    (
        Rule {
            name: "master-first",
            sentence: "no slave's packages are replaced before the master's database is migrated",
            source: "OpenNebula, \"Upgrading a Federation\": step 3 upgrades the master, step 6 the slaves",
        },
        master_first,
    ),
    (
        Rule {
            name: "restore-before-migration",
            sentence: "a slave's database is migrated only after the master's federated tables were restored in it",
            source: "OpenNebula, \"Upgrading a Federation\": step 5 restores the federated backup, step 6 upgrades the slave",
        },
        restore_before_migration,
    ),
    (
        Rule {
            name: "slave-starts-last",
            sentence: "a slave does not start between the change of its packages and the restore and migration of its database",
            source: "OpenNebula, \"Upgrading a Federation\", steps 5 and 6: restore, upgrade the slave, then start it",
        },
        slave_starts_last,
    ),
    (
        Rule {
            name: "no-old-beside-new",
            sentence: "no zone starts at the old version once the master is upgraded",
            source: "observed: nothing in OpenNebula stops an old slave from taking a new master's log",
        },
        no_old_beside_new,
    ),
    (
        Rule {
            name: "back-together",
            sentence: "a zone that is taken back starts only when every zone is as it was",
            source: "observed: a master with its old database and a slave with new tables have the same FED_INDEX and other data",
        },
        back_together,
    ),
    (
        Rule {
            name: "open-when-in-sync",
            sentence: "the API is let in again only when the last slave is upgraded, or every zone taken back, and all of them run",
            source: "OpenNebula, \"Upgrading a Federation\", step 6: \"the API restriction can be lifted\" at the end",
        },
        open_when_in_sync,
    ),
];

fn upgrading(tracked: &Tracked) -> bool {
    tracked.target.is_some()
}

fn slaves_closed_first(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::ZoneState { zone, enabled } = deed.act else {
        return None;
    };
    let master = tracked.master()?;
    if zone == master.id && !enabled {
        let (host, _) = tracked.slaves().find(|(_, slave)| slave.enabled && slave.runs)?;
        return Some(format!(
            "the master zone is disabled while the zone of {host} is enabled"
        ));
    }
    (enabled && zone != master.id && !master.enabled)
        .then(|| format!("zone {zone} is enabled while the master zone is disabled"))
}

fn stopped_in_sync(tracked: &Tracked, deed: &Deed) -> Option<String> {
    match &deed.act {
        Act::OnedStopped {
            apart, asked: true, ..
        } if !tracked.zones.values().any(|zone| zone.migrated) => {
            let [(zone, index), (other, its)] = (*apart)?;
            Some(format!(
                "{} is stopped while zone {zone} is at {index} and zone {other} at {its}",
                deed.on
            ))
        }
        Act::Migrated { from, to, .. } if from != to && tracked.on(deed)?.master => {
            let master = tracked.master()?.index?;
            let (host, slave) = tracked
                .slaves()
                .find(|(_, slave)| slave.index.is_some_and(|index| index != master))?;
            let index = slave.index.unwrap_or_default();
            Some(format!(
                "the master is migrated at index {master}, and {host} was stopped at {index}"
            ))
        }
        _ => None,
    }
}

fn kept_out_before_stopped(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let asked = matches!(deed.act, Act::OnedStopped { asked: true, .. });
    let master = tracked.master()?;
    let open = master.runs && master.enabled && !master.filtered;
    let first = !tracked.zones.values().any(|zone| zone.migrated);
    (asked && open && first && upgrading(tracked))
        .then(|| format!("{} is stopped while the master takes writes", deed.on))
}

fn all_stopped(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let what = match &deed.act {
        Act::Installed {
            from: Some(from),
            to: Some(to),
            ..
        } if from != to => "its packages are replaced",
        Act::Migrated { from, to, .. } if from != to => "its database is migrated",
        _ => return None,
    };
    if !tracked.on(deed)?.master || tracked.zones.values().any(|zone| zone.migrated) {
        return None;
    }
    let (host, zone) = tracked.zones.iter().find(|(_, zone)| !zone.up.is_empty())?;
    let unit = zone.up.first()?;
    Some(format!(
        "the master's turn has come ({what}) while {unit} runs on {host}"
    ))
}

fn backup_first(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let what = match &deed.act {
        Act::Installed {
            from: Some(from),
            to: Some(to),
            ..
        } if from != to => "packages are replaced",
        Act::Migrated { from, to, .. } if from != to => "the database is migrated",
        Act::Restored { federated: true, .. } => "federated tables are replaced",
        _ => return None,
    };
    (!tracked.on(deed)?.way_back).then(|| format!("{what} on {}, of which there is no full backup", deed.on))
}

fn old_packages_at_hand(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Installed {
        from: Some(from),
        to: Some(to),
        old_at_hand: false,
        ..
    } = &deed.act
    else {
        return None;
    };
    let first = !tracked.on(deed)?.replaced;
    (first && from != to).then(|| {
        format!(
            "{from} is replaced by {to} on {}, and its packages were not kept",
            deed.on
        )
    })
}

fn dump_of_the_new(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Restored {
        federated: true,
        path,
        content,
        ..
    } = &deed.act
    else {
        return None;
    };
    let target = tracked.target?;
    match tracked.dumps.get(content) {
        Some(Dump { on_master: false, .. }) => Some(format!(
            "{} gets {path}, which was dumped in another zone than the master's",
            deed.on
        )),
        Some(Dump { whole: false, .. }) => Some(format!("{} gets a dump that was cut off ({path})", deed.on)),
        Some(Dump {
            versions: Some((shared, _)),
            ..
        }) if *shared == target => None,
        Some(Dump {
            versions: Some((shared, _)),
            ..
        }) => Some(format!("{} gets a dump of version {shared} ({path})", deed.on)),
        Some(Dump { versions: None, .. }) => {
            Some(format!("{} gets a dump of no known version ({path})", deed.on))
        }
        None => Some(format!(
            "{} gets {path}, which is no federated dump of this night",
            deed.on
        )),
    }
}

fn restore_on_still_ground(_: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Restored { running, .. } = &deed.act else {
        return None;
    };
    let unit = running.first()?;
    Some(format!("a restore on {} while {unit} runs", deed.on))
}

fn restore_proven(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let zone = tracked.on(deed)?;
    let what = match &deed.act {
        Act::Migrated { from, to, .. } if from != to => "its database is migrated",
        Act::OnedStarted { .. } => "its oned is started",
        _ => return None,
    };
    zone.half_restored
        .then(|| format!("{what} on {}, where the restore before was broken off", deed.on))
}

fn one_migration(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Migrated { from, to, .. } = &deed.act else {
        return None;
    };
    let zone = tracked.on(deed)?;
    if zone.half_migrated {
        return Some(format!(
            "{} is migrated on top of a migration that was broken off",
            deed.on
        ));
    }
    (zone.migrated && from != to).then(|| format!("{} is migrated a second time", deed.on))
}

fn master_first(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Installed {
        from: Some(from),
        to: Some(to),
        ..
    } = &deed.act
    else {
        return None;
    };
    let (zone, master) = (tracked.on(deed)?, tracked.master()?);
    let upgrades = installed(deed) == tracked.target;
    (from != to && upgrades && !zone.master && !master.migrated).then(|| {
        format!(
            "packages are replaced on {}, and the master's database is not migrated",
            deed.on
        )
    })
}

fn restore_before_migration(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::Migrated { from, to, .. } = &deed.act else {
        return None;
    };
    let zone = tracked.on(deed)?;
    (from != to && !zone.master && !zone.restored).then(|| {
        format!(
            "{} is migrated, and the federated backup was not restored there",
            deed.on
        )
    })
}

fn slave_starts_last(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::OnedStarted { .. } = deed.act else {
        return None;
    };
    let zone = tracked.on(deed)?;
    let is_new = zone.replaced && zone.installed == tracked.target;
    (!zone.master && is_new && !(zone.restored && zone.migrated)).then(|| {
        let lacks = if zone.restored { "migrated" } else { "restored" };
        format!("{} starts upgraded, and its database is not {lacks}", deed.on)
    })
}

fn no_old_beside_new(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::OnedStarted { program } = deed.act else {
        return None;
    };
    let (zone, master) = (tracked.on(deed)?, tracked.master()?);
    let upgraded = master.migrated && master.installed == tracked.target;
    (!zone.master && upgraded && Some(program) < tracked.target)
        .then(|| format!("{} starts at {program} beside the upgraded master", deed.on))
}

fn back_together(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let Act::OnedStarted { program } = deed.act else {
        return None;
    };
    let master = tracked.master()?;
    // Until the master is back, an old slave is another rule's.
    let is_back = master.replaced && !master.is_changed(tracked.target);
    if Some(program) >= tracked.target || !is_back {
        return None;
    }
    let changed = |(host, zone): &(&String, &super::ZoneAt)| {
        host.as_str() != &*deed.on && zone.is_changed(tracked.target)
    };
    let (host, _) = tracked.zones.iter().find(changed)?;
    Some(format!(
        "{} starts at {program} while {host} is not as it was before the upgrade",
        deed.on
    ))
}

fn open_when_in_sync(tracked: &Tracked, deed: &Deed) -> Option<String> {
    let opens = match deed.act {
        Act::ZoneState { enabled: true, .. } => true,
        Act::ApiFiltered(false) => tracked.on(deed)?.filtered,
        _ => false,
    };
    if !opens || !upgrading(tracked) {
        return None;
    }
    let master = tracked.master()?;
    if master.migrated {
        let behind = |zone: &&super::ZoneAt| !(zone.migrated && zone.runs);
        let (host, _) = tracked.slaves().find(|(_, zone)| behind(zone))?;
        return Some(format!(
            "the API is let in on {} while {host} is not upgraded, or does not run",
            deed.on
        ));
    }
    if !master.replaced {
        return None;
    }
    let (host, _) = tracked
        .zones
        .iter()
        .find(|(_, zone)| zone.is_changed(tracked.target) || !zone.runs)?;
    Some(format!(
        "the API is let in on {} while {host} is not as it was, or does not run",
        deed.on
    ))
}
