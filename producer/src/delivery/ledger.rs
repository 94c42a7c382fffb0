//! What became of the records: sent = acknowledged + failed in the end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use common::kafka::{ClientStatistics, LogContext};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use crate::malform::Malformation;
use crate::summary::Injected;

/// Counts that the sending thread moves and everybody may read.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Records of the plan that were handed over, without the extra copies.
    pub generated: AtomicU64,
    /// Handed over.
    pub sent: AtomicU64,
    /// Acknowledged.
    pub acknowledged: AtomicU64,
    /// Given up.
    pub failed: AtomicU64,
    /// Bytes of values handed over.
    pub value_bytes: AtomicU64,
    /// Of those handed over: stamped in the past.
    pub late: AtomicU64,
    /// Of those handed over: cut short.
    pub truncated: AtomicU64,
    /// Of those handed over: with a member of the wrong type.
    pub wrong_type: AtomicU64,
    /// Of those handed over: with a member left out.
    pub missing_field: AtomicU64,
    /// Of those handed over: not UTF-8.
    pub not_utf8: AtomicU64,
    /// Of those handed over: extra copies.
    pub duplicates: AtomicU64,
    /// Of those handed over: well-formed and with a total over the threshold.
    pub expensive: AtomicU64,
    /// Why the first failed record failed.
    pub first_failure: OnceLock<String>,
    /// The broker refused a record for its size.
    pub too_large: AtomicBool,
}

impl Ledger {
    /// Adds one: only this process's own threads count, so the order of counts does not matter.
    pub fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }

    /// Reads a count.
    pub fn get(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }

    /// Handed over and not settled yet.
    pub fn in_flight(&self) -> u64 {
        let settled = Self::get(&self.acknowledged) + Self::get(&self.failed);
        Self::get(&self.sent).saturating_sub(settled)
    }

    /// Counts records that were made wrong in one way.
    pub fn add_malformed(&self, kind: Malformation, more: u64) {
        let count = match kind {
            Malformation::Truncated => &self.truncated,
            Malformation::WrongType => &self.wrong_type,
            Malformation::MissingField => &self.missing_field,
            Malformation::NotUtf8 => &self.not_utf8,
        };
        Self::add(count, more);
    }

    /// What was wrong on purpose.
    pub fn injected(&self) -> Injected {
        let [truncated, wrong_type, missing_field, not_utf8] =
            [&self.truncated, &self.wrong_type, &self.missing_field, &self.not_utf8].map(Self::get);
        Injected {
            late: Self::get(&self.late),
            malformed: truncated + wrong_type + missing_field + not_utf8,
            truncated,
            wrong_type,
            missing_field,
            not_utf8,
            duplicates: Self::get(&self.duplicates),
        }
    }

    fn fail(&self, error: &KafkaError) {
        if matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::MessageSizeTooLarge)) {
            self.too_large.store(true, Ordering::Relaxed);
        }
        if self.first_failure.set(error.to_string()).is_ok() {
            tracing::warn!(%error, "a record was not delivered; further failures are counted");
        }
        Self::add(&self.failed, 1);
    }
}

/// Gets the client's delivery reports.
pub struct LedgerContext {
    /// Where reports are noted.
    ledger: Arc<Ledger>,
    /// Where the client's own statistics go.
    pub statistics: Arc<ClientStatistics>,
    served: AtomicU64,
}

impl LedgerContext {
    /// Nothing was served yet.
    pub fn new(ledger: Arc<Ledger>, statistics: Arc<ClientStatistics>) -> Self {
        LedgerContext { ledger, statistics, served: AtomicU64::new(0) }
    }

    /// A number that grows with everything that the client has to say. A poll says one thing at a time, and not whether it
    /// has said any.
    pub fn served(&self) -> u64 {
        Ledger::get(&self.served)
    }

    fn note_served(&self) {
        Ledger::add(&self.served, 1);
    }
}

impl ClientContext for LedgerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.note_served();
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note_served();
        LogContext.error(error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.note_served();
        self.statistics.observe(json);
    }
}

impl ProducerContext for LedgerContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.note_served();
        match result {
            Ok(_) => Ledger::add(&self.ledger.acknowledged, 1),
            Err((error, _)) => self.ledger.fail(error),
        }
    }
}
