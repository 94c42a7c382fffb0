//! Client settings: what exactly-once needs is set here and cannot be overridden; everything else can, with `--kafka`.

use std::path::{Path, PathBuf};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;

/// Largest record that the clients send and the created topics take: 4 MiB.
pub const MAX_MESSAGE_BYTES: u32 = 4 << 20;
/// How long the broker leaves a dead producer's transaction open: it blocks the readers of its topics.
pub const TRANSACTION_TIMEOUT_MS: u32 = 10_000;

/// How long a record is tried before it counts as not sent.
const MESSAGE_TIMEOUT: &str = "message.timeout.ms";

/// Properties that are ours: results would be wrong with others, or another flag sets them.
const OURS: [(&str, &str); 26] = [
    ("bootstrap.servers", "use --brokers"),
    ("metadata.broker.list", "use --brokers"),
    ("isolation.level", "results must not read aborted transactions"),
    ("enable.auto.commit", "offsets are committed with the results"),
    ("enable.auto.offset.store", "offsets are committed with the results"),
    ("auto.commit.enable", "offsets are committed with the results"),
    ("offset.store.method", "offsets are committed with the results"),
    ("auto.offset.reset", "a lost offset must not be skipped in silence"),
    ("enable.partition.eof", "the end of a partition is how idleness is told"),
    ("check.crcs", "it is on"),
    ("enable.idempotence", "records must be written once"),
    ("enable.gapless.guarantee", "records must be written once"),
    ("acks", "records must be acknowledged by all in-sync replicas"),
    ("request.required.acks", "records must be acknowledged by all in-sync replicas"),
    ("max.in.flight", "records must stay in order"),
    ("max.in.flight.requests.per.connection", "records must stay in order"),
    ("retries", "records must not be given up early"),
    ("message.send.max.retries", "records must not be given up early"),
    ("transactional.id", "it names the worker"),
    ("transaction.timeout.ms", "a dead worker's transaction must not block readers"),
    ("delivery.timeout.ms", "use message.timeout.ms"),
    ("partitioner", "all receipts of a store must share a partition"),
    ("group.id", "use --group-id"),
    ("group.instance.id", "use --instance-id"),
    ("group.protocol", "transactions need the classic protocol"),
    ("partition.assignment.strategy", "workers hand partitions over all at once"),
];

/// Kafka flags, the same in every service that talks to a broker.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to start from, HOST:PORT[,HOST:PORT…]
    #[arg(long, env = "RETAIL_BROKERS", value_name = "HOST:PORT")]
    pub brokers: Option<String>,

    /// Put before the name of every topic, group and transactional id
    #[arg(long, env = "RETAIL_TOPIC_PREFIX", value_name = "PREFIX", default_value = "")]
    pub topic_prefix: String,

    /// Partitions of the topics that this service creates; existing ones are used as they are
    #[arg(long, env = "RETAIL_PARTITIONS", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,

    /// Replicas of the topics that this service creates [default: the broker's]
    #[arg(long, env = "RETAIL_REPLICATION_FACTOR", value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub replication_factor: Option<i32>,

    /// A librdkafka property, e.g. `security.protocol=SASL_SSL`; repeatable [env: `RETAIL_KAFKA`, blank-separated; the
    /// flag's pairs win, key by key]
    #[arg(long, value_name = "KEY=VALUE")]
    pub kafka: Vec<String>,

    /// A file of such pairs, one a line: the place for secrets
    #[arg(long, env = "RETAIL_KAFKA_CONFIG", value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,
}

/// Why the Kafka flags cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No `--brokers`.
    #[error("no broker given: add --brokers HOST:PORT (or set RETAIL_BROKERS)")]
    NoBrokers,
    /// A pair without `=`.
    #[error("{0:?} is not KEY=VALUE")]
    NotAPair(String),
    /// The file of pairs cannot be read.
    #[error("cannot read {path:?}, named by --kafka-config")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A property that the service sets itself.
    #[error("the Kafka property {key} cannot be set: {reason}")]
    Ours {
        /// The property.
        key: String,
        /// Why it is fixed, or which flag to use.
        reason: &'static str,
    },
    /// librdkafka does not know the property, or not this value. The value is not repeated: it may be a secret.
    #[error("librdkafka refuses the property {key}: {reason}")]
    Refused {
        /// The property.
        key: String,
        /// In librdkafka's words.
        reason: String,
    },
    /// A record would be tried for longer than its transaction may last.
    #[error(
        "the Kafka property message.timeout.ms must be 1 to {TRANSACTION_TIMEOUT_MS}, which is how long a transaction may last"
    )]
    MessageTimeout,
}

/// Where the brokers are and how to talk to them; makes the configuration of every client.
#[derive(Clone)]
pub struct KafkaSettings {
    brokers: String,
    overrides: Vec<(String, String)>,
}

/// Without the overrides' values: they may be secrets.
impl std::fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.overrides.iter().map(|(key, _)| key).collect();
        f.debug_struct("KafkaSettings").field("brokers", &self.brokers).field("overrides", &keys).finish()
    }
}

impl KafkaArgs {
    /// Checks every pair; `RETAIL_KAFKA` is read from the environment here, where it can be merged key by key.
    pub fn settings(&self) -> Result<KafkaSettings, SettingsError> {
        let brokers =
            self.brokers.clone().filter(|brokers| !brokers.trim().is_empty()).ok_or(SettingsError::NoBrokers)?;
        let variable = std::env::var("RETAIL_KAFKA").unwrap_or_default();
        let file = self.kafka_config.as_deref().map(read_pairs).transpose()?.unwrap_or_default();
        let pairs = file
            .iter()
            .map(String::as_str)
            .chain(variable.split_whitespace())
            .chain(self.kafka.iter().map(String::as_str));
        KafkaSettings::with_overrides(brokers, pairs)
    }
}

/// The file's pairs: blank lines and those that begin with `#` are left out.
fn read_pairs(path: &Path) -> Result<Vec<String>, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

impl KafkaSettings {
    /// Settings with no overrides.
    pub fn new(brokers: impl Into<String>) -> Self {
        KafkaSettings { brokers: brokers.into(), overrides: Vec::new() }
    }

    /// Settings with `KEY=VALUE` pairs; of two with one key the later wins.
    pub fn with_overrides<'a>(
        brokers: impl Into<String>,
        pairs: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SettingsError> {
        let mut overrides: Vec<(String, String)> = Vec::new();
        for pair in pairs {
            let (key, value) = pair.split_once('=').ok_or_else(|| SettingsError::NotAPair(pair.to_owned()))?;
            let (key, value) = (key.trim(), value.trim());
            if let Some((_, reason)) = OURS.iter().find(|(ours, _)| *ours == key) {
                return Err(SettingsError::Ours { key: key.to_owned(), reason });
            }
            let in_transaction = |timeout_ms| (1..=TRANSACTION_TIMEOUT_MS).contains(&timeout_ms);
            if key == MESSAGE_TIMEOUT && !value.parse().is_ok_and(in_transaction) {
                return Err(SettingsError::MessageTimeout);
            }
            if key.starts_with("test.mock.") {
                return Err(SettingsError::Ours { key: key.to_owned(), reason: "it is for librdkafka's own tests" });
            }
            if let Err(error) = ClientConfig::new().set(key, value).create_native_config() {
                let reason = match error {
                    KafkaError::ClientConfig(_, description, _, _) => description.replace(value, "…"),
                    other => other.to_string(),
                };
                return Err(SettingsError::Refused { key: key.to_owned(), reason });
            }
            overrides.retain(|(other, _)| other != key);
            overrides.push((key.to_owned(), value.to_owned()));
        }
        Ok(KafkaSettings { brokers: brokers.into(), overrides })
    }

    /// Where to start from, as given.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Whether a pair sets the property.
    pub fn overrides(&self, key: &str) -> bool {
        self.overrides.iter().any(|(other, _)| other == key)
    }

    /// What every client has; the overrides are added by [`Self::finish`].
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
            .set("socket.keepalive.enable", "true")
            .set("allow.auto.create.topics", "false")
            // New partitions and new topics are seen within seconds, not within five minutes.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("reconnect.backoff.max.ms", "1000")
            .set("log.connection.close", "false")
            .set_log_level(RDKafkaLogLevel::Warning);
        config
    }

    fn finish(&self, mut config: ClientConfig) -> ClientConfig {
        for (key, value) in &self.overrides {
            config.set(key, value);
        }
        config
    }

    /// For metadata, topic creation and offsets: neither sends nor reads records.
    pub fn client(&self) -> ClientConfig {
        self.finish(self.base())
    }

    /// An idempotent producer: acknowledged by all in-sync replicas, in order, once, keyed as Java clients do.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("allow.auto.create.topics", "false");
        self.finish(config)
    }

    /// A transactional producer. `transactional_id` is the worker's own: a second one with it fences the first.
    pub fn transactional_producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string());
        if !self.overrides(MESSAGE_TIMEOUT) {
            config.set(MESSAGE_TIMEOUT, TRANSACTION_TIMEOUT_MS.to_string());
        }
        config
    }

    /// A consumer of committed records whose offsets are committed by hand. A missing or deleted offset is an error,
    /// never a silent jump.
    pub fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", group)
            // Tells the replicas on one host apart where a group's members are listed.
            .set("client.id", format!("retail-{}", std::process::id()))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", "1048576");
        self.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pair: &str) -> String {
        KafkaSettings::with_overrides("b:9092", [pair]).unwrap_err().to_string()
    }

    #[test]
    fn what_exactly_once_depends_on_cannot_be_set() {
        for key in ["isolation.level", "enable.idempotence", "acks", "transactional.id", "group.id", "group.protocol"] {
            assert!(refusal(&format!("{key}=x")).contains("cannot be set"), "{key}");
        }
    }

    #[test]
    fn an_unknown_property_or_a_bad_value_is_refused_without_repeating_the_value() {
        assert!(refusal("no.such.property=1").contains("no.such.property"));
        let line = refusal("socket.timeout.ms=hunter2");
        assert!(line.contains("socket.timeout.ms") && !line.contains("hunter2"), "{line}");
        assert!(refusal("socket.timeout.ms").contains("KEY=VALUE"));
    }

    #[test]
    fn a_record_is_tried_for_as_long_as_told_but_not_longer_than_a_transaction_lasts() {
        let timeout = |pairs: &[&str]| {
            let settings = KafkaSettings::with_overrides("b:9092", pairs.iter().copied()).unwrap();
            [settings.producer(), settings.transactional_producer("t")]
                .map(|config| config.get("message.timeout.ms").map(str::to_owned))
        };
        assert_eq!(timeout(&[]), [None, Some("10000".to_owned())]);
        assert_eq!(timeout(&["message.timeout.ms=3000"]), [Some("3000".to_owned()), Some("3000".to_owned())]);
        for value in ["0", "10001", "soon"] {
            let line = refusal(&format!("message.timeout.ms={value}"));
            assert!(line.contains("1 to 10000"), "{line}");
        }
    }

    #[test]
    fn the_later_of_two_pairs_with_one_key_wins() {
        let settings = KafkaSettings::with_overrides("b:9092", ["client.id=a", "client.id=b"]).unwrap();
        assert_eq!(settings.client().get("client.id"), Some("b"));
        assert!(!format!("{settings:?}").contains("\"b\""));
    }
}
