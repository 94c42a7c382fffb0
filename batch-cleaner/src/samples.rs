//! The first rows of each kind that the demonstrations show.

use crate::columns::Column;
use crate::repair::{Applied, Rule};
use crate::row::Row;
use crate::sink::Cleaned;

/// Rows shown as they came.
pub const AS_READ: usize = 5;
/// Rows shown after a step.
pub const AFTER_STEP: usize = 20;

/// A row's values as text, in [`Column::ALL`] order; `None` is null.
pub type Texts = [Option<String>; Column::COUNT];

/// The first rows of each kind, in input order.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// As they came.
    pub as_read: Vec<[String; Column::COUNT]>,
    /// Rows with an item restored by step 1.
    pub restored: Vec<Texts>,
    /// Rows with a quantity or a price filled by step 3.
    pub filled: Vec<Texts>,
    /// Kept rows, with day of the week and month.
    pub kept: Vec<(Texts, Option<(&'static str, u8)>)>,
}

impl Samples {
    /// Whether every kind that `other` may add to is complete.
    pub(crate) fn is_full(&self) -> bool {
        self.as_read.len() >= AS_READ
            && self.restored.len() >= AFTER_STEP
            && self.filled.len() >= AFTER_STEP
            && self.kept.len() >= AFTER_STEP
    }

    /// A row after its repairs.
    pub(crate) fn add(&mut self, cleaned: &Cleaned<'_>, kept: bool) {
        if self.as_read.len() < AS_READ {
            self.as_read.push(cleaned.fields.map(str::to_owned));
        }
        let applied = cleaned.applied;
        if applied.contains(Rule::RestoreItem) && self.restored.len() < AFTER_STEP {
            self.restored.push(texts(&cleaned.row));
        }
        if has_filled(applied) && self.filled.len() < AFTER_STEP {
            self.filled.push(texts(&cleaned.row));
        }
        if kept && self.kept.len() < AFTER_STEP {
            let date = cleaned.row.transaction_date.map(|date| (date.weekday(), date.month()));
            self.kept.push((texts(&cleaned.row), date));
        }
    }

    /// Adds the samples of the next piece.
    pub(crate) fn append(&mut self, next: Samples) {
        extend(&mut self.as_read, next.as_read, AS_READ);
        extend(&mut self.restored, next.restored, AFTER_STEP);
        extend(&mut self.filled, next.filled, AFTER_STEP);
        extend(&mut self.kept, next.kept, AFTER_STEP);
    }
}

fn has_filled(applied: Applied) -> bool {
    applied.contains(Rule::Quantity) || applied.contains(Rule::Price)
}

fn extend<T>(samples: &mut Vec<T>, next: Vec<T>, most: usize) {
    samples.extend(next);
    samples.truncate(most);
}

fn texts(row: &Row<'_>) -> Texts {
    Column::ALL.map(|column| row.display(column))
}
