//! What a run has done so far, for its summary.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Counts;

/// Counters that the workers add to.
#[derive(Debug, Default)]
pub struct Tally {
    receipts: AtomicU64,
    late: AtomicU64,
    malformed: AtomicU64,
    expensive: AtomicU64,
    windows: AtomicU64,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Receipts that count in a window.
    pub receipts: u64,
    /// Receipts too late for all their windows.
    pub late: u64,
    /// Records that are not receipts.
    pub malformed: u64,
    /// Receipts over the threshold.
    pub expensive: u64,
    /// Windows published, counted once a merge partition.
    pub windows: u64,
}

impl Tally {
    /// Adds what a worker did.
    pub fn add(&self, counts: &Counts) {
        for (total, count) in [
            (&self.receipts, counts.combine.receipts),
            (&self.late, counts.combine.late),
            (&self.malformed, counts.combine.malformed),
            (&self.expensive, counts.combine.expensive),
            (&self.windows, counts.merge.windows),
        ] {
            total.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// As it stands.
    pub fn summary(&self) -> Summary {
        let get = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Summary {
            receipts: get(&self.receipts),
            late: get(&self.late),
            malformed: get(&self.malformed),
            expensive: get(&self.expensive),
            windows: get(&self.windows),
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { receipts, late, malformed, expensive, .. } = self;
        write!(f, "{receipts} receipts counted, {expensive} expensive, {late} late, {malformed} malformed")
    }
}

/// Two runs together.
impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.receipts += other.receipts;
        self.late += other.late;
        self.malformed += other.malformed;
        self.expensive += other.expensive;
        self.windows += other.windows;
    }
}
