//! What a worker counts, as metrics.

use std::time::Duration;

use common::EventTime;
use metrics::{counter, gauge, histogram};

use crate::engine::Engine;
use crate::tally::Tally;

/// Distance of looks at the gauges, milliseconds.
const LOOK_EVERY_MS: i64 = 1_000;

/// A worker's metrics.
#[derive(Debug)]
pub struct Measures {
    worker: String,
    looked_ms: i64,
}

impl Measures {
    /// Of the worker with this number.
    pub fn new(worker: u16) -> Self {
        Measures { worker: worker.to_string(), looked_ms: 0 }
    }

    /// A transaction was committed.
    pub fn committed(took: Duration) {
        counter!("retail_commits_total").increment(1);
        histogram!("retail_commit_seconds").record(took.as_secs_f64());
    }

    /// A transaction was rolled back.
    pub fn rolled_back() {
        counter!("retail_rollbacks_total").increment(1);
    }

    /// Partitions were assigned or revoked.
    pub fn rebalanced() {
        counter!("retail_rebalances_total").increment(1);
    }

    /// Gauges of partitions that are no longer in care go, so that two replicas do not both report them.
    pub fn unassigned(&self) {
        gauge!("retail_partitions", "worker" => self.worker.clone()).set(0.0);
    }

    /// Adds the engine's counts to the counters: what was committed, not what may be rolled back.
    pub fn publish(engine: &mut Engine, tally: &Tally) {
        let counts = engine.take_counts();
        tally.add(&counts);
        counter!("retail_receipts_total").increment(counts.combine.receipts);
        counter!("retail_late_receipts_total").increment(counts.combine.late);
        counter!("retail_malformed_records_total").increment(counts.combine.malformed);
        counter!("retail_expensive_receipts_total").increment(counts.combine.expensive);
        counter!("retail_windows_published_total").increment(counts.merge.windows);
        counter!("retail_merge_late_receipts_total").increment(counts.merge.late_receipts);
        counter!("retail_replayed_records_total").increment(counts.merge.replayed);
    }

    /// Once a second: a gauge for each partition in care.
    pub fn look(
        &mut self,
        engine: &Engine,
        now_ms: i64,
        input_end: impl Fn(i32) -> Option<i64>,
        merge_end: impl Fn(i32) -> Option<i64>,
    ) {
        if now_ms - self.looked_ms < LOOK_EVERY_MS {
            return;
        }
        self.looked_ms = now_ms;
        let wall_ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let mut partitions = 0;
        for (partition, input) in engine.inputs() {
            partitions += 1;
            let label = partition.to_string();
            if let Some(end) = input_end(partition) {
                gauge!("retail_lag_records", "topic" => "receipts", "partition" => label.clone())
                    .set((end - input.next_offset()).max(0) as f64);
            }
            let state = input.state();
            gauge!("retail_idle", "partition" => label.clone()).set(if state.idle { 1.0 } else { 0.0 });
            if let Some(watermark_ms) = state.watermark_ms {
                gauge!("retail_watermark_seconds", "partition" => label.clone()).set(seconds(watermark_ms));
                gauge!("retail_watermark_behind_seconds", "partition" => label).set(seconds(wall_ms - watermark_ms));
            }
        }
        for (partition, merge) in engine.merges() {
            partitions += 1;
            let label = partition.to_string();
            if let Some(end) = merge_end(partition) {
                gauge!("retail_lag_records", "topic" => "partials", "partition" => label.clone())
                    .set((end - merge.next_offset()).max(0) as f64);
            }
            gauge!("retail_open_windows", "partition" => label.clone()).set(merge.open().spans() as f64);
            gauge!("retail_largest_window_keys", "partition" => label.clone()).set(merge.open().largest_span() as f64);
            if let Some(watermark_ms) = merge.watermark_ms().filter(|ms| EventTime::from_ms(*ms).is_some()) {
                gauge!("retail_merged_watermark_seconds", "partition" => label).set(seconds(watermark_ms));
            }
        }
        gauge!("retail_partitions", "worker" => self.worker.clone()).set(f64::from(partitions));
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
