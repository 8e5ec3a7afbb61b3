//! A oneadmin who is somebody else by now, and makes links where nebplay reads and writes as root.

use crate::harness::Lab;

const BRING: &str = "\
- hosts: slaves
  become: true
  tasks:
    - distribute:
        from: fe-eu-fr
        src: /var/lib/one/dump
        dest: /var/lib/one/nebplay/dump
";

const BACK_UP: &str = "\
- hosts: fe-us-ca
  become: true
  tasks:
    - service_stop:
    - onedb_backup:
        dest: /var/lib/one/nebplay/full.bck
";

#[test]
fn a_link_that_oneadmin_planted_leads_root_nowhere() {
    let Some(lab) = Lab::sqlite("links").boot() else {
        return;
    };
    let [master, good, bad] = ["fe-eu-fr", "fe-eu-ge", "fe-us-ca"].map(|name| lab.host(name));
    let precious = "mkdir /srv/precious; rm -rf /var/lib/one/nebplay; runuser -u oneadmin -- ln -s /srv/precious /var/lib/one/nebplay";
    bad.must(precious);
    assert_eq!(master.oneadmin("echo a dump >/var/lib/one/dump").code, 0);
    let bring = lab.file("bring.yml", BRING);
    let run = lab
        .nebplay([&bring])
        .run()
        .expect_code(2)
        .expect_shown("oneadmin may not write in /var/lib/one/nebplay");
    assert!(run.stdout.contains("changed: [fe-eu-ge]"), "{}", run.stdout);
    assert_eq!(
        good.must("stat -c '%U %a' /var/lib/one/nebplay/dump"),
        "oneadmin 600"
    );
    // What only root may read is nobody's dump.
    master.must("runuser -u oneadmin -- ln -sf /etc/shadow /var/lib/one/dump");
    lab.nebplay([&bring])
        .run()
        .expect_code(2)
        .expect_shown("Permission denied");
    assert_eq!(
        good.read("/var/lib/one/nebplay/dump").as_deref(),
        Some("a dump\n")
    );
    lab.nebplay([lab.file("back-up.yml", BACK_UP)])
        .run()
        .expect_code(2);
    assert_eq!(bad.must("ls -A /srv/precious"), "");
    // And a directory that is root's, and nobody else's to change, is as good a place as oneadmin's own.
    bad.must("rm /var/lib/one/nebplay; install -d -m 0700 -o oneadmin -g oneadmin /srv/dumps; ln -s /srv/dumps /var/lib/one/nebplay");
    lab.nebplay([lab.file("back-up.yml", BACK_UP)])
        .run()
        .expect_code(0);
    assert_eq!(bad.must("stat -c '%U %a' /srv/dumps/full.bck"), "oneadmin 600");
}
