//! Encodings and digests: `b64encode`, `b64decode`, `hash`, `md5`, `sha1`, `to_uuid`, `quote`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, Value};
use nebplay_modules::digest::hex;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::given::Given;
use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("b64encode", |value: &Value, given: Rest<ValueOrKwargs>| {
        only_utf8(given)?;
        let text = text_of(value)?;
        Ok::<_, Error>(STANDARD.encode(text))
    });
    environment.add_filter("b64decode", |text: &str, given: Rest<ValueOrKwargs>| {
        only_utf8(given)?;
        let wrong = || invalid("the text is not base64 of a text");
        let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        String::from_utf8(bytes).map_err(|_| wrong())
    });
    environment.add_filter("hash", |value: &Value, given: Rest<ValueOrKwargs>| {
        let given = Given::new(given)?;
        let kind: Option<String> = given.get(0, "hashtype")?;
        given.end(1)?;
        digest(&text_of(value)?, kind.as_deref().unwrap_or("sha1"))
    });
    environment.add_filter("to_uuid", |value: &Value, given: Rest<ValueOrKwargs>| {
        let given = Given::new(given)?;
        let namespace: Option<String> = given.get(0, "namespace")?;
        given.end(1)?;
        to_uuid(&text_of(value)?, namespace.as_deref().unwrap_or(ANSIBLE))
    });
    for name in ["checksum", "sha1"] {
        environment.add_filter(name, |value: &Value| digest(&text_of(value)?, "sha1"));
    }
    environment.add_filter("md5", |value: &Value| digest(&text_of(value)?, "md5"));
    environment.add_filter("quote", |value: &Value| {
        let text = text_of(value)?;
        Ok::<_, Error>(quote(&text))
    });
}

/// The one encoding there is of texts.
fn only_utf8(given: Rest<ValueOrKwargs>) -> Result<(), Error> {
    let given = Given::new(given)?;
    let encoding: Option<String> = given.get(0, "encoding")?;
    given.end(1)?;
    match encoding.map(|name| name.to_ascii_lowercase()).as_deref() {
        None | Some("utf-8" | "utf8") => Ok(()),
        Some(other) => Err(invalid(format!("there is no encoding `{other}`, only utf-8"))),
    }
}

fn digest(text: &str, kind: &str) -> Result<String, Error> {
    let bytes = match kind {
        "md5" => Md5::digest(text).to_vec(),
        "sha1" => Sha1::digest(text).to_vec(),
        "sha224" => Sha224::digest(text).to_vec(),
        "sha256" => Sha256::digest(text).to_vec(),
        "sha384" => Sha384::digest(text).to_vec(),
        "sha512" => Sha512::digest(text).to_vec(),
        _ => {
            let known = "md5, sha1, sha224, sha256, sha384, sha512";
            return Err(invalid(format!("there is no hash `{kind}`; there are {known}")));
        }
    };
    Ok(hex(&bytes))
}

/// The namespace that Ansible makes its UUIDs in.
const ANSIBLE: &str = "361E6D51-FAEC-444A-9079-341386DA8E2E";

/// The UUID that a name always has in a namespace: RFC 9562, version 5.
fn to_uuid(name: &str, namespace: &str) -> Result<String, Error> {
    let wrong = || invalid(format!("`{namespace}` is no UUID"));
    let digits: Vec<u8> = namespace.bytes().filter(|byte| *byte != b'-').collect();
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let space: Vec<u8> = digits
        .chunks(2)
        .map(pair)
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if space.len() != 16 {
        return Err(wrong());
    }
    let mut uuid = Sha1::digest([space.as_slice(), name.as_bytes()].concat()).to_vec();
    uuid.truncate(16);
    uuid[6] = uuid[6] & 0x0f | 0x50;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let text = hex(&uuid);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    Ok(parts.join("-"))
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}
