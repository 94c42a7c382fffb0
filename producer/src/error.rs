//! Why a generator cannot start or go on.

use std::io;
use std::path::PathBuf;

use common::exit::ExitStatus;
use common::http::BindError;
use common::kafka::{ClusterError, SettingsError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why a generator cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags that do not go together, or a value out of bounds.
    #[error("{0}")]
    Usage(String),
    /// The Kafka flags are unusable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The cluster is unusable.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The client cannot be made.
    #[error("the Kafka client refuses its settings: {0}")]
    Client(KafkaError),
    /// The client gave up for good.
    #[error("the Kafka client failed for good ({0}): start again")]
    Fatal(KafkaError),
    /// The user's rights do not reach.
    #[error("the broker forbids this client to write to topic {topic} ({code}): give its user the right to")]
    Denied {
        /// The topic's full name.
        topic: String,
        /// In the broker's words.
        code: RDKafkaErrorCode,
    },
    /// The catalogue file cannot be read.
    #[error("cannot read the catalogue {path:?}: {reason}")]
    CatalogueFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// `sales.items` holds nothing to sell.
    #[error("topic {topic} holds no items, waited 30 s: run batch-cleaner first, or give --catalogue builtin")]
    NoItems {
        /// Its full name.
        topic: String,
    },
    /// `sales.items` cannot be read.
    #[error("cannot read the items from topic {topic}: {source}")]
    Items {
        /// Its full name.
        topic: String,
        /// In the client's words.
        source: KafkaError,
    },
    /// Some records were not acknowledged.
    #[error("{failed} of {sent} records were not acknowledged by topic {topic} ({reason})")]
    Undelivered {
        /// Not acknowledged.
        failed: u64,
        /// Handed to the client.
        sent: u64,
        /// The topic's full name.
        topic: String,
        /// Why the first of them was not.
        reason: String,
    },
    /// A record is larger than the topic takes.
    #[error("topic {topic} refuses records of this size: raise its max.message.bytes")]
    TooLarge {
        /// The topic's full name.
        topic: String,
    },
    /// A file or standard output cannot be written.
    #[error("cannot write {what}: {source}")]
    Output {
        /// Which.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The metrics endpoint cannot be served.
    #[error(transparent)]
    Http(#[from] BindError),
    /// Threads or signal handlers cannot be had.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The sending thread is gone.
    #[error("the sending thread ended without a word: this is a bug")]
    SenderGone,
}

impl ExitStatus for Error {
    fn exit_status(&self) -> u8 {
        match self {
            Error::Usage(_) | Error::Settings(_) | Error::Client(_) | Error::CatalogueFile { .. } => 2,
            Error::Cluster(error) => error.exit_status(),
            _ => 1,
        }
    }
}
