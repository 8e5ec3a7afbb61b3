//! Which variables hold passwords, by their names.

use serde_json::Value;

use super::Secrets;

/// Whether a variable of that name holds a password. It is asked of every variable that is evaluated, so it makes nothing.
pub fn is_password(name: &str) -> bool {
    let name = name.as_bytes();
    let ends_with = |end: &str| {
        let tail = name.len().checked_sub(end.len()).map(|start| &name[start..]);
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
    };
    name.windows(5).any(|part| part.eq_ignore_ascii_case(b"passw"))
        || ["_pass", "_pwd", "passphrase", "secret", "token"]
            .into_iter()
            .any(ends_with)
}

/// Whether a text says yes or no, as that of `passwordless_sudo` does: replaced everywhere, it would leave nothing to read.
fn is_switch(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off"];
    words.into_iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Secrets {
    /// Learns the passwords in a variable: its value, and values within it under such names.
    pub fn learn_passwords(&self, name: &str, value: &Value) {
        match value {
            Value::Object(map) => map
                .iter()
                .for_each(|(key, value)| self.learn_passwords(key, value)),
            Value::Array(items) => items.iter().for_each(|item| self.learn_passwords(name, item)),
            Value::String(text) => self.learn_password(name, text, name),
            Value::Number(number) if is_password(name) => self.learn(&number.to_string(), name),
            _ => {}
        }
    }

    /// Learns what came out of a vault, whatever its name; what says yes or no is none.
    pub fn learn_opened(&self, text: &str, origin: &str) {
        if !is_switch(text) {
            self.learn(text, origin);
        }
    }

    /// Learns a text that stands under this name, if that is a password's.
    pub fn learn_password(&self, name: &str, text: &str, origin: &str) {
        if is_password(name) && !is_switch(text) {
            self.learn(text, origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell_what_is_secret_and_nothing_else_is_taken_for_it() {
        let secrets = Secrets::default();
        secrets.learn_passwords("mysql_password", &json!("hunter-1"));
        secrets.learn_passwords("MYSQL_PWD", &json!("hunter-2"));
        secrets.learn_passwords(
            "database",
            &json!({"user": "ops", "password": 123_456, "pin": 98_765}),
        );
        secrets.learn_passwords("api_token", &json!(["hunter-3", {"name": "hunter's name"}]));
        secrets.learn_passwords("ask_password", &json!(true));
        secrets.learn_passwords("passwordless", &json!("Yes"));
        let scrubbed = secrets.scrub("hunter-1 hunter-2 hunter-3 123456; ops 98765 true Yes hunter's name");
        assert_eq!(
            scrubbed,
            "Redacted(mysql_password) Redacted(MYSQL_PWD) Redacted(api_token) Redacted(password); ops 98765 true Yes hunter's name"
        );
    }
}
