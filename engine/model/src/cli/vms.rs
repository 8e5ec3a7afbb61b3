//! What onevm prints.

use super::columns::{Column, Layout, list};
use crate::xml::{Element, NotXml};

const COLUMNS: [Column; 9] = [
    Column::right("ID", 4),
    Column::left("USER", 8),
    Column::left("GROUP", 8),
    Column::left("NAME", 15),
    Column::left("STAT", 4),
    Column::right("CPU", 4),
    Column::right("MEM", 7),
    Column::left("HOST", 15),
    Column::right("TIME", 11),
];

/// The short name of a state: ambiguous, several states share one.
pub fn state_name(state: &str, lcm_state: &str) -> &'static str {
    match state {
        "0" => "init",
        "1" => "pend",
        "2" => "hold",
        "3" => lcm_name(lcm_state),
        "4" => "stop",
        "5" => "susp",
        "6" => "done",
        "8" => "poff",
        "9" => "unde",
        "10" => "clon",
        "11" => "fail",
        _ => "-",
    }
}

fn lcm_name(lcm_state: &str) -> &'static str {
    match lcm_state {
        "1" | "8" | "9" => "prol",
        "2" | "20" | "41" => "boot",
        "3" => "runn",
        "4" | "7" | "42" | "43" => "migr",
        "5" | "6" => "save",
        "10" | "11" | "12" => "epil",
        "16" => "unkn",
        "17" | "24" => "hotp",
        "18" => "shut",
        "30" | "31" => "unde",
        "36" | "37" | "38" | "39" | "40" | "44" | "46" | "47" | "48" | "49" | "50" | "61" => "fail",
        _ => "-",
    }
}

/// `onevm list`; `now` in seconds since 1970.
pub fn table(pool: &str, now: i64, layout: &Layout) -> Result<String, NotXml> {
    let pool = Element::parse(pool)?;
    let row = |vm: &Element| {
        let template = vm.child("TEMPLATE");
        let of = |name: &str| template.map_or("", |template| template.text_of(name)).to_owned();
        let age = (now - vm.text_of("STIME").parse::<i64>().unwrap_or(now)).max(0);
        let minutes = age / 60;
        vec![
            vm.text_of("ID").to_owned(),
            vm.text_of("UNAME").to_owned(),
            vm.text_of("GNAME").to_owned(),
            vm.text_of("NAME").to_owned(),
            state_name(vm.text_of("STATE"), vm.text_of("LCM_STATE")).to_owned(),
            of("CPU"),
            format!("{}M", of("MEMORY")),
            String::new(),
            format!(
                "{:3}d {:02}h{:02}m",
                minutes / 1440,
                minutes / 60 % 24,
                minutes % 60
            ),
        ]
    };
    Ok(list(
        &COLUMNS,
        &pool.children.iter().map(row).collect::<Vec<_>>(),
        layout,
    ))
}
