//! How far topics have come: what tests of running services wait for.

use std::time::{Duration, Instant};

use common::TopicKind;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::broker::{PARTITIONS, TestBroker};

/// Distance of looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How long a broker may take to answer.
const LOOK_UP: Duration = Duration::from_secs(5);

/// Looks at the committed ends of topics.
pub struct Growth<'a> {
    broker: &'a TestBroker,
    consumer: BaseConsumer,
}

impl<'a> Growth<'a> {
    /// Of the topics of one test.
    ///
    /// # Panics
    /// The client cannot be made.
    pub fn of(broker: &'a TestBroker) -> Self {
        Growth { broker, consumer: broker.settings().consumer("growth").create().expect("a consumer") }
    }

    /// The sum of the partitions' committed ends; `None` while the broker or the topic is away.
    pub fn end(&self, kind: TopicKind) -> Option<i64> {
        let topic = self.broker.topics().name(kind);
        let ends = |consumer: &BaseConsumer| -> Option<i64> {
            let end = |partition| consumer.fetch_watermarks(&topic, partition, LOOK_UP).ok().map(|(_, high)| high);
            (0..PARTITIONS).map(end).sum()
        };
        // A client that once heard of a partition without a leader may never learn that it has one again
        // (https://github.com/confluentinc/librdkafka/issues/5430): another one is asked.
        ends(&self.consumer).or_else(|| ends(&Growth::of(self.broker).consumer))
    }

    /// Waits until the topic has grown by so much, from where it stands now.
    ///
    /// # Panics
    /// It does not in time.
    #[track_caller]
    pub fn wait_for(&self, kind: TopicKind, more: i64, patience: Duration) {
        let started = Instant::now();
        let mut from = self.end(kind);
        while from.is_none() && started.elapsed() < patience {
            std::thread::sleep(LOOK_AGAIN_AFTER);
            from = self.end(kind);
        }
        self.wait_until(kind, from.unwrap_or(0) + more, patience);
    }

    /// Waits until the topic's ends come to so much.
    ///
    /// # Panics
    /// They do not in time.
    #[track_caller]
    pub fn wait_until(&self, kind: TopicKind, wanted: i64, patience: Duration) {
        let started = Instant::now();
        loop {
            let end = self.end(kind);
            if end >= Some(wanted) {
                return;
            }
            let name = kind.base_name();
            assert!(
                started.elapsed() < patience,
                "{name} did not come to {wanted} within {patience:?}, but to {end:?}"
            );
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}
