//! What must have been published: a brute-force fold over the receipts topic. Nothing of it is the engine's code: windows
//! are enumerated one by one, and sums are kept for each.

use std::collections::{BTreeMap, BTreeSet};

use common::results::{PopularItems, RankedItem, RankedStore, Revenue, SalesTotals, TopStores, Window};
use common::{EventTime, Money, Receipt, StoreId};

use crate::topic::ReadRecord;

/// Window settings, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Length.
    pub window_ms: i64,
    /// Distance.
    pub slide_ms: i64,
    /// Watermark delay.
    pub delay_ms: i64,
    /// Names in a result.
    pub top: usize,
    /// Minor units.
    pub expensive_over: Money,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            window_ms: 10_000,
            slide_ms: 10_000,
            delay_ms: 10_000,
            top: 5,
            expensive_over: Money::from_minor(50_000),
        }
    }
}

/// Every result, by topic and key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// `top-stores`.
    pub top_stores: BTreeMap<String, String>,
    /// `sales-totals`.
    pub sales_totals: BTreeMap<String, String>,
    /// `popular-items`.
    pub popular_items: BTreeMap<String, String>,
    /// `expensive-receipts`, ids.
    pub expensive: Vec<String>,
    /// Partition and offset of late receipts.
    pub late: BTreeSet<(i32, i64)>,
    /// Partition and offset of malformed records.
    pub malformed: BTreeSet<(i32, i64)>,
}

#[derive(Default)]
struct Fold {
    stores: BTreeMap<StoreId, (String, i128, u64, u128)>,
    items: BTreeMap<String, BTreeMap<String, (u128, i128)>>,
}

/// Folds the receipts topic as `--idle-after off --max-ahead off` must: which windows a receipt counts in depends on its
/// partition's log alone.
///
/// # Panics
/// A window lies outside the calendar.
pub fn fold(receipts: &[ReadRecord], rules: Rules) -> Expected {
    let mut expected = Expected::default();
    let mut watermarks: BTreeMap<i32, i64> = BTreeMap::new();
    let mut windows: BTreeMap<i64, Fold> = BTreeMap::new();
    for record in receipts {
        let place = (record.partition, record.offset);
        let Ok(receipt) = Receipt::from_json(&record.value) else {
            expected.malformed.insert(place);
            continue;
        };
        let total = receipt.total().expect("checked when read");
        if total > rules.expensive_over {
            expected.expensive.push(receipt.receipt_id.clone());
        }
        let event_ms = receipt.timestamp.ms();
        let watermark_ms = watermarks.get(&record.partition).copied().unwrap_or(i64::MIN);
        let mut counted = false;
        let mut start_ms = event_ms - event_ms.rem_euclid(rules.slide_ms);
        while start_ms + rules.window_ms > event_ms {
            if start_ms + rules.window_ms > watermark_ms {
                counted = true;
                add(windows.entry(start_ms).or_default(), &receipt, total);
            }
            start_ms -= rules.slide_ms;
        }
        if counted {
            watermarks.insert(record.partition, watermark_ms.max(event_ms - rules.delay_ms));
        } else {
            expected.late.insert(place);
        }
    }
    expected.expensive.sort();
    for (start_ms, fold) in windows {
        publish(start_ms, fold, rules, &mut expected);
    }
    expected
}

fn add(fold: &mut Fold, receipt: &Receipt, total: Money) {
    let store = fold.stores.entry(receipt.store_id).or_insert_with(|| (receipt.store_name.clone(), 0, 0, 0));
    if receipt.store_name < store.0 {
        store.0.clone_from(&receipt.store_name);
    }
    store.1 += i128::from(total.minor());
    store.2 += 1;
    for line in &receipt.items {
        let quantity = u128::from(line.quantity.unsigned_abs());
        store.3 += quantity;
        let item = fold.items.entry(line.category.clone()).or_default().entry(line.name.clone()).or_default();
        item.0 += quantity;
        item.1 += i128::from(line.revenue().expect("the total fits").minor());
    }
}

fn publish(start_ms: i64, fold: Fold, rules: Rules, expected: &mut Expected) {
    let time = |ms| EventTime::from_ms(ms).expect("within the calendar");
    let window = Window { start: time(start_ms), end: time(start_ms + rules.window_ms) };
    let key = window.start.to_string();
    let text = |value: Vec<u8>| String::from_utf8(value).expect("JSON is UTF-8");

    let totals = SalesTotals {
        window,
        r#final: true,
        revenue: Revenue(fold.stores.values().map(|store| store.1).sum()),
        receipts: fold.stores.values().map(|store| store.2).sum(),
        units: fold.stores.values().map(|store| store.3).sum(),
        stores: fold.stores.len() as u64,
    };
    expected.sales_totals.insert(key.clone(), text(totals.to_json()));

    let mut stores: Vec<_> = fold.stores.into_iter().collect();
    stores.sort_by_key(|(store_id, (_, revenue, _, _))| (-revenue, *store_id));
    let stores = (1..).zip(stores).take(rules.top).map(|(rank, (store_id, (store_name, revenue, receipts, _)))| {
        RankedStore { rank, store_id, store_name, revenue: Revenue(revenue), receipts }
    });
    let top = TopStores { window, r#final: true, stores: stores.collect() };
    expected.top_stores.insert(key.clone(), text(top.to_json()));

    for (category, items) in fold.items {
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by(|(name, (units, revenue)), (other_name, (other_units, other_revenue))| {
            (other_units, other_revenue, name).cmp(&(units, revenue, other_name))
        });
        let items = (1..).zip(items).take(rules.top).map(|(rank, (name, (quantity, revenue)))| RankedItem {
            rank,
            name,
            quantity,
            revenue: Revenue(revenue),
        });
        let key = format!("{key}/{category}");
        let popular = PopularItems { window, r#final: true, category, items: items.collect() };
        expected.popular_items.insert(key, text(popular.to_json()));
    }
}
