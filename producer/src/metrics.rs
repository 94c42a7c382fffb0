//! The ledger as metrics. `docs/metrics.md` says to people what they mean; a test compares the two.

use common::telemetry::{Gauge, IntCounter, IntCounterVec, Metrics};

use crate::delivery::Ledger;
use crate::progress::to_f64;

/// The metrics of a run.
pub(crate) struct LedgerMetrics {
    sent: IntCounter,
    acknowledged: IntCounter,
    failed: IntCounter,
    value_bytes: IntCounter,
    injected: IntCounterVec,
    unacknowledged: Gauge,
    target: Gauge,
}

impl LedgerMetrics {
    /// Registers them.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        LedgerMetrics {
            sent: metrics.counter("retail_producer_records_sent_total", "Records handed to the Kafka client."),
            acknowledged: metrics
                .counter("retail_producer_records_acknowledged_total", "Records acknowledged by the broker."),
            failed: metrics.counter("retail_producer_records_failed_total", "Records given up by the Kafka client."),
            value_bytes: metrics
                .counter("retail_producer_value_bytes_total", "Size of the values of the records sent."),
            injected: metrics.counters(
                "retail_producer_records_injected_total",
                "Records that were made wrong on purpose.",
                &["kind"],
            ),
            unacknowledged: metrics
                .gauge("retail_producer_unacknowledged_records", "Records that wait to be acknowledged."),
            target: metrics.gauge(
                "retail_producer_target_records_per_second",
                "Rate that the plan asks for now; infinite for --rate max.",
            ),
        }
    }

    /// Shows where the ledger stands, and the rate that is aimed at now.
    pub(crate) fn show(&self, ledger: &Ledger, target_per_s: Option<f64>) {
        let reach = |counter: &IntCounter, total: u64| counter.inc_by(total.saturating_sub(counter.get()));
        reach(&self.sent, Ledger::get(&ledger.sent));
        reach(&self.acknowledged, Ledger::get(&ledger.acknowledged));
        reach(&self.failed, Ledger::get(&ledger.failed));
        reach(&self.value_bytes, Ledger::get(&ledger.value_bytes));
        let injected = ledger.injected();
        for (kind, total) in [
            ("late", injected.late),
            ("truncated", injected.truncated),
            ("wrong_type", injected.wrong_type),
            ("missing_field", injected.missing_field),
            ("not_utf8", injected.not_utf8),
            ("duplicate", injected.duplicates),
        ] {
            reach(&self.injected.with_label_values(&[kind]), total);
        }
        self.target.set(target_per_s.unwrap_or(f64::INFINITY));
        self.unacknowledged.set(to_f64(ledger.in_flight()));
    }
}
