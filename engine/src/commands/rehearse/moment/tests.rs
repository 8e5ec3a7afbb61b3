//! What is found of the zones of a twin.

use std::path::Path;

use clap::Parser;
use nebplay_model::version::Version;
use nebplay_twin::image;

use super::super::{Args, describe, ended_well, stage, zones_of};
use super::standing::on_the_twin;
use super::*;
use crate::commands::prepare::prepare;
use crate::commands::rehearse::known::Known;
use crate::rehearsal::fault::Kind;
use crate::rehearsal::stage::Afterwards;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// The shipped upgrade on the guide's zones, before the night.
fn upgrade() -> (Stage, Federation, Vec<ZoneOf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shipped = |file: &str| root.join(file).to_string_lossy().into_owned();
    let (playbook, inventory) = (
        shipped("playbooks/upgrade.yml"),
        shipped("inventories/example.ini"),
    );
    let line = Line::try_parse_from(["rehearse", &playbook, "-i", &inventory]);
    let args = line.unwrap_or_else(|error| panic!("{error}")).args;
    let prepared = prepare(args.run.rehearsed()).unwrap_or_else(|_| panic!("the shipped playbook"));
    let described = describe::description(&prepared, &args.assumed, &Known::default(), 0);
    let description = described.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(description.version, Version::V7_0_0);
    (
        stage(prepared, Afterwards::Resume),
        image::federation(&description),
        zones_of(&description),
    )
}

#[test]
fn a_slave_that_was_left_in_the_middle_of_a_step_is_found_by_what_can_be_seen_of_it() {
    let (stage, before, zones) = upgrade();
    let start = Start::from(before.clone());
    let run = Undisturbed::forked(&stage, &start, &zones).unwrap();
    // Both slaves migrate at once, and one is done before the other.
    let (slow, quick) = (&zones[2].host, &zones[1].host);
    let migrates = |step: &&Step| step.module == "onedb_upgrade" && step.step.host == *slow;
    let step = run.steps.iter().find(migrates).unwrap();
    let stops = run.stops(&stage, &[step]).unwrap();
    let stop = stops
        .iter()
        .find(|stop| stop.fault.kind == Kind::KilledDuring)
        .unwrap();
    let is_after = |(_, steps): &(&Federation, &[Step])| steps[0].task == "what fsck says";
    let (after, _) = run.moments().filter(is_after).last().unwrap();
    let stand = |federation: &Federation, host: &str| on_the_twin(federation, host, &*stage.secrets).unwrap();
    let stands = [
        stand(&stop.then, &zones[0].host),
        stand(after, quick),
        stand(&stop.then, slow),
    ];
    assert_ne!(stands[1].database, stands[2].database);

    let found = find(&stage, before, &zones, &stands.iter().collect::<Vec<_>>());
    let found = found.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        found.place,
        format!(
            "in the middle of \"{}\" on {slow}, where the controller is killed while its job runs",
            step.task
        )
    );
    for (zone, is_so) in zones.iter().zip(&stands) {
        assert_eq!(stand(&found.start.now, &zone.host), *is_so);
    }
    let rest = Undisturbed::run(&stage, &found.start, &zones).unwrap();
    assert!(ended_well(&rest) && rest.breaches.is_empty());
}
