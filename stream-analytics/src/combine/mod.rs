//! Stage 1: folds receipts into small sums.
//!
//! Expensive receipts and dead letters leave with every commit. Sums may wait for a later one: a commit says up to where
//! they have left, with the watermark as it stood there, and whoever takes the partition over adds up from there again.

pub mod receipt;
pub mod sums;
pub mod watermark;

use common::{EventTime, Money, TopicKind, dead_letter};
use receipt::{ReceiptView, with_receipt};
use sums::{Place, Sums};
use watermark::InputWatermark;

use crate::outbox::{Header, OutputRecord};
use crate::partials::InputState;
use crate::progress::{InputProgress, Settings};
use crate::window::{Placement, WindowSpec};

/// So long after its last record a partition has gone quiet, milliseconds.
const GONE_QUIET_MS: i64 = 1_000;

/// What stage 1 needs to know.
#[derive(Debug, Clone)]
pub struct CombineConfig {
    /// The windows.
    pub windows: WindowSpec,
    /// Watermark delay, milliseconds.
    pub delay_ms: i64,
    /// Silence after which a caught-up partition is idle.
    pub idle_after_ms: Option<i64>,
    /// How far ahead of the wall clock an event time may be.
    pub max_ahead_ms: Option<i64>,
    /// Receipts over it are published.
    pub expensive_over: Money,
    /// Full name of the input topic, for the headers of dead letters.
    pub input_topic: String,
}

/// The time, read once for a batch of records.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Monotonic milliseconds: measures silence.
    pub monotonic_ms: i64,
    /// Milliseconds since the epoch: bounds event times.
    pub wall_ms: i64,
}

/// A record of the input topic.
pub trait SourceRecord {
    /// Its offset.
    fn offset(&self) -> i64;
    /// Its value; `None` is null.
    fn value(&self) -> Option<&[u8]>;
    /// Its key.
    fn key(&self) -> Option<&[u8]>;
    /// Its own timestamp, milliseconds since the epoch.
    fn timestamp_ms(&self) -> Option<i64>;
    /// Its headers, in order.
    fn headers(&self) -> Vec<Header>;
}

/// What became of an input partition's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CombineCounts {
    /// Receipts that count in a window.
    pub receipts: u64,
    /// Receipts all of whose windows were closed.
    pub late: u64,
    /// Records that are not receipts.
    pub malformed: u64,
    /// Receipts over the threshold.
    pub expensive: u64,
    /// Records read again after a takeover.
    pub replayed: u64,
}

/// One partition of the input topic under this worker's care.
#[derive(Debug)]
pub struct InputPartition {
    partition: i32,
    next_offset: i64,
    /// What came of records before this offset was committed by an earlier owner, but for their sums.
    replay_until: i64,
    watermark: InputWatermark,
    /// Receipts that were added to sums which have not left.
    held_receipts: u64,
    summed: Summed,
    /// A clock decided something since then, which a new owner would decide otherwise.
    clock_decided: bool,
    /// With `--until-end`: records from here on are not of this run.
    end: Option<i64>,
    /// Monotonic milliseconds: when the last record came.
    read_ms: Option<i64>,
    counts: CombineCounts,
}

/// Up to where sums have left, and where the watermark stood there.
#[derive(Debug, Clone, Copy)]
struct Summed {
    until: i64,
    watermark_ms: Option<i64>,
}

/// Why a record is refused.
enum Refusal {
    Malformed(String),
    Late(String),
}

impl InputPartition {
    /// Goes on at `offset` with what was committed there; [`Self::next_offset`] says where to read from.
    pub fn new(
        config: &CombineConfig,
        partition: i32,
        offset: i64,
        progress: Option<&InputProgress>,
        end: Option<i64>,
        now_ms: i64,
    ) -> Self {
        let until = progress.map_or(offset, |progress| progress.summed_until.min(offset));
        let watermark_ms = progress.and_then(|progress| progress.watermark_ms);
        InputPartition {
            partition,
            next_offset: until,
            replay_until: offset,
            watermark: InputWatermark::new(config.delay_ms, config.idle_after_ms, watermark_ms, now_ms),
            held_receipts: 0,
            summed: Summed { until, watermark_ms },
            clock_decided: false,
            end,
            read_ms: None,
            counts: CombineCounts::default(),
        }
    }

    /// Takes in a record: it is added to `sums`, published as expensive, or refused to the dead-letter topic. Returns whether the
    /// others should hear of it at once: the watermark passed a window's end, the partition woke, or it was read to its end.
    pub fn record(
        &mut self,
        config: &CombineConfig,
        record: &impl SourceRecord,
        clock: Clock,
        sums: &mut Sums,
        out: &mut Vec<OutputRecord>,
    ) -> bool {
        // A record that comes again counts once.
        if record.offset() < self.next_offset {
            return false;
        }
        // What lies between the last record and the end was not delivered: no other word of it may come in a busy topic.
        if self.end.is_some_and(|end| record.offset() >= end) {
            return self.reached(record.offset());
        }
        self.next_offset = record.offset() + 1;
        self.read_ms = Some(clock.monotonic_ms);
        let replaying = record.offset() < self.replay_until;
        let mut expensive = None;
        let outcome = with_receipt(record.value().unwrap_or_default(), |receipt| {
            if receipt.total_minor > config.expensive_over.minor() && !replaying {
                let value = receipt.expensive_json();
                expensive = Some(OutputRecord::keyed(TopicKind::ExpensiveReceipts, receipt.receipt_id, value));
            }
            self.receipt(config, receipt, record.offset(), clock, sums)
        })
        .unwrap_or_else(|malformed| Err(Refusal::Malformed(malformed.to_string())));
        let news = self.has_ended() || matches!(outcome, Ok(true));
        if replaying {
            self.counts.replayed += 1;
            return news;
        }
        match outcome {
            Ok(_) => self.counts.receipts += 1,
            Err(Refusal::Malformed(message)) => {
                self.counts.malformed += 1;
                out.push(self.dead_letter(config, record, dead_letter::MALFORMED, message));
                return news;
            }
            Err(Refusal::Late(message)) => {
                self.counts.late += 1;
                out.push(self.dead_letter(config, record, dead_letter::LATE, message));
            }
        }
        // Late ones too: the query for expensive receipts has no window.
        self.counts.expensive += u64::from(expensive.is_some());
        out.extend(expensive);
        news
    }

    /// Judges a well-formed receipt by the watermark as it stands, adds it up, and moves the watermark. Gives whether the
    /// others should hear of it at once.
    fn receipt(
        &mut self,
        config: &CombineConfig,
        receipt: &ReceiptView<'_>,
        offset: i64,
        clock: Clock,
        sums: &mut Sums,
    ) -> Result<bool, Refusal> {
        if let Some(max_ahead_ms) = config.max_ahead_ms
            && receipt.event_ms > clock.wall_ms.saturating_add(max_ahead_ms)
            // What an earlier owner found too far ahead is not read again, and what it took stays taken.
            && offset >= self.replay_until
        {
            self.clock_decided = true;
            let ahead_ms = receipt.event_ms - clock.wall_ms;
            return Err(Refusal::Malformed(format!("the timestamp is {ahead_ms} ms ahead of the clock (--max-ahead)")));
        }
        let watermark_ms = self.watermark.get();
        match config.windows.place(receipt.event_ms, watermark_ms) {
            Placement::OffTheCalendar => Err(Refusal::Malformed("its windows have no four-digit year".to_owned())),
            Placement::Late => {
                let watermark =
                    watermark_ms.and_then(EventTime::from_ms).map_or_else(String::new, |time| time.to_string());
                Err(Refusal::Late(format!("all its windows were closed at watermark {watermark}")))
            }
            Placement::In(span) => {
                sums.add(span, Place { partition: self.partition, offset }, receipt);
                self.held_receipts += 1;
                let woke = self.watermark.is_idle();
                self.watermark.observe(receipt.event_ms, clock.monotonic_ms);
                let moved_to_ms = self.watermark.get();
                let passed_an_end = moved_to_ms > watermark_ms
                    && moved_to_ms.map(|ms| config.windows.first_end_after_ms(ms))
                        != watermark_ms.map(|ms| config.windows.first_end_after_ms(ms));
                Ok(woke || passed_an_end)
            }
        }
    }

    fn dead_letter(
        &self,
        config: &CombineConfig,
        record: &impl SourceRecord,
        exception: &str,
        message: String,
    ) -> OutputRecord {
        let mut headers = record.headers();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), Some(value.into_bytes())));
        add(dead_letter::EXCEPTION, exception.to_owned());
        add(dead_letter::MESSAGE, message);
        add(dead_letter::TOPIC, config.input_topic.clone());
        add(dead_letter::PARTITION, self.partition.to_string());
        add(dead_letter::OFFSET, record.offset().to_string());
        add(dead_letter::SOURCE_TIMESTAMP, record.timestamp_ms().map_or_else(String::new, |ms| ms.to_string()));
        OutputRecord {
            topic: TopicKind::ReceiptsDeadLetter,
            partition: None,
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
            headers,
        }
    }

    /// Everything before `offset` was delivered: transaction markers and aborted records are not. Returns whether it is
    /// now read to its end.
    pub fn reached(&mut self, offset: i64) -> bool {
        let ended_before = self.has_ended();
        self.next_offset = self.next_offset.max(self.end.map_or(offset, |end| offset.min(end)));
        self.has_ended() && !ended_before
    }

    /// Looks at the clock; `caught_up` as in [`InputWatermark::tick`].
    pub fn tick(&mut self, caught_up: bool, now_ms: i64) {
        let before_ms = self.watermark.get();
        self.watermark.tick(caught_up, now_ms);
        self.clock_decided |= self.watermark.get() != before_ms;
    }

    /// With `--until-end`: whether it is read to its end.
    pub fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.next_offset >= end)
    }

    /// Whether records of it have come of late: what has stopped coming, its leader being away, is not waited for.
    pub fn comes(&self, now_ms: i64) -> bool {
        self.read_ms.is_some_and(|read_ms| now_ms - read_ms < GONE_QUIET_MS)
    }

    /// Its watermark, if it ever had a receipt.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.watermark.get()
    }

    /// Where the partition stands, to be announced and committed.
    pub fn state(&self) -> InputState {
        InputState {
            partition: self.partition,
            watermark_ms: self.watermark.get(),
            idle: self.watermark.is_idle(),
            ended_at: self.end.filter(|_| self.has_ended()),
        }
    }

    /// The offset of the record that is read next.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The offset to commit.
    pub fn commit_offset(&self) -> i64 {
        self.next_offset.max(self.replay_until)
    }

    /// What to commit with it.
    pub fn progress(&self, settings: Settings) -> InputProgress {
        let Summed { until, watermark_ms } = self.summed;
        InputProgress { settings, summed_until: until, watermark_ms }
    }

    /// The sums leave with the commit that is being made.
    pub fn note_sums_taken(&mut self) {
        self.held_receipts = 0;
        self.note_summed();
    }

    /// Before a commit without sums: if none are held, there is nothing that a new owner must add up again.
    pub fn note_summed(&mut self) {
        if self.held_receipts == 0 {
            self.summed = Summed { until: self.next_offset, watermark_ms: self.watermark.get() };
            self.clock_decided = false;
        }
    }

    /// Whether sums are held that must leave with the next commit: a new owner might judge what a clock has decided since
    /// otherwise.
    pub fn must_sum(&self) -> bool {
        self.clock_decided && self.held_receipts > 0
    }

    /// Takes the counts.
    pub fn take_counts(&mut self) -> CombineCounts {
        std::mem::take(&mut self.counts)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A record that is no receipt.
    struct At(i64);

    impl SourceRecord for At {
        fn offset(&self) -> i64 {
            self.0
        }
        fn value(&self) -> Option<&[u8]> {
            None
        }
        fn key(&self) -> Option<&[u8]> {
            None
        }
        fn timestamp_ms(&self) -> Option<i64> {
            None
        }
        fn headers(&self) -> Vec<Header> {
            Vec::new()
        }
    }

    #[test]
    fn a_record_behind_the_end_tells_that_it_is_reached_and_is_not_taken_in() {
        let config = CombineConfig {
            windows: WindowSpec::new(Duration::from_secs(1), Duration::from_secs(1)).unwrap(),
            delay_ms: 0,
            idle_after_ms: None,
            max_ahead_ms: None,
            expensive_over: Money::from_minor(0),
            input_topic: "receipts".to_owned(),
        };
        let (clock, mut sums, mut out) = (Clock { monotonic_ms: 0, wall_ms: 0 }, Sums::default(), Vec::new());
        let mut input = InputPartition::new(&config, 0, 0, None, Some(10), 0);
        let mut take = |offset| {
            let news = input.record(&config, &At(offset), clock, &mut sums, &mut out);
            (news, input.next_offset(), input.has_ended(), out.len())
        };
        assert_eq!(take(7), (false, 8, false, 1));
        // 8 and 9 are transaction markers, which are not delivered.
        assert_eq!(take(12), (true, 10, true, 1));
        assert_eq!(take(13), (false, 10, true, 1));
    }
}
