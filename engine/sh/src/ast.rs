//! What a script is made of.

use std::sync::{Arc, OnceLock};

/// Commands, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct List(pub(crate) Vec<Item>);

/// A chain of pipelines, perhaps in the background.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) first: Pipeline,
    /// `true`: only if what was before succeeded (`&&`); `false`: only if it failed (`||`).
    pub(crate) rest: Vec<(bool, Pipeline)>,
    pub(crate) background: bool,
}

/// Commands that read each other's output.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) negated: bool,
    pub(crate) commands: Vec<Command>,
}

/// A command and what it reads and writes.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    pub(crate) redirects: Vec<Redirect>,
}

/// What kind of command.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Assignments and words.
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `if`: conditions with what follows from them, and the rest.
    If(Vec<(List, List)>, List),
    /// `while`, or `until`.
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
    /// `for`; without words it goes over the arguments.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    /// `case`
    Case(Word, Vec<(Vec<Word>, List)>),
    /// A function's definition.
    Function(String, Arc<Command>),
}

/// What a file descriptor becomes.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    pub(crate) fd: u32,
    pub(crate) target: Target,
}

/// Where a file descriptor leads.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// `<`
    Read(Word),
    /// `>`, and `>|`, which does not mind what is there.
    Write(Word, bool),
    /// `>>`
    Append(Word),
    /// `<&` and `>&`: another descriptor, or `-`.
    Same(Word),
    /// `<<`; the text follows after the line.
    Here(Arc<OnceLock<Word>>),
}

/// A word: parts side by side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word(pub(crate) Vec<Part>);

/// A part of a word.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// As it stands, outside of quotes.
    Plain(String),
    /// As it stands, inside of quotes.
    Quoted(String),
    /// `~` at the beginning.
    Tilde,
    /// A parameter.
    Parameter {
        name: String,
        change: Change,
        quoted: bool,
    },
    /// `$( … )`
    Output(List, bool),
    /// `$(( … ))`
    Number(Word, bool),
}

/// What is made of a parameter's value.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Nothing.
    Value,
    /// `${#x}`
    Length,
    /// `${x:-w}`, `${x-w}`: the word where there is no value; with the colon, an empty one is none.
    Default(Word, bool),
    /// `${x:=w}`
    Assign(Word, bool),
    /// `${x:+w}`
    Instead(Word, bool),
    /// `${x:?w}`
    Demand(Word, bool),
    /// `${x#p}`, `${x##p}`
    NoPrefix(Word, bool),
    /// `${x%p}`, `${x%%p}`
    NoSuffix(Word, bool),
}
