//! The first job: numbers from a topic, parsed and shown in micro-batches.

use std::io::Write;
use std::time::Duration;

use common::exit::ExitStatus;
use common::kafka::{Cluster, ClusterError, KafkaSettings, SettingsError};
use common::shutdown::{Shutdown, unless_stopped};
use common::{TopicKind, Topics};
use rdkafka::error::KafkaError;
use serde::Deserialize;

use super::batch::{MAX_ROWS, footer, heading};
use super::on_its_thread;
use super::tables;
use super::tail::{From, Tail};
use crate::config::ConsoleArgs;

/// A value of `test-topic`.
#[derive(Debug, Deserialize)]
struct Number {
    value: i64,
}

/// Why the job ends.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The Kafka flags.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The topic cannot be read.
    #[error("cannot read the topic: {0}; check the broker and this client's rights")]
    Read(#[from] KafkaError),
    /// Standard output is closed.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl ExitStatus for ConsoleError {
    fn exit_status(&self) -> u8 {
        match self {
            ConsoleError::Settings(_) => 2,
            ConsoleError::Cluster(error) => error.exit_status(),
            ConsoleError::Read(_) | ConsoleError::Output(_) => 1,
        }
    }
}

/// A micro-batch as text; `None` is a record that is not `{"value": integer}`, shown as null like Spark's `from_json`.
fn batch(number: u64, values: &[Option<i64>]) -> String {
    format!("{}\n{}\n{}", heading(number), tables::numbers(values, MAX_ROWS), footer(values.len() as u64))
}

/// Prints batches until shutdown.
pub async fn run(args: ConsoleArgs, shutdown: Shutdown) -> Result<(), ConsoleError> {
    let settings = args.kafka.settings()?;
    let topics = Topics::with_prefix(&args.kafka.topic_prefix);
    let topic = args.topic.clone().unwrap_or_else(|| topics.name(TopicKind::Numbers));
    let connect_to = settings.clone();
    let connecting = unless_stopped(&shutdown, move || Cluster::connect(&connect_to));
    let mut cluster = connecting.await.ok_or(ClusterError::Stopped)??;
    cluster.wait_for(&topic, &shutdown).await?;
    let name = topics.prefixed("console");
    let until = shutdown.clone();
    let job = move || follow(&settings, &name, topic, args.trigger, &until);
    on_its_thread(job, &shutdown).await?.unwrap_or(Ok(()))
}

fn follow(
    settings: &KafkaSettings,
    name: &str,
    topic: String,
    trigger: Duration,
    shutdown: &Shutdown,
) -> Result<(), ConsoleError> {
    /// Values of a batch that are kept; of the rest only the number is known.
    const MAX_VALUES: usize = 10_000;
    let tail = Tail::open(settings, name, &[topic], From::Beginning)?;
    let mut number = 0;
    while !shutdown.is_cancelled() {
        let mut values = Vec::new();
        tail.read(trigger.min(Duration::from_secs(5)), |_, value| {
            if values.len() < MAX_VALUES {
                values.push(serde_json::from_slice(value).ok().map(|Number { value }| value));
            }
        });
        if !values.is_empty() {
            writeln!(std::io::stdout(), "{}", batch(number, &values))?;
            number += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_batch_says_that_it_is_cut() {
        let values: Vec<_> = (0..21).map(Some).collect();
        let text = batch(3, &values);
        assert!(text.ends_with("only showing top 20 rows\n"));
        assert!(text.contains("|    19 |") && !text.contains("|    20 |"));
        assert!(batch(0, &[None]).contains("NULL"));
    }
}
