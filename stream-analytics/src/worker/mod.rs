//! The shell around the engine: workers, each a thread with a consumer and a producer of its own, talking to Kafka.
//!
//! [`life`] is the loop: serve the group, read a batch, send what came out, commit when due. [`assignment`] takes
//! partitions over, [`rebalance`] collects what the group wants, [`record_queue`] reads in batches, [`outbound`] writes and
//! commits, [`patience`] says how long to wait, [`successor`] whether another process has taken the worker's place,
//! [`departures`] aborts what dead workers left open, [`leaders`] doubts a client that misses them, [`measures`] counts
//! ([`metrics`] names the counts), [`standing`] says whether the workers are at work.

pub mod assignment;
mod delivery;
mod departures;
pub mod error;
mod leaders;
pub mod life;
mod measures;
mod metrics;
pub mod outbound;
mod patience;
pub mod rebalance;
mod record_queue;
pub mod standing;
mod successor;

use std::sync::Arc;
use std::time::Duration;

use departures::Departures;
pub use error::WorkerError;
use life::{End, Life};
use metrics::AnalyticsMetrics;
use outbound::Failure;
use patience::Patience;
use rdkafka::ClientConfig;
use standing::Health;

use crate::config::Config;
use crate::engine::EngineConfig;
use crate::tally::Tally;
use common::shutdown::Shutdown;
use common::telemetry::Metrics;

/// How long the group waits for a member that is silent.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// Rest between two lives, so that a persistent error does not spin.
const REST: Duration = Duration::from_millis(200);

/// What all workers of a process share.
#[derive(Debug)]
pub struct Job {
    /// The flags.
    pub config: Config,
    /// What the core needs.
    pub engine: EngineConfig,
    /// What was done.
    pub tally: Tally,
    /// How the workers stand.
    pub health: Arc<Health>,
    metrics: AnalyticsMetrics,
    departures: Option<Departures>,
}

impl Job {
    /// Nothing done yet. What is done is counted in `metrics`.
    pub fn new(config: Config, engine: EngineConfig, health: Arc<Health>, metrics: &Metrics) -> Self {
        health.expect_workers(config.threads);
        let metrics = AnalyticsMetrics::new(metrics);
        let departures = Departures::watch(&config, metrics.fenced_workers.clone());
        Job { config, engine, tally: Tally::default(), health, metrics, departures }
    }
}

/// Who a worker is to the broker.
#[derive(Debug, Clone)]
pub struct Identity {
    /// From 0, within the process.
    pub number: u16,
    /// Static member name, if any.
    pub group_instance_id: Option<String>,
    /// Its transactions' name, and the client's in the group.
    pub transactional_id: String,
}

/// What the transactional ids of a group's workers begin with.
fn id_prefix(group: &str) -> String {
    format!("{group}-")
}

/// The process that a member of the group belongs to, as its client id tells: `GROUP-PROCESS-WORKER`.
pub fn process_of<'a>(group: &str, client_id: &'a str) -> &'a str {
    let worker = client_id.strip_prefix(&id_prefix(group)).and_then(|worker| worker.rsplit_once('-'));
    worker.map_or(client_id, |(process, _number)| process)
}

impl Identity {
    /// The worker with this number. A static member's id outlives the process, so that its successor finds what it left
    /// open; `process` tells other processes apart.
    pub fn new(config: &Config, number: u16, process: &str) -> Self {
        let group_instance_id = config.instance_id.as_ref().map(|id| config.topics.prefixed(&format!("{id}-{number}")));
        let own = config.instance_id.as_deref().unwrap_or(process);
        let transactional_id = format!("{}{own}-{number}", id_prefix(&config.group));
        Identity { number, group_instance_id, transactional_id }
    }

    /// The worker in one of its lives. A dynamic member has a transactional id of its own in each: whoever finds it gone from the
    /// group may fence it, and fences no later life.
    fn in_life(&self, config: &Config, life: u64) -> Self {
        let mut identity = self.clone();
        if identity.group_instance_id.is_none() && config.names_clients() {
            identity.transactional_id = format!("{}.{life}", self.transactional_id);
        }
        identity
    }

    fn consumer_config(&self, config: &Config) -> ClientConfig {
        let mut client = config.kafka.consumer(&config.group);
        let largest_record = client.get("message.max.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let mut default = |key: &str, value: &str| {
            if client.get(key).is_none() {
                client.set(key, value);
            }
        };
        default("session.timeout.ms", &SESSION_TIMEOUT.as_millis().to_string());
        default("heartbeat.interval.ms", "1000");
        // `range` stalls a fraction of what cooperative-sticky does, since workers keep no state that would move.
        default("partition.assignment.strategy", "range");
        // Bounds the records read ahead: once for those that are forwarded to the worker, and once for each partition that is
        // held back.
        default("queued.min.messages", "5000");
        default("queued.max.messages.kbytes", "4096");
        // Of a hundred partitions an answer would otherwise hold 50 MiB at once. The client wants it to hold the largest record.
        default("fetch.max.bytes", &largest_record.max(4 << 20).to_string());
        // A busy topic is fetched as often as it is committed, some 25 times a second, not once for every batch that a
        // producer sends. Each fetch is followed by its commit: nothing lies about in between.
        default("fetch.min.bytes", "262144");
        default("fetch.wait.max.ms", "40");
        // Once full, the read-ahead goes on after 2 ms, not after a second.
        default("fetch.queue.backoff.ms", "2");
        // Whether a partition is idle, or its broker away, is told from these.
        default("statistics.interval.ms", "1000");
        if let Some(id) = &self.group_instance_id {
            client.set("group.instance.id", id);
        }
        if config.names_clients() {
            client.set("client.id", &self.transactional_id);
        }
        client
    }
}

/// Works until shutdown, or until the end with `--until-end`. Blocks its thread.
///
/// # Errors
/// What a restart of the process, or a person, has to mend.
pub fn work(job: &Arc<Job>, identity: &Identity, shutdown: &Shutdown) -> Result<(), WorkerError> {
    let pulse = job.health.pulses().watch(format!("worker {}", identity.number));
    let patience = Patience::new(shutdown.clone(), pulse);
    let mut lives = 0;
    loop {
        let identity = identity.in_life(&job.config, lives);
        lives += 1;
        let ended = match Life::begin(job, &identity, &patience) {
            Ok(life) => life.run()?,
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::StartAgain(error)) => {
                tracing::warn!(worker = identity.number, %error, "cannot start yet");
                End::StartAgain
            }
        };
        match ended {
            End::Stopped => return Ok(()),
            End::StartAgain if patience.is_stopping() => return Ok(()),
            End::StartAgain => patience::pause(REST),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rdkafka::consumer::BaseConsumer;

    use super::*;
    use crate::config::Cli;

    #[test]
    fn larger_records_can_be_allowed_and_so_can_smaller_ones() {
        for bytes in ["1000000", "16000000"] {
            let largest = format!("message.max.bytes={bytes}");
            let cli = Cli::parse_from(["stream-analytics", "--brokers", "b:9092", "--kafka", &largest]);
            let config = Config::try_from(&cli.analytics).unwrap();
            let client = Identity::new(&config, 0, "p").consumer_config(&config);
            assert!(client.create::<BaseConsumer>().is_ok(), "{largest}");
        }
    }

    #[test]
    fn a_process_is_told_by_the_client_ids_of_its_workers() {
        let of = |client_id| process_of("stream-analytics", client_id);
        assert_eq!(of("stream-analytics-shop-7-123-0.0"), "shop-7-123");
        assert_eq!(of("stream-analytics-shop-7-123-1.4"), "shop-7-123");
        assert_eq!(of("stream-analytics-a-0-1"), "a-0", "a static member");
        assert_eq!(of("retail-7"), "retail-7");
        assert_eq!(process_of("g", "stream-analytics-a-0"), "stream-analytics-a-0");
    }
}
