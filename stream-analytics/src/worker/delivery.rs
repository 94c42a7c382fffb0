//! What becomes of the records that a worker's producer has sent.

use std::sync::{Mutex, PoisonError};

use common::kafka::{ClientStatistics, LogContext};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

/// Notes a record that the broker refuses for good.
#[derive(Debug)]
pub struct DeliveryContext {
    statistics: ClientStatistics,
    refused: Mutex<Option<(String, RDKafkaErrorCode)>>,
}

impl DeliveryContext {
    /// Of a producer whose statistics go there.
    pub fn new(statistics: ClientStatistics) -> Self {
        DeliveryContext { statistics, refused: Mutex::default() }
    }

    /// The producer's statistics.
    pub fn statistics(&self) -> &ClientStatistics {
        &self.statistics
    }

    /// Topic and reason of the first record that was refused since this was last asked.
    pub fn take_refused(&self) -> Option<(String, RDKafkaErrorCode)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        LogContext.error(error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.statistics.observe(json);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((KafkaError::MessageProduction(code), message)) = result {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            // The first one is the cause; those behind it in the queue are purged with it.
            refused.get_or_insert_with(|| (message.topic().to_owned(), *code));
        }
    }
}
