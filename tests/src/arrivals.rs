//! Results as they become readable, for measurements.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use common::TopicKind;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::broker::{PARTITIONS, TestBroker};

/// What is noted of each record that becomes readable in a topic from now on, at the moment when a reader of committed records
/// sees it.
///
/// # Panics
/// The topic cannot be read.
pub fn arrivals<T: Send + 'static>(
    broker: &TestBroker,
    kind: TopicKind,
    note: impl Fn(&BorrowedMessage<'_>) -> T + Send + 'static,
) -> Receiver<T> {
    let topic = broker.topics().name(kind);
    let mut config = broker.settings().consumer("watcher");
    config.set("fetch.wait.max.ms", "10");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&topic, partition, Offset::End).expect("the end is an offset");
    }
    consumer.assign(&list).expect("an assignment");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        loop {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(10))
                && sender.send(note(&message)).is_err()
            {
                return;
            }
        }
    });
    receiver
}
