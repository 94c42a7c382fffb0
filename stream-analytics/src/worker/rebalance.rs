//! Rebalances as a list of things to do. librdkafka announces them inside `poll`; they are carried out after it, when the
//! worker can commit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use common::kafka::{ClientStatistics, KafkaSettings, LogContext, rescue};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

/// Events served in one go; what is beyond waits for the next.
const MOST_EVENTS: usize = 1_024;

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

    /// Serves a consumer whose worker waits for something else, or all that it has to tell piles up. Rebalances are noted; an
    /// error is one that the worker hears of as well, in what it waits for.
    ///
    /// # Errors
    /// A record came out of turn.
    pub fn attend(&self, consumer: &BaseConsumer<Self>, settings: &KafkaSettings) -> KafkaResult<()> {
        // A poll that has served statistics returns as one that found nothing.
        for _ in 0..MOST_EVENTS {
            match consumer.poll(Duration::ZERO) {
                None => {}
                Some(Ok(_)) => return Err(KafkaError::Canceled),
                Some(Err(error)) => tracing::debug!(%error, "the consumer reports an error and goes on"),
            }
        }
        self.rescue(consumer, settings);
        Ok(())
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

    /// Gives all partitions up, now and whenever librdkafka asks from now on: everything is committed, or never will be. A
    /// consumer that owes an answer to a revocation would never close; one that has given it joins again, so this comes last.
    pub fn close(&self, consumer: &BaseConsumer<Self>) {
        self.closing.store(true, Ordering::Relaxed);
        unassign(consumer);
    }
}

fn unassign(consumer: &BaseConsumer<RebalanceContext>) {
    if let Err(error) = consumer.unassign() {
        tracing::debug!(%error, "cannot give the partitions up");
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
            unassign(consumer);
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use common::telemetry::Metrics;
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::worker::metrics::AnalyticsMetrics;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn next(consumer: &BaseConsumer<RebalanceContext>) -> Rebalance {
        let asked = Instant::now();
        loop {
            consumer.poll(Duration::from_millis(20));
            if let Some(rebalance) = consumer.context().next() {
                return rebalance;
            }
            assert!(asked.elapsed() < PATIENCE, "the group wants nothing");
        }
    }

    #[test]
    fn a_consumer_that_owes_an_answer_to_a_revocation_can_be_closed() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let settings = KafkaSettings::new(cluster.bootstrap_servers());
        let statistics = AnalyticsMetrics::new(&Metrics::new("test", "0")).clients.client("consumer");
        let consumer = settings.consumer("g").create_with_context(RebalanceContext::new(statistics));
        let consumer: BaseConsumer<RebalanceContext> = consumer.unwrap();
        consumer.subscribe(&["t"]).unwrap();
        assert_eq!(next(&consumer), Rebalance::Assign(vec![("t".to_owned(), 0)]));
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 0);
        consumer.assign(&list).unwrap();
        consumer.unsubscribe();
        assert_eq!(next(&consumer), Rebalance::Revoke);

        let (sender, closed) = mpsc::channel();
        std::thread::spawn(move || {
            consumer.context().close(&consumer);
            drop(consumer);
            sender.send(())
        });
        assert_eq!(closed.recv_timeout(PATIENCE), Ok(()), "the consumer does not close");
    }
}
