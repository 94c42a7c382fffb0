//! From a window's totals to its results: the best stores, the sum of all, the best items of each category.

use std::cmp::Reverse;

use common::results::{PopularItems, RankedItem, RankedStore, Revenue, SalesTotals, TopStores};
use common::{StoreId, TopicKind};

use super::open_windows::WindowTotals;
use crate::outbox::OutputRecord;
use crate::window::WindowSpec;

/// Writes the results of one window: those of a final or of an early result.
pub fn publish(
    totals: &WindowTotals<'_>,
    windows: WindowSpec,
    top: usize,
    is_final: bool,
    out: &mut Vec<OutputRecord>,
) {
    let window = windows.window_ending(totals.end_ms);
    let key = window.start.to_string();
    let stores = &totals.totals.stores;
    if !stores.is_empty() {
        // Ties: the smaller store id.
        let best = best_of(stores.iter(), top, |(store_id, total)| (Reverse(total.revenue), **store_id));
        let ranked = ranks().zip(best).map(|(rank, (store_id, total))| RankedStore {
            rank,
            store_id: StoreId::new(*store_id).expect("receipts have store ids that are not negative"),
            store_name: totals.store_name(*store_id).to_owned(),
            revenue: Revenue(total.revenue),
            receipts: total.receipts,
        });
        let value = TopStores { window, r#final: is_final, stores: ranked.collect() }.to_json();
        out.push(OutputRecord::keyed(TopicKind::TopStores, key.clone(), value));

        let all = SalesTotals {
            window,
            r#final: is_final,
            revenue: Revenue(stores.values().map(|total| total.revenue).sum()),
            receipts: stores.values().map(|total| total.receipts).sum(),
            units: stores.values().map(|total| total.units).sum(),
            stores: stores.len() as u64,
        };
        out.push(OutputRecord::keyed(TopicKind::SalesTotals, key.clone(), all.to_json()));
    }

    let mut categories: Vec<_> = totals.totals.categories.iter().collect();
    categories.sort_unstable_by_key(|(name, _)| *name);
    for (category, items) in categories {
        // Ties: the higher revenue, then the smaller name in byte order.
        let best = best_of(items.iter(), top, |&(name, total)| (Reverse(total.units), Reverse(total.revenue), name));
        let ranked = ranks().zip(best).map(|(rank, (name, total))| RankedItem {
            rank,
            name: name.clone(),
            quantity: total.units,
            revenue: Revenue(total.revenue),
        });
        let value =
            PopularItems { window, r#final: is_final, category: category.clone(), items: ranked.collect() }.to_json();
        out.push(OutputRecord::keyed(TopicKind::PopularItems, format!("{key}/{category}"), value));
    }
}

fn ranks() -> impl Iterator<Item = u32> {
    1..
}

/// The `top` smallest by `key`, in order, without sorting the rest.
fn best_of<T, K: Ord>(all: impl Iterator<Item = T>, top: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    if top < all.len() {
        all.select_nth_unstable_by(top, |a, b| key(a).cmp(&key(b)));
        all.truncate(top);
    }
    all.sort_unstable_by_key(key);
    all
}
