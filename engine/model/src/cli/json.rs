//! JSON as the tools' `-j` prints it, which differs from the usual layout in one thing: an empty object
//! takes two lines.

use serde_json::Value;

use crate::version::Version;
use crate::xml::Element;

/// What a tool that cannot print JSON says on stderr, with exit code 1.
pub const NO_JSON: &str = "<internal:/usr/lib/ruby/vendor_ruby/rubygems/core_ext/kernel_require.rb>:85:in \
                           `require': cannot load such file -- active_support (LoadError)";

/// An object or a pool as `-j` prints it. None from the tools of 7.0.0: their packages lack a library.
pub fn document(element: &Element, tools: Version) -> Option<String> {
    if tools < Version::V7_2_0 {
        return None;
    }
    let mut out = String::new();
    let root = serde_json::Map::from_iter([(element.name.clone(), element.json())]);
    write(&mut out, &Value::Object(root), 0);
    out.push('\n');
    Some(out)
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
