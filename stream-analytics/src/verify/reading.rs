//! From the topics of a snapshot to the fold and the comparison.

use std::collections::BTreeMap;

use common::results::{PopularItems, SalesTotals, TopStores, Window};
use common::{EventTime, Receipt, TopicKind, Topics};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

use super::compare::{Floor, compare};
use super::cuts::StatedSum;
use super::dead_letters::DeadLetter;
use super::error::VerifyError;
use super::fold::{Beside, Expected, Fold};
use super::observer::{Extent, Observer};
use super::published::{Published, WindowResult};
use super::report::Report;
use super::rules::{Place, Range, Rules};
use super::snapshot::{self, Snapshot};
use crate::partials::{Content, Partial};

/// Reads the topics of a snapshot.
pub struct Reading<'a> {
    /// How to read.
    pub observer: &'a Observer<'a>,
    /// How topics are named.
    pub topics: &'a Topics,
    /// Full name of the input topic.
    pub input_topic: &'a str,
    /// Where to read.
    pub snapshot: &'a Snapshot,
}

impl Reading<'_> {
    /// Reads everything and compares.
    pub fn compare(&self, rules: Rules, report: &mut Report) -> Result<(), VerifyError> {
        let beside = self.beside(rules, report)?;
        let stores: Published<TopStores> = self.published(rules.range, report)?;
        let totals: Published<SalesTotals> = self.published(rules.range, report)?;
        let items: Published<PopularItems> = self.published(rules.range, report)?;
        let expected = self.fold(rules, beside, report)?;

        let floor = self.floor(&expected);
        report.note(format!("{} receipts read", expected.receipts));
        let waiting = compare(expected.top_stores, stores, floor, report)
            + compare(expected.sales_totals, totals, floor, report)
            + compare(expected.popular_items, items, floor, report);
        if waiting > 0 {
            report.note(format!("{waiting} results wait for their windows to close, and were not judged"));
        }
        let left_waiting = self.snapshot.group.as_ref().and_then(|group| group.left_waiting_ms);
        if let Some(passed) = left_waiting.and_then(EventTime::from_ms) {
            report.note(format!("the group is stopped; windows up to {passed} are due once it goes on"));
        }
        Ok(())
    }

    fn floor(&self, expected: &Expected) -> Floor {
        let by_the_log = || {
            let watermark_of = |partition| expected.watermarks.get(partition).copied();
            let published_ms = self.snapshot.inputs.keys().map(watermark_of).min().flatten();
            Floor { published_ms, everything: false }
        };
        self.snapshot.group.as_ref().map_or_else(by_the_log, |group| group.floor)
    }

    /// What the topics beside the input and the window results say.
    fn beside(&self, rules: Rules, report: &mut Report) -> Result<Beside, VerifyError> {
        let mut beside = Beside::default();
        let Beside { refusals, lacks, cuts, expensive } = &mut beside;
        let snapshot = self.snapshot;
        self.read(TopicKind::ReceiptsDeadLetter, &snapshot.receipts_dead_letter, |message| {
            let headers = message.headers();
            let headers = headers
                .iter()
                .flat_map(|headers| headers.iter())
                .filter_map(|header| Some((header.key, std::str::from_utf8(header.value.unwrap_or_default()).ok()?)));
            let record = DeadLetter {
                value: message.payload().unwrap_or_default(),
                headers: headers.collect::<BTreeMap<_, _>>(),
            };
            refusals.take(&record, self.input_topic, rules, report);
        })?;
        self.read(TopicKind::PartialsDeadLetter, &snapshot.partials_dead_letter, |message| {
            lacks.take(message.payload().unwrap_or_default(), rules, report);
        })?;
        if rules.idle_by_clock && rules.slide_ms < rules.window_ms {
            self.read(TopicKind::Partials, &snapshot.partials, |message| {
                let Ok(partial) = Partial::decode(message.payload().unwrap_or_default()) else { return };
                for sum in partial.sums.iter().filter(|sum| matches!(sum.content, Content::Stores(_))) {
                    let stated = StatedSum {
                        partition: sum.input_partition,
                        first_offset: sum.first_offset,
                        last_offset: sum.last_offset,
                        first_end_ms: sum.first_end_ms,
                        last_end_ms: sum.last_end_ms,
                    };
                    cuts.take(stated, rules);
                }
            })?;
        }
        let topic = TopicKind::ExpensiveReceipts;
        self.read(topic, &snapshot.results[topic.base_name()], |message| {
            let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            expensive.published(key, value, rules.range, report);
        })?;
        Ok(beside)
    }

    fn published<V: WindowResult>(&self, range: Range, report: &mut Report) -> Result<Published<V>, VerifyError> {
        let mut published = Published::new();
        self.read(V::TOPIC, &self.snapshot.results[V::TOPIC.base_name()], |message| {
            let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            published.take(key, value, range, report);
        })?;
        Ok(published)
    }

    fn fold(&self, rules: Rules, beside: Beside, report: &mut Report) -> Result<Expected, VerifyError> {
        let inputs = &self.snapshot.inputs;
        let dead_letters_are_whole = self.snapshot.receipts_dead_letter.iter().all(|extent| extent.low == 0);
        let mut fold = Fold::new(rules, beside, dead_letters_are_whole);
        let extents: Vec<Extent> =
            inputs.iter().map(|(&partition, input)| Extent { partition, low: input.low, end: input.end }).collect();
        self.observer.read(self.input_topic, &extents, |message| {
            let place = Place { partition: message.partition(), offset: message.offset() };
            let due = inputs.get(&place.partition).is_some_and(|input| place.offset < input.due_end);
            fold.record(place, message.payload().unwrap_or_default(), due, report);
            true
        })?;
        let ends = inputs.iter().map(|(partition, input)| (*partition, (input.low, input.end))).collect();
        Ok(fold.finish(&ends, report))
    }

    fn read(
        &self,
        kind: TopicKind,
        extents: &[Extent],
        mut take: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), VerifyError> {
        self.observer.read(&self.topics.name(kind), extents, |message| {
            take(message);
            true
        })
    }

    /// Where retention has deleted records: the window start from which on everything is there.
    pub fn first_whole_ms(&self, rules: Rules) -> Result<Option<i64>, VerifyError> {
        let event_ms = |value: &[u8]| Some(Receipt::from_json(value).ok()?.timestamp.ms() + rules.delay_ms);
        let inputs = self.snapshot.inputs.iter();
        let inputs = inputs.map(|(&partition, input)| Extent { partition, low: input.low, end: input.end });
        let mut first_ms = self.first_left(self.input_topic, &inputs.collect::<Vec<_>>(), event_ms)?;
        for (kind, extents) in snapshot::RESULTS.iter().map(|kind| (*kind, &self.snapshot.results[kind.base_name()])) {
            let topic = self.topics.name(kind);
            let left_ms = match kind {
                TopicKind::ExpensiveReceipts => self.first_left(&topic, extents, event_ms)?,
                _ => self.first_left(&topic, extents, |value| {
                    let result: WindowOnly = serde_json::from_slice(value).ok()?;
                    Some(result.window.start.ms() + 1)
                })?,
            };
            first_ms = first_ms.max(left_ms);
        }
        Ok(first_ms)
    }

    /// The largest time that the first records of shortened partitions have; of an empty one nothing is known.
    fn first_left(
        &self,
        topic: &str,
        extents: &[Extent],
        time_ms: impl Fn(&[u8]) -> Option<i64>,
    ) -> Result<Option<i64>, VerifyError> {
        let mut first_ms = None;
        for extent in extents.iter().filter(|extent| extent.low > 0) {
            let mut found_ms = None;
            self.observer.read(topic, std::slice::from_ref(extent), |message| {
                found_ms = time_ms(message.payload().unwrap_or_default());
                found_ms.is_none()
            })?;
            first_ms = first_ms.max(Some(found_ms.unwrap_or(i64::MAX)));
        }
        Ok(first_ms)
    }
}

/// The part of a result that tells its place.
#[derive(serde::Deserialize)]
struct WindowOnly {
    window: Window,
}
