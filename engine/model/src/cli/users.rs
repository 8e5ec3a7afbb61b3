//! What oneuser prints.

use super::columns::{Column, Layout, list};
use crate::xml::{Element, NotXml};

const COLUMNS: [Column; 9] = [
    Column::right("ID", 4),
    Column::left("NAME", 10),
    Column::left("ENABLED", 4),
    Column::left("GROUP", 8),
    Column::left("AUTH", 8),
    Column::right("VMS", 10),
    Column::right("MEMORY", 15),
    Column::right("CPU", 10),
    Column::right("PCI", 9),
];

/// `oneuser list`.
pub fn table(pool: &str, layout: &Layout) -> Result<String, NotXml> {
    let pool = Element::parse(pool)?;
    let row = |user: &Element| {
        let nothing = || "-".to_owned();
        vec![
            user.text_of("ID").to_owned(),
            user.text_of("NAME").to_owned(),
            if user.text_of("ENABLED") == "1" {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            user.text_of("GNAME").to_owned(),
            user.text_of("AUTH_DRIVER").to_owned(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
        ]
    };
    Ok(list(
        &COLUMNS,
        &pool.children.iter().map(row).collect::<Vec<_>>(),
        layout,
    ))
}
