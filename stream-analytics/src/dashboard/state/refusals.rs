//! Dead letters of the last hour: how many, why, and the latest few.

use std::collections::{BTreeMap, VecDeque};

use common::EventTime;
use serde::Serialize;

use super::record::{Reason, Refused};

/// How far back is counted.
const HOUR_MINUTES: i64 = 60;
/// The latest that are kept with their message.
const MAX_LATEST: usize = 20;

/// How many of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Receipts that came after their windows had closed.
    pub(crate) late: u64,
    /// Records that are not receipts.
    pub(crate) malformed: u64,
    /// Receipts in sums that came to the merge too late.
    pub(crate) late_in_merge: u64,
    /// Dead letters of all kinds.
    pub(crate) dead_letters: u64,
}

/// Bounded: a count for each minute, and the latest.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    minutes: BTreeMap<i64, Counts>,
    latest: VecDeque<Refused>,
}

const fn minute(at: EventTime) -> i64 {
    at.ms().div_euclid(60_000)
}

impl Refusals {
    /// Counts one.
    pub(crate) fn put(&mut self, refused: Refused) {
        let counts = self.minutes.entry(minute(refused.published_at)).or_default();
        counts.dead_letters += 1;
        let of_its_kind = match refused.reason {
            Reason::Late => &mut counts.late,
            Reason::Malformed => &mut counts.malformed,
            Reason::LateSum => &mut counts.late_in_merge,
        };
        *of_its_kind = of_its_kind.saturating_add(refused.receipts);
        while self.minutes.len() > usize::try_from(2 * HOUR_MINUTES).unwrap_or(usize::MAX) {
            self.minutes.pop_first();
        }
        let place = self.latest.partition_point(|known| known.published_at <= refused.published_at);
        self.latest.insert(place, refused);
        if self.latest.len() > MAX_LATEST {
            self.latest.pop_front();
        }
    }

    /// The sums over the last `minutes` (at most an hour) before `now`.
    pub(crate) fn counts(&self, now: EventTime, minutes: i64) -> Counts {
        let from = minute(now) - minutes.min(HOUR_MINUTES) + 1;
        // The brokers' clocks may be a little ahead of ours.
        self.minutes.range(from..=minute(now) + 1).fold(Counts::default(), |sum, (_, counts)| Counts {
            late: sum.late.saturating_add(counts.late),
            malformed: sum.malformed.saturating_add(counts.malformed),
            late_in_merge: sum.late_in_merge.saturating_add(counts.late_in_merge),
            dead_letters: sum.dead_letters.saturating_add(counts.dead_letters),
        })
    }

    /// The newest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Refused> {
        self.latest.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> EventTime {
        EventTime::from_ms(minute * 60_000).unwrap()
    }

    fn refused(minute: i64, reason: Reason, receipts: u64) -> Refused {
        Refused { reason, published_at: at(minute), receipts, message: String::new(), source: String::new() }
    }

    #[test]
    fn an_hour_is_counted_by_kind_and_what_is_older_drops_out() {
        let mut refusals = Refusals::default();
        refusals.put(refused(0, Reason::Late, 1));
        refusals.put(refused(30, Reason::Malformed, 1));
        refusals.put(refused(30, Reason::LateSum, 12));
        let all = Counts { late: 1, malformed: 1, late_in_merge: 12, dead_letters: 3 };
        assert_eq!(refusals.counts(at(59), 60), all);
        assert_eq!(refusals.counts(at(60), 60), Counts { late: 0, dead_letters: 2, ..all });
        assert_eq!(refusals.counts(at(60), 5), Counts::default());
    }

    #[test]
    fn the_latest_are_few_and_in_order_however_they_come() {
        let mut refusals = Refusals::default();
        for minute in (0..100).rev() {
            refusals.put(refused(minute, Reason::Late, 1));
        }
        let minutes: Vec<_> = refusals.latest().map(|refused| minute(refused.published_at)).collect();
        assert_eq!(minutes, (80..100).rev().collect::<Vec<_>>());
    }
}
