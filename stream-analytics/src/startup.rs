//! What is looked at before the first worker joins the group: topics, committed offsets, other groups, the end of the input.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::TopicKind;
use common::exit::ExitStatus;
use common::kafka::{Cluster, ClusterError, LogContext};
use common::shutdown::Shutdown;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::config::{Config, Guarantee};
use crate::engine::{Engine, EngineConfig};
use crate::partials::Partial;
use crate::worker::WorkerError;
use crate::worker::assignment::{self, Committed, committed, input_progress, merge_progress};

/// Topics that the service writes.
const OUTPUTS: [TopicKind; 7] = [
    TopicKind::Partials,
    TopicKind::TopStores,
    TopicKind::SalesTotals,
    TopicKind::PopularItems,
    TopicKind::ExpensiveReceipts,
    TopicKind::ReceiptsDeadLetter,
    TopicKind::PartialsDeadLetter,
];

/// Records of `partials` that are looked at for the name of the group that wrote them.
const TAIL: i64 = 20;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The broker answers, but not to this.
    #[error("cannot look at {what}: {source}; check the broker and this client's rights")]
    LookUp {
        /// At what.
        what: &'static str,
        /// In the client's words.
        source: KafkaError,
    },
    /// The group was begun with other settings.
    #[error(transparent)]
    Incompatible(WorkerError),
    /// Another group is at work under the prefix.
    #[error(
        "group {other:?} works under this topic prefix already: join it with --group-id, use another --topic-prefix, \
         or delete topic {partials} if that group is gone for good"
    )]
    SecondGroup {
        /// Its full name.
        other: String,
        /// The topic that it wrote to.
        partials: String,
    },
}

impl ExitStatus for StartupError {
    fn exit_status(&self) -> u8 {
        match self {
            StartupError::Cluster(error) => error.exit_status(),
            StartupError::LookUp { .. } => 1,
            StartupError::Incompatible(_) | StartupError::SecondGroup { .. } => 2,
        }
    }
}

/// Makes what is missing, waits for the input topic, and finds out what the engine needs to know. Gives the flags back as
/// they hold for this broker.
pub async fn prepare(config: &Config, shutdown: &Shutdown) -> Result<(Config, EngineConfig), StartupError> {
    let settings = config.kafka.clone();
    let connecting = tokio::task::spawn_blocking(move || Cluster::connect(&settings));
    let mut cluster = connecting.await.map_err(|_| ClusterError::Stopped)??;
    let mut config = config.clone();
    if cluster.is_embedded() {
        tracing::info!(
            "the embedded broker has no working transactions: results are at-least-once, for trying out only"
        );
        config.guarantee = Guarantee::AtLeastOnce;
        // It also refuses the commits of a group that rebalances: one worker never does.
        config.threads = 1;
    }
    cluster.create_missing(&config.topics, OUTPUTS, config.new_topics).await?;
    let input_partitions = cluster.wait_for(&config.input_topic, shutdown).await?;
    let partials = config.topics.name(TopicKind::Partials);
    let merge_partitions = cluster.wait_for(&partials, shutdown).await?;
    let looking = tokio::task::spawn_blocking(move || {
        let engine = look(&config, input_partitions, &partials, merge_partitions)?;
        Ok((config, engine))
    });
    looking.await.map_err(|_| ClusterError::Stopped)?
}

/// Looks at offsets and logs, without joining the group.
fn look(
    config: &Config,
    input_partitions: i32,
    partials: &str,
    merge_partitions: i32,
) -> Result<EngineConfig, StartupError> {
    let failed = |what| move |source| StartupError::LookUp { what, source };
    let consumer: BaseConsumer<LogContext> =
        config.kafka.consumer(&config.group).create_with_context(LogContext).map_err(ClusterError::Settings)?;
    let settings = Engine::new(config.engine(input_partitions, merge_partitions, Vec::new()), 0).settings();

    // Only settings are read from these offsets, and they do not change from one commit to the next: the transaction that
    // a killed predecessor left open, and which nobody has aborted yet, need not be waited for.
    let mut unsettled = config.kafka.consumer(&config.group);
    unsettled.set("isolation.level", "read_uncommitted");
    let unsettled: BaseConsumer<LogContext> =
        unsettled.create_with_context(LogContext).map_err(ClusterError::Settings)?;
    let offsets = "the group's offsets";
    for merge in committed_by_now(&unsettled, partials, merge_partitions).map_err(failed(offsets))? {
        if let Some((_, metadata)) = merge.progress {
            merge_progress(&metadata, &settings).map_err(StartupError::Incompatible)?;
        }
    }
    for input in committed_by_now(&unsettled, &config.input_topic, input_partitions).map_err(failed(offsets))? {
        if let Some((_, metadata)) = input.progress {
            input_progress(&metadata, &settings).map_err(StartupError::Incompatible)?;
        }
    }
    let writer = last_group(&consumer, partials, merge_partitions).map_err(failed("the internal topic"))?;
    if let Some(other) = writer.filter(|group| *group != config.group) {
        return Err(StartupError::SecondGroup { other, partials: partials.to_owned() });
    }
    let mut ends = Vec::new();
    if config.until_end {
        for partition in 0..input_partitions {
            let extent = assignment::extent(&consumer, &config.input_topic, partition);
            ends.push(extent.map_err(failed("the end of the input"))?.high);
        }
    }
    Ok(config.engine(input_partitions, merge_partitions, ends))
}

/// The group's offsets. A broker that has only just started has no coordinator for the group yet: that is waited for.
fn committed_by_now(
    consumer: &BaseConsumer<LogContext>,
    topic: &str,
    partitions: i32,
) -> Result<Vec<Committed>, KafkaError> {
    let started = Instant::now();
    loop {
        match committed(consumer, topic, 0..partitions) {
            Err(error) if started.elapsed() < assignment::LOOK_UP => {
                tracing::debug!(topic, %error, "looking again");
                std::thread::sleep(Duration::from_millis(100));
            }
            outcome => return outcome,
        }
    }
}

/// The group that wrote the last announcement, if any is left.
fn last_group(
    consumer: &BaseConsumer<LogContext>,
    partials: &str,
    partitions: i32,
) -> Result<Option<String>, KafkaError> {
    let mut tails = TopicPartitionList::new();
    let mut unread = BTreeMap::new();
    for partition in 0..partitions {
        let extent = assignment::extent(consumer, partials, partition)?;
        if extent.high > extent.low {
            unread.insert(partition, extent.high);
            tails.add_partition_offset(partials, partition, Offset::Offset(extent.low.max(extent.high - TAIL)))?;
        }
    }
    let mut last: Option<(i64, String)> = None;
    consumer.assign(&tails)?;
    let started = Instant::now();
    while !unread.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                // A partition that is written to without a pause never reports its end.
                unread.retain(|partition, end| *partition != record.partition() || record.offset() + 1 < *end);
                let written_ms = record.timestamp().to_millis().unwrap_or(0);
                let partial = record.payload().and_then(|value| Partial::decode(value).ok());
                let group = partial.and_then(|partial| Some(partial.announcement?.group.to_owned()));
                if let Some(group) = group
                    && last.as_ref().is_none_or(|(last_ms, _)| written_ms >= *last_ms)
                {
                    last = Some((written_ms, group));
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) if started.elapsed() > assignment::LOOK_UP => return Err(error),
            Some(Err(_)) | None if started.elapsed() > assignment::LOOK_UP => {
                return Err(KafkaError::MessageConsumption(rdkafka::types::RDKafkaErrorCode::RequestTimedOut));
            }
            Some(Err(_)) | None => {}
        }
    }
    consumer.unassign()?;
    Ok(last.map(|(_, group)| group))
}
