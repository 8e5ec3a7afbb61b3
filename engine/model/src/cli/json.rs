//! JSON as the tools' `-j` prints it, which differs from the usual layout in one thing: an empty object
//! takes two lines.

use serde_json::Value;

/// `value` indented by two spaces a level, with a newline at the end.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, level: usize) {
    let inner = "  ".repeat(level + 1);
    let end = "  ".repeat(level);
    match value {
        Value::Object(map) => {
            out.push_str("{\n");
            for (at, (name, value)) in map.iter().enumerate() {
                let comma = if at == 0 { "" } else { ",\n" };
                out.push_str(comma);
                out.push_str(&inner);
                out.push_str(&Value::String(name.clone()).to_string());
                out.push_str(": ");
                write(out, value, level + 1);
            }
            if !map.is_empty() {
                out.push('\n');
            }
            out.push_str(&end);
            out.push('}');
        }
        Value::Array(values) => {
            out.push_str("[\n");
            for (at, value) in values.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ",\n" });
                out.push_str(&inner);
                write(out, value, level + 1);
            }
            out.push('\n');
            out.push_str(&end);
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}
