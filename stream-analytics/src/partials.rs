//! The records of the internal topic `partials`: what stage 1 tells stage 2.
//!
//! With each commit a stage-1 worker writes one record (more if it would be too large) to every merge partition: the
//! sums that belong there, and then its announcement. Sums come first, so that a watermark never overtakes what it is
//! about to close. The encoding is [postcard](https://docs.rs/postcard) behind one byte of version: internal, compact, and
//! not for other readers.

use serde::{Deserialize, Serialize};

use crate::window::Span;

const VERSION: u8 = 1;

/// A record of `partials`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partial<'a> {
    /// What receipts added up to.
    #[serde(borrow)]
    pub sums: Vec<Sum<'a>>,
    /// Where the writer's input partitions stand, after these sums. All announcements of one commit are one value.
    #[serde(borrow)]
    pub announcement: Option<Announcement<'a>>,
}

/// Receipts of one input partition and one span. Where receipts of several input partitions were added up together, one of
/// their sums has the content of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum<'a> {
    /// End of the first window that they count in, milliseconds since the epoch.
    pub first_end_ms: i64,
    /// End of the last window that they count in.
    pub last_end_ms: i64,
    /// Partition of the input topic.
    pub input_partition: i32,
    /// Offset of the first of them.
    pub first_offset: i64,
    /// Offset of the last of them.
    pub last_offset: i64,
    /// How many.
    pub receipts: u64,
    /// For which result.
    #[serde(borrow)]
    pub content: Content<'a>,
}

/// The sums of one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content<'a> {
    /// For `top-stores` and `sales-totals`.
    #[serde(borrow)]
    Stores(Vec<StorePart<'a>>),
    /// For a category of `popular-items`.
    Items {
        /// The category.
        category: &'a str,
        /// Its items.
        items: Vec<ItemPart<'a>>,
    },
}

/// A store's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePart<'a> {
    /// The store.
    pub store_id: i64,
    /// The smallest of its names.
    pub name: &'a str,
    /// Receipts.
    pub receipts: u64,
    /// Units sold.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
}

/// An item's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPart<'a> {
    /// The item.
    pub name: &'a str,
    /// Units sold.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
}

/// Where a worker's input partitions stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement<'a> {
    /// The consumer group: two groups must not share one `partials`.
    pub group: &'a str,
    /// Partitions that the input topic has, as the writer knows; all of them hold the merged watermark.
    pub input_partitions: i32,
    /// One entry a partition that the writer owns.
    pub inputs: Vec<InputState>,
}

/// Where one input partition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputState {
    /// The partition.
    pub partition: i32,
    /// Its watermark, if it ever had a receipt.
    pub watermark_ms: Option<i64>,
    /// Whether it is caught up and silent.
    pub idle: bool,
    /// With `--until-end`: the end that the owner saw at its start, once everything before it was read.
    pub ended_at: Option<i64>,
}

/// Why a record of `partials` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartialError {
    /// Written by another version, or by another program.
    #[error("version {0:?} of the internal format is not {VERSION}")]
    Version(Option<u8>),
    /// Cut off or corrupt.
    #[error("the record is corrupt: {0}")]
    Corrupt(postcard::Error),
}

impl Sum<'_> {
    /// The windows that the sum counts in.
    pub fn span(&self) -> Span {
        Span { first_end_ms: self.first_end_ms, last_end_ms: self.last_end_ms }
    }
}

impl Announcement<'_> {
    /// What [`Partial::encode`] writes behind the sums: the same in every merge partition, so it is encoded once.
    pub fn encode(&self) -> Vec<u8> {
        append(Vec::new(), &Some(self))
    }
}

impl<'a> Partial<'a> {
    /// The record value: sums, and an encoded announcement or none.
    pub fn encode(sums: &[Sum<'_>], announcement: Option<&[u8]>) -> Vec<u8> {
        let mut value = append(vec![VERSION], &sums);
        match announcement {
            Some(announcement) => value.extend_from_slice(announcement),
            None => value = append(value, &None::<Announcement<'_>>),
        }
        value
    }

    /// Reads a record value; text is borrowed from it.
    pub fn decode(value: &'a [u8]) -> Result<Self, PartialError> {
        match value.split_first() {
            Some((&VERSION, body)) => postcard::from_bytes(body).map_err(PartialError::Corrupt),
            other => Err(PartialError::Version(other.map(|(version, _)| *version))),
        }
    }
}

fn append(bytes: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("growing a vector does not fail, and the types have known lengths")
}

/// The merge partition that makes a result: always the same for the same number of partitions (FNV-1a, 64 bits).
fn route(result: &str, partitions: i32) -> i32 {
    let hash = result
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let partitions = u64::from(partitions.unsigned_abs().max(1));
    i32::try_from(hash % partitions).expect("a remainder is smaller than an i32 divisor")
}

/// The merge partition of `top-stores` and `sales-totals`.
pub fn stores_partition(partitions: i32) -> i32 {
    route("top-stores", partitions)
}

/// The merge partition of a category of `popular-items`.
pub fn category_partition(category: &str, partitions: i32) -> i32 {
    route(&format!("popular-items/{category}"), partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let partial = Partial {
            sums: vec![Sum {
                first_end_ms: -10,
                last_end_ms: 20,
                input_partition: 3,
                first_offset: 5,
                last_offset: 9,
                receipts: 4,
                content: Content::Items {
                    category: "Food",
                    items: vec![ItemPart { name: "Bread", units: u128::MAX, revenue: i128::MIN }],
                },
            }],
            announcement: Some(Announcement {
                group: "g",
                input_partitions: 4,
                inputs: vec![InputState { partition: 3, watermark_ms: Some(-1), idle: true, ended_at: None }],
            }),
        };
        let announcement = partial.announcement.as_ref().map(Announcement::encode);
        assert_eq!(Partial::decode(&Partial::encode(&partial.sums, announcement.as_deref())), Ok(partial.clone()));
        let without = Partial { announcement: None, ..partial };
        assert_eq!(Partial::decode(&Partial::encode(&without.sums, None)), Ok(without.clone()));
    }

    #[test]
    fn another_version_and_cut_records_are_refused() {
        assert_eq!(Partial::decode(&[]), Err(PartialError::Version(None)));
        assert_eq!(Partial::decode(&[9, 0, 0]), Err(PartialError::Version(Some(9))));
        assert!(matches!(Partial::decode(&[VERSION, 1, 2]), Err(PartialError::Corrupt(_))));
    }

    #[test]
    fn routes_stay_where_they_are() {
        // A change here would send the parts of one window to two merge partitions during an upgrade.
        assert_eq!(
            [4, 7, 100].map(stores_partition),
            [route("top-stores", 4), route("top-stores", 7), route("top-stores", 100)]
        );
        assert_eq!(category_partition("Food", 1), 0);
    }
}
