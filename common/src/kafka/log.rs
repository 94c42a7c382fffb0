//! librdkafka's own log lines and errors, as events of ours.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::complaints::{Kind, is_news};

/// Tells what a client has to say, each failure once, without its remarks on properties that only the other kind of client
/// knows: `--kafka` pairs go to both kinds. What is not told again is at the level `debug`.
///
/// What it logs is detail, at `info`: what fails for good comes to us as an error, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogContext;

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Emerg, Error, Warning};
        let is_news = match (level, facility) {
            (_, "CONFWARN") => return,
            (Emerg | Alert | Critical | Error, "FAIL") => is_news(Kind::Connection, broker(message)),
            (Emerg | Alert | Critical | Error | Warning, _) => is_news(Kind::Other, facility),
            _ => false,
        };
        if is_news {
            tracing::info!(facility, "librdkafka: {message}");
        } else {
            tracing::debug!(facility, "librdkafka: {message}");
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, PartitionEOF, Resolve};
        match error.rdkafka_error_code() {
            // The end of a partition is asked for, and no error.
            Some(PartitionEOF) => {}
            Some(AllBrokersDown) if is_news(Kind::Connection, "all brokers") => {
                tracing::warn!("no broker can be reached: waiting until one can");
            }
            // Each is in the log, too; one broker that is away is what Kafka is made for.
            Some(AllBrokersDown | BrokerTransportFailure | Resolve) => tracing::debug!(%error, "librdkafka: {reason}"),
            _ if is_news(Kind::Other, &error.to_string()) => tracing::warn!(%error, "librdkafka: {reason}"),
            _ => tracing::debug!(%error, "librdkafka: {reason}"),
        }
    }
}

impl ConsumerContext for LogContext {}

impl ProducerContext for LogContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}

/// The broker that a line of the facility `FAIL` is about, as HOST:PORT: which thread says it, and whether it was meant as
/// the group's coordinator, makes no other failure of it.
fn broker(message: &str) -> &str {
    let said = message.split_once("]: ").map_or(message, |(_thread, said)| said);
    said.split(": ")
        .map(|part| part.rsplit("://").next().unwrap_or(part))
        .map(|part| part.split('/').next().unwrap_or(part))
        .find(|part| part.contains(':'))
        .unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broker_is_named_alike_by_all_who_miss_it() {
        for (message, address) in [
            (
                "[thrd:kafka:9092/1]: kafka:9092/1: Connect to ipv4#10.0.0.2:9092 failed: Connection refused",
                "kafka:9092",
            ),
            ("[thrd:kafka:9092/bootstrap]: kafka:9092/bootstrap: Failed to resolve 'kafka:9092'", "kafka:9092"),
            (
                "[thrd:GroupCoordinator]: GroupCoordinator: kafka:9092: Connect to ipv4#10.0.0.2:9092 failed",
                "kafka:9092",
            ),
            ("[thrd:sasl_ssl://kafka:9093/1]: sasl_ssl://kafka:9093/1: SSL handshake failed: x", "kafka:9093"),
            ("[thrd:[::1]:9092/1]: [::1]:9092/1: Connect to ipv6#[::1]:9092 failed", "[::1]:9092"),
            ("[thrd:TxnCoordinator]: TxnCoordinator: Disconnected", "TxnCoordinator: Disconnected"),
        ] {
            assert_eq!(broker(message), address);
        }
    }
}
