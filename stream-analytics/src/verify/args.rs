//! The flags of `stream-analytics verify`.

use std::time::Duration;

use clap::Args;
use common::kafka::KafkaArgs;
use common::logging::LoggingArgs;
use common::{DurationOrOff, EventTime, Money, parse_duration};

/// Flags of `stream-analytics verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Topic of receipts, full name [default: the group's, else receipts under the prefix]
    #[arg(long, env = "RETAIL_TOPIC", value_name = "NAME")]
    pub topic: Option<String>,
    /// The service's consumer group; it is looked at, never joined
    #[arg(long, env = "RETAIL_GROUP_ID", value_name = "ID", default_value = "stream-analytics")]
    pub group_id: String,
    /// Only windows that start at or after, and receipts of that time; what is held in memory is that of the range
    #[arg(long, env = "RETAIL_FROM", value_name = "TIME")]
    pub from: Option<EventTime>,
    /// Only windows that start before
    #[arg(long, env = "RETAIL_TO", value_name = "TIME")]
    pub to: Option<EventTime>,

    /// Window length [default: what the group has committed, else 10s]
    #[arg(long, env = "RETAIL_WINDOW", value_name = "DURATION", value_parser = parse_duration, help_heading = "As the service was started")]
    pub window: Option<Duration>,
    /// Distance from one window to the next [default: what the group has committed, else 10s]
    #[arg(long, env = "RETAIL_SLIDE", value_name = "DURATION", value_parser = parse_duration, help_heading = "As the service was started")]
    pub slide: Option<Duration>,
    /// Watermark delay [default: what the group has committed, else 10s]
    #[arg(long, env = "RETAIL_WATERMARK_DELAY", value_name = "DURATION", value_parser = parse_duration, help_heading = "As the service was started")]
    pub watermark_delay: Option<Duration>,
    /// With off, the log alone says which receipts are late, and the dead-letter topic is held to it
    #[arg(
        long,
        env = "RETAIL_IDLE_AFTER",
        value_name = "DURATION|off",
        default_value = "5s",
        help_heading = "As the service was started"
    )]
    pub idle_after: DurationOrOff,
    /// With off, no receipt may have been refused for its time
    #[arg(
        long,
        env = "RETAIL_MAX_AHEAD",
        value_name = "DURATION|off",
        default_value = "1m",
        help_heading = "As the service was started"
    )]
    pub max_ahead: DurationOrOff,
    /// Stores, and items a category, that a result names
    #[arg(long, env = "RETAIL_TOP", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "As the service was started")]
    pub top: u32,
    /// Receipts over this total are published one by one
    #[arg(long, env = "RETAIL_EXPENSIVE_OVER", value_name = "AMOUNT", default_value = "500.00", value_parser = Money::from_json_number, help_heading = "As the service was started")]
    pub expensive_over: Money,

    /// Kafka flags.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Logging flags.
    #[command(flatten)]
    pub logging: LoggingArgs,
}
