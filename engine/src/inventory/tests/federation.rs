use super::{ini, shown};

#[test]
fn the_federation_of_an_inventory() {
    let inventory = ini(
        "[slaves]\ns2 zone_id=101 zone_name=S-US-CA\ns1 zone_id=100\ns1b zone_id=100 zone_name=S-EU-GE\n[master]\nm zone_id=0\n\
         [kvm]\nnode1\n",
    );
    let zones: Vec<String> = inventory
        .federation()
        .unwrap()
        .zones
        .iter()
        .map(|zone| {
            format!(
                "{} {} {:?} {}",
                zone.id,
                zone.name,
                zone.role,
                zone.hosts.join("+")
            )
        })
        .collect();
    assert_eq!(
        zones,
        [
            "0 zone 0 Master m",
            "100 S-EU-GE Slave s1+s1b",
            "101 S-US-CA Slave s2"
        ]
    );
}

#[test]
fn roles_by_variable() {
    let federation = ini("a zone_id=0 zone_role=master\nb zone_id=1 zone_role=Slave\n")
        .federation()
        .unwrap();
    assert_eq!(federation.master().unwrap().hosts, ["a"]);
    assert_eq!(federation.slaves().count(), 1);
}

#[test]
fn no_front_end_no_federation() {
    assert!(ini("a\nb x=1\n").federation().unwrap().zones.is_empty());
}

#[test]
fn contradictions() {
    let cases = [
        (
            "[master]\nm\n",
            "`m` is a front-end without a `zone_id` [2: m | no zone_id] (`onezone list` shows the ids of the zones: add zone_id=ID to the host)",
        ),
        (
            "m zone_id=0\n",
            "`m` has a `zone_id` and no role [1: m | master or slave?] (put it into the group `master` or `slaves`, or give it zone_role=master or zone_role=slave)",
        ),
        (
            "[master]\nm zone_id=x\n",
            "`zone_id` is a whole number, and no template [2: x | ] (`onezone list` shows it in the column ID)",
        ),
        (
            "[master]\nm zone_id=0 zone_role=slave\n",
            "the group of `m` and its `zone_role` contradict each other [2: slave | ] (its group says master)",
        ),
        (
            "m zone_id=0 zone_role=mastre\n",
            "`zone_role` is `master` or `slave` [1: mastre | ] (did you mean `master`?)",
        ),
        (
            "[master]\nm zone_id=0\n[slaves]\nm\n",
            "`m` is in `master` and in `slaves` [2: m | in both] (a zone is the master or a slave: take it out of one of the groups)",
        ),
        (
            "[master]\na zone_id=0\nb zone_id=1\n",
            "zones 0 and 1 both are the master [3: 1 | one master] [2: 0 | the other] (a federation has one master zone; all others are slaves)",
        ),
        (
            "[slaves]\na zone_id=1\n",
            "there are slave zones and no master zone [2: 1 | a slave] (add the master zone's front-end to the group `master`)",
        ),
        (
            "[master]\na zone_id=0\n[slaves]\nb zone_id=0\n",
            "`a` and `b` share the zone_id 0 and have two roles [4: b | this one] [2: a | and this one] (front-ends of one zone share its id, name and role; other zones have another id)",
        ),
        (
            "[master]\na zone_id=0 zone_name=A\nb zone_id=0 zone_name=B\n",
            "`a` and `b` share the zone_id 0 and name it differently [3: B | this one] [2: A | and this one] (front-ends of one zone share its id, name and role; other zones have another id)",
        ),
        (
            "[master]\na zone_id=0 zone_name=A\n[slaves]\nb zone_id=1 zone_name=A\n",
            "zones 0 and 1 both are named `A` [4: A | here] [2: A | and here]",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&ini(text).federation().unwrap_err()), expected, "{text}");
    }
}
