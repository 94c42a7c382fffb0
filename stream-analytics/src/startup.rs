//! What is looked at before the first worker joins the group: topics, committed offsets, other groups, the end of the input.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::TopicKind;
use common::exit::ExitStatus;
use common::kafka::{Cluster, ClusterError, LogContext, denial, is_denial};
use common::shutdown::{Shutdown, unless_stopped};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::config::{Config, Guarantee};
use crate::engine::{Engine, EngineConfig};
use crate::partials::Partial;
use crate::worker::WorkerError;
use crate::worker::assignment::{self, Committed, Extent, committed, input_progress, merge_progress};

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
/// How long a transaction's offsets may be seen after its records.
const OFFSETS_FOLLOW: Duration = Duration::from_secs(5);
/// Distance of looks at something that is waited for.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

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
    /// The group's offsets have expired, or somebody deleted them.
    #[error(
        "group {group:?} has no committed offsets any more, but its sums are in topic {partials}: what it begins again would be \
         counted twice; use a new --group-id and --topic-prefix, or delete topic {partials} to publish everything again"
    )]
    OffsetsGone {
        /// Its full name.
        group: String,
        /// The topic that it wrote to.
        partials: String,
    },
    /// A topic was made anew, or its offsets were deleted.
    #[error(
        "group {group:?} has no committed offsets for topic {topic} any more, which was made anew perhaps: {affected}; \
         start with --accept-loss to begin at its start, or with a new --group-id and --topic-prefix"
    )]
    Anew {
        /// Its full name.
        group: String,
        /// The topic.
        topic: String,
        /// Which results are affected.
        affected: &'static str,
    },
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
            StartupError::LookUp { .. } | StartupError::OffsetsGone { .. } | StartupError::Anew { .. } => 1,
            StartupError::Incompatible(_) | StartupError::SecondGroup { .. } => 2,
        }
    }
}

async fn look_at_cluster(config: &Config, shutdown: &Shutdown) -> Result<(Config, EngineConfig), StartupError> {
    let mut cluster = Cluster::connect(&config.kafka)?;
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
    let engine = look(&config, input_partitions, &partials, merge_partitions)?;
    Ok((config, engine))
}

/// Makes what is missing, waits for the input topic, and finds out what the engine needs to know. Gives the flags back as
/// they hold for this broker. Works on a thread of its own, which is not waited for once a signal has come: a broker may take
/// long to answer.
pub async fn prepare(config: &Config, shutdown: &Shutdown) -> Result<(Config, EngineConfig), StartupError> {
    let (config, stop) = (config.clone(), shutdown.clone());
    let runtime = tokio::runtime::Handle::current();
    let preparing = unless_stopped(shutdown, move || runtime.block_on(look_at_cluster(&config, &stop)));
    preparing.await.unwrap_or(Err(ClusterError::Stopped.into()))
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
    let settings = Engine::new(config.engine(input_partitions, merge_partitions, None), 0).settings();

    // Only settings are read from these offsets, and they do not change from one commit to the next: the transaction that
    // a killed predecessor left open, and which nobody has aborted yet, need not be waited for.
    let mut unsettled = config.kafka.consumer(&config.group);
    unsettled.set("isolation.level", "read_uncommitted");
    let unsettled: BaseConsumer<LogContext> =
        unsettled.create_with_context(LogContext).map_err(ClusterError::Settings)?;
    let offsets = "the group's offsets";
    let look_at_offsets = || -> Result<Progress, StartupError> {
        let merges = committed_by_now(&unsettled, partials, merge_partitions).map_err(failed(offsets))?;
        for (_, metadata) in merges.iter().filter_map(|merge| merge.progress.as_ref()) {
            merge_progress(metadata, &settings).map_err(StartupError::Incompatible)?;
        }
        let inputs = committed_by_now(&unsettled, &config.input_topic, input_partitions).map_err(failed(offsets))?;
        for (_, metadata) in inputs.iter().filter_map(|input| input.progress.as_ref()) {
            input_progress(metadata, &settings).map_err(StartupError::Incompatible)?;
        }
        Ok(Progress { inputs, merges })
    };
    let progress = look_at_offsets()?;
    if !config.accept_loss {
        // What a replica has begun to write is there, also if it was killed before it committed.
        let extent = |partition| assignment::extent(&unsettled, partials, partition);
        let anew = |topic: &str, affected| StartupError::Anew {
            group: config.group.clone(),
            topic: topic.to_owned(),
            affected,
        };
        if progress.lacks_inputs() {
            return Err(anew(&config.input_topic, "open windows would count receipts of both, or count them twice"));
        }
        if progress.lacks_merges(extent).map_err(failed("the internal topic"))? {
            return Err(anew(partials, "the open windows are lost"));
        }
    }
    match last_group(&consumer, partials, merge_partitions).map_err(failed("the internal topic"))? {
        Some(other) if other != config.group => {
            return Err(StartupError::SecondGroup { other, partials: partials.to_owned() });
        }
        // At least once, a crash may come between the first sums and the first offsets.
        Some(group) if !progress.is_there() && config.guarantee == Guarantee::ExactlyOnce => {
            let started = Instant::now();
            // A replica that starts at the same time writes both in one transaction, whose parts are seen one after the other.
            while !look_at_offsets()?.is_there() {
                if started.elapsed() > OFFSETS_FOLLOW {
                    return Err(StartupError::OffsetsGone { group, partials: partials.to_owned() });
                }
                std::thread::sleep(LOOK_AGAIN_AFTER);
            }
        }
        _ => {}
    }
    let end = |partition| assignment::extent(&consumer, &config.input_topic, partition).map(|extent| extent.high);
    let until = config.until_end.then(|| (0..input_partitions).map(end).sum()).transpose();
    Ok(config.engine(input_partitions, merge_partitions, until.map_err(failed("the end of the input"))?))
}

/// What the group has committed.
struct Progress {
    inputs: Vec<Committed>,
    merges: Vec<Committed>,
}

impl Progress {
    /// Whether there is anything.
    fn is_there(&self) -> bool {
        self.inputs.iter().chain(&self.merges).any(|committed| committed.progress.is_some())
    }

    /// Whether sums were merged, but nothing is committed for the input that they came from: deleting a topic deletes its
    /// offsets.
    fn lacks_inputs(&self) -> bool {
        let merged = |merge: &Committed| merge.progress.as_ref().is_some_and(|(offset, _)| *offset > 0);
        self.merges.iter().any(merged) && self.inputs.iter().all(|input| input.progress.is_none())
    }

    /// Whether receipts were read, but a merge partition lacks their sums. Every commit of an input writes to all merge
    /// partitions, so one that nobody has merged yet begins at offset 0, and is not empty.
    fn lacks_merges(&self, extent: impl Fn(i32) -> Result<Extent, KafkaError>) -> Result<bool, KafkaError> {
        if self.inputs.iter().all(|input| input.progress.is_none()) {
            return Ok(false);
        }
        for merge in self.merges.iter().filter(|merge| merge.progress.is_none()) {
            let Extent { low, high } = extent(merge.partition)?;
            if high == 0 || low > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
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
            Err(error) if is_denial(&error) => return Err(error),
            Err(error) if started.elapsed() < assignment::LOOK_UP => {
                if let Some(denial) = denial(consumer) {
                    return Err(denial);
                }
                tracing::debug!(topic, %error, "looking again");
                std::thread::sleep(LOOK_AGAIN_AFTER);
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
            Some(Err(error)) if is_denial(&error) || started.elapsed() > assignment::LOOK_UP => return Err(error),
            Some(Err(_)) | None if started.elapsed() > assignment::LOOK_UP => {
                return Err(KafkaError::MessageConsumption(rdkafka::types::RDKafkaErrorCode::RequestTimedOut));
            }
            Some(Err(_)) | None => {}
        }
    }
    consumer.unassign()?;
    Ok(last.map(|(_, group)| group))
}
