//! Which input partitions are left unread for a while, since they are far ahead of the others in event time.
//!
//! A window waits for the partition that is furthest behind, and what the others are ahead of it lies in open windows: where
//! one partition holds half of all receipts, catching up would hold half the others' sums. So those ahead wait their turn.
//! Flink calls it watermark alignment (FLIP-182). Results do not depend on it. A partition that is read as it is written, with
//! no backlog, neither waits nor is waited for, however far its event times are from those of the others.

/// A worker with more partitions reads them as they come: the client reads a few MiB ahead for each that waits, more than it
/// would have in open windows.
pub const MAX_ALIGNED: usize = 8;

/// When a partition waits.
#[derive(Debug, Clone, Copy)]
pub struct Alignment {
    /// How far ahead of the one furthest behind a partition is read, milliseconds of event time.
    pub max_drift_ms: i64,
    /// Records that wait to be read in a partition with a backlog, at least.
    pub backlog_records: i64,
}

/// Where an input partition with a backlog stands.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The partition.
    pub partition: i32,
    /// Its watermark.
    pub watermark_ms: i64,
    /// Records have come of late: it is worth waiting for.
    pub comes: bool,
}

/// The partitions that wait for others. One that is waited for never waits itself, so there is always one to read.
pub fn held(mut readings: Vec<Reading>, max_drift_ms: i64) -> Vec<i32> {
    let behind_ms = readings.iter().filter(|reading| reading.comes).map(|reading| reading.watermark_ms).min();
    let Some(behind_ms) = behind_ms else { return Vec::new() };
    readings.retain(|reading| reading.watermark_ms > behind_ms.saturating_add(max_drift_ms));
    readings.into_iter().map(|reading| reading.partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_of(readings: &[(i32, i64, bool)]) -> Vec<i32> {
        let reading = |&(partition, watermark_ms, comes)| Reading { partition, watermark_ms, comes };
        held(readings.iter().map(reading).collect(), 100)
    }

    #[test]
    fn who_is_far_ahead_waits_for_who_is_behind() {
        assert_eq!(held_of(&[(0, 108, true), (1, 7, true), (2, 107, true)]), [0]);
        assert_eq!(held_of(&[(3, i64::MAX, false), (1, 7, true), (2, 108, false)]), [3, 2]);
    }

    #[test]
    fn nobody_waits_for_a_partition_that_gives_nothing() {
        assert!(held_of(&[(0, 1_000_000, true), (1, 7, false)]).is_empty());
        assert!(held_of(&[(0, 1_000_000, false), (1, 7, false)]).is_empty());
        assert!(held_of(&[]).is_empty());
    }
}
