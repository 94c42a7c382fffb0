//! The flags of `stream-analytics dashboard`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use common::kafka::{KafkaArgs, SettingsError};
use common::logging::LoggingArgs;
use common::{TopicKind, Topics, parse_duration};

use super::DashboardConfig;

/// Flags of `stream-analytics dashboard`.
#[derive(Debug, Clone, Args)]
pub struct DashboardArgs {
    /// Where the dashboard, /metrics, /healthz and /readyz are served
    #[arg(long, env = "RETAIL_HTTP", value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Topic of receipts, full name: its growth is the rate of receipts [default: receipts under the prefix]
    #[arg(long, env = "RETAIL_TOPIC", value_name = "NAME")]
    pub topic: Option<String>,
    /// Consumer group of the replicas: looked at for lag and members, never joined
    #[arg(long, env = "RETAIL_GROUP_ID", value_name = "ID", default_value = "stream-analytics")]
    pub group_id: String,

    /// Window length
    #[arg(long, env = "RETAIL_WINDOW", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "As the service was started")]
    pub window: Duration,
    /// Distance from one window to the next
    #[arg(long, env = "RETAIL_SLIDE", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "As the service was started")]
    pub slide: Duration,
    /// Watermark delay: a page without a new window for longer than this allows is marked as stale
    #[arg(long, env = "RETAIL_WATERMARK_DELAY", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "As the service was started")]
    pub watermark_delay: Duration,

    /// Kafka flags.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Logging flags.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

impl TryFrom<&DashboardArgs> for DashboardConfig {
    type Error = SettingsError;

    fn try_from(args: &DashboardArgs) -> Result<Self, SettingsError> {
        let topics = Topics::with_prefix(&args.kafka.topic_prefix);
        Ok(DashboardConfig {
            kafka: args.kafka.settings()?,
            group_id: topics.prefixed(&args.group_id),
            receipts_topic: args.topic.clone().unwrap_or_else(|| topics.name(TopicKind::Receipts)),
            topics,
            window: args.window,
            slide: args.slide,
            watermark_delay: args.watermark_delay,
        })
    }
}
