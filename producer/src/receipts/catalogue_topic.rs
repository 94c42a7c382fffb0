//! Reads the items from `sales.items`, where the cleaner publishes them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::kafka::{Cluster, ClusterError, INPUT_WAIT, KafkaSettings, LogContext};
use common::sales::CatalogueItem;
use common::shutdown::Shutdown;
use common::{TopicKind, Topics};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::catalogue::{Catalogue, MAX_ITEMS};
use crate::error::Error;

/// Named because a client must be in one; it is neither joined nor committed to.
const GROUP: &str = "producer.catalogue";
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Waits for the topic, and for items in it, for [`INPUT_WAIT`] each.
pub async fn wait_for_items(
    settings: &KafkaSettings,
    cluster: &mut Cluster,
    topics: &Topics,
    shutdown: &Shutdown,
) -> Result<Catalogue, Error> {
    let topic = topics.name(TopicKind::SalesItems);
    let partitions = cluster.wait_for(&topic, shutdown).await?;
    let started = Instant::now();
    loop {
        if let Some(catalogue) = read_items(settings, topics, partitions).await? {
            return Ok(catalogue);
        }
        if started.elapsed() > INPUT_WAIT {
            return Err(Error::NoItems { topic });
        }
        tokio::select! {
            () = shutdown.cancelled() => return Err(ClusterError::Stopped.into()),
            () = tokio::time::sleep(LOOK_AGAIN_AFTER) => {}
        }
    }
}

/// The items that are there now; `None` if there are none.
pub async fn read_items(
    settings: &KafkaSettings,
    topics: &Topics,
    partitions: i32,
) -> Result<Option<Catalogue>, Error> {
    let (topic, consumer) = (topics.name(TopicKind::SalesItems), settings.consumer(&topics.prefixed(GROUP)));
    let read = move || {
        read_to_end(consumer, &topic, partitions).map_err(|source| Error::Items { topic: topic.clone(), source })
    };
    let items = tokio::task::spawn_blocking(read).await.map_err(|_| Error::SenderGone)??;
    Ok(Catalogue::from_items(items))
}

/// Reads every partition up to its end; of two values with one key the later holds, and a null deletes.
fn read_to_end(mut config: ClientConfig, topic: &str, partitions: i32) -> Result<Vec<CatalogueItem>, KafkaError> {
    // No offsets are kept: a position that is gone means that the topic was made anew while it was read.
    config.set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer<LogContext> = config.create_with_context(LogContext)?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;

    let mut items = BTreeMap::new();
    let mut skipped = 0_u64;
    let mut ended = std::collections::BTreeSet::new();
    let deadline = Instant::now() + INPUT_WAIT;
    while ended.len() < usize::try_from(partitions).unwrap_or(0) {
        let left = deadline.saturating_duration_since(Instant::now());
        let record = match consumer.poll(left) {
            None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
                continue;
            }
            Some(Err(error)) => {
                // The client goes on by itself after a lost connection; what it cannot mend, the deadline ends.
                tracing::debug!(%error, "reading the items");
                continue;
            }
            Some(Ok(record)) => record,
        };
        let key = record.key().unwrap_or_default().to_vec();
        match record.payload().map(serde_json::from_slice::<CatalogueItem>) {
            None => {
                items.remove(&key);
            }
            Some(Ok(item)) if items.len() < MAX_ITEMS => {
                items.insert(key, item);
            }
            Some(_) => skipped += 1,
        }
    }
    if skipped > 0 {
        tracing::warn!(topic, skipped, "left out values that are no items, or too many");
    }
    Ok(items.into_values().collect())
}
