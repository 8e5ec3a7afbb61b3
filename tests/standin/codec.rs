//! How a statement is kept in the log: packed by zlib, in base64, as OpenNebula does it.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Packs a statement.
pub(crate) fn pack(sql: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(sql.as_bytes()).and_then(|()| encoder.finish());
    packed.map_or_else(|_| sql.to_owned(), |packed| STANDARD.encode(packed))
}

/// Unpacks what [`pack`] made; anything else stays as it is.
pub(crate) fn unpack(packed: &str) -> String {
    let unpacked = || {
        let bytes = STANDARD.decode(packed).ok()?;
        let mut sql = String::new();
        ZlibDecoder::new(bytes.as_slice()).read_to_string(&mut sql).ok()?;
        Some(sql)
    };
    unpacked().unwrap_or_else(|| packed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_and_unpacks() {
        let sql = "REPLACE INTO user_pool (oid) VALUES ('é')";
        assert!(pack(sql).starts_with("eJ"), "{}", pack(sql));
        assert_eq!(
            (unpack(&pack(sql)).as_str(), unpack("DROP x").as_str()),
            (sql, "DROP x")
        );
    }
}
