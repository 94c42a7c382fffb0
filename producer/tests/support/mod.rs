//! Reads a topic back.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::kafka::{KafkaSettings, LogContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

/// A record as it is on the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Vec<u8>,
    /// Its timestamp, milliseconds.
    pub timestamp_ms: i64,
}

/// Everything on the topic, by partition and offset.
pub fn read_topic(brokers: &str, topic: &str) -> Vec<Stored> {
    let consumer: BaseConsumer<LogContext> =
        KafkaSettings::new(brokers).consumer("producer-tests").create_with_context(LogContext).unwrap();
    let timeout = Duration::from_secs(30);
    let metadata = consumer.fetch_metadata(Some(topic), timeout).unwrap();
    let mut assignment = TopicPartitionList::new();
    let mut left = BTreeMap::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), timeout).unwrap();
        if low < high {
            assignment.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
            left.insert(partition.id(), high);
        }
    }
    consumer.assign(&assignment).unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut records = Vec::new();
    while !left.is_empty() {
        assert!(Instant::now() < deadline, "the topic cannot be read to its end: {left:?}");
        let Some(Ok(record)) = consumer.poll(Duration::from_secs(1)) else { continue };
        if left.get(&record.partition()).is_some_and(|high| record.offset() + 1 >= *high) {
            left.remove(&record.partition());
        }
        records.push(Stored {
            partition: record.partition(),
            offset: record.offset(),
            key: record.key().map(<[u8]>::to_vec),
            value: record.payload().unwrap_or_default().to_vec(),
            timestamp_ms: record.timestamp().to_millis().unwrap(),
        });
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}
