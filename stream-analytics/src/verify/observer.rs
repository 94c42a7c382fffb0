//! Looks at the broker without leaving a trace: committed offsets, the ends of logs, whole topics. Nothing is committed,
//! no group is joined.

use std::time::{Duration, Instant};

use common::kafka::{Cluster, KafkaSettings, LogContext};
use common::shutdown::Shutdown;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

use super::VerifyError;
use crate::worker::assignment::{self, Committed};

/// How long a topic may yield nothing before its end: longer than an abandoned transaction stays open.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// Distance of looks at something that is waited for.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How long a question to the broker may take.
const LOOK_UP: Duration = Duration::from_secs(10);

/// A partition's log between two offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The partition.
    pub partition: i32,
    /// First offset that retention has left.
    pub low: i64,
    /// Offset after the last record that is looked at.
    pub end: i64,
}

/// Which end of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Before the first open transaction.
    Committed,
    /// After the last record, whatever becomes of its transaction.
    Written,
}

/// The broker, seen from outside of the group.
pub struct Observer<'a> {
    settings: &'a KafkaSettings,
    cluster: &'a Cluster,
    group: &'a str,
    shutdown: &'a Shutdown,
    committed: BaseConsumer<LogContext>,
    written: BaseConsumer<LogContext>,
}

impl<'a> Observer<'a> {
    /// Connects.
    pub fn connect(
        settings: &'a KafkaSettings,
        cluster: &'a Cluster,
        group: &'a str,
        shutdown: &'a Shutdown,
    ) -> Result<Self, VerifyError> {
        let client = |config: ClientConfig| config.create_with_context(LogContext);
        let committed = client(settings.consumer(group)).map_err(VerifyError::Client)?;
        let mut any = settings.consumer(group);
        any.set("isolation.level", "read_uncommitted");
        let written = client(any).map_err(VerifyError::Client)?;
        Ok(Observer { settings, cluster, group, shutdown, committed, written })
    }

    /// Partitions of a topic; none if it does not exist.
    pub fn partitions(&self, topic: &str) -> i32 {
        self.cluster.partitions(topic).unwrap_or(0)
    }

    /// All partitions of a topic, up to where they end now.
    pub fn extents(&self, topic: &str, end: End) -> Result<Vec<Extent>, VerifyError> {
        let consumer = match end {
            End::Committed => &self.committed,
            End::Written => &self.written,
        };
        let look = |partition| {
            let assignment::Extent { low, high } = assignment::extent(consumer, topic, partition)?;
            Ok(Extent { partition, low, end: high })
        };
        let extents: KafkaResult<_> = (0..self.partitions(topic)).map(look).collect();
        extents.map_err(|source| VerifyError::Read { topic: topic.to_owned(), source })
    }

    /// What the group has committed for a topic. Offsets of an open transaction are waited for.
    pub fn committed(&self, topic: &str) -> Result<Vec<Committed>, VerifyError> {
        let started = Instant::now();
        loop {
            match assignment::committed(&self.committed, topic, 0..self.partitions(topic)) {
                Ok(committed) => return Ok(committed),
                Err(source) if started.elapsed() > STALLED_AFTER => {
                    return Err(VerifyError::Read { topic: topic.to_owned(), source });
                }
                Err(error) => tracing::debug!(topic, %error, "asking for the offsets again"),
            }
            self.rest()?;
        }
    }

    /// Whether the group has members; not on the embedded broker, which does not say.
    pub fn group_is_running(&self) -> bool {
        if self.cluster.is_embedded() {
            return false;
        }
        match self.committed.client().fetch_group_list(Some(self.group), LOOK_UP) {
            Ok(list) => list.groups().iter().any(|group| !group.members().is_empty()),
            Err(error) => {
                tracing::debug!(%error, "the broker does not describe the group");
                false
            }
        }
    }

    /// Pauses before the next look.
    pub fn rest(&self) -> Result<(), VerifyError> {
        if self.shutdown.is_cancelled() {
            return Err(VerifyError::Stopped);
        }
        std::thread::sleep(LOOK_AGAIN_AFTER);
        Ok(())
    }

    /// Waits until every transaction with records before the ends is committed or aborted.
    pub fn wait_until_decided(&self, topic: &str, extents: &[Extent]) -> Result<(), VerifyError> {
        let started = Instant::now();
        for Extent { partition, end, .. } in extents {
            let decided = || {
                let extent = assignment::extent(&self.committed, topic, *partition);
                extent.map_err(|source| VerifyError::Read { topic: topic.to_owned(), source })
            };
            while decided()?.high < *end {
                if started.elapsed() > STALLED_AFTER {
                    return Err(VerifyError::Stalled { topic: topic.to_owned() });
                }
                self.rest()?;
            }
        }
        Ok(())
    }

    /// Hands over the committed records of a topic, each partition in its order, until `take` says that it has enough.
    pub fn read(
        &self,
        topic: &str,
        extents: &[Extent],
        mut take: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), VerifyError> {
        let failed = |source| VerifyError::Read { topic: topic.to_owned(), source };
        let mut list = TopicPartitionList::new();
        let mut unread: Vec<Extent> = extents.iter().copied().filter(|extent| extent.low < extent.end).collect();
        for Extent { partition, low, .. } in &unread {
            list.add_partition_offset(topic, *partition, Offset::Offset(*low)).map_err(failed)?;
        }
        // Whoever reads before the fate of all transactions is known meets the end too early.
        self.wait_until_decided(topic, &unread)?;
        let mut config = self.settings.consumer(self.group);
        config.set("queued.max.messages.kbytes", "16384");
        let consumer: BaseConsumer<LogContext> = config.create_with_context(LogContext).map_err(VerifyError::Client)?;
        consumer.assign(&list).map_err(failed)?;
        let mut progress = Instant::now();
        while !unread.is_empty() {
            if self.shutdown.is_cancelled() {
                return Err(VerifyError::Stopped);
            }
            let read_to_the_end = match consumer.poll(Duration::from_millis(100)) {
                None if progress.elapsed() > STALLED_AFTER => {
                    return Err(VerifyError::Stalled { topic: topic.to_owned() });
                }
                None => continue,
                Some(Ok(message)) => {
                    progress = Instant::now();
                    let Some(extent) = unread.iter().find(|extent| extent.partition == message.partition()) else {
                        continue;
                    };
                    if message.offset() < extent.end && !take(&message) {
                        return Ok(());
                    }
                    (message.offset() + 1 >= extent.end).then_some(extent.partition)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => Some(partition),
                Some(Err(source)) if is_final(&source) => return Err(failed(source)),
                Some(Err(source)) if progress.elapsed() > STALLED_AFTER => return Err(failed(source)),
                Some(Err(error)) => {
                    tracing::debug!(topic, %error, "reading goes on");
                    continue;
                }
            };
            if let Some(partition) = read_to_the_end {
                unread.retain(|extent| extent.partition != partition);
                let mut done = TopicPartitionList::new();
                done.add_partition(topic, partition);
                consumer.pause(&done).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The log no longer holds what is read.
fn is_final(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}
