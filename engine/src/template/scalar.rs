//! What an unquoted YAML scalar means to someone who knows Ansible.

use serde_json::Value as Json;

/// The value of a plain scalar.
///
/// A number that would not be written back as it stands stays text, since its spelling carries meaning: `0644` is a mode and
/// `6.10` a version, never 6.1.
pub(super) fn meaning(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Json::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Json::Bool(false);
        }
        _ => {}
    }
    number(text).unwrap_or_else(|| Json::String(text.to_owned()))
}

fn number(text: &str) -> Option<Json> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Json::from);
    }
    if let Ok(integer) = text.parse::<i64>() {
        return (integer.to_string() == text).then(|| Json::from(integer));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let float = serde_json::Number::from_f64(text.parse().ok()?)?;
    (float.to_string() == text).then_some(Json::Number(float))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::meaning;

    #[test]
    fn plain_scalars_mean_what_operators_expect() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("~", json!(null)),
            ("100", json!(100)),
            ("-1", json!(-1)),
            ("0x1f", json!(31)),
            ("7.2", json!(7.2)),
            ("6.10", json!("6.10")),
            ("0644", json!("0644")),
            ("1e3", json!("1e3")),
            ("6.10.1", json!("6.10.1")),
            ("nan", json!("nan")),
            ("18446744073709551616", json!("18446744073709551616")),
            ("y", json!("y")),
        ] {
            assert_eq!(meaning(text), value, "{text}");
        }
    }
}
