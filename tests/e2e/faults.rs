//! What goes wrong in the middle of an upgrade, and what is left then.

mod access;
mod connection;
mod dumps;
mod hosts;
mod links;
mod migration;
mod slaves;
mod sync;

use crate::harness::{Invocation, Lab};
use crate::traces::how_it_is;

/// Where the federated backup lies on every host.
const DUMP: &str = "/var/lib/one/nebplay/federated.bck";

/// Phases 2, 4 and 5 of the upgrade alone, at one version: what the master has is carried to all slaves, then all start.
/// `spoil`: tasks for the slaves between the dump's arrival and its restore.
fn carry(lab: &Lab, spoil: &str) -> Invocation {
    let playbook = lab.file(
        "carry.yml",
        &format!(
            "- hosts: slaves:master
  become: true
  any_errors_fatal: true
  tasks:
    - service_stop:
- hosts: master
  become: true
  any_errors_fatal: true
  tasks:
    - onedb_backup:
        dest: {DUMP}
        federated: true
      register: federated
- hosts: slaves
  become: true
  tasks:
    - distribute:
        from: fe-eu-fr
        src: {DUMP}
        dest: {DUMP}
        owner: oneadmin
        group: oneadmin
        mode: '0600'
{spoil}
    - onedb_restore:
        src: {DUMP}
        expect: \"{{{{ hostvars['fe-eu-fr'].federated.fingerprints }}}}\"
    - set_fact:
        restored: true
- hosts: master:slaves
  become: true
  tasks:
    - assert:
        that: hostvars.values() | selectattr('restored', 'defined') | list | length == 2
    - service_start:
"
        ),
    );
    lab.nebplay([playbook])
}

#[test]
fn a_slave_that_is_dead_beforehand_stops_the_upgrade_before_anything_changes() {
    let Some(lab) = Lab::sqlite("gone").boot() else {
        return;
    };
    lab.host("fe-us-ca").power_off();
    let alive = [lab.host("fe-eu-fr"), lab.host("fe-eu-ge")];
    let before: Vec<String> = alive.iter().map(how_it_is).collect();
    lab.upgrade().run().expect_code(4).expect_shown("fe-us-ca");
    for (host, before) in alive.iter().zip(before) {
        assert_eq!(how_it_is(host), before, "{}", host.name());
        assert_eq!(host.must("oned --version | head -1"), "OpenNebula 7.0.0 ()");
    }
}
