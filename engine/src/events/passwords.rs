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
pub fn is_switch(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off"];
    words.into_iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Secrets {
    /// Learns the passwords in a variable: its value, and values within it under such names.
    pub fn learn_passwords(&self, name: &str, value: &Value) {
        self.learn_those_in(name, is_password(name), value);
    }

    fn learn_those_in(&self, name: &str, is_password_here: bool, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.learn_those_in(key, is_password(key), value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.learn_those_in(name, is_password_here, item);
                }
            }
            Value::String(text) if is_password_here && !is_switch(text) => self.learn(text, name),
            Value::Number(number) if is_password_here => self.learn(&number.to_string(), name),
            _ => {}
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
