//! What the dead-letter topics say: which records were refused, and which receipts a published window lacks.

use std::collections::{BTreeMap, HashMap};

use common::results::Window;
use common::{Receipt, TopicKind, dead_letter};
use serde::Deserialize;

use super::published::key;
use super::report::{Fault, Report};
use super::rules::{Place, Rules};

/// Why a record was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Every window of it was closed.
    Late,
    /// It is no receipt, or too far ahead of the clock.
    Malformed,
}

#[derive(Debug)]
struct Refused {
    reason: Reason,
    times: u32,
    met: bool,
}

/// The records that `receipts.dead-letter` names.
///
/// With a range, late receipts with no window in it are not kept, nor what no reader would take for a receipt; receipts that
/// were refused by the clock always are, for they moved no watermark.
#[derive(Debug, Default)]
pub struct Refusals {
    refused: HashMap<Place, Refused>,
}

/// A record of `receipts.dead-letter`.
pub struct DeadLetter<'a> {
    /// Its value.
    pub value: &'a [u8],
    /// Its headers; of two with one name the later is the service's.
    pub headers: BTreeMap<&'a str, &'a str>,
}

impl Refusals {
    /// Takes in a record; one that names another topic is none of ours.
    pub fn take(&mut self, record: &DeadLetter<'_>, input_topic: &str, rules: Rules, report: &mut Report) {
        const NAME: &str = TopicKind::ReceiptsDeadLetter.base_name();
        let header = |name: &str| record.headers.get(name).copied();
        let place = || {
            let partition = header(dead_letter::PARTITION)?.parse().ok()?;
            let offset = header(dead_letter::OFFSET)?.parse().ok()?;
            let reason = match header(dead_letter::EXCEPTION)? {
                dead_letter::LATE => Reason::Late,
                dead_letter::MALFORMED => Reason::Malformed,
                _ => return None,
            };
            Some((Place { partition, offset }, reason))
        };
        if header(dead_letter::TOPIC).is_some_and(|topic| topic != input_topic) {
            return;
        }
        let Some((place, reason)) = place() else {
            report.fault(NAME, Fault::Wrong, "(no place)", "a record without the headers that name its source");
            return;
        };
        let kept = match (reason, Receipt::from_json(record.value)) {
            (Reason::Late, Ok(receipt)) => rules.may_be_looked_at(receipt.timestamp.ms()),
            (Reason::Malformed, Ok(_)) => true,
            (_, Err(_)) => rules.range.is_everything(),
        };
        if kept {
            self.refused.entry(place).or_insert(Refused { reason, times: 0, met: false }).times += 1;
        }
    }

    /// Why the record at this place was refused, if it was; it counts as met from now on.
    pub fn meet(&mut self, place: Place) -> Option<Reason> {
        let refused = self.refused.get_mut(&place)?;
        refused.met = true;
        Some(refused.reason)
    }

    /// Notes what is named twice, and what is named below `ends` and is not there.
    pub fn finish(self, ends: &BTreeMap<i32, (i64, i64)>, report: &mut Report) {
        const NAME: &str = TopicKind::ReceiptsDeadLetter.base_name();
        let mut refused: Vec<_> = self.refused.into_iter().collect();
        refused.sort_unstable_by_key(|(place, _)| *place);
        for (place, Refused { times, met, .. }) in refused {
            let within = ends.get(&place.partition).is_some_and(|(low, end)| (*low..*end).contains(&place.offset));
            let key = format!("{}/{}", place.partition, place.offset);
            if within && !met {
                report.fault(NAME, Fault::Wrong, &key, "it names a record that is not in the log");
            }
            if within && times > 1 {
                report.fault(NAME, Fault::Repeated, &key, &format!("named {times} times"));
            }
        }
    }
}

/// A value of `partials.dead-letter`.
#[derive(Debug, Deserialize)]
pub struct LateSum {
    result: String,
    #[serde(default)]
    category: Option<String>,
    window: Window,
    input_partition: i32,
    first_offset: i64,
    last_offset: i64,
    receipts: u64,
}

/// A result's parts: all stores together, or one category.
type Stream = Option<Box<str>>;

/// Receipts that published windows lack, as `partials.dead-letter` says.
#[derive(Debug, Default)]
pub struct Lacks {
    /// By window start.
    windows: HashMap<i64, Vec<Lack>>,
}

#[derive(Debug)]
struct Lack {
    stream: Stream,
    partition: i32,
    first_offset: i64,
    last_offset: i64,
    receipts: u64,
    met: u64,
}

impl Lacks {
    /// Takes in a record.
    pub fn take(&mut self, value: &[u8], rules: Rules, report: &mut Report) {
        const NAME: &str = TopicKind::PartialsDeadLetter.base_name();
        let sum: LateSum = match serde_json::from_slice(value) {
            Ok(sum) => sum,
            Err(error) => {
                report.fault(NAME, Fault::Wrong, "(unreadable)", &error.to_string());
                return;
            }
        };
        let start_ms = sum.window.start.ms();
        if !rules.range.holds(start_ms) {
            return;
        }
        let stream = match (sum.result.as_str(), sum.category) {
            ("top-stores", None) => None,
            ("popular-items", Some(category)) => Some(category.into_boxed_str()),
            _ => {
                report.fault(NAME, Fault::Wrong, &sum.window.start.to_string(), "no result has such a name");
                return;
            }
        };
        let LateSum { input_partition: partition, first_offset, last_offset, receipts, .. } = sum;
        let lacks = self.windows.entry(start_ms).or_default();
        // Sums of one commit may share receipts' offsets: what they lack is counted together.
        let (mut joined, mut at) = (Lack { stream, partition, first_offset, last_offset, receipts, met: 0 }, 0);
        while let Some(other) = lacks.get(at) {
            let overlaps = other.stream == joined.stream
                && other.partition == joined.partition
                && other.first_offset <= joined.last_offset
                && joined.first_offset <= other.last_offset;
            if overlaps {
                let other = lacks.swap_remove(at);
                joined.first_offset = joined.first_offset.min(other.first_offset);
                joined.last_offset = joined.last_offset.max(other.last_offset);
                joined.receipts += other.receipts;
                at = 0;
            } else {
                at += 1;
            }
        }
        lacks.push(joined);
    }

    /// Whether the window lacks anything.
    pub fn concern(&self, start_ms: i64) -> bool {
        self.windows.contains_key(&start_ms)
    }

    /// Whether the window's stores (`None`) or category lack the receipt at this place; it is counted as met.
    pub fn meet(&mut self, start_ms: i64, category: Option<&str>, place: Place) -> bool {
        let Some(lacks) = self.windows.get_mut(&start_ms) else { return false };
        let lack = lacks.iter_mut().find(|lack| {
            lack.stream.as_deref() == category
                && lack.partition == place.partition
                && (lack.first_offset..=lack.last_offset).contains(&place.offset)
        });
        lack.map(|lack| lack.met += 1).is_some()
    }

    /// Holds the numbers that the topic states to those that the log shows.
    pub fn finish(self, report: &mut Report) {
        const NAME: &str = TopicKind::PartialsDeadLetter.base_name();
        let mut windows: Vec<_> = self.windows.into_iter().collect();
        windows.sort_unstable_by_key(|(start_ms, _)| *start_ms);
        for (start_ms, lacks) in windows {
            for Lack { stream, partition, first_offset, last_offset, receipts, met } in lacks {
                report.judged(NAME, 1);
                if receipts != met {
                    let key = key(start_ms, stream.as_deref());
                    let detail = format!(
                        "it says that {receipts} receipts of partition {partition}, offsets {first_offset} to \
                         {last_offset}, are lacking; the log has {met}"
                    );
                    report.fault(NAME, Fault::Wrong, &key, &detail);
                }
            }
        }
    }
}
