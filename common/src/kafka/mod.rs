//! How a process talks to Kafka: [`KafkaArgs`] become [`KafkaSettings`], [`Cluster::connect`] looks at the broker and
//! makes missing topics, and the settings make the clients.

mod cluster;
mod settings;

pub use cluster::{CONNECT_TIMEOUT, Cluster, ClusterError, INPUT_WAIT, TopicSettings};
pub use settings::{KafkaArgs, KafkaSettings, LogContext, MAX_MESSAGE_BYTES, SettingsError, TRANSACTION_TIMEOUT_MS};
