//! Lines that people read.

/// A text in lines of at most that many characters, broken between words.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn lines_are_folded_between_words_and_no_word_is_cut() {
        assert_eq!(fold("one two  three", 7), ["one two", "three"]);
        assert_eq!(fold("/a/very/long/path x", 4), ["/a/very/long/path", "x"]);
        assert!(fold("", 4).is_empty());
    }
}
