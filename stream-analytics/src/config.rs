//! The command line, and what it means.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use common::health::HealthArgs;
use common::http::HttpAddress;
use common::kafka::{KafkaArgs, KafkaSettings, SettingsError, TopicSettings};
use common::logging::LoggingArgs;
use common::{DurationOrOff, Money, TopicKind, Topics, parse_duration};

use crate::clock::ms;
use crate::combine::CombineConfig;
use crate::console::screen::Surroundings;
use crate::dashboard::{DashboardArgs, DashboardConfig};
use crate::engine::alignment::Alignment;
use crate::engine::{EngineConfig, Limits};
use crate::merge::MergeConfig;
use crate::verify::VerifyArgs;
use crate::window::{WindowSpec, WindowSpecError};

/// Partitions are read no further apart than one of the usual windows. What is read as it is written is hardly ever so many
/// records behind, and fewer need no order.
const ALIGNMENT: Alignment = Alignment { max_drift_ms: 10_000, backlog_records: 10_000, live_ms: 60_000 };

/// Event-time windows over receipts: top stores, popular items, expensive receipts; exactly once, on any number of
/// replicas
#[derive(Debug, Parser)]
#[command(name = "stream-analytics", version, subcommand_negates_reqs = true)]
pub struct Cli {
    /// Without a subcommand the windows are computed and the dashboard is served.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the windows job.
    #[command(flatten)]
    pub analytics: AnalyticsArgs,
}

/// The other jobs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the numbers of test-topic in micro-batches (the first job)
    Console(ConsoleArgs),
    /// Compare what was published with a brute-force fold of the receipts; reads only, also beside a running service
    Verify(VerifyArgs),
    /// Serve the dashboard alone, computing nothing: one address beside any number of replicas
    Dashboard(DashboardArgs),
    /// Ask the running service whether it is alive, or ready; status 0 or 1 (a container's health check)
    Health(HealthArgs),
}

/// Flags of `stream-analytics console`.
#[derive(Debug, Clone, Args)]
pub struct ConsoleArgs {
    /// Topic of {"value": n} records, full name [default: test-topic under the prefix]
    #[arg(long, env = "RETAIL_TOPIC", value_name = "NAME")]
    pub topic: Option<String>,
    /// Distance of the micro-batches
    #[arg(long, env = "RETAIL_TRIGGER", value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub trigger: Duration,
    /// Kafka flags.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Logging flags.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// What a crash may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guarantee {
    /// Each window is published once and right
    ExactlyOnce,
    /// Nothing is missing; after a crash receipts may count twice and windows may be published again
    AtLeastOnce,
}

/// Which results are published (Spark's output modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// A window once, when it is final
    Append,
    /// Also running results of open windows, under the same key, with "final": false
    Update,
}

/// Where the service listens unless it is told otherwise.
pub const DEFAULT_HTTP: HttpAddress = HttpAddress::loopback(8080);

/// Flags of the windows job.
#[derive(Debug, Clone, Args)]
pub struct AnalyticsArgs {
    /// Topic of receipts, full name [default: receipts under the prefix]
    #[arg(long, env = "RETAIL_TOPIC", value_name = "NAME")]
    pub topic: Option<String>,
    /// Consumer group: replicas of one group share the work
    #[arg(long, env = "RETAIL_GROUP_ID", value_name = "ID", default_value = "stream-analytics")]
    pub group_id: String,
    /// Makes this replica a static member under that name. After kill -9 the restarted replica is back within 2 s, but its
    /// graceful stop is noticed only when its session ends (6 s): best where a replica always comes back, under its name.
    /// Without an id it is a dynamic member: a graceful stop hands over within a second, but after kill -9 the others wait
    /// for the session (6 s): best where replicas come and go. Give each live replica an id of its own
    #[arg(long, env = "RETAIL_INSTANCE_ID", value_name = "ID")]
    pub instance_id: Option<String>,
    /// Workers in this process. One reads some 400,000 receipts a second; more than the input has partitions are idle
    #[arg(long, env = "RETAIL_THREADS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// Window length
    #[arg(long, env = "RETAIL_WINDOW", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Windows")]
    pub window: Duration,
    /// Distance from one window to the next; shorter than the window they overlap
    #[arg(long, env = "RETAIL_SLIDE", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Windows")]
    pub slide: Duration,
    /// How far the watermark stays behind the largest event time: how late a receipt may be
    #[arg(long, env = "RETAIL_WATERMARK_DELAY", value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Windows")]
    pub watermark_delay: Duration,
    /// Silence after which a partition that is read to its end no longer holds windows open; or off
    #[arg(
        long,
        env = "RETAIL_IDLE_AFTER",
        value_name = "DURATION|off",
        default_value = "5s",
        help_heading = "Windows"
    )]
    pub idle_after: DurationOrOff,
    /// A receipt further ahead of the clock is malformed; off for replays
    #[arg(long, env = "RETAIL_MAX_AHEAD", value_name = "DURATION|off", default_value = "1m", help_heading = "Windows")]
    pub max_ahead: DurationOrOff,

    /// Which results are published
    #[arg(long, env = "RETAIL_EMIT", value_enum, default_value = "append", help_heading = "Results")]
    pub emit: Emit,
    /// Distance of running results (--emit update)
    #[arg(long, env = "RETAIL_UPDATE_EVERY", value_name = "DURATION", default_value = "1s", value_parser = parse_duration, help_heading = "Results")]
    pub update_every: Duration,
    /// Stores, and items a category, that a result names
    #[arg(long, env = "RETAIL_TOP", value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Results")]
    pub top: u32,
    /// Receipts over this total are published one by one
    #[arg(long, env = "RETAIL_EXPENSIVE_OVER", value_name = "AMOUNT", default_value = "500.00", value_parser = Money::from_json_number, help_heading = "Results")]
    pub expensive_over: Money,

    /// What a crash may cost
    #[arg(long, env = "RETAIL_GUARANTEE", value_enum, default_value = "exactly-once", help_heading = "Guarantees")]
    pub guarantee: Guarantee,
    /// Longest distance of commits. A window that is complete does not wait for it, and while the service keeps up, what
    /// others can see waits for two fifths of it at most
    #[arg(long, env = "RETAIL_COMMIT_INTERVAL", value_name = "DURATION", default_value = "100ms", value_parser = parse_duration, help_heading = "Guarantees")]
    pub commit_interval: Duration,
    /// Read what is there at start, publish every window of it, also those that are still open, and stop. A later run goes on
    /// from there; a receipt for a window that is published then goes to partials.dead-letter. With --idle-after off and
    /// --max-ahead off, replays of the same receipts publish the same bytes
    #[arg(long, env = "RETAIL_UNTIL_END", help_heading = "Guarantees")]
    pub until_end: bool,
    /// Go on where retention has deleted what is needed, instead of ending with an error
    #[arg(long, env = "RETAIL_ACCEPT_LOSS", help_heading = "Guarantees")]
    pub accept_loss: bool,
    /// Open windows that a merge partition may hold (of overlapping ones, spans of receipts that share theirs); past it the service
    /// ends, for dropping some would be wrong
    #[arg(
        long,
        env = "RETAIL_MAX_OPEN_WINDOWS",
        value_name = "N",
        default_value_t = 100_000,
        help_heading = "Guarantees"
    )]
    pub max_open_windows: usize,
    /// Distinct stores and items that a window may hold; past it the service ends
    #[arg(
        long,
        env = "RETAIL_MAX_DISTINCT",
        value_name = "N",
        default_value_t = 2_000_000,
        help_heading = "Guarantees"
    )]
    pub max_distinct: usize,

    /// Where the dashboard, /metrics, /healthz and /readyz are served
    #[arg(
        long,
        env = "RETAIL_HTTP",
        value_name = "IP:PORT|off",
        default_value_t = DEFAULT_HTTP,
        help_heading = "Output"
    )]
    pub http: HttpAddress,
    /// /readyz says no while more records than this wait for the replica
    #[arg(long, env = "RETAIL_READY_LAG", value_name = "RECORDS", default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(0..), help_heading = "Output")]
    pub ready_lag: i64,
    /// Print results as tables, a batch at a time
    #[arg(long, env = "RETAIL_CONSOLE", help_heading = "Output")]
    pub console: bool,

    /// Kafka flags.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Logging flags.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// Why the flags cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The Kafka flags.
    #[error(transparent)]
    Kafka(#[from] SettingsError),
    /// The windows.
    #[error(transparent)]
    Windows(#[from] WindowSpecError),
    /// A duration of nothing.
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
    /// A silence too short to be noticed.
    #[error("--idle-after must be at least {} ms, for partitions are looked at every 100 ms; off keeps them from ever being idle", SHORTEST_IDLE_AFTER.as_millis())]
    IdleAfter,
}

/// Silence is measured in looks at a partition, and one that comes late ends it.
const SHORTEST_IDLE_AFTER: Duration = Duration::from_millis(200);

/// The flags, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach Kafka.
    pub kafka: KafkaSettings,
    /// How topics are named.
    pub topics: Topics,
    /// How missing topics are made.
    pub new_topics: TopicSettings,
    /// Full name of the input topic.
    pub input_topic: String,
    /// Full name of the group.
    pub group: String,
    /// Static member, if any; each worker adds its number.
    pub instance_id: Option<String>,
    /// Workers.
    pub threads: u16,
    /// What a crash may cost.
    pub guarantee: Guarantee,
    /// Distance of commits, milliseconds.
    pub commit_interval_ms: i64,
    /// Stop at the end.
    pub until_end: bool,
    /// Go on after a loss.
    pub accept_loss: bool,
    /// Dashboard address.
    pub http: HttpAddress,
    /// Records that may wait while the service is ready.
    pub ready_lag: i64,
    /// Console sink.
    pub console: bool,
    window: Duration,
    slide: Duration,
    watermark_delay: Duration,
    windows: WindowSpec,
    idle_after_ms: Option<i64>,
    max_ahead_ms: Option<i64>,
    update_every_ms: Option<i64>,
    top: usize,
    expensive_over: Money,
    limits: Limits,
}

impl TryFrom<&AnalyticsArgs> for Config {
    type Error = ConfigError;

    fn try_from(args: &AnalyticsArgs) -> Result<Self, ConfigError> {
        let topics = Topics::with_prefix(&args.kafka.topic_prefix);
        let zero = [(args.update_every, "--update-every"), (args.commit_interval, "--commit-interval")];
        if let Some((_, flag)) = zero.into_iter().find(|(duration, _)| duration.is_zero()) {
            return Err(ConfigError::Zero(flag));
        }
        if args.idle_after.0.is_some_and(|idle_after| idle_after < SHORTEST_IDLE_AFTER) {
            return Err(ConfigError::IdleAfter);
        }
        Ok(Config {
            kafka: args.kafka.settings()?,
            new_topics: TopicSettings::from(&args.kafka),
            input_topic: args.topic.clone().unwrap_or_else(|| topics.name(TopicKind::Receipts)),
            group: topics.prefixed(&args.group_id),
            topics,
            instance_id: args.instance_id.clone().filter(|id| !id.is_empty()),
            threads: args.threads,
            guarantee: args.guarantee,
            commit_interval_ms: ms(args.commit_interval),
            until_end: args.until_end,
            accept_loss: args.accept_loss,
            http: args.http,
            ready_lag: args.ready_lag,
            console: args.console,
            window: args.window,
            slide: args.slide,
            watermark_delay: args.watermark_delay,
            windows: WindowSpec::new(args.window, args.slide)?,
            idle_after_ms: args.idle_after.0.map(ms),
            max_ahead_ms: args.max_ahead.0.map(ms),
            update_every_ms: (args.emit == Emit::Update).then_some(ms(args.update_every)),
            top: args.top as usize,
            expensive_over: args.expensive_over,
            limits: Limits { open_spans: args.max_open_windows, distinct_keys: args.max_distinct },
        })
    }
}

impl Config {
    /// Whether a member's `client.id` is ours to choose.
    pub fn names_clients(&self) -> bool {
        !self.kafka.overrides("client.id")
    }

    /// What the dashboard needs.
    pub fn dashboard(&self) -> DashboardConfig {
        DashboardConfig {
            kafka: self.kafka.clone(),
            topics: self.topics.clone(),
            group_id: self.group.clone(),
            receipts_topic: self.input_topic.clone(),
            window: self.window,
            slide: self.slide,
            watermark_delay: self.watermark_delay,
        }
    }

    /// What the console says besides results.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings { dashboard: self.http.0, window: self.window, watermark_delay: self.watermark_delay }
    }

    /// What the core needs, with the partition counts and (for `--until-end`) the sum of the ends that were found at start.
    pub fn engine(&self, input_partitions: i32, merge_partitions: i32, until: Option<i64>) -> EngineConfig {
        EngineConfig {
            combine: CombineConfig {
                windows: self.windows,
                delay_ms: ms(self.watermark_delay),
                idle_after_ms: self.idle_after_ms,
                max_ahead_ms: self.max_ahead_ms,
                expensive_over: self.expensive_over,
                input_topic: self.input_topic.clone(),
            },
            merge: MergeConfig { windows: self.windows, top: self.top },
            merge_partitions,
            input_partitions,
            group: self.group.clone(),
            update_every_ms: self.update_every_ms,
            alignment: ALIGNMENT,
            until,
            limits: self.limits,
        }
    }
}
