//! The federation as the inventory has it: `zone_id`, `zone_name`, and the role by group (`master`, `slaves`) or `zone_role`.

use std::collections::BTreeMap;

use nebplay_modules::federation_map::{Federation, Role, Zone};

use super::{Host, Inventory};
use crate::diagnostics::{Finding, Findings, Span, suggest};
use crate::yaml::Node;

/// The group of the master zone's front-ends.
const MASTER: &str = "master";
/// The group of the slave zones' front-ends.
const SLAVES: &str = "slaves";

/// A front-end, and where the inventory says what.
struct FrontEnd<'a> {
    host: &'a str,
    id: u32,
    id_span: &'a Span,
    role: Role,
    role_span: &'a Span,
    name: Option<&'a Node>,
}

impl Inventory {
    /// The zones, master first, then slaves by id; none where no host is a front-end. Hosts of the same `zone_id` are the
    /// front-ends of one (HA) zone.
    pub fn federation(&self) -> Result<Federation, Findings> {
        let mut findings = Findings::new();
        let mut zones: BTreeMap<u32, Vec<FrontEnd<'_>>> = BTreeMap::new();
        for host in self.hosts.values() {
            match self.front_end(host) {
                Ok(Some(front_end)) => zones.entry(front_end.id).or_default().push(front_end),
                Ok(None) => {}
                Err(finding) => findings.push(finding),
            }
        }
        for front_ends in zones.values() {
            findings.extend(contradictions(front_ends));
        }
        findings.extend(across_zones(&zones));
        if !findings.is_empty() {
            return Err(findings);
        }
        let mut zones: Vec<Zone> = zones.into_values().filter_map(zone).collect();
        zones.sort_by_key(|zone| (zone.role != Role::Master, zone.id));
        Ok(Federation { zones })
    }

    fn front_end<'a>(&'a self, host: &'a Host) -> Result<Option<FrontEnd<'a>>, Finding> {
        let Some(span) = host.span.as_ref() else {
            return Ok(None);
        };
        let in_group = |name: &str| host.groups.iter().any(|group| group == name);
        let by_group = match (in_group(MASTER), in_group(SLAVES)) {
            (true, true) => {
                return Err(Finding::at(
                    span,
                    format!("`{}` is in `{MASTER}` and in `{SLAVES}`", host.name),
                    "in both",
                )
                .help("a zone is the master or a slave: take it out of one of the groups"));
            }
            (true, false) => Some(Role::Master),
            (false, true) => Some(Role::Slave),
            (false, false) => None,
        };
        let by_variable = self
            .host_var(host, "zone_role")
            .map(|node| role(node).map(|role| (role, &node.span)))
            .transpose()?;
        let Some(id) = self.host_var(host, "zone_id") else {
            if by_group.is_none() && by_variable.is_none() {
                return Ok(None);
            }
            return Err(Finding::at(
                span,
                format!("`{}` is a front-end without a `zone_id`", host.name),
                "no zone_id",
            )
            .help("`onezone list` shows the ids of the zones: add zone_id=ID to the host"));
        };
        let (role, role_span) = match (by_group, by_variable) {
            (Some(by_group), Some((role, place))) if by_group != role => {
                return Err(Finding::at(
                    place,
                    format!(
                        "the group of `{}` and its `zone_role` contradict each other",
                        host.name
                    ),
                    "",
                )
                .help(format!("its group says {}", word(by_group))));
            }
            (_, Some(said)) => said,
            (Some(role), None) => (role, span),
            (None, None) => {
                return Err(Finding::at(span, format!("`{}` has a `zone_id` and no role", host.name), "master or slave?")
                    .help("put it into the group `master` or `slaves`, or give it zone_role=master or zone_role=slave"));
            }
        };
        Ok(Some(FrontEnd {
            host: &host.name,
            id: zone_id(id)?,
            id_span: &id.span,
            role,
            role_span,
            name: self.host_var(host, "zone_name"),
        }))
    }
}

fn zone_id(node: &Node) -> Result<u32, Finding> {
    let id = node.as_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| {
        Finding::at(&node.span, "`zone_id` is a whole number, and no template", "")
            .help("`onezone list` shows it in the column ID")
    })
}

fn role(node: &Node) -> Result<Role, Finding> {
    let text = node.as_str().unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "master" => Ok(Role::Master),
        "slave" => Ok(Role::Slave),
        _ => Err(
            Finding::at(&node.span, "`zone_role` is `master` or `slave`", "").help(
                suggest(text, ["master", "slave"])
                    .unwrap_or_else(|| "an HA zone is one of them too".to_owned()),
            ),
        ),
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Master => "master",
        Role::Slave => "slave",
    }
}

/// What front-ends of one zone disagree about.
fn contradictions(front_ends: &[FrontEnd<'_>]) -> Findings {
    let mut findings = Findings::new();
    let Some((first, others)) = front_ends.split_first() else {
        return findings;
    };
    for other in others {
        let ids = format!(
            "`{}` and `{}` share the zone_id {}",
            first.host, other.host, first.id
        );
        let mut clash = |message: String, here: &Span, there: &Span| {
            let mut finding = Finding::at(here, message, "this one");
            finding.labels.push((there.clone(), "and this one".to_owned()));
            findings.push(
                finding
                    .help("front-ends of one zone share its id, name and role; other zones have another id"),
            );
        };
        if first.role != other.role {
            clash(
                format!("{ids} and have two roles"),
                other.role_span,
                first.role_span,
            );
        }
        if let (Some(a), Some(b)) = (first.name, other.name)
            && a.as_str() != b.as_str()
        {
            clash(format!("{ids} and name it differently"), &b.span, &a.span);
        }
    }
    findings
}

/// Two masters, no master, and names that two zones share.
fn across_zones(zones: &BTreeMap<u32, Vec<FrontEnd<'_>>>) -> Findings {
    let mut findings = Findings::new();
    let firsts: Vec<&FrontEnd<'_>> = zones
        .values()
        .filter_map(|front_ends| front_ends.first())
        .collect();
    let mut masters = firsts.iter().filter(|zone| zone.role == Role::Master);
    match (masters.next(), masters.next()) {
        (Some(one), Some(other)) => {
            let message = format!("zones {} and {} both are the master", one.id, other.id);
            let mut finding = Finding::at(other.id_span, message, "one master");
            finding.labels.push((one.id_span.clone(), "the other".to_owned()));
            findings.push(finding.help("a federation has one master zone; all others are slaves"));
        }
        (None, _) => {
            if let Some(slave) = firsts.first() {
                findings.push(
                    Finding::at(
                        slave.id_span,
                        "there are slave zones and no master zone",
                        "a slave",
                    )
                    .help("add the master zone's front-end to the group `master`"),
                );
            }
        }
        _ => {}
    }
    let mut names: BTreeMap<&str, &FrontEnd<'_>> = BTreeMap::new();
    for zone in firsts {
        let Some((name, span)) = zone
            .name
            .and_then(|node| node.as_str().map(|name| (name, &node.span)))
        else {
            continue;
        };
        if let Some(other) = names.insert(name, zone) {
            let message = format!("zones {} and {} both are named `{name}`", other.id, zone.id);
            let mut finding = Finding::at(span, message, "here");
            finding
                .labels
                .extend(other.name.map(|node| (node.span.clone(), "and here".to_owned())));
            findings.push(finding);
        }
    }
    findings
}

fn zone(front_ends: Vec<FrontEnd<'_>>) -> Option<Zone> {
    let first = front_ends.first()?;
    let name = front_ends.iter().find_map(|front_end| front_end.name?.as_str());
    Some(Zone {
        id: first.id,
        name: name.map_or_else(|| format!("zone {}", first.id), str::to_owned),
        role: first.role,
        hosts: front_ends
            .iter()
            .map(|front_end| front_end.host.to_owned())
            .collect(),
    })
}
