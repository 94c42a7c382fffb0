//! A window's sums, and the results that they make.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use common::StoreId;
use common::results::{PopularItems, RankedItem, RankedStore, Revenue, SalesTotals, TopStores, Window};

use crate::receipts::catalogue::Catalogue;
use crate::receipts::sale::Sale;

/// What was sold in a window.
#[derive(Debug, Default)]
pub(super) struct Sums {
    stores: HashMap<u32, StoreSum>,
    items: HashMap<usize, ItemSum>,
}

#[derive(Debug, Default)]
struct StoreSum {
    revenue: i128,
    receipts: u64,
}

#[derive(Debug, Default)]
struct ItemSum {
    quantity: u128,
    revenue: i128,
}

/// A result record, without its topic's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The topic's base name.
    pub topic: &'static str,
    /// The record key.
    pub key: String,
    /// The record value.
    pub value: Vec<u8>,
}

impl Sums {
    pub(super) fn add(&mut self, sale: &Sale) {
        let store = self.stores.entry(sale.store).or_default();
        store.revenue += i128::from(sale.total.minor());
        store.receipts += 1;
        for line in &sale.lines {
            let item = self.items.entry(line.item).or_default();
            item.quantity += u128::from(line.quantity.unsigned_abs());
            item.revenue += i128::from(line.price.minor()) * i128::from(line.quantity);
        }
    }

    /// The final results of the window.
    pub(super) fn results(&self, window: Window, top: usize, catalogue: &Catalogue) -> Vec<Expected> {
        let start = window.start.to_string();
        let expected = |topic, key, value| Expected { topic, key, value };
        let mut results = vec![
            expected("sales-totals", start.clone(), self.totals(window).to_json()),
            expected("top-stores", start.clone(), self.top_stores(window, top).to_json()),
        ];
        for popular in self.popular_items(window, top, catalogue) {
            results.push(expected("popular-items", format!("{start}/{}", popular.category), popular.to_json()));
        }
        results
    }

    fn totals(&self, window: Window) -> SalesTotals {
        SalesTotals {
            window,
            r#final: true,
            revenue: Revenue(self.stores.values().map(|store| store.revenue).sum()),
            receipts: self.stores.values().map(|store| store.receipts).sum(),
            units: self.items.values().map(|item| item.quantity).sum(),
            stores: self.stores.len() as u64,
        }
    }

    /// Higher revenue first, then the smaller id.
    fn top_stores(&self, window: Window, top: usize) -> TopStores {
        let mut stores: Vec<_> = self.stores.iter().collect();
        stores.sort_unstable_by_key(|(store, sum)| (Reverse(sum.revenue), **store));
        let ranked = (1..).zip(stores).take(top).map(|(rank, (store, sum))| RankedStore {
            rank,
            store_id: StoreId::new((*store).into()).expect("unsigned"),
            store_name: format!("Store {store}"),
            revenue: Revenue(sum.revenue),
            receipts: sum.receipts,
        });
        TopStores { window, r#final: true, stores: ranked.collect() }
    }

    /// By category: more units first, then higher revenue, then the name.
    fn popular_items(&self, window: Window, top: usize, catalogue: &Catalogue) -> Vec<PopularItems> {
        let mut categories: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (item, sum) in &self.items {
            let item = &catalogue.items()[*item];
            let key = (Reverse(sum.quantity), Reverse(sum.revenue), item.item.as_str());
            categories.entry(&item.category).or_default().push(key);
        }
        let popular = categories.into_iter().map(|(category, mut items)| {
            items.sort_unstable();
            let ranked = (1..).zip(items).take(top).map(|(rank, (Reverse(quantity), Reverse(revenue), name))| {
                RankedItem { rank, name: name.to_owned(), quantity, revenue: Revenue(revenue) }
            });
            PopularItems { window, r#final: true, category: category.to_owned(), items: ranked.collect() }
        });
        popular.collect()
    }
}
