//! The item reference: which item a category and a price stand for.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};

use common::Money;
use common::sales::CatalogueItem;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::row::Row;

const HASHER: FixedState = FixedState::with_seed(0);

/// One hash for all tables of this crate that are kept in memory.
pub(crate) fn hash(key: impl Hash) -> u64 {
    HASHER.hash_one(key)
}

/// The same for several texts together.
pub(crate) fn hash_each(texts: &[Option<&str>]) -> u64 {
    let mut hasher = HASHER.build_hasher();
    for text in texts {
        match text {
            Some(text) => hasher.write(text.as_bytes()),
            None => hasher.write_u8(0),
        }
    }
    hasher.finish()
}

fn place_of(triple: &CatalogueItem) -> u64 {
    hash((triple.category.as_str(), triple.item.as_str(), triple.price_per_unit))
}

/// Collects the distinct (category, item, price) of rows; parts collected apart are merged.
#[derive(Debug, Default)]
pub struct ReferenceBuilder {
    seen: HashTable<CatalogueItem>,
}

impl ReferenceBuilder {
    /// Learns from a row that has all three; whether that was new.
    pub fn learn(&mut self, row: &Row<'_>) -> bool {
        match (row.category, row.item, row.price_per_unit) {
            (Some(category), Some(item), Some(price)) => self.insert(category, item, price),
            _ => false,
        }
    }

    fn insert(&mut self, category: &str, item: &str, price: Money) -> bool {
        let place = hash((category, item, price));
        let same =
            |seen: &CatalogueItem| seen.price_per_unit == price && seen.item == item && seen.category == category;
        let is_new = self.seen.find(place, same).is_none();
        if is_new {
            let triple = CatalogueItem { category: category.to_owned(), item: item.to_owned(), price_per_unit: price };
            self.seen.insert_unique(place, triple, place_of);
        }
        is_new
    }

    /// How many distinct triples there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Takes over what another part has learnt.
    pub fn merge(&mut self, other: ReferenceBuilder) {
        for triple in other.seen {
            let place = place_of(&triple);
            if self.seen.find(place, |seen| *seen == triple).is_none() {
                self.seen.insert_unique(place, triple, place_of);
            }
        }
    }

    /// The finished reference.
    pub fn build(self) -> Reference {
        let mut items: Vec<CatalogueItem> = self.seen.into_iter().collect();
        items.sort_unstable_by(|a, b| {
            (&a.category, a.price_per_unit, &a.item).cmp(&(&b.category, b.price_per_unit, &b.item))
        });
        let mut reference = Reference { keys: HashTable::with_capacity(items.len()), items, ambiguous: 0 };
        reference.index();
        reference
    }
}

/// Which item a category and a price stand for; a pair that stands for several is ambiguous and names none.
#[derive(Debug, Default)]
pub struct Reference {
    /// By category, price, item.
    items: Vec<CatalogueItem>,
    /// One entry a (category, price): the place of its first item, and whether it is the only one.
    keys: HashTable<(u32, bool)>,
    ambiguous: usize,
}

impl Reference {
    fn index(&mut self) {
        let items = &self.items;
        let key = |place: usize| (items[place].category.as_str(), items[place].price_per_unit);
        let mut place = 0;
        while place < items.len() {
            let same = items[place..]
                .iter()
                .take_while(|item| (item.category.as_str(), item.price_per_unit) == key(place))
                .count();
            self.ambiguous += usize::from(same > 1);
            let first = u32::try_from(place).expect("the number of distinct items is bounded far below 2^32");
            self.keys.insert_unique(hash(key(place)), (first, same == 1), |(first, _)| hash(key(*first as usize)));
            place += same;
        }
    }

    /// The one item of that category and price.
    pub fn item(&self, category: &str, price: Money) -> Option<&str> {
        let (first, only) = self.key(category, price)?;
        only.then(|| self.items[first].item.as_str())
    }

    /// Whether that category and price stand for several items.
    pub fn is_ambiguous(&self, category: &str, price: Money) -> bool {
        self.key(category, price).is_some_and(|(_, only)| !only)
    }

    /// Whether it knows all three together.
    pub fn has(&self, category: &str, item: &str, price: Money) -> bool {
        let found = self.items.binary_search_by(|known| {
            (known.category.as_str(), known.price_per_unit, known.item.as_str()).cmp(&(category, price, item))
        });
        found.is_ok()
    }

    /// Where the items of a category and price begin, and whether there is only one.
    fn key(&self, category: &str, price: Money) -> Option<(usize, bool)> {
        let same = |(first, _): &(u32, bool)| {
            let item = &self.items[*first as usize];
            item.category == category && item.price_per_unit == price
        };
        self.keys.find(hash((category, price)), same).map(|(first, only)| (*first as usize, *only))
    }

    /// Every distinct (category, item, price), by category, price, item.
    pub fn items(&self) -> &[CatalogueItem] {
        &self.items
    }

    /// How many (category, price) have more than one item.
    pub const fn ambiguous(&self) -> usize {
        self.ambiguous
    }

    /// Items by category.
    pub fn per_category(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for item in &self.items {
            *counts.entry(item.category.as_str()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(category: &'a str, item: &'a str, minor: i64) -> Row<'a> {
        Row {
            category: Some(category),
            item: Some(item),
            price_per_unit: Some(Money::from_minor(minor)),
            ..Row::default()
        }
    }

    #[test]
    fn a_pair_with_two_items_restores_nothing() {
        let mut one = ReferenceBuilder::default();
        one.learn(&row("Food", "a", 100));
        one.learn(&row("Food", "b", 200));
        let mut other = ReferenceBuilder::default();
        other.learn(&row("Food", "c", 200));
        other.learn(&row("Milk", "b", 200));
        other.learn(&row("Food", "a", 100));
        one.merge(other);
        let reference = one.build();
        assert_eq!(reference.item("Food", Money::from_minor(100)), Some("a"));
        assert_eq!(reference.item("Food", Money::from_minor(200)), None);
        assert_eq!(reference.item("Milk", Money::from_minor(200)), Some("b"));
        assert_eq!(reference.item("Milk", Money::from_minor(100)), None);
        assert_eq!((reference.items().len(), reference.ambiguous()), (4, 1));
    }
}
