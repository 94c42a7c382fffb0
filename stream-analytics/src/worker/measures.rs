//! What a worker tells of itself: counts and gauges for `/metrics`, its standing for `/readyz`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::EventTime;
use common::telemetry::GaugeVec;

use super::Job;
use super::metrics::{AnalyticsMetrics, DeadLetter, RebalanceKind};
use super::standing::Standing;
use crate::clock::wall_ms;
use crate::engine::Engine;

/// Distance of looks at the gauges, milliseconds.
const LOOK_EVERY_MS: i64 = 1_000;
/// Values of the label `topic`: what the topic is for, whatever its name.
const RECEIPTS: &str = "receipts";
const PARTIALS: &str = "partials";

/// Of one life of a worker. Its gauges go with it, so that no two replicas report a partition and none reports one that
/// it has lost.
#[derive(Debug)]
pub(super) struct Measures<'j> {
    job: &'j Job,
    worker: u16,
    label: String,
    looked_ms: i64,
    inputs: BTreeSet<String>,
    merges: BTreeSet<String>,
}

impl<'j> Measures<'j> {
    /// Of the worker with this number, which has no partitions yet.
    pub(super) fn new(job: &'j Job, worker: u16) -> Self {
        let (inputs, merges) = (BTreeSet::new(), BTreeSet::new());
        Measures { job, worker, label: worker.to_string(), looked_ms: 0, inputs, merges }
    }

    fn metrics(&self) -> &'j AnalyticsMetrics {
        &self.job.metrics
    }

    fn stand(&self, update: impl FnOnce(&mut Standing)) {
        self.job.health.update(self.worker, update);
    }

    /// A transaction was committed: what the engine did in it counts.
    pub(super) fn committed(&self, engine: &mut Engine, took: Duration) {
        let metrics = self.metrics();
        metrics.commits.inc();
        metrics.commit_duration.observe(took.as_secs_f64());
        self.stand(|standing| standing.committed = Some(Instant::now()));

        let counts = engine.take_counts();
        self.job.tally.add(&counts);
        metrics.receipts.inc_by(counts.combine.receipts);
        metrics.expensive_receipts.inc_by(counts.combine.expensive);
        for (reason, records) in [
            (DeadLetter::Late, counts.combine.late),
            (DeadLetter::Malformed, counts.combine.malformed),
            (DeadLetter::LateSum, counts.merge.late_sums),
        ] {
            metrics.dead_letters.with_label_values(&[reason.label()]).inc_by(records);
        }
        metrics.late_sum_receipts.inc_by(counts.merge.late_receipts);
        metrics.windows_published.inc_by(counts.merge.windows);
        metrics.replayed_records.inc_by(counts.combine.replayed + counts.merge.replayed);
    }

    /// What was not committed was thrown away.
    pub(super) fn rolled_back(&self) {
        self.metrics().rollbacks.inc();
    }

    /// A takeover was given up, for an open transaction hides where the group left off.
    pub(super) fn hidden(&self) {
        self.metrics().hidden_takeovers.inc();
    }

    /// The client tells whether it has a connection.
    pub(super) fn connected(&self, connected: bool) {
        self.stand(|standing| standing.connected = connected);
    }

    /// The group gave partitions, maybe none. So many records of theirs were lost before they were read, of the input
    /// and of `partials`; a topic that was made anew counts as none.
    pub(super) fn assigned(&mut self, partitions: usize, lost: [i64; 2]) {
        self.count_rebalance(RebalanceKind::Assigned);
        for (topic, lost) in [RECEIPTS, PARTIALS].into_iter().zip(lost) {
            self.metrics().lost_records.with_label_values(&[topic]).inc_by(u64::try_from(lost).unwrap_or(0));
        }
        self.metrics().assigned_partitions.with_label_values(&[&self.label]).set(partitions as f64);
        self.stand(|standing| {
            standing.joined = true;
            standing.partitions = partitions;
            standing.committed = Some(Instant::now());
        });
        // They are shown at once.
        self.looked_ms = i64::MIN;
    }

    /// The group took the partitions back, with what was done for them committed or not.
    pub(super) fn unassigned(&mut self, kind: RebalanceKind) {
        self.count_rebalance(kind);
        self.forget_partitions();
        self.stand(|standing| (standing.partitions, standing.lag_records) = (0, 0));
    }

    fn count_rebalance(&self, kind: RebalanceKind) {
        self.metrics().rebalances.with_label_values(&[kind.label()]).inc();
    }

    /// Once a second: a gauge for each partition in care.
    pub(super) fn look(
        &mut self,
        engine: &Engine,
        now_ms: i64,
        input_end: impl Fn(i32) -> Option<i64>,
        merge_end: impl Fn(i32) -> Option<i64>,
    ) {
        if now_ms < self.looked_ms.saturating_add(LOOK_EVERY_MS) {
            return;
        }
        self.looked_ms = now_ms;
        let metrics = self.metrics();
        let mut lag_records = 0;
        let mut show_lag = |topic: &str, partition: &str, end: Option<i64>, next_offset: i64| {
            let Some(lag) = end.map(|end| (end - next_offset).max(0)) else { return };
            lag_records += lag;
            metrics.lag.with_label_values(&[topic, partition]).set(lag as f64);
        };
        let wall_ms = wall_ms();
        for (partition, input) in engine.inputs() {
            let label = partition.to_string();
            let set = |family: &GaugeVec, value: f64| family.with_label_values(&[&label]).set(value);
            show_lag(RECEIPTS, &label, input_end(partition), input.next_offset());
            let state = input.state();
            set(&metrics.idle, f64::from(u8::from(state.idle)));
            set(&metrics.held, f64::from(u8::from(engine.is_held(partition))));
            if let Some(watermark_ms) = state.watermark_ms {
                set(&metrics.watermark, seconds(watermark_ms));
                set(&metrics.watermark_delay, seconds(wall_ms - watermark_ms));
            }
            self.inputs.insert(label);
        }
        for (partition, merge) in engine.merges() {
            let label = partition.to_string();
            let set = |family: &GaugeVec, value: f64| family.with_label_values(&[&label]).set(value);
            show_lag(PARTIALS, &label, merge_end(partition), merge.next_offset());
            set(&metrics.open_windows, merge.open().spans() as f64);
            set(&metrics.largest_window_keys, merge.open().largest() as f64);
            if let Some(watermark_ms) = merge.watermark_ms().filter(|ms| EventTime::from_ms(*ms).is_some()) {
                set(&metrics.merged_watermark, seconds(watermark_ms));
            }
            self.merges.insert(label);
        }
        self.stand(|standing| standing.lag_records = lag_records);
    }

    fn forget_partitions(&mut self) {
        let metrics = self.metrics();
        metrics.assigned_partitions.with_label_values(&[&self.label]).set(0.0);
        // A gauge that was never set, for want of a watermark say, is not there to be removed.
        for label in std::mem::take(&mut self.inputs) {
            let _ = metrics.lag.remove_label_values(&[RECEIPTS, &label]);
            for family in [&metrics.watermark, &metrics.watermark_delay, &metrics.idle, &metrics.held] {
                let _ = family.remove_label_values(&[&label]);
            }
        }
        for label in std::mem::take(&mut self.merges) {
            let _ = metrics.lag.remove_label_values(&[PARTIALS, &label]);
            for family in [&metrics.merged_watermark, &metrics.open_windows, &metrics.largest_window_keys] {
                let _ = family.remove_label_values(&[&label]);
            }
        }
    }
}

impl Drop for Measures<'_> {
    fn drop(&mut self) {
        self.forget_partitions();
        self.stand(|standing| *standing = Standing::default());
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
