//! What onehost prints.

use super::columns::{Column, Layout, list};
use crate::xml::{Element, NotXml};

const COLUMNS: [Column; 7] = [
    Column::right("ID", 4),
    Column::left("NAME", 15),
    Column::left("CLUSTER", 9),
    Column::right("TVM", 4),
    Column::right("ALLOCATED_CPU", 18),
    Column::right("ALLOCATED_MEM", 18),
    Column::left("STAT", 4),
];

/// The short name of a host's state.
pub fn state_name(state: &str) -> &'static str {
    match state {
        "0" | "6" | "7" => "init",
        "1" => "update",
        "2" => "on",
        "3" | "5" => "err",
        "4" => "dsbl",
        "8" => "off",
        _ => "-",
    }
}

/// `onehost list`.
pub fn table(pool: &str, layout: &Layout) -> Result<String, NotXml> {
    let pool = Element::parse(pool)?;
    let row = |host: &Element| {
        let state = host.text_of("STATE");
        vec![
            host.text_of("ID").to_owned(),
            host.text_of("NAME").to_owned(),
            host.text_of("CLUSTER").to_owned(),
            "0".to_owned(),
            if state == "2" { "0 / 800 (0%)" } else { "-" }.to_owned(),
            if state == "2" { "0K / 16G (0%)" } else { "-" }.to_owned(),
            state_name(state).to_owned(),
        ]
    };
    Ok(list(
        &COLUMNS,
        &pool.children.iter().map(row).collect::<Vec<_>>(),
        layout,
    ))
}
