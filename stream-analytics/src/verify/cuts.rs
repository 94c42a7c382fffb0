//! Where the clock closed windows early: told from the spans that `partials` states.
//!
//! A partition's watermark follows from its log, unless the partition was idle: then it moved with the clock. A receipt
//! that came after such a move may count in later windows only. How far the clock had come is in no log of receipts, but
//! what was decided is committed: a sum names the first window end that its receipts count in, and their offsets.

use std::collections::HashMap;

use super::rules::{Place, Rules};

/// A sum whose receipts do not count in all of their windows.
#[derive(Debug)]
struct Cut {
    first_offset: i64,
    last_offset: i64,
    first_end_ms: i64,
}

/// All of them, by input partition and the end of their last window.
#[derive(Debug, Default)]
pub struct Cuts {
    by_last_end: HashMap<(i32, i64), Vec<Cut>>,
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
        let uncut_end_ms = first_start_ms + rules.window_ms;
        let touches_range = earliest_event_ms >= rules.range.from_ms && first_start_ms < rules.range.to_ms;
        if sum.first_end_ms > uncut_end_ms && touches_range {
            self.by_last_end.entry((sum.partition, sum.last_end_ms)).or_default().push(Cut {
                first_offset: sum.first_offset,
                last_offset: sum.last_offset,
                first_end_ms: sum.first_end_ms,
            });
        }
    }

    /// The end of the first window that the receipt at this place was counted in, if it is known to lack earlier ones.
    pub fn first_end_ms(&self, place: Place, last_end_ms: i64) -> Option<i64> {
        let cuts = self.by_last_end.get(&(place.partition, last_end_ms))?;
        let holding = cuts.iter().filter(|cut| (cut.first_offset..=cut.last_offset).contains(&place.offset));
        holding.map(|cut| cut.first_end_ms).min()
    }
}
