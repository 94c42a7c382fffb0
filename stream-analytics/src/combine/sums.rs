//! Sums of receipts until they are written: by span and store, and by span, category and item. A hundred thousand receipts
//! become a few hundred sums.

use std::hash::BuildHasher;

use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use indexmap::IndexMap;
use indexmap::map::Entry as StoreEntry;

use super::receipt::ReceiptView;
use crate::window::Span;

/// What one input partition's receipts add up to.
#[derive(Debug, Default)]
pub struct Sums {
    spans: Vec<(Span, SpanSums)>,
    hasher: RandomState,
    distinct: usize,
    receipts: u64,
    /// Stores that a span is likely to have, going by what was taken last: room for them is made at once.
    likely_stores: usize,
}

/// The sums of one span.
#[derive(Debug)]
pub struct SpanSums {
    /// Receipts, and where the first and the last stand in the log.
    pub counted: Counted,
    /// By store id: in a row, for of a hundred thousand each new one would otherwise touch memory that no cache holds.
    pub stores: IndexMap<i64, StoreSum, RandomState>,
    /// By category.
    pub categories: HashTable<CategorySum>,
}

/// How many receipts a sum holds, and the offsets that they lie between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Receipts.
    pub receipts: u64,
    /// Offset of the first.
    pub first_offset: i64,
    /// Offset of the last.
    pub last_offset: i64,
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
    /// Receipts with at least one line of it.
    pub counted: Counted,
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
    fn begin(offset: i64, stores: usize, hasher: &RandomState) -> Self {
        SpanSums {
            counted: Counted::at(offset),
            stores: IndexMap::with_capacity_and_hasher(stores, hasher.clone()),
            categories: HashTable::new(),
        }
    }
}

impl Counted {
    fn at(offset: i64) -> Self {
        Counted { receipts: 1, first_offset: offset, last_offset: offset }
    }

    /// Counts the receipt at `offset`, once: a receipt with two lines of a category is one receipt of it.
    fn count(&mut self, offset: i64) {
        if self.last_offset != offset {
            self.receipts += 1;
            self.last_offset = offset;
        }
    }
}

impl Sums {
    /// Adds a receipt that counts in `span`.
    pub fn add(&mut self, span: Span, offset: i64, receipt: &ReceiptView<'_>) {
        let Sums { spans, hasher, distinct, receipts, likely_stores } = self;
        *receipts += 1;
        let index = if let Some(index) = spans.iter().rposition(|(other, _)| *other == span) {
            spans[index].1.counted.count(offset);
            index
        } else {
            spans.push((span, SpanSums::begin(offset, *likely_stores, hasher)));
            spans.len() - 1
        };
        let sums = &mut spans[index].1;

        let mut units = 0;
        for line in receipt.lines() {
            units += u128::from(line.quantity.unsigned_abs());
            let category = sums.categories.entry(
                hasher.hash_one(line.category),
                |category| category.name == line.category,
                |category| hasher.hash_one(category.name.as_str()),
            );
            let category = match category {
                Entry::Occupied(entry) => {
                    let category = entry.into_mut();
                    category.counted.count(offset);
                    category
                }
                Entry::Vacant(entry) => entry
                    .insert(CategorySum {
                        name: line.category.into(),
                        counted: Counted::at(offset),
                        items: HashTable::new(),
                    })
                    .into_mut(),
            };
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

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.receipts == 0
    }

    /// Takes all sums out.
    pub fn take(&mut self) -> Vec<(Span, SpanSums)> {
        (self.distinct, self.receipts) = (0, 0);
        let stores: usize = self.spans.iter().map(|(_, sums)| sums.stores.len()).sum();
        self.likely_stores = stores.checked_div(self.spans.len()).unwrap_or(0);
        std::mem::take(&mut self.spans)
    }
}
