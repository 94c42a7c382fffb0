//! Taking partitions into care: where the group left off, and whether the log still holds what is needed from there.

use std::time::{Duration, Instant};

use common::TopicKind;
use common::kafka::{KafkaSettings, LogContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::error::WorkerError;
use super::rebalance::TopicPartition;
use crate::progress::{ForeignMetadata, InputProgress, MergeProgress, Settings};

/// How long one question to the broker may take; a worker asks again, but not for long once it is to stop.
pub const QUESTION: Duration = Duration::from_secs(3);
/// How long something that is not there yet is looked for.
pub const LOOK_UP: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Why an assignment cannot be taken over.
#[derive(Debug)]
pub enum AssignmentError {
    /// The broker does not answer now.
    Later(KafkaError),
    /// The process must end.
    Fatal(WorkerError),
}

impl From<WorkerError> for AssignmentError {
    fn from(error: WorkerError) -> Self {
        AssignmentError::Fatal(error)
    }
}

impl From<KafkaError> for AssignmentError {
    fn from(error: KafkaError) -> Self {
        AssignmentError::Later(error)
    }
}

/// A partition with the offset and metadata that the group has committed, if it has.
pub struct Committed {
    /// The partition.
    pub partition: i32,
    /// Offset and metadata.
    pub progress: Option<(i64, String)>,
}

/// What the group has committed for partitions of one topic.
pub fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
) -> KafkaResult<Vec<Committed>> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    if list.count() == 0 {
        return Ok(Vec::new());
    }
    let list = consumer.committed_offsets(list, QUESTION)?;
    let mut all = Vec::with_capacity(list.count());
    for element in list.elements() {
        element.error()?;
        let progress = match element.offset() {
            Offset::Offset(offset) => Some((offset, element.metadata().to_owned())),
            _ => None,
        };
        all.push(Committed { partition: element.partition(), progress });
    }
    Ok(all)
}

/// Whether a transaction that has not ended hides what the group has committed: the broker tells it to those who do not ask
/// about transactions, and not to those who do.
pub fn is_hidden(settings: &KafkaSettings, group: &str, partitions: &[TopicPartition]) -> bool {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    // New clients, for one that is not told for another reason may be told nothing any more.
    let is_told = |isolation_level: &str| -> KafkaResult<()> {
        let mut config = settings.consumer(group);
        let config = config.set("isolation.level", isolation_level);
        let client: BaseConsumer<LogContext> = config.create_with_context(LogContext)?;
        client.committed_offsets(list.clone(), QUESTION).map(drop)
    };
    is_told("read_uncommitted").is_ok() && is_told("read_committed").is_err()
}

/// First and next offset of a partition.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// First offset that retention has left.
    pub low: i64,
    /// Offset of the record that comes next.
    pub high: i64,
}

/// Looks at the log of a partition. A topic that was made this moment has no leader yet: that is waited for.
pub fn extent<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> KafkaResult<Extent> {
    let started = Instant::now();
    loop {
        match extent_now(consumer, topic, partition) {
            Ok(extent) => return Ok(extent),
            Err(error) if started.elapsed() > LOOK_UP => return Err(error),
            Err(error) => {
                tracing::debug!(topic, partition, %error, "looking again");
                std::thread::sleep(LOOK_AGAIN_AFTER);
            }
        }
    }
}

/// Looks at the log of a partition, once.
pub fn extent_now<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> KafkaResult<Extent> {
    let (low, high) = consumer.fetch_watermarks(topic, partition, QUESTION)?;
    Ok(Extent { low, high })
}

/// The partition that is taken over, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Full name.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// Which results a loss affects.
    pub affected: &'static str,
}

/// The offset to go on from: `needed`, or what there is if a loss is accepted.
pub fn available(place: Place<'_>, extent: Extent, needed: i64, accept_loss: bool) -> Result<i64, WorkerError> {
    let Place { topic, partition, affected } = place;
    let Extent { low, high } = extent;
    let lost = if needed < low {
        WorkerError::Deleted { topic: topic.to_owned(), partition, low, needed, affected }
    } else if needed > high {
        WorkerError::Recreated { topic: topic.to_owned(), partition, high, committed: needed }
    } else {
        return Ok(needed);
    };
    if !accept_loss {
        return Err(lost);
    }
    tracing::warn!(topic, partition, needed, low, high, "going on without the records that are gone (--accept-loss)");
    Ok(low)
}

/// Reads an input partition's metadata and holds it to our settings.
pub fn input_progress(metadata: &str, ours: &Settings) -> Result<InputProgress, WorkerError> {
    let progress: InputProgress = metadata.parse().map_err(|error| incompatible_metadata(&error))?;
    compatible(&progress.settings, ours)?;
    Ok(progress)
}

/// Reads a merge partition's metadata and holds it to our settings.
pub fn merge_progress(metadata: &str, ours: &Settings) -> Result<MergeProgress, WorkerError> {
    let progress: MergeProgress = metadata.parse().map_err(|error| incompatible_metadata(&error))?;
    compatible(&progress.settings, ours)?;
    Ok(progress)
}

fn incompatible_metadata(error: &ForeignMetadata) -> WorkerError {
    WorkerError::Incompatible(format!("{error}: use a new --group-id and --topic-prefix"))
}

fn compatible(theirs: &Settings, ours: &Settings) -> Result<(), WorkerError> {
    if theirs == ours {
        return Ok(());
    }
    if (Settings { merge_partitions: theirs.merge_partitions, ..ours.clone() }) == *theirs {
        return Err(WorkerError::MergePartitionsChanged {
            topic: TopicKind::Partials.base_name().to_owned(),
            now: ours.merge_partitions,
            before: theirs.merge_partitions,
        });
    }
    Err(WorkerError::Incompatible(format!(
        "the group began with {theirs}, but this start says {ours}: \
         start with the former settings, or with a new --group-id and --topic-prefix"
    )))
}
