//! Splits a commit's sums among the merge partitions, in records below the message limit.

use common::TopicKind;

use crate::combine::sums::{CategorySum, ItemSum, Source, Sources, SpanSums, StoreSum};
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

    /// Adds the sums of one span. A sum names one input partition: where receipts of several were added up together, the sum
    /// of the first has the parts, and those of the others only say where their receipts are.
    pub fn add(&mut self, span: Span, sums: &'a SpanSums) {
        let stores = chunks(sums.stores.iter().map(store_part), |part| part.name.len());
        let stores = stores.map(|(parts, bytes)| (Content::Stores(parts), bytes));
        self.push(self.stores_partition, span, &sums.sources, stores);
        for CategorySum { name: category, sources, items } in &sums.categories {
            let partition = category_partition(category, self.merge_partitions);
            let items = chunks(items.iter().map(item_part), |part| part.name.len());
            let items = items.map(|(items, bytes)| (Content::Items { category, items }, bytes + category.len()));
            self.push(partition, span, sources, items);
        }
    }

    fn push(
        &mut self,
        partition: i32,
        span: Span,
        sources: &Sources,
        contents: impl Iterator<Item = (Content<'a>, usize)>,
    ) {
        let [first, others @ ..] = sources.by_partition() else { return };
        for (chunk, (content, bytes)) in contents.enumerate() {
            // Receipts are counted with the first chunk only: the chunks share them.
            let stated = |source: &Source| Source { receipts: if chunk == 0 { source.receipts } else { 0 }, ..*source };
            let (nothing, nothing_bytes) = match content {
                Content::Stores(_) => (Content::Stores(Vec::new()), 0),
                Content::Items { category, .. } => (Content::Items { category, items: Vec::new() }, category.len()),
            };
            let others_say = others.iter().map(|source| sum(span, stated(source), nothing.clone()));
            let sums = std::iter::once(sum(span, stated(first), content)).chain(others_say);
            self.push_sums(partition, sums, bytes + others.len() * nothing_bytes);
        }
    }

    /// Adds sums that share a record.
    fn push_sums(&mut self, partition: i32, sums: impl Iterator<Item = Sum<'a>>, bytes: usize) {
        let Some(batch) = usize::try_from(partition).ok().and_then(|index| self.open.get_mut(index)) else { return };
        let before = batch.sums.len();
        batch.sums.extend(sums);
        batch.bytes += bytes + (batch.sums.len() - before) * PART_BYTES;
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

fn sum(span: Span, source: Source, content: Content<'_>) -> Sum<'_> {
    let Span { first_end_ms, last_end_ms } = span;
    let Source { input_partition, first_offset, last_offset, receipts } = source;
    Sum { first_end_ms, last_end_ms, input_partition, first_offset, last_offset, receipts, content }
}

/// Parts, as many as fill a record at a time, with their size in bytes.
fn chunks<P>(
    parts: impl Iterator<Item = P>,
    name_bytes: impl Fn(&P) -> usize,
) -> impl Iterator<Item = (Vec<P>, usize)> {
    let mut parts = parts.peekable();
    std::iter::from_fn(move || {
        parts.peek()?;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for part in parts.by_ref() {
            bytes += name_bytes(&part) + PART_BYTES;
            taken.push(part);
            if bytes >= TARGET_BYTES {
                break;
            }
        }
        Some((taken, bytes))
    })
}

fn store_part<'s>((store_id, sum): (&i64, &'s StoreSum)) -> StorePart<'s> {
    let StoreSum { name, receipts, units, revenue } = sum;
    StorePart { store_id: *store_id, name, receipts: *receipts, units: *units, revenue: *revenue }
}

fn item_part(sum: &ItemSum) -> ItemPart<'_> {
    ItemPart { name: &sum.name, units: sum.units, revenue: sum.revenue }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::combine::receipt::with_receipt;
    use crate::combine::sums::{Place, Sums};

    #[test]
    fn where_receipts_come_from_is_said_of_each_input_partition_and_what_they_add_up_to_once() {
        let receipt = br#"{"receipt_id":"r","store_id":1,"store_name":"s","cashier_id":1,"timestamp":"2026-03-01T00:00:00.000Z","items":[{"name":"i","category":"c","price":1.00,"quantity":2}]}"#;
        let mut sums = Sums::default();
        for (partition, offset) in [(0, 5), (1, 9), (0, 6)] {
            let place = Place { partition, offset };
            let span = Span { first_end_ms: 10, last_end_ms: 20 };
            with_receipt(receipt, |receipt| sums.add(span, place, receipt)).unwrap();
        }
        let taken = sums.take();
        let mut batches = PartialBatches::new(1);
        taken.iter().for_each(|(span, sums)| batches.add(*span, sums));
        let mut out = Vec::new();
        batches.finish(&Announcement { group: "g", input_partitions: 2, inputs: Vec::new() }, &mut out);

        let value = out[0].value.as_deref().unwrap();
        let stated: Vec<_> = Partial::decode(value)
            .unwrap()
            .sums
            .iter()
            .map(|sum| {
                let units = match &sum.content {
                    Content::Stores(stores) => stores.iter().map(|part| part.units).sum::<u128>(),
                    Content::Items { items, .. } => items.iter().map(|part| part.units).sum(),
                };
                (sum.input_partition, sum.first_offset, sum.last_offset, sum.receipts, units)
            })
            .collect();
        let expected = [(0, 5, 6, 2, 6), (1, 9, 9, 1, 0)];
        assert_eq!((out.len(), stated), (1, [expected, expected].concat()), "stores, and then the category's items");
    }
}
