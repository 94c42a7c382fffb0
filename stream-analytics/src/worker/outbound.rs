//! The way out: outputs and offsets, in one transaction (exactly once) or one after the other (at least once).

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::Topics;
use common::kafka::{ClientStatistics, KafkaSettings, STATISTICS_INTERVAL_MS, is_denial_code, rescue};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::delivery::DeliveryContext;
use super::error::WorkerError;
use super::patience::Patience;
use super::rebalance::RebalanceContext;
use crate::config::Guarantee;
use crate::outbox::OutputRecord;

/// Distance of looks at whether all records are acknowledged.
const ACKNOWLEDGEMENT_CHECK: Duration = Duration::from_micros(250);

/// How long a worker tries to end a transaction. What its consumer has to tell piles up meanwhile, about a MiB a minute; and a
/// member that is silent for longer is out of its group anyway (`max.poll.interval.ms`). A new life waits without a consumer.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What becomes of a commit.
#[derive(Debug)]
pub enum Failure {
    /// Nothing of the transaction counts: roll back and begin a new life.
    StartAgain(KafkaError),
    /// The process must end.
    Fatal(WorkerError),
}

/// A worker's producer.
pub struct Outbound {
    producer: BaseProducer<DeliveryContext>,
    settings: KafkaSettings,
    topics: Topics,
    guarantee: Guarantee,
    transaction_open: bool,
    longest_wait: Duration,
}

impl Outbound {
    /// Connects; with exactly-once this aborts what a predecessor of the same id left open, and fences it.
    pub fn connect(
        settings: &KafkaSettings,
        topics: Topics,
        guarantee: Guarantee,
        transactional_id: &str,
        statistics: ClientStatistics,
        patience: &Patience,
    ) -> Result<Self, Failure> {
        let mut config: ClientConfig = match guarantee {
            Guarantee::ExactlyOnce => settings.transactional_producer(transactional_id),
            Guarantee::AtLeastOnce => settings.producer(),
        };
        // Records wait for their partition to be part of the transaction, all together: no need to wait for one another.
        if guarantee == Guarantee::ExactlyOnce && !settings.overrides("linger.ms") {
            config.set("linger.ms", "0");
        }
        // Only failures are reported: an acknowledged record needs no call.
        config.set("delivery.report.only.error", "true");
        if config.get("statistics.interval.ms").is_none() {
            config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        }
        let producer: BaseProducer<DeliveryContext> = config
            .create_with_context(DeliveryContext::new(statistics))
            .map_err(|error| Failure::Fatal(WorkerError::Settings(error)))?;
        let outbound = Outbound {
            producer,
            settings: settings.clone(),
            topics,
            guarantee,
            transaction_open: false,
            longest_wait: LONGEST_WAIT,
        };
        if guarantee == Guarantee::ExactlyOnce {
            outbound.retry(patience, || outbound.producer.init_transactions(patience.attempt()))?;
        }
        Ok(outbound)
    }

    /// Writes a record, in the open transaction.
    pub fn send(&mut self, record: &OutputRecord) -> Result<(), Failure> {
        self.begin()?;
        let topic = self.topics.name(record.topic);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(KafkaHeader { key, value: value.as_deref() });
        }
        let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic);
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.value.as_deref();
        outgoing.partition = record.partition;
        if !record.headers.is_empty() {
            outgoing.headers = Some(headers);
        }
        loop {
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    // Back-pressure: records leave the queue, or time out within the transaction's timeout.
                    self.producer.poll(Duration::from_millis(10));
                    outgoing = again;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Err(Failure::Fatal(WorkerError::RecordTooLargeToSend { topic }));
                }
                Err((error, _)) => return Err(self.classify(error)),
            }
        }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        if self.guarantee == Guarantee::ExactlyOnce && !self.transaction_open {
            self.producer.begin_transaction().map_err(|error| self.classify(error))?;
            self.transaction_open = true;
        }
        Ok(())
    }

    /// Serves callbacks.
    pub fn poll(&self) {
        self.poll_for(Duration::ZERO);
    }

    fn poll_for(&self, duration: Duration) {
        self.producer.poll(duration);
        rescue(self.producer.client(), self.producer.context().statistics(), &self.settings);
    }

    /// Makes everything since the last commit count, with the offsets. A broker that is away is waited for.
    pub fn commit(
        &mut self,
        consumer: &SharedConsumer,
        offsets: &TopicPartitionList,
        patience: &Patience,
    ) -> Result<(), Failure> {
        if self.guarantee == Guarantee::AtLeastOnce {
            self.wait_until_sent(patience)?;
            return self.commit_offsets(consumer, offsets, patience);
        }
        self.begin()?;
        // The member's generation changes with every rebalance: an old one would be refused.
        let Some(group): Option<ConsumerGroupMetadata> = consumer.group_metadata() else {
            return Err(Failure::Fatal(WorkerError::NoGroup));
        };
        let ended = self
            .retry(patience, || self.producer.send_offsets_to_transaction(offsets, &group, patience.attempt()))
            .and_then(|()| self.wait_until_sent(patience))
            .and_then(|()| self.retry(patience, || self.producer.commit_transaction(patience.attempt())));
        // A broker that was waited for in vain would not hear of an abort either. Whether it has heard of the commit, the
        // committed offsets tell.
        let in_vain = |failure: &Failure| matches!(failure, Failure::StartAgain(error) if is_retriable(error));
        self.transaction_open = ended.as_ref().is_err_and(|failure| !in_vain(failure));
        ended
    }

    /// Commits offsets by themselves (at least once).
    pub fn commit_offsets(
        &self,
        consumer: &SharedConsumer,
        offsets: &TopicPartitionList,
        patience: &Patience,
    ) -> Result<(), Failure> {
        // librdkafka waits for a broker that is away, however long, and reports no commit that is not waited for. So it waits on
        // a thread, which is left behind when the process has to end.
        let begin = || {
            let (sender, outcome) = mpsc::channel();
            let (consumer, offsets) = (Arc::clone(consumer), offsets.clone());
            std::thread::spawn(move || sender.send(consumer.commit(&offsets, CommitMode::Sync)));
            outcome
        };
        let mut under_way = None;
        self.retry(patience, || {
            let outcome = under_way.take().unwrap_or_else(begin);
            let committed = outcome.recv_timeout(patience.attempt()).unwrap_or_else(|_| {
                under_way = Some(outcome);
                Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::RequestTimedOut))
            });
            if committed.is_err() {
                consumer.context().attend(consumer, &self.settings)?;
            }
            committed
        })
    }

    /// Waits for the acknowledgements. A commit that has to flush by itself takes 100 ms instead of 8.
    fn wait_until_sent(&self, patience: &Patience) -> Result<(), Failure> {
        while self.producer.in_flight_count() > 0 {
            if !patience.keep_trying() {
                return Err(Failure::StartAgain(KafkaError::MessageProduction(RDKafkaErrorCode::RequestTimedOut)));
            }
            // A poll with a timeout would spin through the last millisecond of it: a sixth of all CPU, measured.
            self.poll();
            std::thread::sleep(ACKNOWLEDGEMENT_CHECK);
        }
        self.refused_record()
    }

    /// A record that the broker refuses for its size, or for want of a right, will be refused again.
    fn refused_record(&self) -> Result<(), Failure> {
        match self.producer.context().take_refused() {
            Some((topic, RDKafkaErrorCode::MessageSizeTooLarge)) => {
                Err(Failure::Fatal(WorkerError::RecordTooLarge { topic }))
            }
            Some((topic, code)) if is_denial_code(code) => {
                Err(Failure::Fatal(WorkerError::Denied { reason: format!("writing to topic {topic}: {code}") }))
            }
            Some((topic, code)) => {
                tracing::debug!(topic, %code, "a record was not written");
                Err(Failure::StartAgain(KafkaError::MessageProduction(code)))
            }
            None => Ok(()),
        }
    }

    /// Why the open transaction has failed, where an error tells no more than that it has: what was to go with it is purged,
    /// or a call is out of place. The offsets never count.
    pub fn cause(
        &self,
        error: KafkaError,
        consumer: &SharedConsumer,
        offsets: &TopicPartitionList,
        patience: &Patience,
    ) -> KafkaError {
        let code = error.rdkafka_error_code();
        if !(self.transaction_open && matches!(code, Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::State))) {
            return error;
        }
        let Some(group) = consumer.group_metadata() else { return error };
        self.producer.send_offsets_to_transaction(offsets, &group, patience.attempt()).err().unwrap_or(error)
    }

    /// Throws away what the open transaction holds.
    pub fn abort(&mut self, patience: &Patience) -> Result<(), Failure> {
        if !std::mem::take(&mut self.transaction_open) {
            return Ok(());
        }
        self.retry(patience, || self.producer.abort_transaction(patience.attempt()))
    }

    /// Throws away what the open transaction holds, if the broker hears of it at once: until it times out it would keep others
    /// waiting. For a worker that ends, whatever comes of it.
    pub fn abandon(&mut self, patience: &Patience) {
        if std::mem::take(&mut self.transaction_open) {
            let aborted = self.producer.abort_transaction(patience.attempt());
            tracing::debug!(?aborted, "what was not committed is thrown away");
        }
    }

    /// Whether a newer producer has this one's name, as the broker says to a transaction with these offsets. At least once
    /// has no names: it may be.
    pub fn is_fenced(&mut self, consumer: &SharedConsumer, offsets: &TopicPartitionList, patience: &Patience) -> bool {
        let by_newer = |failure: Failure| matches!(failure, Failure::Fatal(error) if error.is_fenced());
        if self.guarantee == Guarantee::AtLeastOnce {
            return true;
        }
        // What is open has failed, and would hide the broker's word.
        let asked = self.abort(patience).and_then(|()| self.begin()).and_then(|()| {
            let Some(group) = consumer.group_metadata() else { return Ok(()) };
            self.retry(patience, || self.producer.send_offsets_to_transaction(offsets, &group, patience.attempt()))
        });
        let fenced = asked.is_err_and(by_newer);
        fenced || self.abort(patience).is_err_and(by_newer)
    }

    /// Makes a call until it succeeds or fails for good: a call that timed out may have succeeded on the broker, and is
    /// finished by making it again.
    fn retry(&self, patience: &Patience, mut call: impl FnMut() -> KafkaResult<()>) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let error = match call() {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // A commit of offsets by themselves cannot be taken back; the next life would come upon it.
            let in_time = self.guarantee == Guarantee::AtLeastOnce || started.elapsed() < self.longest_wait;
            if !(is_retriable(&error) && in_time && patience.keep_trying()) {
                return Err(self.classify(error));
            }
            tracing::debug!(%error, waited_ms = started.elapsed().as_millis(), "trying again");
            self.poll_for(Duration::from_millis(50));
        }
    }

    fn classify(&self, error: KafkaError) -> Failure {
        if let Err(refused @ Failure::Fatal(_)) = self.refused_record() {
            return refused;
        }
        match (&error, self.producer.client().fatal_error()) {
            (_, Some((code, reason))) => Failure::Fatal(WorkerError::fatal(code, reason)),
            (KafkaError::Transaction(inner), None) if inner.is_fatal() => {
                Failure::Fatal(WorkerError::fatal(inner.code(), inner.string()))
            }
            _ => Failure::StartAgain(error),
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable() && !error.txn_requires_abort(),
        KafkaError::ConsumerCommit(code) => matches!(
            code,
            RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        ),
        _ => false,
    }
}

/// Shared with the thread that commits offsets.
pub type SharedConsumer = Arc<BaseConsumer<RebalanceContext>>;

#[cfg(test)]
mod tests {
    use common::TopicKind;
    use common::shutdown::Shutdown;
    use common::telemetry::{Metrics, Pulses};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::topic_partition_list::Offset;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::worker::metrics::AnalyticsMetrics;

    /// A worker's clients, with an offset to commit.
    struct Clients {
        outbound: Outbound,
        consumer: SharedConsumer,
        offsets: TopicPartitionList,
        shutdown: Shutdown,
        patience: Patience,
        metrics: Metrics,
    }

    impl Clients {
        fn of(brokers: &str, guarantee: Guarantee) -> Self {
            let settings = KafkaSettings::new(brokers);
            let shutdown = Shutdown::new();
            let patience = Patience::new(shutdown.clone(), Pulses::new().watch("test"));
            let metrics = Metrics::new("test", "0");
            let clients = AnalyticsMetrics::new(&metrics).clients;
            let topics = Topics::with_prefix("");
            let outbound =
                Outbound::connect(&settings, topics, guarantee, "t", clients.client("producer"), &patience).unwrap();
            let mut config = settings.consumer("g");
            config.set("statistics.interval.ms", "10");
            let context = RebalanceContext::new(clients.client("consumer"));
            let consumer = Arc::new(config.create_with_context(context).unwrap());
            let mut offsets = TopicPartitionList::new();
            offsets.add_partition_offset("receipts", 0, Offset::Offset(1)).unwrap();
            Clients { outbound, consumer, offsets, shutdown, patience, metrics }
        }

        fn commit(&mut self) -> Result<(), Failure> {
            self.outbound.commit(&self.consumer, &self.offsets, &self.patience)
        }
    }

    /// A broker in memory, with a topic to write to.
    fn broker() -> MockCluster<'static, DefaultProducerContext> {
        let broker = MockCluster::new(1).unwrap();
        for topic in ["receipts", "top-stores"] {
            broker.create_topic(topic, 1, 1).unwrap();
        }
        broker
    }

    fn window() -> OutputRecord {
        OutputRecord::keyed(TopicKind::TopStores, "k".to_owned(), b"{}".to_vec())
    }

    #[test]
    fn a_worker_whose_offsets_cannot_be_committed_serves_its_consumer() {
        let clients = Clients::of("127.0.0.1:1", Guarantee::AtLeastOnce);
        clients.shutdown.cancel();
        let committed = clients.outbound.commit_offsets(&clients.consumer, &clients.offsets, &clients.patience);
        assert!(matches!(committed, Err(Failure::StartAgain(_))), "{committed:?}");
        let shown = clients.metrics.render();
        let mut queues = shown.lines().filter(|line| line.starts_with("retail_kafka_client_read_ahead_records{"));
        assert!(queues.any(|line| line.contains("consumer")), "its statistics were not served: {shown}");
    }

    #[test]
    fn a_record_that_may_not_be_written_ends_the_worker_and_leaves_no_transaction_open() {
        let broker = broker();
        let mut clients = Clients::of(&broker.bootstrap_servers(), Guarantee::ExactlyOnce);
        let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        broker.request_errors(RDKafkaApiKey::Produce, &[denied]);
        clients.outbound.send(&window()).unwrap();
        let committed = clients.commit();
        assert!(matches!(committed, Err(Failure::Fatal(WorkerError::Denied { .. }))), "{committed:?}");

        clients.outbound.abandon(&clients.patience);
        // The client begins no transaction beside one that is open.
        clients.outbound.producer.begin_transaction().unwrap();
    }

    #[test]
    fn a_commit_that_a_broker_does_not_hear_of_in_time_is_left_to_a_new_life() {
        let broker = broker();
        let mut clients = Clients::of(&broker.bootstrap_servers(), Guarantee::ExactlyOnce);
        clients.outbound.send(&window()).unwrap();
        clients.commit().unwrap();

        clients.outbound.longest_wait = Duration::ZERO;
        broker.broker_down(1).unwrap();
        let committed = clients.commit();
        assert!(matches!(committed, Err(Failure::StartAgain(_))), "{committed:?}");
        // It would not hear of an abort either.
        clients.outbound.abort(&clients.patience).unwrap();
    }
}
