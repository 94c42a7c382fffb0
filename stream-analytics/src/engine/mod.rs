//! A worker without Kafka: the partitions in its care, what to write, and what to commit.
//!
//! The shell (`worker`) feeds it records and clock readings and carries out its [`Commit`]s; the simulation does the same
//! with a log in memory.

pub mod alignment;
mod batching;

use std::collections::BTreeMap;

use alignment::{Alignment, Reading};
use batching::PartialBatches;

use crate::combine::sums::Sums;
use crate::combine::{Clock, CombineConfig, CombineCounts, InputPartition, SourceRecord};
use crate::merge::{MergeConfig, MergeCounts, MergePartition};
use crate::outbox::OutputRecord;
use crate::partials::{Announcement, Partial, PartialError};
use crate::progress::{InputProgress, MergeProgress, Settings};

/// What a worker needs to know.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Stage 1.
    pub combine: CombineConfig,
    /// Stage 2.
    pub merge: MergeConfig,
    /// Partitions of `partials`.
    pub merge_partitions: i32,
    /// Partitions of the input topic.
    pub input_partitions: i32,
    /// The consumer group, full name.
    pub group: String,
    /// Distance of early results; final ones only if `None`.
    pub update_every_ms: Option<i64>,
    /// When input partitions wait for one another.
    pub alignment: Alignment,
    /// With `--until-end`: the sum of the ends of all input partitions at start, which must be read at least.
    pub until: Option<i64>,
    /// Bounds of the state.
    pub limits: Limits,
}

/// Bounds of what a merge partition holds. Past them the service ends: to drop or to lump together would be wrong.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Spans with sums: one a window if windows tumble.
    pub open_spans: usize,
    /// Distinct stores and items of a span.
    pub distinct_keys: usize,
}

/// How often input partitions are announced at least, milliseconds.
pub const ANNOUNCE_EVERY_MS: i64 = 1_000;
/// Sums that stage 1 holds at most before it commits them.
const MAX_SUMS: usize = 100_000;
/// Receipts that a commit leaves to be added up again by a new owner, at most about: a quarter to half a second's work.
const MAX_HELD_RECEIPTS: u64 = 200_000;
/// While the worker keeps up, what others can see leaves after so much of the commit interval…
const EARLY_SHARE: (i64, i64) = (2, 5);
/// …and after so long at most, milliseconds.
const EARLY_MS: i64 = 40;

/// How a worker stands when it commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Nothing waits to be read: what others wait for leaves at once.
    KeepingUp,
    /// More waits than is read at a time: the fewer times sums leave, the fewer there are to add up again.
    CatchingUp,
    /// It gives its partitions up: everything leaves.
    HandingOver,
}

/// Why the engine cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A record of `partials` is not ours.
    #[error(
        "partition {partition} of partials holds a record at offset {offset} that this version cannot read ({source}): \
         let replicas of the version that wrote it finish, or use another --topic-prefix"
    )]
    Partial {
        /// Partition of `partials`.
        partition: i32,
        /// Offset there.
        offset: i64,
        /// What is wrong with it.
        source: PartialError,
    },
    /// Another consumer group writes to the same `partials`.
    #[error(
        "group {other:?} works under this topic prefix too, and its sums would be added to ours: \
         join it with --group-id, stop it, or use another --topic-prefix"
    )]
    TwoGroups {
        /// The other group, full name.
        other: String,
    },
    /// A bound of the state is passed.
    #[error("{what}: {held} held, {limit} allowed; raise {flag}, or find out what keeps the watermark back")]
    TooMuchState {
        /// Of what there is too much.
        what: &'static str,
        /// How much.
        held: usize,
        /// The bound.
        limit: usize,
        /// The flag that sets it.
        flag: &'static str,
    },
}

/// Offsets to commit, with the outputs that were written since the last commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Of the input topic: partition, offset, metadata.
    pub inputs: Vec<(i32, i64, InputProgress)>,
    /// Of `partials`: partition, offset, metadata.
    pub merges: Vec<(i32, i64, MergeProgress)>,
}

/// What a worker did since it was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stage 1.
    pub combine: CombineCounts,
    /// Stage 2.
    pub merge: MergeCounts,
}

/// What has happened since the last commit.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts, not a state in disguise
struct Pending {
    /// Receipts were read since the last commit.
    inputs_moved: bool,
    /// Outputs were written, or will be with the commit.
    has_output: bool,
    /// A window was published: do not wait for the interval.
    urgent: bool,
    /// The same, and the merge partitions should hear of it: since sums last left.
    news: bool,
    /// Final results are in the output that were not announced.
    finals: bool,
}

/// The partitions in a worker's care.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    inputs: BTreeMap<i32, InputPartition>,
    /// Of all input partitions.
    sums: Sums,
    merges: BTreeMap<i32, MergePartition>,
    out: Vec<OutputRecord>,
    pending: Pending,
    committed_ms: i64,
    commit_ended_ms: i64,
    announced_ms: Option<i64>,
    updated_ms: i64,
    /// Input partitions that wait for others.
    held: Vec<i32>,
}

impl Engine {
    /// A worker with nothing in its care.
    pub fn new(config: EngineConfig, now_ms: i64) -> Self {
        Engine {
            config,
            inputs: BTreeMap::new(),
            sums: Sums::default(),
            merges: BTreeMap::new(),
            out: Vec::new(),
            pending: Pending::default(),
            committed_ms: now_ms,
            commit_ended_ms: now_ms,
            announced_ms: None,
            updated_ms: now_ms,
            held: Vec::new(),
        }
    }

    /// The settings that committed offsets carry.
    pub fn settings(&self) -> Settings {
        Settings {
            window_ms: self.config.combine.windows.window_ms(),
            slide_ms: self.config.combine.windows.slide_ms(),
            delay_ms: self.config.combine.delay_ms,
            merge_partitions: self.config.merge_partitions,
            input_topic: self.config.combine.input_topic.clone(),
        }
    }

    /// Takes an input partition into care and gives the offset to read from: before `offset` if sums were held. `log_end`:
    /// where it ends now, for a run until the end.
    ///
    /// Whenever the group changes, its members look at the end anew, so that a replica which started later, and knows further
    /// ends, finds them read before the others close their windows.
    pub fn assign_input(
        &mut self,
        partition: i32,
        offset: i64,
        progress: Option<&InputProgress>,
        log_end: i64,
        now_ms: i64,
    ) -> i64 {
        let end = self.config.until.is_some().then_some(log_end);
        let input = InputPartition::new(&self.config.combine, partition, offset, progress, end, now_ms);
        let from = input.next_offset();
        self.inputs.insert(partition, input);
        self.announced_ms = None;
        from
    }

    /// Takes a merge partition into care and gives the offset to read from: before `offset` if windows are open.
    pub fn assign_merge(&mut self, partition: i32, offset: i64, progress: Option<&MergeProgress>) -> i64 {
        let merge = MergePartition::new(self.config.merge, offset, progress);
        let from = merge.next_offset();
        self.merges.insert(partition, merge);
        from
    }

    /// The input topic has so many partitions now.
    pub fn set_input_partitions(&mut self, partitions: i32) {
        self.config.input_partitions = self.config.input_partitions.max(partitions);
    }

    /// Drops everything: what was not committed is done again by the next owner.
    pub fn revoke_all(&mut self) {
        self.inputs.clear();
        self.sums = Sums::default();
        self.merges.clear();
        self.out.clear();
        self.held.clear();
        self.pending = Pending::default();
    }

    /// Takes in a record of the input topic.
    pub fn receipt(&mut self, partition: i32, record: &impl SourceRecord, clock: Clock) {
        if let Some(input) = self.inputs.get_mut(&partition) {
            self.pending.news |= input.record(&self.config.combine, record, clock, &mut self.sums, &mut self.out);
            self.pending.inputs_moved = true;
        }
    }

    /// Takes in a record of `partials`.
    pub fn partial(&mut self, partition: i32, offset: i64, value: &[u8]) -> Result<(), EngineError> {
        let Some(merge) = self.merges.get_mut(&partition) else { return Ok(()) };
        let partial = Partial::decode(value).map_err(|source| EngineError::Partial { partition, offset, source })?;
        if let Some(announcement) = &partial.announcement
            && announcement.group != self.config.group
        {
            return Err(EngineError::TwoGroups { other: announcement.group.to_owned() });
        }
        let published = merge.partial(offset, &partial, &mut self.out);
        self.pending.urgent |= published;
        self.pending.finals |= published;
        let Limits { open_spans, distinct_keys } = self.config.limits;
        let check = |what, held, limit, flag| {
            if held > limit { Err(EngineError::TooMuchState { what, held, limit, flag }) } else { Ok(()) }
        };
        check("too many open windows", merge.open().spans(), open_spans, "--max-open-windows")?;
        check("too many stores and items in a window", merge.open().fullest(), distinct_keys, "--max-distinct")
    }

    /// Everything of the input partition before `offset` was delivered.
    pub fn input_reached(&mut self, partition: i32, offset: i64) {
        if let Some(input) = self.inputs.get_mut(&partition) {
            self.pending.inputs_moved |= offset > input.next_offset();
            self.pending.news |= input.reached(offset);
        }
    }

    /// Everything of the merge partition before `offset` was delivered.
    pub fn merge_reached(&mut self, partition: i32, offset: i64) {
        if let Some(merge) = self.merges.get_mut(&partition) {
            merge.reached(offset);
        }
    }

    /// Looks at the clock. `caught_up` tells of an input partition whether all that the broker holds was read.
    pub fn tick(&mut self, now_ms: i64, caught_up: impl Fn(i32, i64) -> bool) {
        for (partition, input) in &mut self.inputs {
            input.tick(caught_up(*partition, input.next_offset()), now_ms);
        }
        if let Some(every_ms) = self.config.update_every_ms
            && now_ms - self.updated_ms >= every_ms
        {
            self.updated_ms = now_ms;
            self.merges.values_mut().for_each(|merge| merge.publish_early(&mut self.out));
        }
    }

    /// Decides anew which input partitions are left unread for now, being far ahead of the others. Gives those for which it
    /// changed, and whether they are held. `high` is a partition's high watermark, as far as it is known.
    pub fn align(&mut self, clock: Clock, high: impl Fn(i32) -> Option<i64>) -> Vec<(i32, bool)> {
        if self.inputs.len() > alignment::MAX_ALIGNED {
            return Vec::new();
        }
        let alignment = self.config.alignment;
        let with_backlog = self.inputs.iter().filter(|(partition, input)| {
            !input.has_ended()
                && high(**partition).is_some_and(|high| high - input.next_offset() >= alignment.backlog_records)
        });
        let readings = with_backlog.filter_map(|(partition, input)| {
            Some(Reading {
                partition: *partition,
                watermark_ms: input.watermark_ms()?,
                comes: input.comes(clock.monotonic_ms),
            })
        });
        let before = std::mem::replace(&mut self.held, alignment::held(readings.collect(), alignment, clock.wall_ms));
        let released = before.iter().filter(|partition| !self.held.contains(partition));
        let caught = self.held.iter().filter(|partition| !before.contains(partition));
        released.map(|partition| (*partition, false)).chain(caught.map(|partition| (*partition, true))).collect()
    }

    /// Whether an input partition is left unread for now.
    pub fn is_held(&self, partition: i32) -> bool {
        self.held.contains(&partition)
    }

    /// Outputs so far, to be written in the open transaction.
    pub fn take_output(&mut self) -> impl Iterator<Item = OutputRecord> {
        self.pending.has_output |= !self.out.is_empty();
        self.out.drain(..)
    }

    /// How a worker stands that has read what there was, or more than it reads at a time (`has_more`).
    pub fn pace(&self, has_more: bool) -> Pace {
        // What is held back waits to be read.
        if has_more || !self.held.is_empty() { Pace::CatchingUp } else { Pace::KeepingUp }
    }

    /// Whether to commit now.
    pub fn commit_due(&self, now_ms: i64, interval_ms: i64, pace: Pace) -> bool {
        self.commit_due_in_ms(now_ms, interval_ms, pace).is_some_and(|ms| ms <= 0)
    }

    /// How long until a commit is due if nothing else happens; `None` with nothing in care.
    pub fn commit_due_in_ms(&self, now_ms: i64, interval_ms: i64, pace: Pace) -> Option<i64> {
        if self.is_unassigned() {
            return None;
        }
        let keeping_up = pace == Pace::KeepingUp;
        let Pending { inputs_moved, has_output, urgent, news, .. } = self.pending;
        let has_output = has_output || !self.out.is_empty();
        if (keeping_up && (urgent || news)) || self.holds_too_much() {
            return Some(0);
        }
        let (share, of) = EARLY_SHARE;
        let early_ms = if keeping_up && has_output { EARLY_MS.min(interval_ms * share / of) } else { interval_ms };
        // Measured from commit to commit; after a slow one at least half of it is left for reading.
        let over_ms = (self.committed_ms + early_ms).max(self.commit_ended_ms + early_ms / 2);
        let announce_ms = self.announced_ms.map_or(now_ms, |announced_ms| announced_ms + ANNOUNCE_EVERY_MS);
        let due_ms = if inputs_moved || has_output { over_ms.min(announce_ms) } else { announce_ms };
        Some(due_ms - now_ms)
    }

    fn holds_too_much(&self) -> bool {
        self.sums.distinct() > MAX_SUMS
    }

    /// Whether sums and announcements leave with the commit that is being made. They need not leave with each: a window
    /// needs them once its end is passed (while more is to be read nobody waits for it), and a second's worth is soon added up
    /// again.
    fn sums_due(&self, now_ms: i64, pace: Pace) -> bool {
        match pace {
            Pace::HandingOver => return true,
            Pace::KeepingUp if self.pending.news => return true,
            Pace::KeepingUp | Pace::CatchingUp => {}
        }
        self.announced_ms.is_none_or(|announced_ms| now_ms - announced_ms >= ANNOUNCE_EVERY_MS)
            || self.sums.receipts() > MAX_HELD_RECEIPTS
            || self.holds_too_much()
            || self.inputs.values().any(InputPartition::must_sum)
    }

    /// Ends the transaction's worth of work: writes sums and announcements to the output if they are due or the work is
    /// handed over, and gives the offsets to commit. Offsets of every partition in care are in it, for these are what
    /// fences a zombie.
    pub fn commit(&mut self, now_ms: i64, pace: Pace) -> Commit {
        let mut news = self.pending.news;
        if self.sums_due(now_ms, pace) {
            self.write_sums();
            self.announced_ms = Some(now_ms);
            news = false;
        } else {
            self.inputs.values_mut().for_each(InputPartition::note_summed);
        }
        self.committed_ms = now_ms;
        self.pending = Pending { finals: self.pending.finals, news, ..Pending::default() };
        self.offsets()
    }

    fn write_sums(&mut self) {
        if self.inputs.is_empty() {
            return;
        }
        let announcement = Announcement {
            group: &self.config.group,
            input_partitions: self.config.input_partitions,
            inputs: self.inputs.values().map(InputPartition::state).collect(),
        };
        self.inputs.values_mut().for_each(InputPartition::note_sums_taken);
        let taken = self.sums.take();
        let mut batches = PartialBatches::new(self.config.merge_partitions);
        for (span, sums) in &taken {
            batches.add(*span, sums);
        }
        batches.finish(&announcement, &mut self.out);
    }

    /// The offsets and progress of every partition in care, as they stand.
    pub fn offsets(&self) -> Commit {
        let settings = self.settings();
        Commit {
            inputs: self
                .inputs
                .iter()
                .map(|(partition, input)| (*partition, input.commit_offset(), input.progress(settings.clone())))
                .collect(),
            merges: self
                .merges
                .iter()
                .map(|(partition, merge)| (*partition, merge.commit_offset(), merge.progress(settings.clone())))
                .collect(),
        }
    }

    /// The commit was carried out.
    pub fn committed(&mut self, now_ms: i64) {
        self.commit_ended_ms = now_ms;
    }

    /// At-least-once: notes that windows are about to be published without a transaction. Returns whether there are any
    /// that were not noted before.
    pub fn announce_published(&mut self) -> bool {
        let needed = std::mem::take(&mut self.pending.finals) && self.config.update_every_ms.is_some();
        if needed {
            self.merges.values_mut().for_each(MergePartition::announce_published);
        }
        needed
    }

    /// Partitions that the input topic has.
    pub fn input_partitions(&self) -> i32 {
        self.config.input_partitions
    }

    /// With `--until-end`: whether every input partition in care is read to its end.
    pub fn has_read_to_the_end(&self) -> bool {
        self.inputs.values().all(|input| input.state().ended_at.is_some())
    }

    /// With `--until-end`: whether everything is published that was there at start, going by what the group has committed for
    /// each merge partition.
    pub fn has_ended(&self, mut merges: impl Iterator<Item = Option<MergeProgress>>) -> bool {
        self.config.until.is_some()
            && merges.all(|merge| merge.is_some_and(|progress| progress.ended_at >= self.config.until))
    }

    /// Input partitions in care, with where they stand.
    pub fn inputs(&self) -> impl Iterator<Item = (i32, &InputPartition)> {
        self.inputs.iter().map(|(partition, input)| (*partition, input))
    }

    /// Merge partitions in care.
    pub fn merges(&self) -> impl Iterator<Item = (i32, &MergePartition)> {
        self.merges.iter().map(|(partition, merge)| (*partition, merge))
    }

    /// Whether it has nothing in its care.
    pub fn is_unassigned(&self) -> bool {
        self.inputs.is_empty() && self.merges.is_empty()
    }

    /// Takes the counts of all partitions.
    pub fn take_counts(&mut self) -> Counts {
        let mut counts = Counts::default();
        for input in self.inputs.values_mut() {
            let CombineCounts { receipts, late, malformed, expensive, replayed } = input.take_counts();
            counts.combine.receipts += receipts;
            counts.combine.late += late;
            counts.combine.malformed += malformed;
            counts.combine.expensive += expensive;
            counts.combine.replayed += replayed;
        }
        for merge in self.merges.values_mut() {
            let MergeCounts { windows, late_sums, late_receipts, replayed } = merge.take_counts();
            counts.merge.windows += windows;
            counts.merge.late_sums += late_sums;
            counts.merge.late_receipts += late_receipts;
            counts.merge.replayed += replayed;
        }
        counts
    }
}
