//! Which input partitions are left unread for a while, since they are far ahead of the others in event time.
//!
//! A window waits for the partition that is furthest behind, and what the others are ahead of it lies in open windows: where
//! one partition holds half of all receipts, catching up would hold half the others' sums. So those ahead wait their turn.
//! Flink calls it watermark alignment (FLIP-182). Results do not depend on it. A partition that is read as it is written, with
//! no backlog, neither waits nor is waited for, however far its event times are from those of the others; and what is of this
//! minute never waits, for somebody looks at it.

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
    /// A partition whose watermark is no further from the clock than this never waits, milliseconds.
    pub live_ms: i64,
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

/// The partitions that wait for others, by a clock that shows `wall_ms`. One that is waited for never waits itself, so there is
/// always one to read.
pub fn held(mut readings: Vec<Reading>, alignment: Alignment, wall_ms: i64) -> Vec<i32> {
    let Alignment { max_drift_ms, live_ms, .. } = alignment;
    let behind_ms = readings.iter().filter(|reading| reading.comes).map(|reading| reading.watermark_ms).min();
    let Some(behind_ms) = behind_ms else { return Vec::new() };
    let is_live = |reading: &Reading| (reading.watermark_ms - wall_ms).abs() < live_ms;
    readings.retain(|reading| reading.watermark_ms > behind_ms.saturating_add(max_drift_ms) && !is_live(reading));
    readings.into_iter().map(|reading| reading.partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_of(readings: &[(i32, i64, bool)]) -> Vec<i32> {
        let reading = |&(partition, watermark_ms, comes)| Reading { partition, watermark_ms, comes };
        let alignment = Alignment { max_drift_ms: 100, backlog_records: 0, live_ms: 50 };
        held(readings.iter().map(reading).collect(), alignment, 500)
    }

    #[test]
    fn who_is_far_ahead_waits_for_who_is_behind() {
        assert_eq!(held_of(&[(0, 108, true), (1, 7, true), (2, 107, true)]), [0]);
        assert_eq!(held_of(&[(3, 9_999, false), (1, 7, true), (2, 108, false)]), [3, 2]);
    }

    #[test]
    fn nobody_waits_for_a_partition_that_gives_nothing() {
        assert!(held_of(&[(0, 1_000_000, true), (1, 7, false)]).is_empty());
        assert!(held_of(&[(0, 1_000_000, false), (1, 7, false)]).is_empty());
        assert!(held_of(&[]).is_empty());
    }

    #[test]
    fn what_is_of_this_minute_does_not_wait() {
        let behind = (0, 7, true);
        assert_eq!(held_of(&[behind, (1, 450, true), (2, 451, true), (3, 549, true), (4, 550, true)]), [1, 4]);
    }
}
