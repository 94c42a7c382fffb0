//! Stage 2: adds up the sums of one partition of `partials` and publishes a window once the merged watermark passes its
//! end. A pure function of that partition's records: it reads no clock.

pub mod open_windows;
pub mod ranking;
pub mod totals;
pub mod watermark;

use common::TopicKind;
use common::results::Window;
use open_windows::OpenWindows;
use serde::Serialize;
use watermark::MergedWatermark;

use crate::outbox::OutputRecord;
use crate::partials::{Announcement, Content, Partial, Sum};
use crate::progress::{MergeProgress, Settings};
use crate::window::WindowSpec;

/// What stage 2 needs to know.
#[derive(Debug, Clone, Copy)]
pub struct MergeConfig {
    /// The windows.
    pub windows: WindowSpec,
    /// How many stores, and how many items of each category, a result names.
    pub top: usize,
}

/// What a merge partition has done since it was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Windows published, final.
    pub windows: u64,
    /// Sums that came too late for a published window, counted once a window.
    pub late_sums: u64,
    /// Receipts that came too late for a published window, counted once a window.
    pub late_receipts: u64,
    /// Records read again after a takeover.
    pub replayed: u64,
}

/// One partition of `partials` under this worker's care.
#[derive(Debug)]
pub struct MergePartition {
    config: MergeConfig,
    next_offset: i64,
    /// Records before this offset were taken in by an earlier owner: they are added in silence.
    replay_until: i64,
    watermark: MergedWatermark,
    open: OpenWindows,
    /// Windows that end at or before may be published already, as an earlier owner announced.
    announced_ms: Option<i64>,
    ended_inputs: Vec<Option<i64>>,
    ended_at: Option<i64>,
    counts: MergeCounts,
}

impl MergePartition {
    /// Goes on at `offset` with what was committed there; [`Self::next_offset`] says where to read from.
    pub fn new(config: MergeConfig, offset: i64, progress: Option<&MergeProgress>) -> Self {
        let published_ms = progress.and_then(|progress| progress.published_ms);
        MergePartition {
            config,
            next_offset: progress.map_or(offset, |progress| progress.replay_offset.min(offset)),
            replay_until: offset,
            watermark: MergedWatermark::default(),
            open: OpenWindows::new(config.windows, published_ms),
            announced_ms: progress.and_then(|progress| progress.announced_ms),
            ended_inputs: Vec::new(),
            ended_at: progress.and_then(|progress| progress.ended_at),
            counts: MergeCounts::default(),
        }
    }

    /// The offset of the record that is read next.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Takes in the record at `offset` and writes what becomes final by it. Returns whether anything was published
    /// (or everything was, with `--until-end`).
    pub fn partial(&mut self, offset: i64, partial: &Partial<'_>, out: &mut Vec<OutputRecord>) -> bool {
        // A record that comes again counts once.
        if offset < self.next_offset {
            return false;
        }
        let replaying = offset < self.replay_until;
        self.next_offset = offset + 1;
        self.counts.replayed += u64::from(replaying);
        for sum in &partial.sums {
            let missed = self.open.add(sum, offset);
            if let Some(missed) = missed.filter(|_| !replaying) {
                for end_ms in self.config.windows.ends(missed) {
                    self.counts.late_sums += 1;
                    self.counts.late_receipts += sum.receipts;
                    out.push(late_sum(sum, self.config.windows.window_ending(end_ms)));
                }
            }
        }
        let Some(announcement) = &partial.announcement else { return false };
        self.watermark.announce(announcement);
        self.note_ends(announcement);
        !replaying && self.publish_what_is_complete(out)
    }

    /// Skips to `offset`: nothing before it is left to read (transaction markers and aborted records are not delivered).
    pub fn reached(&mut self, offset: i64) {
        self.next_offset = self.next_offset.max(offset);
    }

    fn publish_what_is_complete(&mut self, out: &mut Vec<OutputRecord>) -> bool {
        let mut until_ms = self.watermark.get();
        let ended_before = self.ended_at;
        if let Some(ended_at) = self.all_inputs_ended()
            && self.ended_at < Some(ended_at)
        {
            self.ended_at = Some(ended_at);
            until_ms = until_ms.max(self.open.last_end_ms());
        }
        let newly_ended = self.ended_at > ended_before;
        let Some(until_ms) = until_ms.filter(|_| until_ms > self.open.published_ms()) else { return newly_ended };
        let (before, config) = (out.len(), self.config);
        self.open.close_until(until_ms, |totals| {
            self.counts.windows += 1;
            ranking::publish(totals, config.windows, config.top, true, out);
        });
        newly_ended || out.len() > before
    }

    fn note_ends(&mut self, announcement: &Announcement<'_>) {
        let count = usize::try_from(announcement.input_partitions).unwrap_or(0).max(self.ended_inputs.len());
        self.ended_inputs.resize(count, None);
        for input in &announcement.inputs {
            if let Some(ended) =
                usize::try_from(input.partition).ok().and_then(|index| self.ended_inputs.get_mut(index))
            {
                *ended = input.ended_at;
            }
        }
    }

    /// The sum of the ends, once every input partition was read up to the end that its owner knows.
    fn all_inputs_ended(&self) -> Option<i64> {
        self.ended_inputs.iter().copied().sum()
    }

    /// Writes early results of the open windows that changed.
    pub fn publish_early(&mut self, out: &mut Vec<OutputRecord>) {
        if self.next_offset < self.replay_until {
            return;
        }
        let config = self.config;
        self.open.early(self.announced_ms, |totals| ranking::publish(totals, config.windows, config.top, false, out));
    }

    /// Notes that windows up to where this partition has published are about to be written without a transaction.
    pub fn announce_published(&mut self) {
        self.announced_ms = self.announced_ms.max(self.open.published_ms());
    }

    /// Windows that end at or before may be published already.
    pub fn announced_ms(&self) -> Option<i64> {
        self.announced_ms
    }

    /// The offset to commit.
    pub fn commit_offset(&self) -> i64 {
        self.next_offset.max(self.replay_until)
    }

    /// What to commit with it.
    pub fn progress(&self, settings: Settings) -> MergeProgress {
        MergeProgress {
            settings,
            // While an earlier owner's records are still read again, the oldest one that is needed may be the next.
            replay_offset: self.open.replay_offset().unwrap_or(self.next_offset),
            published_ms: self.open.published_ms(),
            announced_ms: self.announced_ms,
            ended_at: self.ended_at,
        }
    }

    /// The merged watermark as this partition knows it.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.watermark.get()
    }

    /// The windows that wait.
    pub fn open(&self) -> &OpenWindows {
        &self.open
    }

    /// Takes the counts.
    pub fn take_counts(&mut self) -> MergeCounts {
        std::mem::take(&mut self.counts)
    }
}

/// A value of `partials.dead-letter`, in wire order.
#[derive(Serialize)]
struct LateSum<'a> {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    window: Window,
    input_partition: i32,
    first_offset: i64,
    last_offset: i64,
    receipts: u64,
}

fn late_sum(sum: &Sum<'_>, window: Window) -> OutputRecord {
    let (result, category) = match &sum.content {
        Content::Stores(_) => (TopicKind::TopStores.base_name(), None),
        Content::Items { category, .. } => (TopicKind::PopularItems.base_name(), Some(*category)),
    };
    let value = LateSum {
        result,
        category,
        window,
        input_partition: sum.input_partition,
        first_offset: sum.first_offset,
        last_offset: sum.last_offset,
        receipts: sum.receipts,
    };
    let value = serde_json::to_vec(&value).expect("a struct of plain members serialises");
    OutputRecord::keyed(TopicKind::PartialsDeadLetter, window.start.to_string(), value)
}
