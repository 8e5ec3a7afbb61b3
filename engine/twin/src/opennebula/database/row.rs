//! A row, shared by every table of every zone that has it.

use std::hash::BuildHasher as _;
use std::ops::Deref;
use std::sync::Arc;

use foldhash::quality::FixedState;

use super::Cell;

/// A row and its hash: tables are summed up at every look, and all zones have the same rows of what is federated.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    cells: Arc<[Cell]>,
    hash: u64,
}

impl Row {
    /// Always the same for the same cells.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

impl<T: Into<Arc<[Cell]>>> From<T> for Row {
    fn from(cells: T) -> Self {
        let cells = cells.into();
        Self {
            hash: FixedState::default().hash_one(&*cells),
            cells,
        }
    }
}

impl Deref for Row {
    type Target = [Cell];

    fn deref(&self) -> &[Cell] {
        &self.cells
    }
}

impl Eq for Row {}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.cells, &other.cells) || self.cells == other.cells)
    }
}
