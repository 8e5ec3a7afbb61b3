//! Small changes to texts, the same for the same seed.

/// What means something to somebody who reads it.
const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "'",
    "\"",
    "\\",
    ":",
    ": ",
    "- ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\0",
    " ",
    "  ",
    "é",
    "🦀",
    "\u{feff}",
    "\u{2028}",
    "\u{202e}",
    "\u{1b}[2J",
    "&a ",
    "*a",
    "<<: *a",
    "? ",
    "!unsafe ",
    "!vault ",
    "|",
    ">",
    "|-\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "</",
    "/>",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "&#0;",
    "&#x110000;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "0",
    "-1",
    "6.10",
    "1e400",
    "0x1F",
    "0o7",
    "99999999999999999999",
    "-9223372036854775808",
    "18446744073709551615",
    "null",
    "~",
    "yes",
    "true",
    "[1:3]",
    "[a:c]",
    "[9:1]",
    "[01:1000]",
    ":children]\n",
    ":vars]\n",
    "when: ",
    "loop: ",
    "block:\n",
    "include_tasks: ",
    "hosts: ",
    "vars:\n",
    "register: ",
    "until: ",
    " | default(",
    " if ",
    " else ",
    " is ",
    " in ",
    "not ",
    "**",
    "//",
    "[::-1]",
    "[0]",
    ".a",
    "range(3)",
    "item",
    "$(",
    "`",
    "$((",
    "))",
    "<<EOF\n",
    "EOF\n",
    ";",
    ";;",
    "&",
    "&&",
    "||",
    "if ",
    "then ",
    "fi\n",
    "case x in ",
    "esac\n",
    "done\n",
    "while ",
    "for ",
    "do ",
    "$",
    "${",
    "$1",
    "\"$@\"",
    "#",
    "=",
    "exit 3\n",
    "set -e\n",
    ">>",
    "/dev/null",
    "| head -n",
    "| sed 's/a/b/'",
    "| awk '{print $1}'",
    "| sort -k2",
    "| grep -E '(a'",
    "systemctl ",
    "apt-get install ",
    "dpkg-query -W ",
    "onedb ",
    "onezone ",
    "sqlite3 ",
    "tar -c ",
    "stat -c ",
    "find ",
    "sleep ",
    "timeout ",
    "kill ",
    "..",
    "/",
    "-",
    "--",
    "%",
    "%s",
    "*",
    "?",
];

/// A source of mutations.
pub(crate) struct Mutation {
    state: u64,
}

impl Mutation {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// A number below this one; 0 below 0.
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        usize::try_from(self.state.checked_rem(limit).unwrap_or(0)).unwrap_or(0)
    }

    /// One of these texts, changed in a few places.
    pub(crate) fn of(&mut self, texts: &[String]) -> String {
        let (one, other) = (self.below(texts.len()), self.below(texts.len()));
        let mut bytes = texts[one].clone().into_bytes();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, texts[other].as_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let word = WORDS[self.below(WORDS.len())].as_bytes();
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => {
                let end = bytes.len().min(at + self.below(20));
                bytes.drain(at..end);
            }
            2 => {
                let byte = self.below(256).to_le_bytes()[0];
                bytes.get_mut(at).into_iter().for_each(|place| *place = byte);
            }
            3 => {
                let end = bytes.len().min(at + word.len());
                bytes.splice(at..end, word.iter().copied());
            }
            4 => {
                let end = bytes.len().min(at + self.below(60));
                let (piece, to) = (bytes[at..end].to_vec(), self.below(bytes.len() + 1));
                bytes.splice(to..to, piece);
            }
            5 => {
                let from = self.below(other.len() + 1);
                let end = other.len().min(from + self.below(200));
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            6 => {
                let line = line_at(bytes, at);
                bytes.drain(line);
            }
            _ => {
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
}

/// The line that a place is on, with its end.
fn line_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let start = bytes[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
    let end = bytes[at..].iter().position(is_end);
    start..end.map_or(bytes.len(), |end| at + end + 1)
}
