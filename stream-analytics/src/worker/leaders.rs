//! Whether the client has lost sight of a partition's leader for good: one that has heard of a partition without a leader may
//! never learn that it has one again (<https://github.com/confluentinc/librdkafka/issues/5430>). A new client is asked then.

use std::collections::BTreeSet;
use std::time::Duration;

use common::kafka::{KafkaSettings, LogContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;

use super::rebalance::TopicPartition;

/// A client that is well looks for a leader every few seconds. If a broker has none to offer for so long, milliseconds,
/// another client is asked, and then again as often.
const DOUBTED_AFTER_MS: i64 = 15_000;
/// How long the answer may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Since when a partition in care has had no leader that the client knows of.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    missed_since_ms: Option<i64>,
}

impl Leaders {
    /// Takes in whether the client, which has a connection, misses a leader. Gives whether it has for so long that it is to be
    /// doubted.
    pub(super) fn are_doubtful(&mut self, now_ms: i64, is_missed: bool) -> bool {
        if !is_missed {
            self.missed_since_ms = None;
            return false;
        }
        let since_ms = *self.missed_since_ms.get_or_insert(now_ms);
        let is_doubtful = now_ms - since_ms >= DOUBTED_AFTER_MS;
        if is_doubtful {
            self.missed_since_ms = Some(now_ms);
        }
        is_doubtful
    }
}

/// Which of the partitions have a leader, as a new client is told.
pub(super) fn led(settings: &KafkaSettings, partitions: &BTreeSet<TopicPartition>) -> KafkaResult<Vec<TopicPartition>> {
    let client: BaseConsumer<LogContext> = settings.client().create_with_context(LogContext)?;
    let topics: BTreeSet<&str> = partitions.iter().map(|(topic, _)| topic.as_str()).collect();
    let mut led = Vec::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic), ATTEMPT)?;
        let found = metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions);
        let with_leader = found.filter(|one| one.leader() >= 0).map(|one| (topic.to_owned(), one.id()));
        led.extend(with_leader.filter(|one| partitions.contains(one)));
    }
    Ok(led)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_is_missed_for_long_is_doubted_again_and_again() {
        let mut leaders = Leaders::default();
        let doubted: Vec<i64> = (0..50).map(|s| s * 1_000).filter(|ms| leaders.are_doubtful(*ms, true)).collect();
        assert_eq!(doubted, [15_000, 30_000, 45_000]);
    }

    #[test]
    fn one_that_is_seen_again_is_not() {
        let mut leaders = Leaders::default();
        let missed = |ms: i64| ms != 14_000;
        let doubted: Vec<i64> =
            (0..30).map(|s| s * 1_000).filter(|ms| leaders.are_doubtful(*ms, missed(*ms))).collect();
        assert_eq!(doubted, Vec::<i64>::new());
    }
}
