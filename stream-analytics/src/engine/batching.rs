//! Splits a commit's sums among the merge partitions, in records below the message limit.

use common::TopicKind;

use crate::combine::sums::{CategorySum, Counted, ItemSum, SpanSums, StoreSum};
use crate::outbox::OutputRecord;
use crate::partials::{Announcement, Content, ItemPart, Partial, StorePart, Sum, category_partition, stores_partition};
use crate::window::Span;

/// A record is cut once its parts come to about so many bytes: far below the 4 MiB that topics take.
const TARGET_BYTES: usize = 1 << 20;
/// What a part takes beside its name, at most about.
const PART_BYTES: usize = 48;

/// Sums on their way to the merge partitions.
pub struct PartialBatches<'a> {
    merge_partitions: i32,
    stores_partition: i32,
    open: Vec<Batch<'a>>,
    /// Full records, with their partition.
    full: Vec<(i32, Vec<u8>)>,
}

#[derive(Default)]
struct Batch<'a> {
    sums: Vec<Sum<'a>>,
    bytes: usize,
}

impl<'a> PartialBatches<'a> {
    /// Nothing yet.
    pub fn new(merge_partitions: i32) -> Self {
        PartialBatches {
            merge_partitions,
            stores_partition: stores_partition(merge_partitions),
            open: (0..merge_partitions).map(|_| Batch::default()).collect(),
            full: Vec::new(),
        }
    }

    /// Adds the sums of one span of one input partition.
    pub fn add(&mut self, input_partition: i32, span: Span, sums: &'a SpanSums) {
        let header = |counted: &Counted, receipts, content| Sum {
            first_end_ms: span.first_end_ms,
            last_end_ms: span.last_end_ms,
            input_partition,
            first_offset: counted.first_offset,
            last_offset: counted.last_offset,
            receipts,
            content,
        };
        let mut stores = sums.stores.iter().map(store_part).peekable();
        while stores.peek().is_some() {
            let (parts, bytes) = chunk(&mut stores, |part| part.name.len());
            let receipts = parts.iter().map(|part| part.receipts).sum();
            self.push(self.stores_partition, header(&sums.counted, receipts, Content::Stores(parts)), bytes);
        }
        for CategorySum { name: category, counted, items } in &sums.categories {
            let partition = category_partition(category, self.merge_partitions);
            let mut items_left = items.iter().map(item_part).peekable();
            // Receipts are counted with the first chunk only: the chunks share them.
            let mut receipts = counted.receipts;
            while items_left.peek().is_some() {
                let (items, bytes) = chunk(&mut items_left, |part| part.name.len());
                let sum = header(counted, receipts, Content::Items { category, items });
                self.push(partition, sum, bytes + category.len());
                receipts = 0;
            }
        }
    }

    fn push(&mut self, partition: i32, sum: Sum<'a>, bytes: usize) {
        let Some(batch) = usize::try_from(partition).ok().and_then(|index| self.open.get_mut(index)) else { return };
        batch.sums.push(sum);
        batch.bytes += bytes + PART_BYTES;
        if batch.bytes >= TARGET_BYTES {
            let Batch { sums, .. } = std::mem::take(batch);
            self.full.push((partition, Partial::encode(&sums, None)));
        }
    }

    /// Writes all records; the announcement comes last in every merge partition.
    pub fn finish(self, announcement: &Announcement<'_>, out: &mut Vec<OutputRecord>) {
        let announcement = announcement.encode();
        let last = (0..)
            .zip(self.open)
            .map(|(partition, Batch { sums, .. })| (partition, Partial::encode(&sums, Some(&announcement))));
        out.extend(self.full.into_iter().chain(last).map(|(partition, value)| OutputRecord {
            topic: TopicKind::Partials,
            partition: Some(partition),
            key: None,
            value: Some(value),
            headers: Vec::new(),
        }));
    }
}

/// Takes parts until they fill a record, with their size in bytes.
fn chunk<P>(parts: &mut impl Iterator<Item = P>, name_bytes: impl Fn(&P) -> usize) -> (Vec<P>, usize) {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for part in parts {
        bytes += name_bytes(&part) + PART_BYTES;
        taken.push(part);
        if bytes >= TARGET_BYTES {
            break;
        }
    }
    (taken, bytes)
}

fn store_part<'s>((store_id, sum): (&i64, &'s StoreSum)) -> StorePart<'s> {
    let StoreSum { name, receipts, units, revenue } = sum;
    StorePart { store_id: *store_id, name, receipts: *receipts, units: *units, revenue: *revenue }
}

fn item_part(sum: &ItemSum) -> ItemPart<'_> {
    ItemPart { name: &sum.name, units: sum.units, revenue: sum.revenue }
}
