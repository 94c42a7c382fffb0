//! A record of a result topic, decoded.

use std::fmt;
use std::str::FromStr;

use common::results::{PopularItems, SalesTotals, TopStores, Window};
use common::{EventTime, Money, Receipt, TopicKind};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Where a record stands in its topic: the same for every replica, so the dashboard's name for a receipt, whose own id
/// need not be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    /// Partition.
    pub(crate) partition: i32,
    /// Offset in it.
    pub(crate) offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (partition, offset) = text.split_once('-').ok_or(())?;
        Ok(Position { partition: partition.parse().map_err(drop)?, offset: offset.parse().map_err(drop)? })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A record as Kafka gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// Which result topic.
    pub(crate) kind: TopicKind,
    /// Where in it.
    pub(crate) position: Position,
    /// When it was published.
    pub(crate) published_at: EventTime,
    /// The value; empty for a tombstone.
    pub(crate) value: &'a [u8],
    /// The dead-letter headers, where there are any.
    pub(crate) refusal: RefusalHeaders<'a>,
}

/// The dead-letter headers that are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RefusalHeaders<'a> {
    /// `late` or `malformed`.
    pub(crate) exception: Option<&'a str>,
    /// For people.
    pub(crate) message: Option<&'a str>,
    /// The topic it came from.
    pub(crate) topic: Option<&'a str>,
    /// The partition there.
    pub(crate) partition: Option<&'a str>,
    /// The offset there.
    pub(crate) offset: Option<&'a str>,
}

/// What a record says.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    TopStores(TopStores),
    SalesTotals(SalesTotals),
    PopularItems(PopularItems),
    Expensive(Expensive),
    Refused(Refused),
    Summary(Summary),
}

/// A receipt over the threshold, as published.
#[derive(Debug, Clone)]
pub(crate) struct Expensive {
    pub(crate) position: Position,
    pub(crate) published_at: EventTime,
    pub(crate) total: Money,
    pub(crate) receipt: Receipt,
}

/// Why a record is in a dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Every window of the receipt was closed.
    Late,
    /// Not a receipt.
    Malformed,
    /// A sum that came to the merge after its window was published.
    LateSum,
}

/// A dead letter, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) published_at: EventTime,
    /// How many receipts it stands for.
    pub(crate) receipts: u64,
    pub(crate) message: String,
    /// `topic/partition/offset` that it came from.
    pub(crate) source: String,
}

/// The latest run of the batch cleaner, in its own words.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    pub(crate) published_at: EventTime,
    pub(crate) value: Box<RawValue>,
}

/// A value of `partials.dead-letter`, as far as it is shown.
#[derive(Deserialize)]
struct LateSum {
    result: String,
    window: Window,
    receipts: u64,
}

/// Longest text kept of a dead letter's headers, in characters.
const MAX_HEADER_CHARS: usize = 300;
/// Largest summary that is kept, bytes.
const MAX_SUMMARY_BYTES: usize = 256 << 10;

impl Record {
    /// Reads a record of a result topic; `None` for what says nothing (a tombstone, a topic that is not shown).
    ///
    /// # Errors
    /// What is wrong with the value, for the log.
    pub(crate) fn decode(envelope: &Envelope<'_>) -> Result<Option<Record>, String> {
        let Envelope { kind, position, published_at, value, refusal } = *envelope;
        if kind == TopicKind::ReceiptsDeadLetter {
            return Ok(Some(Record::Refused(refused_receipt(published_at, refusal))));
        }
        if value.is_empty() {
            return Ok(None);
        }
        Ok(Some(match kind {
            TopicKind::TopStores => Record::TopStores(parse(value)?),
            TopicKind::SalesTotals => Record::SalesTotals(parse(value)?),
            TopicKind::PopularItems => Record::PopularItems(parse(value)?),
            TopicKind::ExpensiveReceipts => {
                let receipt = Receipt::from_json(value).map_err(|error| error.to_string())?;
                let total = receipt.total().ok_or("the total does not fit 64 bits")?;
                Record::Expensive(Expensive { position, published_at, total, receipt })
            }
            TopicKind::PartialsDeadLetter => {
                let sum: LateSum = parse(value)?;
                Record::Refused(Refused {
                    reason: Reason::LateSum,
                    published_at,
                    receipts: sum.receipts,
                    message: format!("{} of {}", sum.result, sum.window.start),
                    source: String::new(),
                })
            }
            TopicKind::SalesSummary if value.len() <= MAX_SUMMARY_BYTES => {
                Record::Summary(Summary { published_at, value: parse(value)? })
            }
            _ => return Ok(None),
        }))
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(|error| error.to_string())
}

fn refused_receipt(published_at: EventTime, headers: RefusalHeaders<'_>) -> Refused {
    let cut = |text: Option<&str>| text.unwrap_or("").chars().take(MAX_HEADER_CHARS).collect::<String>();
    let reason = if headers.exception == Some(common::dead_letter::LATE) { Reason::Late } else { Reason::Malformed };
    let [topic, partition, offset] = [headers.topic, headers.partition, headers.offset].map(cut);
    Refused {
        reason,
        published_at,
        receipts: 1,
        message: cut(headers.message),
        source: format!("{topic}/{partition}/{offset}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(kind: TopicKind, value: &[u8]) -> Envelope<'_> {
        let position = Position { partition: 1, offset: 7 };
        let published_at = EventTime::from_ms(0).unwrap();
        Envelope { kind, position, published_at, value, refusal: RefusalHeaders::default() }
    }

    #[test]
    fn a_position_reads_as_it_is_written() {
        let position = Position { partition: 3, offset: 1_234 };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert!("3".parse::<Position>().is_err() && "x-1".parse::<Position>().is_err());
    }

    #[test]
    fn a_sum_beyond_64_bits_is_read_whole() {
        let value = br#"{"window":{"start":"2026-11-22T10:15:30.000Z","end":"2026-11-22T10:15:40.000Z"},"final":true,"revenue":9999999999999999999999999.99,"receipts":812,"units":99999999999999999999999,"stores":48}"#;
        let Ok(Some(Record::SalesTotals(totals))) = Record::decode(&envelope(TopicKind::SalesTotals, value)) else {
            panic!("not read")
        };
        assert_eq!(totals.revenue.to_string(), "9999999999999999999999999.99");
        assert_eq!(totals.units, 99_999_999_999_999_999_999_999);
    }

    #[test]
    fn a_dead_letter_is_told_by_its_headers_and_not_by_its_value() {
        let mut late = envelope(TopicKind::ReceiptsDeadLetter, b"\xff");
        late.refusal.exception = Some("late");
        let Ok(Some(Record::Refused(refused))) = Record::decode(&late) else { panic!("not read") };
        assert_eq!((refused.reason, refused.receipts), (Reason::Late, 1));
    }

    #[test]
    fn a_value_of_another_shape_is_an_error_and_a_tombstone_is_nothing() {
        assert!(Record::decode(&envelope(TopicKind::TopStores, b"{}")).is_err());
        assert!(matches!(Record::decode(&envelope(TopicKind::TopStores, b"")), Ok(None)));
    }
}
