//! The service's metrics: names, meanings, labels. `docs/metrics.md` says the same to people; a test compares them.

use common::kafka::ClientMetrics;
use common::telemetry::{GaugeVec, Histogram, IntCounter, IntCounterVec, Metrics};

/// The metrics of all workers. Counters count what was committed, never what was rolled back.
#[derive(Debug)]
pub(super) struct AnalyticsMetrics {
    pub(super) receipts: IntCounter,
    pub(super) expensive_receipts: IntCounter,
    /// By reason.
    pub(super) dead_letters: IntCounterVec,
    pub(super) late_sum_receipts: IntCounter,
    pub(super) windows_published: IntCounter,
    pub(super) replayed_records: IntCounter,
    /// By topic.
    pub(super) lost_records: IntCounterVec,
    pub(super) commits: IntCounter,
    pub(super) commit_duration: Histogram,
    pub(super) rollbacks: IntCounter,
    pub(super) fenced_workers: IntCounter,
    pub(super) hidden_takeovers: IntCounter,
    /// By kind.
    pub(super) rebalances: IntCounterVec,
    /// By worker.
    pub(super) assigned_partitions: GaugeVec,
    /// By topic and partition.
    pub(super) lag: GaugeVec,
    /// By partition of the input, and the next two.
    pub(super) watermark: GaugeVec,
    pub(super) watermark_delay: GaugeVec,
    pub(super) idle: GaugeVec,
    pub(super) held: GaugeVec,
    /// By partition of `partials`, and the next two.
    pub(super) merged_watermark: GaugeVec,
    pub(super) open_windows: GaugeVec,
    pub(super) largest_window_keys: GaugeVec,
    pub(super) clients: ClientMetrics,
}

/// Why a record became a dead letter.
#[derive(Debug, Clone, Copy)]
pub(super) enum DeadLetter {
    Late,
    Malformed,
    LateSum,
}

/// What the group did with a worker's partitions.
#[derive(Debug, Clone, Copy)]
pub(super) enum RebalanceKind {
    Assigned,
    Revoked,
    Lost,
}

impl DeadLetter {
    const ALL: [DeadLetter; 3] = [DeadLetter::Late, DeadLetter::Malformed, DeadLetter::LateSum];

    pub(super) fn label(self) -> &'static str {
        match self {
            DeadLetter::Late => "late",
            DeadLetter::Malformed => "malformed",
            DeadLetter::LateSum => "late_sum",
        }
    }
}

impl RebalanceKind {
    const ALL: [RebalanceKind; 3] = [RebalanceKind::Assigned, RebalanceKind::Revoked, RebalanceKind::Lost];

    pub(super) fn label(self) -> &'static str {
        match self {
            RebalanceKind::Assigned => "assigned",
            RebalanceKind::Revoked => "revoked",
            RebalanceKind::Lost => "lost",
        }
    }
}

impl AnalyticsMetrics {
    /// Registers them. Counters whose labels are known begin at 0, so that the first increase is seen.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let partition = ["partition"];
        let all = AnalyticsMetrics {
            receipts: metrics.counter("retail_analytics_receipts_total", "Receipts that were counted in a window."),
            expensive_receipts: metrics
                .counter("retail_analytics_expensive_receipts_total", "Receipts over the threshold, published one by one."),
            dead_letters: metrics.counters(
                "retail_analytics_dead_letters_total",
                "Records that were sent to a dead-letter topic: receipts that were late or malformed, and sums that came too late for the merge.",
                &["reason"],
            ),
            late_sum_receipts: metrics.counter(
                "retail_analytics_late_sum_receipts_total",
                "Receipts in sums that came too late for the merge, counted once for each window they missed.",
            ),
            windows_published: metrics.counter(
                "retail_analytics_windows_published_total",
                "Final windows published; each partition of the internal topic publishes its part of a window.",
            ),
            replayed_records: metrics.counter(
                "retail_analytics_replayed_records_total",
                "Records that were read again after a takeover, to rebuild held sums and open windows.",
            ),
            lost_records: metrics.counters(
                "retail_analytics_lost_records_total",
                "Records that retention deleted before they were read, passed over because of --accept-loss.",
                &["topic"],
            ),
            commits: metrics.counter("retail_analytics_commits_total", "Commits; each worker with partitions commits at least every second."),
            commit_duration: metrics.seconds("retail_analytics_commit_duration_seconds", "Time that a commit took."),
            rollbacks: metrics.counter(
                "retail_analytics_rollbacks_total",
                "Times that a worker threw away what it had not committed and began anew.",
            ),
            fenced_workers: metrics.counter(
                "retail_analytics_fenced_workers_total",
                "Workers that had left the group or died, and whose open transaction, if any, this process aborted.",
            ),
            hidden_takeovers: metrics.counter(
                "retail_analytics_hidden_takeovers_total",
                "Times that a worker waited in vain for a transaction to end that hid where the group had left off.",
            ),
            rebalances: metrics.counters(
                "retail_analytics_rebalances_total",
                "Times that the group gave a worker partitions, took them back, or went on without it.",
                &["kind"],
            ),
            assigned_partitions: metrics.gauges(
                "retail_analytics_assigned_partitions",
                "Partitions in a worker's care, of the input and of the internal topic.",
                &["worker"],
            ),
            lag: metrics.gauges(
                "retail_analytics_lag_records",
                "Records of a partition that wait to be read.",
                &["topic", "partition"],
            ),
            watermark: metrics.gauges(
                "retail_analytics_watermark_timestamp_seconds",
                "Watermark of an input partition: a receipt of a window that ended before it is late.",
                &partition,
            ),
            watermark_delay: metrics.gauges(
                "retail_analytics_watermark_delay_seconds",
                "How far the watermark of an input partition is behind the clock.",
                &partition,
            ),
            idle: metrics.gauges(
                "retail_analytics_partition_idle",
                "1 if an input partition is silent and holds no window back (--idle-after), 0 if not.",
                &partition,
            ),
            held: metrics.gauges(
                "retail_analytics_partition_held",
                "1 if an input partition is left unread for now, being far ahead of others that are still to be read, 0 if not.",
                &partition,
            ),
            merged_watermark: metrics.gauges(
                "retail_analytics_merged_watermark_timestamp_seconds",
                "Smallest watermark of all input partitions, as a partition of the internal topic knows it: windows before it are published.",
                &partition,
            ),
            open_windows: metrics.gauges(
                "retail_analytics_open_windows",
                "Windows that wait for the watermark, by partition of the internal topic; bounded by --max-open-windows.",
                &partition,
            ),
            largest_window_keys: metrics.gauges(
                "retail_analytics_largest_window_keys",
                "Distinct stores and items of the largest open window, by partition of the internal topic; bounded by --max-distinct.",
                &partition,
            ),
            clients: ClientMetrics::new(metrics),
        };
        for reason in DeadLetter::ALL {
            all.dead_letters.with_label_values(&[reason.label()]);
        }
        for kind in RebalanceKind::ALL {
            all.rebalances.with_label_values(&[kind.label()]);
        }
        all
    }
}
