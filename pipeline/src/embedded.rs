//! A broker in the process: librdkafka's mock cluster. It speaks Kafka's protocol over a socket on loopback, and keeps
//! groups and offsets; it accepts transactions but neither isolates nor aborts them, and forgets everything at the end.

use common::{TopicKind, Topics};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A running broker; ends when dropped.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts a broker with every topic of the pipeline: it has no admin API, so services cannot make theirs.
    pub fn start(topics: &Topics, partitions: i32) -> Result<Self, KafkaError> {
        let cluster = MockCluster::new(1)?;
        for kind in TopicKind::ALL {
            cluster.create_topic(&topics.name(kind), partitions, 1)?;
        }
        Ok(EmbeddedBroker { cluster })
    }

    /// HOST:PORT to connect to.
    pub fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
