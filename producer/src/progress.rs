//! What a running generator says: a status line on a terminal, a log line every ten seconds otherwise, and metrics.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::telemetry::Metrics;
use indicatif::ProgressBar;
use tokio::time::{Interval, MissedTickBehavior};

use crate::delivery::Ledger;
use crate::load::Schedule;
use crate::metrics::LedgerMetrics;

const EVERY: Duration = Duration::from_secs(1);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Shows the ledger while it moves.
pub(crate) struct Progress {
    /// None sends as fast as it goes.
    schedule: Option<Schedule>,
    ledger: Arc<Ledger>,
    metrics: LedgerMetrics,
    interval: Interval,
    line: Option<ProgressBar>,
    last: (Instant, u64),
    last_logged: (Instant, u64),
}

impl Progress {
    pub(crate) fn new(
        schedule: Option<Schedule>,
        ledger: Arc<Ledger>,
        metrics: &Metrics,
        status_line: bool,
    ) -> Progress {
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let metrics = LedgerMetrics::new(metrics);
        let now = (Instant::now(), 0);
        let line = (status_line && std::io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        Progress { schedule, ledger, metrics, interval, line, last: now, last_logged: now }
    }

    /// Waits for the next second and reports.
    pub(crate) async fn tick(&mut self) {
        self.interval.tick().await;
        let now = Instant::now();
        let sent = Ledger::get(&self.ledger.sent);
        let rate_per_s = rate_per_s(self.last, (now, sent));
        self.last = (now, sent);
        self.metrics.show(&self.ledger, self.target_per_s());
        if let Some(line) = &self.line {
            let target = self.target_per_s().map_or("max".to_owned(), |target| format!("{target:.0}/s"));
            let failed = Ledger::get(&self.ledger.failed);
            let queue = self.ledger.in_flight();
            line.set_message(format!("{rate_per_s:.0}/s of {target}, {sent} sent, {failed} failed, {queue} in queue"));
            line.tick();
        } else if now.duration_since(self.last_logged.0) >= LOG_EVERY {
            let rate_per_s = self::rate_per_s(self.last_logged, (now, sent));
            self.last_logged = (now, sent);
            tracing::info!(
                rate_per_s = rate_per_s.round(),
                sent,
                acknowledged = Ledger::get(&self.ledger.acknowledged),
                failed = Ledger::get(&self.ledger.failed),
                queue = self.ledger.in_flight(),
                "sending"
            );
        }
    }

    /// The last word to the metrics; the status line goes.
    pub(crate) fn finish(&self) {
        self.metrics.show(&self.ledger, self.target_per_s());
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    /// The plan's rate of the moment.
    fn target_per_s(&self) -> Option<f64> {
        self.schedule.as_ref().map(|schedule| schedule.rate_at(Ledger::get(&self.ledger.generated)))
    }
}

/// Between two looks at a count.
pub(crate) fn rate_per_s(from: (Instant, u64), to: (Instant, u64)) -> f64 {
    let seconds = to.0.duration_since(from.0).as_secs_f64();
    if seconds > 0.0 { to_f64(to.1 - from.1) / seconds } else { 0.0 }
}

#[allow(clippy::cast_precision_loss, reason = "for people to read")]
pub(crate) fn to_f64(count: u64) -> f64 {
    count as f64
}
