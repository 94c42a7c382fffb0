//! Why a worker cannot go on.

use common::exit::ExitStatus;
use common::kafka::is_denial_code;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::engine::EngineError;

/// Why a worker cannot go on. Each line says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The client refuses its settings.
    #[error("the Kafka settings do not go together: {0}")]
    Settings(KafkaError),
    /// The core refuses a record or a state.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The client is not in a group.
    #[error("the consumer has no group: report this as a bug")]
    NoGroup,
    /// Another replica has this one's identity.
    #[error("a newer replica with the same --instance-id has taken over: give each live replica an id of its own")]
    Replaced,
    /// Another error that the client cannot recover from.
    #[error("the Kafka client cannot go on ({code}): {reason}; restart the service")]
    Client {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
        /// In its words.
        reason: String,
    },
    /// The user's rights do not reach.
    #[error(
        "the broker forbids this client what it has to do ({reason}): give its user the rights to the service's topics, group \
         and transactional ids"
    )]
    Denied {
        /// What is forbidden, in the broker's words.
        reason: String,
    },
    /// A record does not fit its topic.
    #[error("the broker refuses a record of topic {topic} for its size: raise the topic's max.message.bytes")]
    RecordTooLarge {
        /// Full name.
        topic: String,
    },
    /// A record is larger than the client sends.
    #[error(
        "a record for topic {topic} is larger than message.max.bytes: raise it (--kafka message.max.bytes=N), \
         and the topic's max.message.bytes"
    )]
    RecordTooLargeToSend {
        /// Full name.
        topic: String,
    },
    /// Retention was faster than the service.
    #[error(
        "{topic} partition {partition} begins at offset {low}, but offset {needed} is needed: retention deleted what {affected} \
         need; start with --accept-loss to go on without, or with a new --group-id and --topic-prefix to count anew"
    )]
    Deleted {
        /// Full name.
        topic: String,
        /// The partition.
        partition: i32,
        /// First offset there is.
        low: i64,
        /// First offset that is needed.
        needed: i64,
        /// Which results are affected.
        affected: &'static str,
    },
    /// The topic was made anew.
    #[error(
        "{topic} partition {partition} ends at offset {high}, before the committed offset {committed}: the topic was made anew; \
         start with --accept-loss to begin at its start, or with a new --group-id and --topic-prefix"
    )]
    Recreated {
        /// Full name.
        topic: String,
        /// The partition.
        partition: i32,
        /// Its end.
        high: i64,
        /// What the group has committed.
        committed: i64,
    },
    /// The partition count of `partials` changed under a running group.
    #[error(
        "topic {topic} has {now} partitions, but the group began with {before}: sums of one window would part; \
         use a new --topic-prefix and --group-id"
    )]
    MergePartitionsChanged {
        /// Full name.
        topic: String,
        /// Partitions now.
        now: i32,
        /// Partitions at the start.
        before: i32,
    },
    /// Committed offsets are of other settings or not ours.
    #[error("{0}")]
    Incompatible(String),
    /// The topic cannot be read.
    #[error("cannot read {topic} partition {partition}: {code}")]
    Unreadable {
        /// Full name.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why.
        code: RDKafkaErrorCode,
    },
    /// A thread ended without a word.
    #[error("a worker thread panicked: {0}")]
    Panicked(String),
}

impl ExitStatus for WorkerError {
    fn exit_status(&self) -> u8 {
        match self {
            // Found by a worker, for replicas that start at the same time do not see one another beforehand.
            WorkerError::Settings(_)
            | WorkerError::Incompatible(_)
            | WorkerError::Engine(EngineError::TwoGroups { .. }) => 2,
            _ => 1,
        }
    }
}

impl WorkerError {
    /// An error that the client calls fatal.
    pub fn fatal(code: RDKafkaErrorCode, reason: String) -> Self {
        match code {
            RDKafkaErrorCode::FencedInstanceId => WorkerError::Replaced,
            code if is_denial_code(code) => WorkerError::Denied { reason },
            _ => WorkerError::Client { code, reason },
        }
    }

    /// Whether the broker knows nothing of the open transaction: it was restarted in between. Whether that was committed
    /// or not, the committed offsets tell where to go on.
    pub fn is_lost_transaction(&self) -> bool {
        matches!(self, WorkerError::Client { code: RDKafkaErrorCode::InvalidTransactionalState, .. })
    }

    /// Whether the broker has taken this worker's identity away: a newer replica has it, or a session or a transaction
    /// outlived its timeout.
    pub fn is_fenced(&self) -> bool {
        let code = match self {
            WorkerError::Replaced => return true,
            WorkerError::Client { code, .. } => *code,
            _ => return false,
        };
        matches!(
            code,
            RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
                | RDKafkaErrorCode::InvalidProducerIdMapping
        )
    }
}
