//! From the parser's positions, counted in characters, to bytes.

/// Where each character of a text begins.
pub(super) struct Offsets {
    /// Byte offset by character; empty for ASCII, where both are the same.
    bytes: Vec<usize>,
    len: usize,
}

impl Offsets {
    pub(super) fn of(text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(byte, _)| byte).collect()
        };
        Self {
            bytes,
            len: text.len(),
        }
    }

    /// The byte where that character begins; the end of the text for anything behind it.
    pub(super) fn byte(&self, character: usize) -> usize {
        if self.bytes.is_empty() {
            character.min(self.len)
        } else {
            self.bytes.get(character).copied().unwrap_or(self.len)
        }
    }
}
