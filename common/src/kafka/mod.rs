//! How a process talks to Kafka: [`KafkaArgs`] become [`KafkaSettings`], [`Cluster::connect`] looks at the broker and
//! makes missing topics, and the settings make the clients. [`ClientMetrics`] shows how these fare,
//! [`LogContext`] what they have to say, and [`rescue`] helps those that have lost sight of the cluster.

mod cluster;
mod complaints;
mod log;
mod refusal;
mod settings;
mod statistics;
mod stranded;

pub use cluster::{CONNECT_TIMEOUT, Cluster, ClusterError, INPUT_WAIT, TopicSettings};
pub use log::LogContext;
pub use refusal::{denial, is_denial, is_denial_code};
pub use settings::{KafkaArgs, KafkaSettings, MAX_MESSAGE_BYTES, SettingsError, TRANSACTION_TIMEOUT_MS};
pub use statistics::{ClientMetrics, ClientStatistics, STATISTICS_INTERVAL_MS};
pub use stranded::rescue;
