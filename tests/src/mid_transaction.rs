//! Stops one of two replicas in the middle of a transaction.

use std::time::{Duration, Instant};

use common::TopicKind;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use crate::broker::{PARTITIONS, TestBroker};
use crate::process::Service;
use crate::topic::Ends;

const ATTEMPT: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// One of the stopped replica's may still be under way; after two of the other's, none that was open is its own.
const COMMITS: u32 = 3;

/// Sends SIGSTOP while the replica has records in an open transaction. Another replica has to be at work: once that has
/// committed twice, a transaction that has been open for as long is not its own.
///
/// # Panics
/// It is not met in a transaction in time.
pub fn stop_in_transaction(broker: &TestBroker, replica: &Service, patience: Duration) {
    let ends = Ends::of(broker, TopicKind::Partials);
    let group = broker.topics().prefixed("stream-analytics");
    // What is pending is not waited for.
    let mut unsettled = broker.settings().consumer(&group);
    unsettled.set("isolation.level", "read_uncommitted");
    let unsettled: BaseConsumer = unsettled.create().expect("a consumer");
    let receipts = broker.topics().name(TopicKind::Receipts);
    let started = Instant::now();
    loop {
        replica.signal("STOP");
        let written: Vec<_> = (0..PARTITIONS).map(|partition| (partition, ends.written(partition))).collect();
        let is_open = || written.iter().any(|&(partition, end)| ends.decided(partition) < end);
        let (mut committed, mut commits) = (committed_offsets(&unsettled, &receipts), 0);
        while is_open() {
            if commits == COMMITS {
                return;
            }
            assert!(started.elapsed() < patience, "the replica was not met in a transaction within {patience:?}");
            std::thread::sleep(LOOK_AGAIN_AFTER);
            let now = committed_offsets(&unsettled, &receipts);
            commits += u32::from(now != committed);
            committed = now;
        }
        replica.signal("CONT");
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
}

fn committed_offsets(consumer: &BaseConsumer, topic: &str) -> Vec<Offset> {
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition(topic, partition);
    }
    let list = consumer.committed_offsets(list, ATTEMPT).expect("the group's offsets");
    list.elements().iter().map(TopicPartitionListElem::offset).collect()
}
