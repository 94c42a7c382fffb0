//! The broker under test: the one in `KAFKA_BROKERS`, or an embedded one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use common::Topics;
use common::kafka::KafkaSettings;
use pipeline::embedded::EmbeddedBroker;

/// A broker, and a topic prefix that no other test has.
pub struct TestBroker {
    /// HOST:PORT.
    pub address: String,
    /// Before every name.
    pub prefix: String,
    /// Whether transactions work.
    pub is_real: bool,
    embedded: Option<EmbeddedBroker>,
}

/// Partitions of every topic.
pub const PARTITIONS: i32 = 4;

/// What `KAFKA_BROKERS` names, if it is set.
pub fn real_brokers() -> Option<String> {
    std::env::var("KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())
}

impl TestBroker {
    /// The broker for one test.
    ///
    /// # Panics
    /// The embedded broker does not start.
    pub fn start(test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let prefix = format!("{test}-{now_ms}-{}-{number}.", std::process::id());
        let (address, embedded) = if let Some(address) = real_brokers() {
            (address, None)
        } else {
            let topics = Topics::with_prefix(&prefix);
            let embedded = EmbeddedBroker::start(&topics, PARTITIONS).expect("the embedded broker starts");
            (embedded.address(), Some(embedded))
        };
        TestBroker { address, prefix, is_real: embedded.is_none(), embedded }
    }

    /// A broker that somebody else has started and keeps.
    pub fn at(address: String, prefix: &str) -> Self {
        TestBroker { address, prefix: prefix.to_owned(), is_real: false, embedded: None }
    }

    /// Ends an embedded broker, as if its machine had gone.
    pub fn end(&mut self) {
        self.embedded = None;
    }

    /// How to reach it.
    pub fn settings(&self) -> KafkaSettings {
        KafkaSettings::new(&self.address)
    }

    /// Its names.
    pub fn topics(&self) -> Topics {
        Topics::with_prefix(&self.prefix)
    }

    /// `--brokers` and `--topic-prefix` for a service.
    pub fn flags(&self) -> Vec<String> {
        vec!["--brokers".into(), self.address.clone(), "--topic-prefix".into(), self.prefix.clone()]
    }
}
