//! Reads whole topics, committed records only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::TopicKind;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, OwnedMessage};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::broker::TestBroker;

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key as text.
    pub key: String,
    /// Its value.
    pub value: Vec<u8>,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
}

/// Longest a topic may take to be read, and a dead producer's transaction to be aborted.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Everything that is in a topic now, partition by partition, once each transaction that has written there by now is decided:
/// one that was just committed may not count yet, and what a dead producer left open hides all that others have committed
/// after it.
///
/// # Panics
/// The topic cannot be read, or a transaction stays open.
pub fn read(broker: &TestBroker, kind: TopicKind) -> Vec<ReadRecord> {
    read_named(broker, &broker.topics().name(kind))
}

/// As [`read`], by full name.
///
/// # Panics
/// The topic cannot be read, or a transaction stays open.
pub fn read_named(broker: &TestBroker, topic: &str) -> Vec<ReadRecord> {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let record = |message: OwnedMessage| ReadRecord {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        value: message.payload().unwrap_or_default().to_vec(),
        headers: message
            .headers()
            .map(|headers| headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect())
            .unwrap_or_default(),
    };
    messages(broker, topic).into_iter().map(record).collect()
}

/// The ends of a topic's partitions, whose transactions may be open.
pub struct Ends {
    topic: String,
    written: BaseConsumer,
    decided: BaseConsumer,
}

impl Ends {
    /// Of a test's topic.
    ///
    /// # Panics
    /// The clients cannot be made.
    pub fn of(broker: &TestBroker, kind: TopicKind) -> Self {
        Self::named(broker, &broker.topics().name(kind))
    }

    fn named(broker: &TestBroker, topic: &str) -> Self {
        let client = |isolation: &str| -> BaseConsumer {
            broker.settings().consumer("reader").set("isolation.level", isolation).create().expect("a consumer")
        };
        let (written, decided) = (client("read_uncommitted"), client("read_committed"));
        Ends { topic: topic.to_owned(), written, decided }
    }

    fn end(&self, consumer: &BaseConsumer, partition: i32) -> i64 {
        let started = Instant::now();
        loop {
            match consumer.fetch_watermarks(&self.topic, partition, PATIENCE) {
                Ok((_, end)) => return end,
                // A topic that was only just made may have no leader yet.
                Err(error) => {
                    assert!(started.elapsed() < PATIENCE, "no end of {}, partition {partition}: {error}", self.topic);
                }
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    /// Where the partition ends.
    ///
    /// # Panics
    /// The broker does not answer, and for the next two.
    pub fn written(&self, partition: i32) -> i64 {
        self.end(&self.written, partition)
    }

    /// Where the first transaction begins that is open; the partition's end if there is none.
    pub fn decided(&self, partition: i32) -> i64 {
        self.end(&self.decided, partition)
    }

    /// All partitions.
    fn partitions(&self) -> Vec<i32> {
        let metadata = self.written.fetch_metadata(Some(&self.topic), PATIENCE).expect("metadata");
        let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        partitions.map(MetadataPartition::id).collect()
    }
}

/// As [`read_named`], with everything that a record has.
///
/// # Panics
/// The topic cannot be read, or a transaction stays open.
pub fn messages(broker: &TestBroker, topic: &str) -> Vec<OwnedMessage> {
    let (ends, started) = (Ends::named(broker, topic), Instant::now());
    let mut unread: BTreeSet<i32> = ends.partitions().into_iter().collect();
    for &partition in &unread {
        let until = ends.written(partition);
        while ends.decided(partition) < until {
            assert!(started.elapsed() < PATIENCE, "a transaction stays open in {topic}, partition {partition}");
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
    let consumer = ends.decided;
    let mut list = TopicPartitionList::new();
    for partition in &unread {
        list.add_partition_offset(topic, *partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("assigned");
    let mut records = Vec::new();
    while !unread.is_empty() {
        assert!(started.elapsed() < PATIENCE, "{topic} could not be read to its end");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => records.push(message.detach()),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(_)) | None => {}
        }
    }
    records.sort_by_key(|record: &OwnedMessage| (record.partition(), record.offset()));
    records
}

/// Values by key.
///
/// # Panics
/// A key is there twice: a result must be published once.
pub fn once_by_key(records: Vec<ReadRecord>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for record in records {
        let value = String::from_utf8(record.value).expect("results are UTF-8");
        let twice = values.insert(record.key.clone(), value);
        assert_eq!(twice, None, "{} was published twice", record.key);
    }
    values
}
