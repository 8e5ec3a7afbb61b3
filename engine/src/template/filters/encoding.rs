//! Encodings and digests: `b64encode`, `b64decode`, `hash`, `quote`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, Error, Value};
use nebplay_modules::digest::hex;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("b64encode", |value: &Value| {
        let text = text_of(value)?;
        Ok::<_, Error>(STANDARD.encode(text))
    });
    environment.add_filter("b64decode", |text: &str| {
        let wrong = || invalid("the text is not base64 of a text");
        let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        String::from_utf8(bytes).map_err(|_| wrong())
    });
    environment.add_filter("hash", |value: &Value, kind: Option<&str>| {
        digest(&text_of(value)?, kind.unwrap_or("sha1"))
    });
    environment.add_filter("checksum", |value: &Value| digest(&text_of(value)?, "sha1"));
    environment.add_filter("quote", |value: &Value| {
        let text = text_of(value)?;
        Ok::<_, Error>(quote(&text))
    });
}

fn digest(text: &str, kind: &str) -> Result<String, Error> {
    let bytes = match kind {
        "sha1" => Sha1::digest(text).to_vec(),
        "sha224" => Sha224::digest(text).to_vec(),
        "sha256" => Sha256::digest(text).to_vec(),
        "sha384" => Sha384::digest(text).to_vec(),
        "sha512" => Sha512::digest(text).to_vec(),
        _ => {
            let known = "sha1, sha224, sha256, sha384, sha512";
            return Err(invalid(format!("there is no hash `{kind}`; there are {known}")));
        }
    };
    Ok(hex(&bytes))
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}
