//! A look at the cluster before work starts: is it there, which topics does it have, make those that are missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::log::LogContext;
use super::refusal::{RefusalContext, is_denial_code, refusal};
use super::settings::{KafkaArgs, KafkaSettings, MAX_MESSAGE_BYTES};
use crate::exit::ExitStatus;
use crate::shutdown::Shutdown;
use crate::{TopicKind, Topics};

/// How long to try to reach a broker at start.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a missing input topic is waited for.
pub const INPUT_WAIT: Duration = Duration::from_secs(30);
/// After so long without an answer we look whether the client has been refused, and then after twice that, and so on.
const FIRST_LOOK_AFTER: Duration = Duration::from_secs(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Why the cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The client refuses its settings taken together.
    #[error("the Kafka settings do not go together: {0}")]
    Settings(KafkaError),
    /// No broker answers.
    #[error(
        "no broker answers at {brokers} ({source}): check --brokers, that Kafka is running, and \
         whether it wants TLS or a password (--kafka-config)"
    )]
    Unreachable {
        /// As given.
        brokers: String,
        /// In the client's words.
        source: KafkaError,
    },
    /// A broker answers, and lets this client not in.
    #[error(
        "the broker refuses this client ({reason}): check the user and the password, or the certificates, that \
         --kafka-config names"
    )]
    Refused {
        /// In the client's words, with the broker's name.
        reason: String,
    },
    /// The broker refuses to make a topic.
    #[error("topic {topic} cannot be created ({reason}): create it by hand or allow this client to")]
    NotCreated {
        /// Its full name.
        topic: String,
        /// In the broker's words.
        reason: String,
    },
    /// The user's rights do not reach.
    #[error(
        "topic {topic} is missing, or hidden from this client, which may not create it: create it, or give its user rights to it"
    )]
    Denied {
        /// Its full name.
        topic: String,
    },
    /// The input topic did not appear.
    #[error("topic {topic} does not exist, waited {} s for it: start what writes it, or create it", INPUT_WAIT.as_secs())]
    MissingInput {
        /// Its full name.
        topic: String,
    },
    /// A signal came first.
    #[error("stopped while waiting for the broker")]
    Stopped,
}

impl ExitStatus for ClusterError {
    fn exit_status(&self) -> u8 {
        match self {
            ClusterError::Settings(_) => 2,
            ClusterError::Stopped => 0,
            _ => 1,
        }
    }
}

/// How missing topics are made.
#[derive(Debug, Clone, Copy)]
pub struct TopicSettings {
    /// Partitions of each.
    pub partitions: i32,
    /// Replicas of each; the broker's default if `None`.
    pub replication_factor: Option<i32>,
}

impl From<&KafkaArgs> for TopicSettings {
    fn from(args: &KafkaArgs) -> Self {
        TopicSettings { partitions: args.partitions, replication_factor: args.replication_factor }
    }
}

/// A cluster that answered.
pub struct Cluster {
    settings: KafkaSettings,
    client: BaseConsumer<RefusalContext>,
    partitions: BTreeMap<String, i32>,
}

impl Cluster {
    /// Asks a broker for its topics, for up to [`CONNECT_TIMEOUT`]. Blocks: call it off the async workers.
    pub fn connect(settings: &KafkaSettings) -> Result<Cluster, ClusterError> {
        let client =
            settings.client().create_with_context(RefusalContext::default()).map_err(ClusterError::Settings)?;
        let mut cluster = Cluster { settings: settings.clone(), client, partitions: BTreeMap::new() };
        cluster.refresh(CONNECT_TIMEOUT)?;
        Ok(cluster)
    }

    /// Asks again for the topics.
    fn refresh(&mut self, timeout: Duration) -> Result<(), ClusterError> {
        let begun = Instant::now();
        let mut look_after = FIRST_LOOK_AFTER;
        let metadata = loop {
            let left = timeout.saturating_sub(begun.elapsed());
            // All topics: asking for one by name would make it on brokers that create topics when asked.
            let answer = self.client.fetch_metadata(None, look_after.min(left));
            let refusal = refusal(&self.client);
            match (answer, refusal) {
                (Ok(metadata), _) => break metadata,
                (Err(_), Some(reason)) => return Err(ClusterError::Refused { reason }),
                (Err(source), None) if look_after >= left => {
                    return Err(ClusterError::Unreachable { brokers: self.settings.brokers().to_owned(), source });
                }
                (Err(_), None) => look_after *= 2,
            }
        };
        self.partitions = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none())
            .filter_map(|topic| Some((topic.name().to_owned(), i32::try_from(topic.partitions().len()).ok()?)))
            .collect();
        Ok(())
    }

    /// How many partitions a topic has; `None` if it does not exist.
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        self.partitions.get(topic).copied()
    }

    /// Whether this is librdkafka's mock cluster: in memory, transactions neither isolated nor aborted.
    pub fn is_embedded(&self) -> bool {
        self.client.client().fetch_cluster_id(CONNECT_TIMEOUT).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Makes those of `kinds` that are missing.
    pub async fn create_missing(
        &mut self,
        topics: &Topics,
        kinds: impl IntoIterator<Item = TopicKind>,
        with: TopicSettings,
    ) -> Result<(), ClusterError> {
        let named = kinds.into_iter().map(|kind| (topics.name(kind), kind.is_compacted())).collect();
        self.create_missing_named(named, with).await
    }

    /// Makes those of the named topics (full name, whether compacted) that are missing.
    pub async fn create_missing_named(
        &mut self,
        named: Vec<(String, bool)>,
        with: TopicSettings,
    ) -> Result<(), ClusterError> {
        let missing: Vec<_> = named.into_iter().filter(|(name, _)| !self.partitions.contains_key(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let max_message_bytes = MAX_MESSAGE_BYTES.to_string();
        let replicas = with.replication_factor.unwrap_or(-1);
        let new_topics: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|(name, compacted)| {
                NewTopic::new(name, with.partitions, TopicReplication::Fixed(replicas))
                    .set("cleanup.policy", if *compacted { "compact" } else { "delete" })
                    .set("max.message.bytes", &max_message_bytes)
            })
            .collect();
        let admin: AdminClient<LogContext> =
            self.settings.client().create_with_context(LogContext).map_err(ClusterError::Settings)?;
        let options =
            AdminOptions::new().operation_timeout(Some(CONNECT_TIMEOUT)).request_timeout(Some(CONNECT_TIMEOUT));
        let refused = |topic: &str, reason: String| ClusterError::NotCreated { topic: topic.to_owned(), reason };
        let outcomes = admin
            .create_topics(&new_topics, &options)
            .await
            .map_err(|error| refused(&missing[0].0, error.to_string()))?;
        for outcome in outcomes {
            match outcome {
                Ok(topic) => tracing::info!(topic, partitions = with.partitions, "created a topic"),
                // Another service was faster.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) if is_denial_code(code) => return Err(ClusterError::Denied { topic }),
                Err((topic, code)) => return Err(refused(&topic, code.to_string())),
            }
        }
        // A topic is usable once the broker names it in its metadata.
        let started = Instant::now();
        loop {
            self.refresh(CONNECT_TIMEOUT)?;
            let Some((absent, _)) = missing.iter().find(|(name, _)| !self.partitions.contains_key(name)) else {
                return Ok(());
            };
            if started.elapsed() > CONNECT_TIMEOUT {
                return Err(refused(absent, "it does not appear".to_owned()));
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER / 10).await;
        }
    }

    /// Waits up to [`INPUT_WAIT`] for a topic that another service makes, and says so once.
    pub async fn wait_for(&mut self, topic: &str, shutdown: &Shutdown) -> Result<i32, ClusterError> {
        let started = Instant::now();
        let mut said = false;
        loop {
            if let Some(partitions) = self.partitions(topic) {
                return Ok(partitions);
            }
            if started.elapsed() > INPUT_WAIT {
                return Err(ClusterError::MissingInput { topic: topic.to_owned() });
            }
            if !said {
                tracing::info!(topic, "waiting for the topic");
                said = true;
            }
            tokio::select! {
                () = shutdown.cancelled() => return Err(ClusterError::Stopped),
                () = tokio::time::sleep(LOOK_AGAIN_AFTER) => {}
            }
            self.refresh(CONNECT_TIMEOUT)?;
        }
    }
}
