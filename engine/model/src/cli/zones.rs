//! What onezone prints.

use super::columns::{Column, Layout, list};
use crate::xml::{Element, NotXml};

const COLUMNS: [Column; 6] = [
    Column::left("C", 1),
    Column::right("ID", 4),
    Column::left("NAME", 15),
    Column::left("ENDPOINT", 45),
    Column::left("FED_INDEX", 10),
    Column::left("STAT", 4),
];

/// A zone of a pool's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its oned answers.
    pub endpoint: String,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// Reads the zones of `one.zonepool.info`, in the order of the answer: greatest id first.
pub fn zones(pool: &str) -> Result<Vec<Zone>, NotXml> {
    Ok(Element::parse(pool)?.children.iter().map(read).collect())
}

/// Reads the zone of `one.zone.info`.
pub fn zone(body: &str) -> Result<Zone, NotXml> {
    Element::parse(body).map(|element| read(&element))
}

fn read(element: &Element) -> Zone {
    let template = element.child("TEMPLATE");
    Zone {
        id: element.text_of("ID").to_owned(),
        name: element.text_of("NAME").to_owned(),
        endpoint: template
            .map_or("", |template| template.text_of("ENDPOINT"))
            .to_owned(),
        enabled: element.text_of("STATE") == "0",
    }
}

/// `onezone list`: each zone with the index its own endpoint told, `-` where it told none.
pub fn table(zones: &[(Zone, Option<String>)], layout: &Layout) -> String {
    let row = |(zone, index): &(Zone, Option<String>)| {
        vec![
            String::new(),
            zone.id.clone(),
            zone.name.clone(),
            zone.endpoint.clone(),
            index.clone().unwrap_or_else(|| "-".to_owned()),
            if zone.enabled { "on" } else { "off" }.to_owned(),
        ]
    };
    // In CSV the first column has its long name.
    let mut columns = COLUMNS;
    if layout.csv {
        columns[0].name = "CURRENT";
    }
    list(&columns, &zones.iter().map(row).collect::<Vec<_>>(), layout)
}

/// `onezone show`.
pub fn show(zone: &Zone) -> String {
    let state = if zone.enabled { "ENABLED" } else { "DISABLED" };
    let heading = |text: &str| format!("{text:<80}\n");
    let line = |name: &str, value: &str| format!("{name:<18}: {value:<20}\n");
    format!(
        "{}{}{}{}\n\n{}ENDPOINT=\"{}\"\n",
        heading(&format!("ZONE {} INFORMATION", zone.id)),
        line("ID", &zone.id),
        line("NAME", &zone.name),
        line("STATE", state),
        heading("ZONE TEMPLATE"),
        zone.endpoint
    )
}
