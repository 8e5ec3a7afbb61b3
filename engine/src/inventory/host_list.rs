//! Hosts named on the command line: `-i fe1,fe2` or `-i fe1,`.

use std::sync::Arc;

use super::UNGROUPED;
use super::draft::Draft;
use crate::diagnostics::{Source, Span};

/// Reads a list of names, separated by commas, into the draft.
pub(super) fn read(source: &Arc<Source>, draft: &mut Draft) {
    let mut start = 0;
    for part in source.text.split(',') {
        let name = part.trim();
        let at = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        if !name.is_empty() {
            let span = Span {
                source: Arc::clone(source),
                start: at,
                end: at + name.len(),
            };
            draft.name_hosts(UNGROUPED, name, &span);
        }
    }
}
