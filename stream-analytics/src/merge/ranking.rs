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
        let (mut revenue, mut receipts, mut units) = (0, 0, 0);
        let counted = stores.iter().inspect(|(_, total)| {
            revenue += total.revenue;
            receipts += total.receipts;
            units += total.units;
        });
        // Ties: the smaller store id.
        let best = best_of(counted, top, |(store_id, total)| (Reverse(total.revenue), **store_id));
        let ranked = ranks().zip(best).map(|(rank, (store_id, total))| RankedStore {
            rank,
            store_id: StoreId::new(*store_id).expect("receipts have store ids that are not negative"),
            store_name: totals.store_name(*store_id).to_owned(),
            revenue: Revenue(total.revenue),
            receipts: total.receipts,
        });
        let value = TopStores { window, r#final: is_final, stores: ranked.collect() }.to_json();
        out.push(OutputRecord::keyed(TopicKind::TopStores, key.clone(), value));

        let revenue = Revenue(revenue);
        let all = SalesTotals { window, r#final: is_final, revenue, receipts, units, stores: stores.len() as u64 };
        out.push(OutputRecord::keyed(TopicKind::SalesTotals, key.clone(), all.to_json()));
    }

    let mut categories: Vec<_> = totals.totals.categories.iter().collect();
    categories.sort_unstable_by_key(|(name, _)| *name);
    for (category, items) in categories {
        // Ties: the higher revenue, then the smaller name in byte order.
        let best = best_of(items.iter(), top, |&(name, total)| (Reverse(total.units), Reverse(total.revenue), name));
        let ranked = ranks().zip(best).map(|(rank, (name, total))| RankedItem {
            rank,
            name: name.to_string(),
            quantity: total.units,
            revenue: Revenue(total.revenue),
        });
        let value = PopularItems { window, r#final: is_final, category: category.to_string(), items: ranked.collect() }
            .to_json();
        out.push(OutputRecord::keyed(TopicKind::PopularItems, format!("{key}/{category}"), value));
    }
}

fn ranks() -> impl Iterator<Item = u32> {
    1..
}

/// The `top` smallest by `key`, in order. Most of a hundred thousand stores take one look: at the bar that those before have
/// set.
fn best_of<T, K: Ord>(all: impl Iterator<Item = T>, top: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    let (mut best, mut bar): (Vec<T>, Option<K>) = (Vec::new(), None);
    for one in all {
        if bar.as_ref().is_some_and(|bar| key(&one) > *bar) {
            continue;
        }
        best.push(one);
        if best.len() == 2 * top {
            best.select_nth_unstable_by(top, |a, b| key(a).cmp(&key(b)));
            best.truncate(top);
            bar = best.iter().map(&key).max();
        }
    }
    best.sort_unstable_by_key(key);
    best.truncate(top);
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_the_first_of_all_in_order(all in prop::collection::vec(0_u8..60, 0..80), top in 1_usize..20) {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            sorted.truncate(top);
            prop_assert_eq!(best_of(all.into_iter(), top, |one| *one), sorted);
        }
    }
}
