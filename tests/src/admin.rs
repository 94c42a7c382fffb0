//! What an operator does to topics and groups, on a real broker.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use crate::broker::TestBroker;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The operator.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    consumer: BaseConsumer,
    runtime: Runtime,
    options: AdminOptions,
}

impl Admin {
    /// Of a test's broker.
    ///
    /// # Panics
    /// The clients cannot be made.
    pub fn of(broker: &TestBroker) -> Self {
        Admin {
            client: broker.settings().client().create().expect("an admin client"),
            consumer: broker.settings().consumer("admin").create().expect("a consumer"),
            runtime: Runtime::new().expect("a runtime"),
            options: AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE)),
        }
    }

    /// Makes a topic if it is missing, and waits until it is there.
    ///
    /// # Panics
    /// The broker refuses.
    pub fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let made = self.runtime.block_on(self.client.create_topics([&new], &self.options)).expect("an answer");
        assert!(matches!(made[0], Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))), "{made:?}");
        self.wait_for_partitions(topic, Some(partitions));
    }

    /// Adds partitions, so that there are so many.
    ///
    /// # Panics
    /// The broker refuses.
    pub fn grow(&self, topic: &str, partitions: i32) {
        let count = usize::try_from(partitions).expect("some partitions");
        let new = NewPartitions::new(topic, count);
        let grown = self.runtime.block_on(self.client.create_partitions([&new], &self.options)).expect("an answer");
        assert!(grown[0].is_ok(), "{grown:?}");
        self.wait_for_partitions(topic, Some(partitions));
    }

    /// Deletes a topic and waits until it is gone.
    ///
    /// # Panics
    /// The broker refuses.
    pub fn delete(&self, topic: &str) {
        let deleted = self.runtime.block_on(self.client.delete_topics(&[topic], &self.options)).expect("an answer");
        assert!(deleted[0].is_ok(), "{deleted:?}");
        self.wait_for_partitions(topic, None);
    }

    /// Deletes the records of all partitions, as retention does.
    ///
    /// # Panics
    /// The broker refuses.
    pub fn delete_records(&self, topic: &str, partitions: i32) {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::End).expect("an offset");
        }
        let deleted = self.runtime.block_on(self.client.delete_records(&list, &self.options)).expect("an answer");
        assert!(deleted.elements().iter().all(|element| element.error().is_ok()), "{deleted:?}");
    }

    /// Deletes a group that nobody is in.
    ///
    /// # Panics
    /// The broker refuses.
    pub fn delete_group(&self, group: &str) {
        let deleted = self.runtime.block_on(self.client.delete_groups(&[group], &self.options)).expect("an answer");
        assert!(deleted[0].is_ok(), "{deleted:?}");
    }

    /// A topic's setting.
    ///
    /// # Panics
    /// The broker does not tell.
    pub fn setting(&self, topic: &str, key: &str) -> String {
        let topic = ResourceSpecifier::Topic(topic);
        let described =
            self.runtime.block_on(self.client.describe_configs([&topic], &self.options)).expect("an answer");
        let described = described[0].as_ref().expect("a description");
        described.get(key).and_then(|entry| entry.value.clone()).expect("a value")
    }

    /// How many partitions a topic has; `None` if it does not exist.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        let metadata = self.consumer.fetch_metadata(None, PATIENCE).expect("metadata");
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        i32::try_from(found.partitions().len()).ok()
    }

    fn wait_for_partitions(&self, topic: &str, wanted: Option<i32>) {
        let started = Instant::now();
        // A topic that was there before may have more.
        while self.partitions(topic) < wanted || (wanted.is_none() && self.partitions(topic).is_some()) {
            assert!(started.elapsed() < PATIENCE, "{topic} did not come to {wanted:?} partitions");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
