//! Sums of sums: a window's totals by store and by item. They can be added up and taken away again, which is what lets a
//! sliding window drop its oldest part instead of being summed anew.

use compact_str::CompactString;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use indexmap::IndexMap;

use crate::partials::Content;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Totals of one window, or of a part of it.
#[derive(Debug, Default, Clone)]
pub struct Totals {
    /// By store id, in a row: there may be a hundred thousand.
    pub stores: IndexMap<i64, StoreTotal, RandomState>,
    /// By category, by item.
    pub categories: Map<CompactString, Map<CompactString, ItemTotal>>,
}

/// A store's total.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct StoreTotal {
    /// Receipts.
    pub receipts: u64,
    /// Units sold.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
    /// The smallest of the names that came with sums. A total of parts has none, since none could be taken away again.
    pub name: CompactString,
}

/// An item's total.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ItemTotal {
    /// Units sold, never zero.
    pub units: u128,
    /// Minor units of money.
    pub revenue: i128,
}

impl Totals {
    /// Nothing yet, with room for so many stores: a table of a hundred thousand that grows is filled twice.
    pub fn with_room_for(stores: usize) -> Self {
        let stores = IndexMap::with_capacity_and_hasher(stores, RandomState::default());
        Totals { stores, categories: Map::default() }
    }

    /// Adds the sums of one record.
    pub fn add_content(&mut self, content: &Content<'_>) {
        match content {
            Content::Stores(parts) => {
                for part in parts {
                    let store = self.stores.entry(part.store_id).or_default();
                    if store.receipts == 0 || part.name < store.name.as_str() {
                        store.name = part.name.into();
                    }
                    store.receipts += part.receipts;
                    store.units += part.units;
                    store.revenue += part.revenue;
                }
            }
            Content::Items { category, items } => {
                let category = entry(&mut self.categories, category);
                for part in items {
                    let item = entry(category, part.name);
                    item.units += part.units;
                    item.revenue += part.revenue;
                }
            }
        }
    }

    /// Adds another part of the window.
    pub fn add(&mut self, part: &Totals) {
        for (store_id, total) in &part.stores {
            let store = self.stores.entry(*store_id).or_default();
            store.receipts += total.receipts;
            store.units += total.units;
            store.revenue += total.revenue;
        }
        for (name, items) in &part.categories {
            let category = entry(&mut self.categories, name);
            for (item, total) in items {
                let item = entry(category, item);
                item.units += total.units;
                item.revenue += total.revenue;
            }
        }
    }

    /// Takes away a part that was added before. Stores and items without receipts are forgotten.
    pub fn subtract(&mut self, part: &Totals) {
        for (store_id, total) in &part.stores {
            if let Some(store) = self.stores.get_mut(store_id) {
                store.receipts -= total.receipts;
                store.units -= total.units;
                store.revenue -= total.revenue;
                if store.receipts == 0 {
                    self.stores.swap_remove(store_id);
                }
            }
        }
        for (name, items) in &part.categories {
            let Some(category) = self.categories.get_mut(name) else { continue };
            for (item, total) in items {
                if let Some(left) = category.get_mut(item) {
                    left.units -= total.units;
                    left.revenue -= total.revenue;
                    if left.units == 0 {
                        category.remove(item);
                    }
                }
            }
            if category.is_empty() {
                self.categories.remove(name);
            }
        }
    }

    /// Stores and items held.
    pub fn distinct(&self) -> usize {
        self.stores.len() + self.categories.values().map(Map::len).sum::<usize>()
    }
}

/// What the map has for the name; nothing is allocated if it is there.
fn entry<'m, V: Default>(map: &'m mut Map<CompactString, V>, name: &str) -> &'m mut V {
    match map.entry_ref(name) {
        EntryRef::Occupied(entry) => entry.into_mut(),
        EntryRef::Vacant(entry) => entry.insert_with_key(name.into(), V::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// As parts of a window are: the sums of stores and items that have sold something.
    fn part() -> impl Strategy<Value = Totals> {
        let stores = vec((0_i64..6, 1_u64..9, -99_i128..99), 0..8);
        let items = vec(("[ab]", "[cd]", 1_u128..9, -99_i128..99), 0..8);
        (stores, items).prop_map(|(stores, items)| {
            let mut part = Totals::default();
            for (store_id, receipts, revenue) in stores {
                let store = part.stores.entry(store_id).or_default();
                store.receipts += receipts;
                store.units += u128::from(receipts);
                store.revenue += revenue;
            }
            for (category, item, units, revenue) in items {
                let item = entry(entry(&mut part.categories, &category), &item);
                item.units += units;
                item.revenue += revenue;
            }
            part
        })
    }

    fn sorted(totals: &Totals) -> (BTreeMap<i64, StoreTotal>, BTreeMap<String, BTreeMap<String, ItemTotal>>) {
        let items = |items: &Map<CompactString, ItemTotal>| {
            items.iter().map(|(name, item)| (name.to_string(), *item)).collect()
        };
        (
            totals.stores.iter().map(|(id, store)| (*id, store.clone())).collect(),
            totals.categories.iter().map(|(name, category)| (name.to_string(), items(category))).collect(),
        )
    }

    proptest! {
        #[test]
        fn a_part_that_is_taken_away_again_leaves_nothing_behind(left in part(), gone in part(), more in part()) {
            let mut running = Totals::default();
            for added in [&gone, &left, &more] {
                running.add(added);
            }
            running.subtract(&gone);
            let mut without = Totals::default();
            without.add(&more);
            without.add(&left);
            prop_assert_eq!(sorted(&running), sorted(&without));
            prop_assert_eq!(running.distinct(), without.distinct());
        }
    }
}
