//! How much, how fast, and when: flags of every generator that sends.

use std::time::Duration;

use common::http::HttpAddress;
use common::{EventTime, parse_duration};

use crate::load::{CatchUp, Profile};
use crate::rate::Rate;

/// Not served unless asked for: many a producer runs beside others, and would take their port.
pub const DEFAULT_HTTP: HttpAddress = HttpAddress::OFF;

/// How much, how fast, and when.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Load")]
pub struct LoadArgs {
    /// Records a second on average: 100/s, 6000/m, or max [default: 100/s; a --dry-run without --rate stamps 100/s and
    /// does not wait]
    #[arg(long, env = "RETAIL_RATE", value_name = "RATE")]
    pub rate: Option<Rate>,

    /// How the rate changes: steady; ramp (from nothing up to --rate over --period, then steady); diurnal (a shop's
    /// day, mean --rate); burst (a tenth of each period at 5.5 times the rate, the rest at half)
    #[arg(long, env = "RETAIL_PROFILE", value_enum, default_value_t, hide_possible_values = true)]
    pub profile: Profile,

    /// Length of the profile's cycle, aligned to the epoch [default: 1m; diurnal: 1d]
    #[arg(long, env = "RETAIL_PERIOD", value_name = "D", value_parser = parse_duration)]
    pub period: Option<Duration>,

    /// End after this many records, duplicates not counted
    #[arg(long, env = "RETAIL_COUNT", value_name = "N")]
    pub count: Option<u64>,

    /// End after this much time: event time where it is planned (a --rate other than max, --start, --event-rate), else
    /// wall time
    #[arg(long, env = "RETAIL_DURATION", value_name = "D", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// The same seed draws the same records [default: a new one, named in the summary]
    #[arg(long, env = "RETAIL_SEED", value_name = "S")]
    pub seed: Option<u64>,

    /// Event time of the first record, RFC 3339; fixes all times [default: now]
    #[arg(long, env = "RETAIL_START", value_name = "TIME", value_parser = EventTime::parse)]
    pub start: Option<EventTime>,

    /// Records in a second of event time, to replay slower or faster than the clock [default: --rate; with --rate max
    /// the wall clock, or 1000/s after --start]
    #[arg(long, env = "RETAIL_EVENT_RATE", value_name = "RATE")]
    pub event_rate: Option<Rate>,

    /// After a stall, send at most this many times the target rate until the plan is caught up with
    #[arg(long, env = "RETAIL_MAX_CATCH_UP", value_name = "FACTOR", default_value = "2")]
    pub max_catch_up: CatchUp,

    /// Print the values to standard output, a line each, instead of sending them
    #[arg(long, env = "RETAIL_DRY_RUN", value_name = "true|false", num_args = 0..=1, default_value_t = false, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub dry_run: bool,

    /// Full name of the topic to send to, instead of the prefix and its usual name
    #[arg(long, env = "RETAIL_TOPIC", value_name = "NAME")]
    pub topic: Option<String>,

    /// Draw the status line on a terminal. No flag: off where a program that has the generator inside itself draws there.
    #[arg(skip = true)]
    pub status_line: bool,

    /// Serve /metrics, /healthz and /readyz there
    #[arg(long, env = "RETAIL_HTTP", value_name = "IP:PORT|off", default_value_t = DEFAULT_HTTP)]
    pub http: HttpAddress,
}
