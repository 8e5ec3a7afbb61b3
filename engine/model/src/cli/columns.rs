//! Lists as the tools print them: columns of a fixed width, or CSV.

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// How many characters it shows; what is longer is cut.
    pub width: usize,
    /// Whether texts stand at the left.
    pub left: bool,
}

impl Column {
    /// A column whose texts stand at the left.
    pub const fn left(name: &'static str, width: usize) -> Self {
        Self {
            name,
            width,
            left: true,
        }
    }

    /// A column whose texts stand at the right.
    pub const fn right(name: &'static str, width: usize) -> Self {
        Self {
            name,
            width,
            left: false,
        }
    }

    fn cell(self, text: &str) -> String {
        let cut: String = text.chars().take(self.width).collect();
        let width = self.width;
        if self.left {
            format!("{cut:<width$}")
        } else {
            format!("{cut:>width$}")
        }
    }
}

/// How a list is to be printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// `--csv`: nothing is cut or padded.
    pub csv: bool,
    /// `-l`: these columns only, in this order.
    pub only: Option<Vec<String>>,
    /// `--no-header`.
    pub no_header: bool,
}

/// Prints `rows`, each with a text for each of `columns`.
pub fn list(columns: &[Column], rows: &[Vec<String>], layout: &Layout) -> String {
    let chosen: Vec<usize> = match &layout.only {
        None => (0..columns.len()).collect(),
        Some(names) => {
            let place = |name: &String| columns.iter().position(|column| column.name == name.as_str());
            names.iter().filter_map(place).collect()
        }
    };
    let mut lines = Vec::new();
    if !layout.no_header {
        let cells = chosen.iter().filter_map(|at| columns.get(*at));
        lines.push(if layout.csv {
            cells
                .map(|column| column.name.to_owned())
                .collect::<Vec<_>>()
                .join(",")
        } else {
            cells
                .map(|column| column.cell(column.name))
                .collect::<Vec<_>>()
                .join(" ")
        });
    }
    for row in rows {
        let cells = chosen
            .iter()
            .filter_map(|at| Some((columns.get(*at)?, row.get(*at)?)));
        lines.push(if layout.csv {
            cells.map(|(_, text)| csv(text)).collect::<Vec<_>>().join(",")
        } else {
            let cells: Vec<String> = cells.map(|(column, text)| column.cell(text)).collect();
            cells.join(" ").trim_end().to_owned()
        });
    }
    lines.push(String::new());
    lines.join("\n")
}

fn csv(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
