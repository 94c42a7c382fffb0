//! What a run did, in numbers.

use serde::Serialize;

use crate::delivery::Ledger;
use crate::error::Error;
use crate::progress::to_f64;
use crate::run::Pace;

/// What a run did: how much was sent, what became of it, what was wrong with it on purpose, and how well the pace held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The topic's full name.
    pub topic: String,
    /// With this seed the run can be repeated.
    pub seed: u64,
    /// Generated, without the extra copies.
    pub generated: u64,
    /// Handed to the client: generated and duplicates.
    pub sent: u64,
    /// Acknowledged by the broker.
    pub acknowledged: u64,
    /// Given up by the client.
    pub failed: u64,
    /// Bytes of values handed to the client.
    pub value_bytes: u64,
    /// Wrong on purpose.
    pub injected: Injected,
    /// Receipts whose total is above `--expensive-over` (malformed ones left out, copies counted).
    pub expensive: u64,
    /// Wall time from the first record to the last, seconds.
    pub elapsed_s: f64,
    /// Wall time from the first record to the last acknowledgement, seconds.
    pub settled_s: f64,
    /// The mean rate of the plan up to the last record, a second; none for `max`.
    pub target_per_s: Option<f64>,
    /// The rate reached, a second.
    pub achieved_per_s: f64,
    /// How late the latest record was sent, milliseconds.
    pub max_behind_ms: f64,
    /// How late records were sent on average, milliseconds.
    pub mean_behind_ms: f64,
    /// Records of the plan that were due but not sent when the run ended.
    pub not_sent: u64,
    /// Why the first failed record failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// The broker refused a record for its size.
    #[serde(skip)]
    pub too_large: bool,
}

/// Records that were made wrong, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Injected {
    /// Stamped `--late-by` in the past.
    pub late: u64,
    /// Not receipts: the sum of the next four.
    pub malformed: u64,
    /// Cut short.
    pub truncated: u64,
    /// A member of the wrong type.
    pub wrong_type: u64,
    /// A member left out.
    pub missing_field: u64,
    /// Bytes that are not UTF-8.
    pub not_utf8: u64,
    /// Sent once more.
    pub duplicates: u64,
}

impl Summary {
    /// What the ledger says, once the run is over; logged too.
    pub(crate) fn new(topic: String, seed: u64, ledger: &Ledger, pace: Pace) -> Summary {
        let sent = Ledger::get(&ledger.sent);
        let elapsed_s = pace.elapsed.as_secs_f64();
        let summary = Summary {
            topic,
            seed,
            generated: Ledger::get(&ledger.generated),
            sent,
            acknowledged: Ledger::get(&ledger.acknowledged),
            failed: Ledger::get(&ledger.failed),
            value_bytes: Ledger::get(&ledger.value_bytes),
            injected: ledger.injected(),
            expensive: Ledger::get(&ledger.expensive),
            elapsed_s,
            settled_s: pace.settled.as_secs_f64(),
            target_per_s: pace.target_per_s,
            // The first record starts the clock.
            achieved_per_s: if elapsed_s > 0.0 { to_f64(sent.saturating_sub(1)) / elapsed_s } else { 0.0 },
            max_behind_ms: pace.max_behind.as_secs_f64() * 1e3,
            mean_behind_ms: pace.mean_behind.as_secs_f64() * 1e3,
            not_sent: pace.not_sent,
            first_failure: ledger.first_failure.get().cloned(),
            too_large: ledger.too_large.load(std::sync::atomic::Ordering::Relaxed),
        };
        summary.log();
        summary
    }

    fn log(&self) {
        tracing::info!(
            topic = self.topic,
            seed = self.seed,
            generated = self.generated,
            sent = self.sent,
            acknowledged = self.acknowledged,
            failed = self.failed,
            late = self.injected.late,
            malformed = self.injected.malformed,
            duplicates = self.injected.duplicates,
            elapsed_s = format!("{:.3}", self.elapsed_s),
            target_per_s = self.target_per_s.map_or_else(|| "max".to_owned(), |target| target.to_string()),
            achieved_per_s = format!("{:.1}", self.achieved_per_s),
            max_behind_ms = format!("{:.1}", self.max_behind_ms),
            not_sent = self.not_sent,
            "done"
        );
    }

    /// One line of JSON on standard output; a closed pipe is no error.
    pub fn print(&self) {
        use std::io::Write as _;
        if let Ok(line) = serde_json::to_string(self) {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// Whether every record that was sent was acknowledged.
    pub fn verdict(&self) -> Result<(), Error> {
        if self.too_large {
            return Err(Error::TooLarge { topic: self.topic.clone() });
        }
        if self.failed == 0 {
            return Ok(());
        }
        Err(Error::Undelivered {
            failed: self.failed,
            sent: self.sent,
            topic: self.topic.clone(),
            reason: self.first_failure.clone().unwrap_or_else(|| "no reason given".to_owned()),
        })
    }
}
