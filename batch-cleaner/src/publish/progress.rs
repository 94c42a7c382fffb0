//! How far a run has published, as the topic `sales.progress` tells.

use std::time::{Duration, Instant};

use common::kafka::{KafkaSettings, LogContext};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::PublishError;

/// A value of `sales.progress`; the key is the run's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Items of the reference that are published.
    pub(super) items: u64,
    /// Rows of the input that are published, as cleaned or as rejected.
    pub(super) rows: u64,
    /// Whether the summary is published too.
    pub(super) done: bool,
}

/// Longer than a dead producer's transaction stays open.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The latest committed progress of `run`; call it once the run's transactional id is fenced.
pub(super) fn read(settings: &KafkaSettings, group: &str, topic: &str, run: &str) -> Result<Progress, PublishError> {
    let committed: BaseConsumer<Reading> = settings.consumer(group).create_with_context(Reading)?;
    let all: BaseConsumer<Reading> =
        settings.client().set("isolation.level", "read_uncommitted").create_with_context(Reading)?;
    let metadata = all.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
        .map(rdkafka::metadata::MetadataPartition::id)
        .collect();
    // Another run's open transaction hides what was committed behind its first record: wait for its end.
    let started = Instant::now();
    for partition in &partitions {
        let (_, end) = all.fetch_watermarks(topic, *partition, PATIENCE)?;
        while committed.fetch_watermarks(topic, *partition, PATIENCE)?.1 < end {
            if started.elapsed() > PATIENCE {
                return Err(PublishError::Hidden { topic: topic.to_owned() });
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
    let mut assignment = TopicPartitionList::new();
    for partition in &partitions {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    committed.assign(&assignment)?;
    let mut progress = Progress::default();
    let mut unread = partitions.len();
    let started = Instant::now();
    while unread > 0 {
        match committed.poll(LOOK_AGAIN_AFTER) {
            Some(Ok(record)) if record.key() == Some(run.as_bytes()) => {
                progress = record.payload().and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default();
            }
            Some(Err(KafkaError::PartitionEOF(_))) => unread -= 1,
            Some(Err(error)) => return Err(error.into()),
            None if started.elapsed() > PATIENCE => return Err(PublishError::Hidden { topic: topic.to_owned() }),
            Some(Ok(_)) | None => {}
        }
    }
    Ok(progress)
}

/// Logs as every client does, but takes the end of a partition for what it is.
struct Reading;

impl ClientContext for Reading {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::PartitionEOF(_))
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF)
        {
            LogContext.error(error, reason);
        }
    }
}

impl ConsumerContext for Reading {}
