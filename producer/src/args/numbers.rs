//! Flags of `producer numbers`.

use std::time::Duration;

use common::kafka::KafkaArgs;
use common::parse_duration;

use super::LoadArgs;
use crate::rate::Share;

/// Sends {"value":1}, {"value":2}, …
#[derive(Debug, Clone, clap::Args)]
pub struct NumbersArgs {
    /// How much, how fast, and when.
    #[command(flatten)]
    pub load: LoadArgs,

    /// Time from one number to the next, where --rate is not given
    #[arg(long, env = "RETAIL_INTERVAL", value_name = "D", default_value = "1s", value_parser = parse_duration, help_heading = "Numbers")]
    pub interval: Duration,

    /// The first number
    #[arg(
        long,
        env = "RETAIL_FIRST",
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true,
        help_heading = "Numbers"
    )]
    pub first: i64,

    /// Share of values that are not what they should be (truncated, wrong type, member missing, not UTF-8)
    #[arg(long, env = "RETAIL_MALFORMED", value_name = "SHARE", default_value = "0%", help_heading = "Disorder")]
    pub malformed: Share,

    /// Share of numbers that are sent once more
    #[arg(long, env = "RETAIL_DUPLICATE", value_name = "SHARE", default_value = "0%", help_heading = "Disorder")]
    pub duplicate: Share,

    /// Where to send to.
    #[command(flatten)]
    pub kafka: KafkaArgs,
}
