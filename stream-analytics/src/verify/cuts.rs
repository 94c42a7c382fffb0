//! Where the clock closed windows early: told from the spans that `partials` states.
//!
//! A partition's watermark follows from its log, unless the partition was idle: then it moved with the clock. A receipt
//! that came after such a move may count in later windows only. How far the clock had come is in no log of receipts, but
//! what was decided is committed: a sum names the first window end that its receipts count in, and their offsets.

use std::collections::HashMap;

use super::rules::{Place, Rules};

/// Where the receipts are whose first window is the same.
#[derive(Debug)]
struct Stretch {
    first_end_ms: i64,
    first_offset: i64,
    last_offset: i64,
}

/// Receipts that may lack windows, by input partition and the end of their last window.
///
/// A watermark never goes back, so of receipts with the same windows those that lack more come later: where stretches
/// overlap, a receipt is of the one with the earliest first window.
#[derive(Debug, Default)]
pub struct Cuts {
    by_last_end: HashMap<(i32, i64), Vec<Stretch>>,
}

/// What a sum states.
#[derive(Debug, Clone, Copy)]
pub struct StatedSum {
    /// Partition of the input topic.
    pub partition: i32,
    /// Offset of its first receipt.
    pub first_offset: i64,
    /// Offset of its last receipt.
    pub last_offset: i64,
    /// End of the first window that they count in.
    pub first_end_ms: i64,
    /// End of their last window.
    pub last_end_ms: i64,
}

impl Cuts {
    /// Takes in a sum; it is kept if its receipts may lack a window that is looked at.
    pub fn take(&mut self, sum: StatedSum, rules: Rules) {
        let earliest_event_ms = sum.last_end_ms - rules.window_ms;
        let Some(first_start_ms) = rules.starts_covering(earliest_event_ms).last() else { return };
        let touches_range = earliest_event_ms >= rules.range.from_ms && first_start_ms < rules.range.to_ms;
        // If the slide does not divide the window, receipts with one last window may have two first ones, uncut.
        let may_be_cut = sum.first_end_ms > first_start_ms + rules.window_ms || rules.window_ms % rules.slide_ms != 0;
        if !(touches_range && may_be_cut) {
            return;
        }
        let stretches = self.by_last_end.entry((sum.partition, sum.last_end_ms)).or_default();
        match stretches.iter_mut().find(|stretch| stretch.first_end_ms == sum.first_end_ms) {
            Some(stretch) => {
                stretch.first_offset = stretch.first_offset.min(sum.first_offset);
                stretch.last_offset = stretch.last_offset.max(sum.last_offset);
            }
            None => stretches.push(Stretch {
                first_end_ms: sum.first_end_ms,
                first_offset: sum.first_offset,
                last_offset: sum.last_offset,
            }),
        }
    }

    /// The end of the first window that the receipt at this place was counted in, if it may lack earlier ones.
    pub fn first_end_ms(&self, place: Place, last_end_ms: i64) -> Option<i64> {
        let stretches = self.by_last_end.get(&(place.partition, last_end_ms))?;
        let holding =
            stretches.iter().filter(|stretch| (stretch.first_offset..=stretch.last_offset).contains(&place.offset));
        holding.map(|stretch| stretch.first_end_ms).min()
    }
}
