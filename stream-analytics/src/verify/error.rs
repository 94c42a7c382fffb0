//! Why nothing is proven.

use common::exit::ExitStatus;
use common::kafka::{ClusterError, SettingsError};
use rdkafka::error::KafkaError;

use crate::progress::ForeignMetadata;
use crate::window::WindowSpecError;

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The Kafka flags.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The window flags.
    #[error(transparent)]
    Windows(#[from] WindowSpecError),
    /// Nothing is between the two.
    #[error("--from must be before --to")]
    EmptyRange,
    /// The flags are not those of the group.
    #[error("{flag} {given}, but the group began with {committed}: leave the flag away, or name another --group-id")]
    OtherSettings {
        /// The flag.
        flag: &'static str,
        /// As given.
        given: String,
        /// As committed.
        committed: String,
    },
    /// Another program's group.
    #[error("{0}: is --group-id right?")]
    ForeignGroup(#[from] ForeignMetadata),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The client refuses its settings.
    #[error("the Kafka settings do not go together: {0}")]
    Client(KafkaError),
    /// No receipts.
    #[error("topic {0} does not exist: check --topic-prefix and --topic")]
    NoTopic(String),
    /// Nothing to judge.
    #[error("nothing is published and group {group} has committed nothing: check --topic-prefix and --group-id")]
    NothingPublished {
        /// Its full name.
        group: String,
    },
    /// Nothing to judge any more.
    #[error("retention has deleted what would be compared: look at later windows, or verify sooner")]
    NothingLeft,
    /// A topic cannot be read.
    #[error("cannot read topic {topic}: {source}; check the broker and this client's rights, and try again")]
    Read {
        /// Full name.
        topic: String,
        /// In the client's words.
        source: KafkaError,
    },
    /// A transaction stays open.
    #[error("topic {topic} yields nothing more: a transaction may be open; try again once it is over")]
    Stalled {
        /// Full name.
        topic: String,
    },
    /// A signal came first.
    #[error("stopped before the end: nothing is proven")]
    Stopped,
    /// Standard output is closed.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    /// The results are not what they should be.
    #[error("{faults} faults among {judged} records: the results do not agree with the receipts, see above")]
    Disagreement {
        /// How many are wrong.
        faults: u64,
        /// Of how many.
        judged: u64,
    },
}

impl ExitStatus for VerifyError {
    fn exit_status(&self) -> u8 {
        match self {
            VerifyError::Settings(_)
            | VerifyError::Windows(_)
            | VerifyError::EmptyRange
            | VerifyError::OtherSettings { .. } => 2,
            VerifyError::Cluster(ClusterError::Stopped) => 1,
            VerifyError::Cluster(error) => error.exit_status(),
            _ => 1,
        }
    }
}
