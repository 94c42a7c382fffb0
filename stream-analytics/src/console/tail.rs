//! Follows whole topics, outside any group's work: every partition, committed records only, nothing committed.

use std::time::Duration;

use common::kafka::{KafkaSettings, LogContext};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// How long a look at the topics may take.
const LOOK_UP: Duration = Duration::from_secs(10);

/// A reader of whole topics.
pub struct Tail {
    consumer: BaseConsumer<LogContext>,
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// At the first record there is.
    Beginning,
    /// With what comes from now on.
    Now,
}

impl Tail {
    /// Reads the named topics. `name` is the client's group name; no offsets are committed under it.
    pub fn open(settings: &KafkaSettings, name: &str, topics: &[String], from: From) -> KafkaResult<Self> {
        let consumer: BaseConsumer<LogContext> = settings.consumer(name).create_with_context(LogContext)?;
        let mut list = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), LOOK_UP)?;
            for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
                let (low, high) = consumer.fetch_watermarks(topic, partition.id(), LOOK_UP)?;
                let start = match from {
                    From::Beginning => low,
                    From::Now => high,
                };
                list.add_partition_offset(topic, partition.id(), Offset::Offset(start))?;
            }
        }
        consumer.assign(&list)?;
        Ok(Tail { consumer })
    }

    /// Hands over the records that come within `wait`: topic and value.
    pub fn read(&self, wait: Duration, mut record: impl FnMut(&str, &[u8])) {
        let until = std::time::Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
            match self.consumer.poll(left) {
                Some(Ok(message)) => record(message.topic(), message.payload().unwrap_or_default()),
                Some(Err(error)) => tracing::trace!(%error, "the console's consumer goes on"),
                None => {}
            }
        }
    }
}
