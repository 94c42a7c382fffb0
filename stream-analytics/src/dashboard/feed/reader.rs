//! Reads the result topics, from about an hour back, all partitions, and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::kafka::LogContext;
use common::shutdown::Shutdown;
use common::telemetry::Pulse;
use common::{EventTime, TopicKind, dead_letter};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::ANSWER_TIMEOUT;
use super::past::Past;
use crate::clock::ms;
use crate::dashboard::hub::{Hub, now};
use crate::dashboard::state::{Envelope, Position, Record, RefusalHeaders};
use crate::dashboard::{DashboardConfig, DashboardError};

/// What is shown.
const SHOWN: [TopicKind; 7] = [
    TopicKind::TopStores,
    TopicKind::SalesTotals,
    TopicKind::PopularItems,
    TopicKind::ExpensiveReceipts,
    TopicKind::ReceiptsDeadLetter,
    TopicKind::PartialsDeadLetter,
    TopicKind::SalesSummary,
];
/// How far back is read: the hour that is kept and a margin.
const PAST: Duration = Duration::from_mins(65);
/// So many offsets of a partition are read however old they are: a pipeline that stands still shows its last windows.
const TAIL: i64 = 1_000;
/// Never more of a partition, however busy the hour was.
const MOST: i64 = 50_000;
/// Browsers are told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// While the past is read, all of it is news each time.
const TELL_PAST_EVERY: Duration = Duration::from_secs(1);
/// Records folded under one lock.
const BATCH: usize = 500;

pub(super) struct Reader {
    consumer: BaseConsumer<LogContext>,
    kinds: BTreeMap<String, TopicKind>,
    assigned: BTreeSet<(String, i32)>,
    hub: Arc<Hub>,
}

impl Reader {
    pub(super) fn new(config: &DashboardConfig, hub: Arc<Hub>) -> Result<Reader, DashboardError> {
        let consumer = config
            .kafka
            // The group is not joined; its name is one that this service has the right to.
            .consumer(&config.group_id)
            // A record that retention has taken is not missed on a page that shows the last hour.
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "false")
            // What is read ahead is bounded, and so is what one answer brings, of each partition and of all: without that, an
            // answer after a silence is 7 MiB, which the allocator keeps. A larger record comes all the same.
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.message.max.bytes", "262144")
            .set("fetch.max.bytes", "1048576")
            // It is for producers, but the client wants an answer to hold what may be produced.
            .set("message.max.bytes", "1048576")
            .create_with_context(LogContext)?;
        let kinds = SHOWN.into_iter().map(|kind| (config.topics.name(kind), kind)).collect();
        Ok(Reader { consumer, kinds, assigned: BTreeSet::new(), hub })
    }

    pub(super) fn run(mut self, pulse: &Pulse, shutdown: &Shutdown) {
        let mut past = Past::new(Instant::now());
        let (mut has_caught_up, mut tell_at) = (false, Instant::now());
        while !shutdown.is_cancelled() {
            pulse.beat();
            if past.wants_a_look(Instant::now()) {
                let assigned = self.assign_new();
                past.looked(Instant::now(), assigned.is_ok());
                if let Err(error) = assigned {
                    tracing::debug!(%error, "the result topics cannot be looked up");
                }
            }
            let records = self.read_some();
            past.read(Instant::now(), records.len() >= BATCH);
            self.hub.apply(records);
            if !has_caught_up && past.is_read(Instant::now()) {
                has_caught_up = true;
                self.hub.set_caught_up();
            }
            if has_caught_up || Instant::now() >= tell_at {
                self.hub.tell();
                tell_at = Instant::now() + TELL_PAST_EVERY;
            }
        }
    }

    /// Records of up to [`TELL_EVERY`], at most [`BATCH`].
    fn read_some(&self) -> Vec<Record> {
        let until = Instant::now() + TELL_EVERY;
        let mut records = Vec::new();
        while records.len() < BATCH {
            match self.consumer.poll(until.saturating_duration_since(Instant::now())) {
                Some(Ok(message)) => records.extend(self.decode(&message)),
                // The client reconnects on its own, and the probe says how the brokers are.
                Some(Err(error)) => tracing::debug!(%error, "the dashboard's consumer"),
                None => break,
            }
        }
        records
    }

    fn decode(&self, message: &BorrowedMessage<'_>) -> Option<Record> {
        let kind = *self.kinds.get(message.topic())?;
        let position = Position { partition: message.partition(), offset: message.offset() };
        let published_at = message.timestamp().to_millis().and_then(EventTime::from_ms).unwrap_or(EventTime::MIN);
        let value = message.payload().unwrap_or_default();
        let envelope = Envelope { kind, position, published_at, value, refusal: refusal_headers(message) };
        Record::decode(&envelope).unwrap_or_else(|error| {
            tracing::warn!(topic = message.topic(), %position, error, "a result is not shown: it is not of its topic's shape");
            None
        })
    }

    /// Assigns partitions that are not yet read.
    fn assign_new(&mut self) -> KafkaResult<()> {
        let metadata = self.consumer.fetch_metadata(None, ANSWER_TIMEOUT)?;
        let mut found = Vec::new();
        for topic in metadata.topics().iter().filter(|topic| topic.error().is_none()) {
            let Some(kind) = self.kinds.get(topic.name()) else { continue };
            for partition in topic.partitions() {
                let key = (topic.name().to_owned(), partition.id());
                if !self.assigned.contains(&key) {
                    found.push((key, *kind));
                }
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let starts = self.starts(&found)?;
        self.consumer.incremental_assign(&starts)?;
        self.assigned.extend(found.into_iter().map(|(key, _)| key));
        Ok(())
    }

    /// Where to begin: about an hour back, at least [`TAIL`] and at most [`MOST`] offsets from the end. What is compacted
    /// is read from its beginning.
    fn starts(&self, found: &[((String, i32), TopicKind)]) -> KafkaResult<TopicPartitionList> {
        let hour_ago = now().ms() - ms(PAST);
        let mut times = TopicPartitionList::new();
        for ((topic, partition), _) in found {
            times.add_partition_offset(topic, *partition, Offset::Offset(hour_ago))?;
        }
        let since = self.consumer.offsets_for_times(times, ANSWER_TIMEOUT)?;
        let mut starts = TopicPartitionList::new();
        for ((topic, partition), kind) in found {
            let (low, high) = self.consumer.fetch_watermarks(topic, *partition, ANSWER_TIMEOUT)?;
            let since = match since.find_partition(topic, *partition).map(|entry| (entry.error(), entry.offset())) {
                Some((Err(error), _)) => return Err(error),
                Some((Ok(()), Offset::Offset(offset))) => offset,
                // Nothing is so young.
                _ => high,
            };
            let start = if kind.is_compacted() { low } else { since.min(high - TAIL) };
            starts.add_partition_offset(topic, *partition, Offset::Offset(start.max(high - MOST).max(low)))?;
        }
        Ok(starts)
    }
}

fn refusal_headers<'a>(message: &'a BorrowedMessage<'_>) -> RefusalHeaders<'a> {
    let mut found = RefusalHeaders::default();
    // Ours come last; headers of the same name that the record brought with it give way to them.
    for header in message.headers().into_iter().flat_map(Headers::iter) {
        let text = header.value.and_then(|value| std::str::from_utf8(value).ok());
        match header.key {
            dead_letter::EXCEPTION => found.exception = text,
            dead_letter::MESSAGE => found.message = text,
            dead_letter::TOPIC => found.topic = text,
            dead_letter::PARTITION => found.partition = text,
            dead_letter::OFFSET => found.offset = text,
            _ => {}
        }
    }
    found
}
