//! One life of a worker: a consumer, a producer and an engine, from joining the group until it stops, fails for good, or
//! has to roll back and begin anew. How it takes partitions over is in [`takeover`], how it fails in [`roll_back`].

mod roll_back;
mod takeover;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::TopicKind;
use common::kafka::{is_denial, is_denial_code};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::assignment;
use super::error::WorkerError;
use super::leaders::{self, Leaders};
use super::measures::Measures;
use super::metrics::RebalanceKind;
use super::outbound::{Failure, Outbound};
use super::patience::Patience;
use super::rebalance::{Rebalance, RebalanceContext, TopicPartition};
use super::record_queue::{Delivery, RecordQueue};
use super::successor::StaticMember;
use super::{Identity, Job};
use crate::clock::{ms, wall_ms};
use crate::combine::{Clock, SourceRecord};
use crate::config::Guarantee;
use crate::engine::{Commit, Engine, EngineError, Pace};

/// How long a worker waits for records before it looks at the group again, milliseconds.
const WAIT_MS: i64 = 50;
/// Distance of looks at the clock, milliseconds.
const TICK_MS: i64 = 100;
/// Distance of looks at the group's progress with `--until-end`, milliseconds.
const END_CHECK_MS: i64 = 200;

/// Index of the input topic in the record queue.
const INPUT: usize = 0;
/// Index of `partials`.
const PARTIALS: usize = 1;

/// How a life ended.
pub enum End {
    /// By signal, or because everything is done.
    Stopped,
    /// What was not committed is rolled back; a new life does it again.
    StartAgain,
}

/// With `--until-end`: whether the group has published everything.
#[derive(PartialEq, Eq)]
enum Group {
    IsAtWork,
    HasEnded,
}

/// A worker at work.
pub struct Life<'j> {
    job: &'j Job,
    identity: &'j Identity,
    patience: &'j Patience,
    member: Option<StaticMember>,
    consumer: Arc<BaseConsumer<RebalanceContext>>,
    queue: RecordQueue<RebalanceContext>,
    outbound: Outbound,
    engine: Engine,
    partials: String,
    started: Instant,
    measures: Measures<'j>,
    last_commit: Commit,
    leaders: Leaders,
}

impl<'j> Life<'j> {
    /// Connects and joins the group.
    pub fn begin(job: &'j Job, identity: &'j Identity, patience: &'j Patience) -> Result<Self, Failure> {
        let fatal = |error| Failure::Fatal(WorkerError::Settings(error));
        // The producer first: what a predecessor left open is aborted before its offsets are asked for.
        let outbound = Outbound::connect(
            &job.config.kafka,
            job.config.topics.clone(),
            job.config.guarantee,
            &identity.transactional_id,
            job.metrics.clients.client(format!("producer-{}", identity.number)),
            patience,
        )?;
        let context = RebalanceContext::new(job.metrics.clients.client(format!("consumer-{}", identity.number)));
        let consumer_config = identity.consumer_config(&job.config);
        let consumer: BaseConsumer<RebalanceContext> = consumer_config.create_with_context(context).map_err(fatal)?;
        let consumer = Arc::new(consumer);
        let partials = job.config.topics.name(TopicKind::Partials);
        let queue = RecordQueue::new(Arc::clone(&consumer), [&job.config.input_topic, &partials]).map_err(fatal)?;
        consumer.subscribe(&[&job.config.input_topic, &partials]).map_err(fatal)?;
        let engine = Engine::new(job.engine.clone(), 0);
        Ok(Life {
            job,
            identity,
            patience,
            member: StaticMember::of(&consumer_config),
            consumer,
            queue,
            outbound,
            engine,
            partials,
            started: Instant::now(),
            measures: Measures::new(job, identity.number),
            last_commit: Commit::default(),
            leaders: Leaders::default(),
        })
    }

    /// Works until the end.
    pub fn run(mut self) -> Result<End, WorkerError> {
        let end = match self.work() {
            Ok(()) => Ok(End::Stopped),
            Err(failure) => self.roll_back(failure),
        };
        self.consumer.context().close(&self.consumer);
        end
    }

    fn now_ms(&self) -> i64 {
        ms(self.started.elapsed())
    }

    fn work(&mut self) -> Result<(), Failure> {
        let (mut ticked_ms, mut end_checked_ms) = (0, 0);
        loop {
            if self.serve_group()? == Group::HasEnded {
                return Ok(());
            }
            let has_more = self.read()?;
            self.send_output()?;
            let now_ms = self.now_ms();
            if now_ms - ticked_ms >= TICK_MS {
                ticked_ms = now_ms;
                self.tick(now_ms);
                self.check_leaders(now_ms)?;
                self.send_output()?;
            }
            let stopping = self.patience.is_stopping();
            let pace = if stopping { Pace::HandingOver } else { self.engine.pace(has_more) };
            let due = self.engine.commit_due(now_ms, self.job.config.commit_interval_ms, pace);
            if !self.engine.is_unassigned() && (due || stopping) {
                self.commit(pace)?;
            }
            if stopping {
                return Ok(());
            }
            if self.job.config.until_end && now_ms - end_checked_ms >= END_CHECK_MS {
                end_checked_ms = now_ms;
                if self.engine.has_read_to_the_end() && self.group_has_ended() {
                    return Ok(());
                }
            }
        }
    }

    /// Serves the client's own events and carries out rebalances.
    fn serve_group(&mut self) -> Result<Group, Failure> {
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            Some(Ok(record)) => {
                // Records are forwarded to our own queue before they are assigned; one here would be out of turn.
                tracing::debug!(?record, "a record outside the queue");
                return Err(Failure::StartAgain(KafkaError::Canceled));
            }
            Some(Err(error)) => self.client_error(&error)?,
        }
        while let Some(rebalance) = self.consumer.context().next() {
            match rebalance {
                Rebalance::Revoke => self.give_up()?,
                Rebalance::Assign(partitions) => {
                    if let Some(departures) = &self.job.departures {
                        departures.look(&self.identity.transactional_id);
                    }
                    self.take_over(&partitions)?;
                    // A replica that has finished and left hands over nothing that is to be read.
                    if self.group_has_ended() {
                        return Ok(Group::HasEnded);
                    }
                }
            }
        }
        self.outbound.poll();
        Ok(Group::IsAtWork)
    }

    fn client_error(&self, error: &KafkaError) -> Result<(), Failure> {
        if let Some((code, reason)) = self.consumer.client().fatal_error() {
            return Err(Failure::Fatal(WorkerError::fatal(code, reason)));
        }
        if is_denial(error) {
            return Err(Failure::StartAgain(error.clone()));
        }
        tracing::debug!(%error, "the consumer reports an error and goes on");
        Ok(())
    }

    /// Waits until something comes or a commit is due, and reads what is there. Returns whether there was more than one
    /// call reads.
    fn read(&mut self) -> Result<bool, Failure> {
        let now_ms = self.now_ms();
        let Life { queue, engine, partials, job, started, .. } = self;
        let mut failure: Option<WorkerError> = None;
        let due_ms = engine.commit_due_in_ms(now_ms, job.config.commit_interval_ms, engine.pace(false));
        let wait_ms = due_ms.unwrap_or(WAIT_MS).clamp(0, WAIT_MS);
        let wait = Duration::from_millis(wait_ms.unsigned_abs());
        // Read once for all records of a call, when the first has come: a receipt may be younger than the wait for it.
        let mut came = None;
        let (_, full) = queue.consume(wait, |delivery| match delivery {
            Delivery::Record { topic: INPUT, partition, record } => {
                engine.receipt(partition, &record, *came.get_or_insert_with(|| clock(*started)));
            }
            Delivery::Record { partition, record, .. } => {
                let value = record.value().unwrap_or_default();
                if failure.is_none()
                    && let Err(error) = engine.partial(partition, record.offset(), value)
                {
                    failure = Some(error.into());
                }
            }
            Delivery::End { topic: INPUT, partition, offset } => engine.input_reached(partition, offset),
            Delivery::End { partition, offset, .. } => engine.merge_reached(partition, offset),
            Delivery::Error { topic, partition, code } => {
                let topic = if topic == INPUT { &job.config.input_topic } else { &*partials };
                let is_moved = code == RDKafkaErrorCode::AutoOffsetReset || code == RDKafkaErrorCode::OffsetOutOfRange;
                if is_moved || is_denial_code(code) {
                    failure = Some(WorkerError::Unreadable { topic: topic.clone(), partition, code });
                } else {
                    tracing::debug!(topic, partition, %code, "a partition reports an error");
                }
            }
        });
        for (partition, is_held) in engine.align(clock(*started), |partition| queue.high_watermark(INPUT, partition)) {
            if is_held { queue.hold(INPUT, partition) } else { queue.forward(INPUT, partition) }
        }
        match failure {
            None => Ok(full),
            // A new life looks the log over again, and says what retention has deleted.
            Some(WorkerError::Unreadable { code, .. }) => {
                Err(Failure::StartAgain(KafkaError::MessageConsumption(code)))
            }
            Some(error) => Err(Failure::Fatal(error)),
        }
    }

    fn tick(&mut self, now_ms: i64) {
        let (queue, context, input_topic) = (&self.queue, self.consumer.context(), &self.job.config.input_topic);
        self.engine.tick(now_ms, |partition, next_offset| {
            // The high watermark is that of the last fetch: a broker that is away may hold more.
            queue.high_watermark(INPUT, partition).is_some_and(|high| next_offset >= high)
                && !context.is_out_of_reach(input_topic, partition)
        });
        let (input, partials) = (INPUT, PARTIALS);
        context.rescue(&self.consumer, &self.job.config.kafka);
        self.measures.connected(context.is_connected());
        self.measures.look(
            &self.engine,
            now_ms,
            |partition| queue.high_watermark(input, partition),
            |partition| queue.high_watermark(partials, partition),
        );
    }

    /// A client that knows of no leader, where another does, has lost sight of it for good: a new life has new ones.
    fn check_leaders(&mut self, now_ms: i64) -> Result<(), Failure> {
        let context = self.consumer.context();
        let inputs = self.engine.inputs().map(|(partition, _)| (&self.job.config.input_topic, partition));
        let merges = self.engine.merges().map(|(partition, _)| (&self.partials, partition));
        let missed = inputs.chain(merges).filter(|(topic, partition)| context.has_no_leader(topic, *partition));
        let missed: BTreeSet<TopicPartition> = missed.map(|(topic, partition)| (topic.clone(), partition)).collect();
        if !self.leaders.are_doubtful(now_ms, context.is_connected() && !missed.is_empty()) {
            return Ok(());
        }
        match leaders::led(&self.job.config.kafka, &missed) {
            Ok(led) if led.is_empty() => Ok(()),
            Ok(led) => {
                let worker = self.identity.number;
                tracing::warn!(worker, ?led, "the Kafka client misses the leaders of these partitions: starting again");
                Err(Failure::StartAgain(KafkaError::Canceled))
            }
            Err(error) => {
                tracing::debug!(%error, "no other client is told the leaders either");
                Ok(())
            }
        }
    }

    fn send_output(&mut self) -> Result<(), Failure> {
        if self.job.config.guarantee == Guarantee::AtLeastOnce && self.engine.announce_published() {
            // Should we die between writing final results and committing them, the next owner must not follow them with
            // early ones: it learns from this that they may be out.
            let offsets = self.offsets(&self.last_commit_announcing());
            self.outbound.commit_offsets(&self.consumer, &offsets, self.patience)?;
        }
        for record in self.engine.take_output() {
            self.outbound.send(&record)?;
        }
        Ok(())
    }

    /// The offsets of the last commit, with the windows that are about to be published.
    fn last_commit_announcing(&self) -> Commit {
        let mut commit = self.last_commit.clone();
        for (partition, _, progress) in &mut commit.merges {
            let merge = self.engine.merges().find(|(other, _)| other == partition);
            progress.announced_ms = merge.and_then(|(_, merge)| merge.announced_ms());
        }
        commit.inputs.clear();
        commit
    }

    fn commit(&mut self, pace: Pace) -> Result<(), Failure> {
        let commit = self.engine.commit(self.now_ms(), pace);
        self.send_output()?;
        let offsets = self.offsets(&commit);
        let began = Instant::now();
        self.outbound.commit(&self.consumer, &offsets, self.patience)?;
        self.measures.committed(&mut self.engine, began.elapsed());
        self.engine.committed(self.now_ms());
        self.last_commit = commit;
        Ok(())
    }

    fn offsets(&self, commit: &Commit) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        let mut add = |topic: &str, partition: i32, offset: i64, metadata: String| {
            let mut element = list.add_partition(topic, partition);
            element.set_offset(Offset::Offset(offset)).expect("offsets that were read are valid");
            element.set_metadata(metadata);
        };
        for (partition, offset, progress) in &commit.inputs {
            add(&self.job.config.input_topic, *partition, *offset, progress.to_string());
        }
        for (partition, offset, progress) in &commit.merges {
            add(&self.partials, *partition, *offset, progress.to_string());
        }
        list
    }

    /// Commits and gives all partitions up; if they are lost already, what was not committed is thrown away.
    fn give_up(&mut self) -> Result<(), Failure> {
        if self.consumer.assignment_lost() {
            let Identity { number: worker, transactional_id, .. } = self.identity;
            tracing::warn!(worker, transactional_id, "the group went on without this worker");
            self.measures.unassigned(RebalanceKind::Lost);
            return Err(Failure::StartAgain(KafkaError::Canceled));
        }
        // What has piled up for a partition that is held goes with what the queue has of the others.
        for (partition, _) in self.engine.inputs().filter(|(partition, _)| self.engine.is_held(*partition)) {
            self.queue.forward(INPUT, partition);
        }
        let committed = if self.engine.is_unassigned() { Ok(()) } else { self.commit(Pace::HandingOver) };
        self.engine.revoke_all();
        self.last_commit = Commit::default();
        self.measures.unassigned(RebalanceKind::Revoked);
        committed?;
        self.consumer.unassign().map_err(Failure::StartAgain)
    }

    /// With `--until-end`: whether every window of the group is published, by whichever replica.
    fn group_has_ended(&self) -> bool {
        if !self.job.config.until_end {
            return false;
        }
        let partitions = 0..self.job.engine.merge_partitions;
        let Ok(committed) = assignment::committed(&self.consumer, &self.partials, partitions) else { return false };
        self.engine.has_ended(committed.iter().map(|committed| {
            let (_, metadata) = committed.progress.as_ref()?;
            self.merge_progress(metadata).ok()
        }))
    }
}

/// What the clocks of a life that began at `started` show now.
fn clock(started: Instant) -> Clock {
    Clock { monotonic_ms: ms(started.elapsed()), wall_ms: wall_ms() }
}

/// The engine's errors are ours.
impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::Fatal(error.into())
    }
}
