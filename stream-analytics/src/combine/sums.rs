//! Sums of receipts until they are written: by span and store, and by span, category and item. A hundred thousand receipts
//! become a few hundred sums. A worker's input partitions share them: of a hundred partitions each has few receipts of a
//! span, but all of them together many of each item.

use std::hash::BuildHasher;

use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use indexmap::IndexMap;
use indexmap::map::Entry as StoreEntry;

use super::receipt::ReceiptView;
use crate::window::Span;

/// What the receipts of a worker's input partitions add up to.
#[derive(Debug, Default)]
pub struct Sums {
    spans: IndexMap<Span, SpanSums, RandomState>,
    hasher: RandomState,
    distinct: usize,
    receipts: u64,
    /// Stores that a span is likely to have, going by what was taken last: room for them is made at once.
    likely_stores: usize,
}

/// The sums of one span.
#[derive(Debug)]
pub struct SpanSums {
    /// Where its receipts come from.
    pub sources: Sources,
    /// By store id: in a row, for of a hundred thousand each new one would otherwise touch memory that no cache holds.
    pub stores: IndexMap<i64, StoreSum, RandomState>,
    /// By category.
    pub categories: HashTable<CategorySum>,
}

/// Where the receipts of a sum come from: one entry an input partition.
#[derive(Debug, Default)]
pub struct Sources {
    by_partition: Vec<Source>,
    /// Which was counted last: receipts come in runs of one partition.
    last: usize,
}

/// Receipts of one input partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Partition of the input topic.
    pub input_partition: i32,
    /// Offset of the first of them.
    pub first_offset: i64,
    /// Offset of the last of them.
    pub last_offset: i64,
    /// How many.
    pub receipts: u64,
}

/// Where a receipt stands in the log.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Partition of the input topic.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// A store's receipts.
#[derive(Debug)]
pub struct StoreSum {
    /// The smallest of its names in byte order.
    pub name: CompactString,
    /// Receipts.
    pub receipts: u64,
    /// Units sold.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
}

/// A category's receipts.
#[derive(Debug)]
pub struct CategorySum {
    /// The category.
    pub name: CompactString,
    /// Where the receipts with at least one line of it come from.
    pub sources: Sources,
    /// Its items.
    pub items: HashTable<ItemSum>,
}

/// An item's lines.
#[derive(Debug)]
pub struct ItemSum {
    /// The item.
    pub name: CompactString,
    /// Units sold.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
}

impl SpanSums {
    fn with_room_for(stores: usize, hasher: &RandomState) -> Self {
        SpanSums {
            sources: Sources::default(),
            stores: IndexMap::with_capacity_and_hasher(stores, hasher.clone()),
            categories: HashTable::new(),
        }
    }
}

impl Sources {
    /// Counts a receipt, once: one with two lines of a category is one receipt of it.
    fn count(&mut self, place: Place) {
        let Place { partition: input_partition, offset } = place;
        let of_partition = |source: &Source| source.input_partition == input_partition;
        if !self.by_partition.get(self.last).is_some_and(of_partition) {
            let Some(known) = self.by_partition.iter().position(of_partition) else {
                self.last = self.by_partition.len();
                let source = Source { input_partition, first_offset: offset, last_offset: offset, receipts: 1 };
                return self.by_partition.push(source);
            };
            self.last = known;
        }
        let source = &mut self.by_partition[self.last];
        if source.last_offset != offset {
            source.receipts += 1;
            source.last_offset = offset;
        }
    }

    /// One entry an input partition.
    pub fn by_partition(&self) -> &[Source] {
        &self.by_partition
    }
}

impl Sums {
    /// Adds a receipt that counts in `span`.
    pub fn add(&mut self, span: Span, place: Place, receipt: &ReceiptView<'_>) {
        let Sums { spans, hasher, distinct, receipts, likely_stores } = self;
        *receipts += 1;
        let sums = spans.entry(span).or_insert_with(|| SpanSums::with_room_for(*likely_stores, hasher));
        sums.sources.count(place);

        let mut units = 0;
        for line in receipt.lines() {
            units += u128::from(line.quantity.unsigned_abs());
            let category = sums.categories.entry(
                hasher.hash_one(line.category),
                |category| category.name == line.category,
                |category| hasher.hash_one(category.name.as_str()),
            );
            let category = match category {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let (sources, items) = (Sources::default(), HashTable::new());
                    entry.insert(CategorySum { name: line.category.into(), sources, items }).into_mut()
                }
            };
            category.sources.count(place);
            let item = category.items.entry(
                hasher.hash_one(line.name),
                |item| item.name == line.name,
                |item| hasher.hash_one(item.name.as_str()),
            );
            let revenue = i128::from(line.revenue_minor);
            let line_units = u128::from(line.quantity.unsigned_abs());
            match item {
                Entry::Occupied(entry) => {
                    let item = entry.into_mut();
                    item.units += line_units;
                    item.revenue += revenue;
                }
                Entry::Vacant(entry) => {
                    *distinct += 1;
                    entry.insert(ItemSum { name: line.name.into(), units: line_units, revenue });
                }
            }
        }

        let revenue = i128::from(receipt.total_minor);
        match sums.stores.entry(receipt.store_id) {
            StoreEntry::Occupied(entry) => {
                let store = entry.into_mut();
                store.receipts += 1;
                store.units += units;
                store.revenue += revenue;
                if receipt.store_name < store.name.as_str() {
                    store.name = receipt.store_name.into();
                }
            }
            StoreEntry::Vacant(entry) => {
                *distinct += 1;
                entry.insert(StoreSum { name: receipt.store_name.into(), receipts: 1, units, revenue });
            }
        }
    }

    /// Store and item sums held: what a commit will write, and what memory is bounded by.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// Receipts added up.
    pub fn receipts(&self) -> u64 {
        self.receipts
    }

    /// Takes all sums out.
    pub fn take(&mut self) -> IndexMap<Span, SpanSums, RandomState> {
        (self.distinct, self.receipts) = (0, 0);
        let stores: usize = self.spans.values().map(|sums| sums.stores.len()).sum();
        self.likely_stores = stores.checked_div(self.spans.len()).unwrap_or(0);
        std::mem::take(&mut self.spans)
    }
}
