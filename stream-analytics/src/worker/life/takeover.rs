//! Taking partitions over: where the group left off, what of the log is needed from there, and the engine that goes on.

use std::time::{Duration, Instant};

use common::kafka::is_denial;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{INPUT, Life, PARTIALS};
use crate::engine::Engine;
use crate::progress::MergeProgress;
use crate::worker::assignment::{self, AssignmentError, Place};
use crate::worker::error::WorkerError;
use crate::worker::outbound::Failure;
use crate::worker::rebalance::TopicPartition;
use crate::worker::{Identity, patience};

/// A takeover that takes longer is begun anew, with clients that know nothing. A member that takes over hears nothing of the
/// group, and a client may never learn of a partition's new leader
/// (<https://github.com/confluentinc/librdkafka/issues/5430>).
const LONGEST_TAKEOVER: Duration = Duration::from_secs(15);
/// Distance of looks at where the group left off.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

impl Life<'_> {
    /// Takes partitions into care as soon as it can be seen where the group left off.
    pub(super) fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), Failure> {
        let (began, mut waited) = (Instant::now(), false);
        loop {
            let error = match self.try_take_over(partitions) {
                Ok(()) => return Ok(()),
                Err(AssignmentError::Fatal(error)) => return Err(Failure::Fatal(error)),
                Err(AssignmentError::Later(error)) => error,
            };
            if is_denial(&error) || self.patience.is_stopping() {
                return Err(Failure::StartAgain(error));
            }
            if began.elapsed() > LONGEST_TAKEOVER {
                self.say_if_hidden(partitions);
                return Err(Failure::StartAgain(error));
            }
            if !std::mem::replace(&mut waited, true) {
                let worker = self.identity.number;
                tracing::info!(worker, %error, "cannot see yet where the group left off: trying until it can be seen");
            }
            patience::pause(LOOK_AGAIN_AFTER);
        }
    }

    /// A transaction of a dead replica ends when it times out. One whose end the broker has lost never does, and no client
    /// can tell them apart.
    fn say_if_hidden(&self, partitions: &[TopicPartition]) {
        let (config, worker) = (&self.job.config, self.identity.number);
        if assignment::is_hidden(&config.kafka, &config.group, partitions) {
            self.measures.hidden();
            tracing::warn!(
                worker,
                group = config.group,
                "a transaction that has not ended hides where the group left off; if this is said again and again, the broker has \
                 lost its end: docs/operations.md, A transaction that never ends"
            );
        }
    }

    fn try_take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), AssignmentError> {
        let now_ms = self.now_ms();
        let (job, settings) = (self.job, self.engine.settings());
        let input_topic = &job.config.input_topic;
        self.check_partition_counts()?;

        let of_topic = |topic: &str| -> Vec<i32> {
            partitions.iter().filter(|(other, _)| other == topic).map(|(_, partition)| *partition).collect()
        };
        let mut list = TopicPartitionList::new();
        let mut engine = Engine::new(job.engine.clone(), now_ms);
        engine.set_input_partitions(self.engine.input_partitions());
        let mut passed_over = [0; 2];
        for committed in assignment::committed(&self.consumer, input_topic, of_topic(input_topic))? {
            let partition = committed.partition;
            let extent = assignment::extent_now(&self.consumer, input_topic, partition)?;
            let from = match &committed.progress {
                None => engine.assign_input(partition, extent.low, None, extent.high, now_ms),
                Some((offset, metadata)) => {
                    let progress = assignment::input_progress(metadata, &settings)?;
                    let place = Place { topic: input_topic, partition, affected: "the windows of these receipts" };
                    let available = |needed| assignment::available(place, extent, needed, job.config.accept_loss);
                    let offset = available(*offset)?;
                    let needed = engine.assign_input(partition, offset, Some(&progress), extent.high, now_ms);
                    let from = available(needed)?;
                    passed_over[INPUT] += (from - needed).max(0);
                    from
                }
            };
            set_offset(&mut list, input_topic, partition, from);
        }
        for committed in assignment::committed(&self.consumer, &self.partials, of_topic(&self.partials))? {
            let partition = committed.partition;
            let extent = assignment::extent_now(&self.consumer, &self.partials, partition)?;
            let from = match &committed.progress {
                None => engine.assign_merge(partition, extent.low, None),
                Some((offset, metadata)) => {
                    let progress = self.merge_progress(metadata)?;
                    let place = Place { topic: &self.partials, partition, affected: "the open windows" };
                    let available = |needed| assignment::available(place, extent, needed, job.config.accept_loss);
                    let offset = available(*offset)?;
                    let needed = engine.assign_merge(partition, offset, Some(&progress));
                    let from = available(needed)?;
                    passed_over[PARTIALS] += (from - needed).max(0);
                    from
                }
            };
            set_offset(&mut list, &self.partials, partition, from);
        }
        for (topic, partition) in partitions {
            self.queue.forward(if topic == input_topic { INPUT } else { PARTIALS }, *partition);
        }
        self.consumer.assign(&list)?;
        let Identity { number: worker, transactional_id, group_instance_id } = self.identity;
        tracing::info!(
            worker, group = job.config.group, transactional_id, group_instance_id,
            inputs = ?of_topic(input_topic), partials = ?of_topic(&self.partials), "partitions assigned"
        );
        self.measures.assigned(partitions.len(), passed_over);
        self.last_commit = engine.offsets();
        self.engine = engine;
        Ok(())
    }

    /// What is committed for a merge partition. An end past all that there is was another topic's, which somebody has deleted; one
    /// that is only past what we saw at the start is that of a replica which started later.
    pub(super) fn merge_progress(&self, metadata: &str) -> Result<MergeProgress, WorkerError> {
        let mut progress = assignment::merge_progress(metadata, &self.engine.settings())?;
        if self.job.config.accept_loss
            && progress.ended_at > self.job.engine.until
            && progress.ended_at > self.input_end()
        {
            progress.ended_at = None;
        }
        Ok(progress)
    }

    /// The sum of the input's ends, as far as they can be seen now.
    fn input_end(&self) -> Option<i64> {
        let partitions = 0..self.engine.input_partitions();
        let end = |partition| assignment::extent_now(&self.consumer, &self.job.config.input_topic, partition);
        partitions.map(|partition| end(partition).ok().map(|extent| extent.high)).sum()
    }

    /// The input may grow; `partials` may not, for the sums of a window would part.
    fn check_partition_counts(&mut self) -> Result<(), AssignmentError> {
        let count = |topic: &str| -> Result<i32, KafkaError> {
            let metadata = self.consumer.fetch_metadata(Some(topic), assignment::QUESTION)?;
            let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
            Ok(i32::try_from(partitions).unwrap_or(i32::MAX))
        };
        let inputs = count(&self.job.config.input_topic)?;
        self.engine.set_input_partitions(inputs);
        let (now, before) = (count(&self.partials)?, self.job.engine.merge_partitions);
        if now > before {
            let topic = self.partials.clone();
            return Err(WorkerError::MergePartitionsChanged { topic, now, before }.into());
        }
        Ok(())
    }
}

fn set_offset(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: i64) {
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("offsets of a log are valid");
}
