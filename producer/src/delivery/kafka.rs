//! An idempotent producer, driven from the sending thread alone.

use std::sync::Arc;
use std::time::Duration;

use common::kafka::{ClientMetrics, ClientStatistics, KafkaSettings, STATISTICS_INTERVAL_MS, is_denial_code, rescue};
use common::telemetry::Metrics;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig};

use super::{Ledger, LedgerContext, Offer, Outgoing, Sink};
use crate::error::Error;

/// For those who do not set them. The bounds of the queue keep the process far below 100 MiB at any rate.
const DEFAULTS: [(&str, &str); 4] = [
    ("queue.buffering.max.messages", "40000"),
    ("queue.buffering.max.kbytes", "16384"),
    // Few and full requests.
    ("batch.size", "262144"),
    ("statistics.interval.ms", STATISTICS_INTERVAL_MS),
];
/// Events of the client that are served before the next records are sent: batches of delivery reports, log lines, errors,
/// statistics.
const MAX_EVENTS_A_TURN: u32 = 256;

/// Sends to one topic.
pub struct KafkaSink {
    producer: BaseProducer<LedgerContext>,
    settings: KafkaSettings,
    topic: String,
    ledger: Arc<Ledger>,
}

impl KafkaSink {
    /// The client connects by itself, and again after a lost connection; how it fares is shown in `metrics`.
    pub fn new(
        settings: &KafkaSettings,
        topic: String,
        ledger: Arc<Ledger>,
        metrics: &Metrics,
    ) -> Result<KafkaSink, Error> {
        let statistics = Arc::new(ClientMetrics::new(metrics).client("producer"));
        let context = LedgerContext::new(ledger.clone(), statistics);
        let producer = Self::config(settings).create_with_context(context).map_err(Error::Client)?;
        Ok(KafkaSink { producer, settings: settings.clone(), topic, ledger })
    }

    fn config(settings: &KafkaSettings) -> ClientConfig {
        let mut config = settings.producer();
        for (key, value) in DEFAULTS {
            if config.get(key).is_none() {
                config.set(key, value);
            }
        }
        config
    }
}

impl Sink for KafkaSink {
    fn client(&self) -> Option<Arc<ClientStatistics>> {
        Some(Arc::clone(&self.producer.context().statistics))
    }

    fn offer(&mut self, record: Outgoing<'_>) -> Result<Offer, Error> {
        let mut outgoing: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&self.topic).payload(record.value).timestamp(record.timestamp_ms);
        outgoing.key = record.key;
        match self.producer.send(outgoing) {
            Ok(()) => {
                Ledger::add(&self.ledger.sent, 1);
                Ok(Offer::Taken)
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(Offer::Full),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                Err(Error::TooLarge { topic: self.topic.clone() })
            }
            Err((error, _)) => Err(Error::Fatal(error)),
        }
    }

    fn serve(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_EVENTS_A_TURN {
            let before = self.producer.context().served();
            self.producer.poll(Duration::ZERO);
            if self.producer.context().served() == before {
                break;
            }
        }
        rescue(self.producer.client(), &self.producer.context().statistics, &self.settings);
        match self.producer.client().fatal_error() {
            Some((code, _)) if is_denial_code(code) => Err(Error::Denied { topic: self.topic.clone(), code }),
            Some((code, _)) => Err(Error::Fatal(KafkaError::MessageProduction(code))),
            None => Ok(()),
        }
    }

    fn is_settled(&mut self) -> Result<bool, Error> {
        self.serve()?;
        Ok(self.producer.in_flight_count() == 0)
    }

    fn abandon(&mut self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        // What was purged is reported as failed; the reports are ready at once.
        if let Err(error) = self.producer.flush(Duration::from_millis(500)) {
            tracing::debug!(%error, "reports of abandoned records are missing");
        }
    }
}
