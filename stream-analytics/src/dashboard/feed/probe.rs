//! Asks the cluster how it is: brokers, ends of the input, the group's commits and members.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::TopicKind;
use common::kafka::LogContext;
use common::shutdown::Shutdown;
use common::telemetry::Pulse;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{Offset, TopicPartitionList};

use super::ANSWER_TIMEOUT;
use crate::clock::ms;
use crate::dashboard::hub::Hub;
use crate::dashboard::state::health::{Brokers, Group, Sample};
use crate::dashboard::{DashboardConfig, DashboardError};
use crate::worker::process_of;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The group's members change seldom, and a broker that cannot tell them (the embedded one) takes its time to say so.
const GROUP_EVERY: u32 = 3;
/// How often the thread looks whether it is to end.
const STEP: Duration = Duration::from_millis(200);

pub(super) struct Probe {
    consumer: BaseConsumer<LogContext>,
    config: DashboardConfig,
    hub: Arc<Hub>,
}

/// The ends of a topic and how far the group is behind them.
struct Standing {
    end: i64,
    lag: i64,
}

impl Probe {
    pub(super) fn new(config: DashboardConfig, hub: Arc<Hub>) -> Result<Probe, DashboardError> {
        let consumer = config.kafka.consumer(&config.group_id).create_with_context(LogContext)?;
        Ok(Probe { consumer, config, hub })
    }

    pub(super) fn run(self, pulse: &Pulse, shutdown: &Shutdown) {
        let started = Instant::now();
        let mut group = None;
        let mut looks: u32 = 0;
        while !shutdown.is_cancelled() {
            pulse.beat();
            let looked = Instant::now();
            let mut sample = self.look();
            if sample.brokers.reachable && looks.is_multiple_of(GROUP_EVERY) {
                group = self.group();
            }
            sample.group = group.filter(|_| sample.brokers.reachable);
            looks = looks.wrapping_add(1);
            let at_ms = ms(looked - started);
            self.hub.report(&sample, at_ms);
            // The client's own events (logs, connection errors) are served by polling, or they pile up; there are no records
            // to come. A look at a broker that is away takes longer than the time between two: it is followed by a step.
            let next = (looked + LOOK_EVERY).max(Instant::now() + STEP);
            while Instant::now() < next && !shutdown.is_cancelled() {
                if let Some(Err(error)) = self.consumer.poll(STEP) {
                    tracing::debug!(%error, "the dashboard's probe");
                }
            }
        }
    }

    fn look(&self) -> Sample {
        let metadata = match self.consumer.fetch_metadata(Some(&self.config.receipts_topic), ANSWER_TIMEOUT) {
            Ok(metadata) => metadata,
            Err(error) => {
                let brokers = Brokers { error: Some(error.to_string()), ..Brokers::default() };
                return Sample { brokers, ..Sample::default() };
            }
        };
        let topic = metadata.topics().iter().find(|topic| topic.error().is_none());
        let brokers = Brokers {
            reachable: true,
            count: metadata.brokers().len(),
            under_replicated: topic.map_or(0, under_replicated),
            error: None,
        };
        let receipts = self.standing(&self.config.receipts_topic, topic);
        let partials = self.config.topics.name(TopicKind::Partials);
        let merge = self.consumer.fetch_metadata(Some(&partials), ANSWER_TIMEOUT).ok();
        let merge_topic = merge.as_ref().and_then(|found| found.topics().iter().find(|topic| topic.error().is_none()));
        Sample {
            brokers,
            receipts_end: receipts.as_ref().map(|standing| standing.end),
            receipts_lag: receipts.map(|standing| standing.lag),
            partials_lag: self.standing(&partials, merge_topic).map(|standing| standing.lag),
            group: None,
        }
    }

    fn standing(&self, name: &str, topic: Option<&MetadataTopic>) -> Option<Standing> {
        let standing = topic.map(|topic| self.ask_standing(name, topic))?;
        standing.inspect_err(|error| tracing::debug!(%error, topic = name, "its ends cannot be looked up")).ok()
    }

    fn ask_standing(&self, name: &str, topic: &MetadataTopic) -> KafkaResult<Standing> {
        let mut wanted = TopicPartitionList::new();
        for partition in topic.partitions() {
            wanted.add_partition(name, partition.id());
        }
        let committed = self.consumer.committed_offsets(wanted, ANSWER_TIMEOUT)?;
        let mut standing = Standing { end: 0, lag: 0 };
        for entry in committed.elements() {
            let (low, high) = self.consumer.fetch_watermarks(name, entry.partition(), ANSWER_TIMEOUT)?;
            // Without a commit, all of it is still to be read.
            let next = if let Offset::Offset(offset) = entry.offset() { offset.max(low) } else { low };
            standing.end += high;
            standing.lag += (high - next).max(0);
        }
        Ok(standing)
    }

    fn group(&self) -> Option<Group> {
        let groups = self.consumer.fetch_group_list(Some(&self.config.group_id), ANSWER_TIMEOUT).ok()?;
        let group = groups.groups().iter().find(|group| group.name() == self.config.group_id)?;
        let process = |client_id| process_of(&self.config.group_id, client_id);
        let members = group.members().iter();
        let processes: BTreeSet<_> = members.map(|one| (process(one.client_id()), one.client_host())).collect();
        Some(Group { replicas: processes.len(), workers: group.members().len() })
    }
}

fn under_replicated(topic: &MetadataTopic) -> usize {
    topic.partitions().iter().filter(|partition| partition.isr().len() < partition.replicas().len()).count()
}
