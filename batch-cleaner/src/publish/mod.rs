//! Publishing to Kafka, each row once however often a run is killed and started again.
//!
//! A run's id is made from the inputs' contents and the steps. Rows go out in transactions, each with a record of how far
//! the run has come in `sales.progress`; the next start reads that record and goes on there. The transactional id is made
//! from the run's id, so a second process with the same input fences the first, and what the first had not committed is
//! gone before the second asks how far it came.

mod part;
mod progress;
mod publisher;

pub use publisher::{Publication, PublishSettings, Publisher};

use common::kafka::is_denial_code;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why publishing failed. A later start goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another process publishes the same input.
    #[error("another run took over the publishing of the same input: let that one finish")]
    Fenced,
    /// A record is larger than the broker takes.
    #[error("the broker refuses a record of {topic} for its size: raise max.message.bytes of that topic")]
    TooLarge {
        /// Its full name.
        topic: String,
    },
    /// The records of an earlier run stay open.
    #[error(
        "an open transaction on {topic} hides how far an earlier run came: wait until it times out and start again"
    )]
    Hidden {
        /// Its full name.
        topic: String,
    },
    /// The user's rights do not reach.
    #[error(
        "the broker forbids this client to publish ({0}): give its user the rights to, and start again to go on from the last \
         committed row"
    )]
    Denied(KafkaError),
    /// Anything else that the client or the broker says.
    #[error("publishing stopped ({0}): start again to go on from the last committed row")]
    Kafka(KafkaError),
}

impl From<KafkaError> for PublishError {
    fn from(error: KafkaError) -> Self {
        use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
        match error.rdkafka_error_code() {
            Some(Fenced | InvalidProducerEpoch | ProducerFenced) => PublishError::Fenced,
            Some(code) if is_denial_code(code) => PublishError::Denied(error),
            _ => PublishError::Kafka(error),
        }
    }
}
