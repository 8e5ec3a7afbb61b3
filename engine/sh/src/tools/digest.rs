//! `sha256sum`, and what of `openssl` makes digests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;

use foldhash::quality::FixedState;
use sha2::{Digest, Sha256};

use super::{Words, bytes_of, unknown, with_complaints};
use crate::system::{Call, Ended, System};

/// Of what is long it is worked out once: the same dumps are proven again and again.
fn sha256(bytes: &[u8]) -> String {
    const LONG: usize = 4096;
    const KEPT: usize = 1024;
    thread_local! {
        static KNOWN: RefCell<HashMap<[u64; 2], String>> = RefCell::default();
    }
    if bytes.len() < LONG {
        return digest_of(bytes);
    }
    let print = [1, 2].map(|seed| FixedState::with_seed(seed).hash_one(bytes));
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= KEPT && !known.contains_key(&print) {
            known.clear();
        }
        known.entry(print).or_insert_with(|| digest_of(bytes)).clone()
    })
}

fn digest_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn sha256sum(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "bzt", "") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let files = if words.words.is_empty() {
        vec!["-".to_owned()]
    } else {
        words.words.clone()
    };
    let mark = if words.has("b") { '*' } else { ' ' };
    let end = if words.has("z") { '\0' } else { '\n' };
    let (mut out, mut wrong) = (String::new(), Vec::new());
    for file in &files {
        match bytes_of(call, system, file) {
            Ok(bytes) => out.push_str(&format!("{} {mark}{file}{end}", sha256(&bytes))),
            Err(why) => wrong.push(why),
        }
    }
    with_complaints(out.into_bytes(), &wrong)
}

/// `openssl dgst -sha256 -r [FILE…]`.
pub(super) fn openssl(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words: Vec<&str> = call.argv[1..].iter().map(String::as_str).collect();
    let ["dgst", "-sha256", "-r", files @ ..] = words.as_slice() else {
        return unknown(call, &words.join(" "));
    };
    if files.is_empty() {
        return super::printed(format!("{} *stdin\n", sha256(call.stdin)));
    }
    let (mut out, mut wrong) = (String::new(), Vec::new());
    for file in files {
        match bytes_of(call, system, file) {
            Ok(bytes) => out.push_str(&format!("{} *{file}\n", sha256(&bytes))),
            Err(why) => wrong.push(why),
        }
    }
    with_complaints(out.into_bytes(), &wrong)
}
