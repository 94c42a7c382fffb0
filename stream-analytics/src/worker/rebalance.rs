//! Rebalances as a list of things to do. librdkafka announces them inside `poll`; they are carried out after it, when the
//! worker can commit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use common::kafka::{ClientStatistics, KafkaSettings, LogContext, rescue};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

/// A topic's partition.
pub type TopicPartition = (String, i32);

/// What the group wants of this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebalance {
    /// Take these into care.
    Assign(Vec<TopicPartition>),
    /// Give everything up.
    Revoke,
}

/// Collects rebalances.
#[derive(Debug)]
pub struct RebalanceContext {
    pending: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
    statistics: ClientStatistics,
}

impl RebalanceContext {
    /// None yet; the client's own statistics go to `statistics`.
    pub fn new(statistics: ClientStatistics) -> Self {
        RebalanceContext { pending: Mutex::default(), closing: AtomicBool::new(false), statistics }
    }

    /// Helps a client that has lost all its brokers.
    pub fn rescue(&self, consumer: &BaseConsumer<Self>, settings: &KafkaSettings) {
        rescue(consumer.client(), &self.statistics, settings);
    }

    /// Whether the client had a connection to a broker when it last looked.
    pub fn is_connected(&self) -> bool {
        self.statistics.is_connected()
    }

    /// Whether the broker that the partition is read from did not answer when the client last looked.
    pub fn is_out_of_reach(&self, topic: &str, partition: i32) -> bool {
        self.statistics.is_out_of_reach(topic, partition)
    }

    /// Whether the client knew of no leader of the partition when it last looked.
    pub fn has_no_leader(&self, topic: &str, partition: i32) -> bool {
        self.statistics.has_no_leader(topic, partition)
    }

    /// The next thing to do.
    pub fn next(&self) -> Option<Rebalance> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// From now on partitions are given up as soon as librdkafka asks: everything is committed, or never will be.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for RebalanceContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        LogContext.error(error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.statistics.observe(json);
    }
}

impl ConsumerContext for RebalanceContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Relaxed) {
            if let Err(error) = consumer.unassign() {
                tracing::debug!(%error, "cannot give the partitions up");
            }
            return;
        }
        let rebalance = if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let elements = partitions.elements();
            Rebalance::Assign(elements.iter().map(|one| (one.topic().to_owned(), one.partition())).collect())
        } else {
            Rebalance::Revoke
        };
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
    }
}
