//! A shop that sends receipts one by one: which, where and when is the test's choice.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{EventTime, TopicKind};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::admin::Admin;
use crate::broker::{PARTITIONS, TestBroker};

const ATTEMPT: Duration = Duration::from_secs(30);

/// When a test's event times begin, if they need not be of now.
pub fn long_ago_ms() -> i64 {
    EventTime::parse("2026-03-01T00:00:00Z").expect("a time").ms()
}

/// Milliseconds since the epoch.
///
/// # Panics
/// The clock stands before 1970.
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_epoch.as_millis()).expect("this side of the year 292 million")
}

/// A receipt of one line; over 500.00 it is expensive.
pub fn receipt(id: &str, event_ms: i64, price: &str) -> String {
    let time = EventTime::from_ms(event_ms).expect("within the calendar");
    format!(
        r#"{{"receipt_id":"{id}","store_id":7,"store_name":"S","cashier_id":1,"timestamp":"{time}","items":[{{"name":"a","category":"c","price":{price},"quantity":1}}]}}"#
    )
}

/// A record as it is sent.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Option<OwnedHeaders>,
    /// Its timestamp.
    pub timestamp_ms: Option<i64>,
}

/// Sends to a topic.
pub struct Shop {
    producer: BaseProducer,
    topic: String,
    sold: u32,
}

impl Shop {
    /// Of a test's receipts topic, which is made if it is missing.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn open(broker: &TestBroker) -> Self {
        Self::sending_to(broker, &broker.topics().name(TopicKind::Receipts))
    }

    /// Of any topic.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn sending_to(broker: &TestBroker, topic: &str) -> Self {
        if broker.is_real {
            Admin::of(broker).create(topic, PARTITIONS, &[]);
        }
        let producer = broker.settings().producer().create().expect("a producer");
        Shop { producer, topic: topic.to_owned(), sold: 0 }
    }

    /// As [`Self::open`], in transactions: nothing counts before [`Self::commit`].
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn in_transactions(broker: &TestBroker) -> Self {
        let shop = Self::open(broker);
        let mut config = broker.settings().transactional_producer(&broker.topics().prefixed("shop"));
        // Open for as long as a test takes.
        config.set("transaction.timeout.ms", "120000").set("message.timeout.ms", "120000");
        let producer: BaseProducer = config.create().expect("a producer");
        producer.init_transactions(ATTEMPT).expect("initialised");
        producer.begin_transaction().expect("begun");
        Shop { producer, ..shop }
    }

    /// Makes what was sent since the last call count, and begins anew.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn commit(&self) {
        self.flush();
        self.producer.commit_transaction(ATTEMPT).expect("committed");
        self.producer.begin_transaction().expect("begun");
    }

    /// Takes what was sent since the last call back, and begins anew.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn abort(&self) {
        self.flush();
        self.producer.abort_transaction(ATTEMPT).expect("aborted");
        self.producer.begin_transaction().expect("begun");
    }

    /// Commits offsets of the service's group in the open transaction: until that ends, it hides those that are committed.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn hide_offsets(&self, broker: &TestBroker) {
        let group = broker.topics().prefixed("stream-analytics");
        let member: BaseConsumer = broker.settings().consumer(&group).create().expect("a consumer");
        let group = member.group_metadata().expect("a group");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.topic, 0, Offset::Offset(0)).expect("an offset");
        self.producer.send_offsets_to_transaction(&offsets, &group, ATTEMPT).expect("sent");
    }

    /// Sells for a price and gives the receipt's id. It is on the broker when this returns.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn sell_for(&mut self, price: &str, partition: i32, event_ms: i64) -> String {
        self.sold += 1;
        let id = format!("r{}", self.sold);
        let value = Some(receipt(&id, event_ms, price).into_bytes());
        self.put(partition, Sent { value, ..Sent::default() });
        id
    }

    /// Sells something cheap.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn sell(&mut self, partition: i32, event_ms: i64) -> String {
        self.sell_for("1.00", partition, event_ms)
    }

    /// Sells the same in every partition.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn sell_everywhere(&mut self, event_ms: i64) {
        for partition in 0..PARTITIONS {
            self.sell(partition, event_ms);
        }
    }

    /// Sends any record.
    ///
    /// # Panics
    /// The broker does not answer.
    pub fn put(&self, partition: i32, sent: Sent) {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).partition(partition);
        record.key = sent.key.as_deref();
        record.payload = sent.value.as_deref();
        record.headers = sent.headers;
        record.timestamp = sent.timestamp_ms;
        let started = Instant::now();
        while let Err((error, again)) = self.producer.send(record) {
            // A partition that was added is known after the next look at the topic.
            let unknown = KafkaError::MessageProduction(RDKafkaErrorCode::UnknownPartition);
            assert!(error == unknown && started.elapsed() < ATTEMPT, "{error}");
            self.producer.poll(Duration::from_millis(20));
            record = again;
        }
        self.flush();
    }

    fn flush(&self) {
        self.producer.flush(ATTEMPT).expect("flushed");
    }
}
