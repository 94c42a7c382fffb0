//! The last hour of windows, by event time.

use std::collections::BTreeMap;

use common::results::{PopularItems, SalesTotals, TopStores, Window};

/// Windows that end this long before the newest are forgotten.
const HOUR_MS: i64 = 3_600_000;
/// So many are kept even when they are older: windows may be a day long.
const MIN_WINDOWS: usize = 60;
/// Never more than these: an hour that slides by a second.
const MAX_WINDOWS: usize = 3_600;
/// Never more than about this many bytes of results, beyond the newest window.
const MAX_BYTES: usize = 64 << 20;
/// Never more categories in a window.
const MAX_CATEGORIES: usize = 500;

/// All that is known of a window. Its parts are published by different partitions, so each may be there or not yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Results {
    pub(crate) totals: Option<SalesTotals>,
    pub(crate) stores: Option<TopStores>,
    pub(crate) items: BTreeMap<String, PopularItems>,
}

impl Results {
    /// Whether everything that is there is final.
    pub(crate) fn is_final(&self) -> bool {
        self.totals.as_ref().is_none_or(|part| part.r#final)
            && self.stores.as_ref().is_none_or(|part| part.r#final)
            && self.items.values().all(|part| part.r#final)
    }

    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        const LINE: usize = 128;
        let stores = self.stores.iter().flat_map(|part| &part.stores).map(|line| LINE + line.store_name.len());
        let items = self.items.values().flat_map(|part| &part.items).map(|line| LINE + line.name.len());
        LINE * (4 + 2 * self.items.len()) + stores.sum::<usize>() + items.sum::<usize>()
    }
}

/// Windows in order of their start.
#[derive(Debug, Default)]
pub(crate) struct History {
    windows: BTreeMap<Window, Results>,
    bytes: usize,
}

impl History {
    /// Takes a result in; false if it changes nothing, because a final one is known or the window is too old.
    pub(crate) fn put_totals(&mut self, totals: SalesTotals) -> bool {
        let window = totals.window;
        self.put(window, |results| replace(&mut results.totals, totals, |part| part.r#final))
    }

    /// As [`Self::put_totals`].
    pub(crate) fn put_stores(&mut self, mut stores: TopStores) -> bool {
        // It is kept for an hour, and grew while it was read.
        stores.stores.shrink_to_fit();
        let window = stores.window;
        self.put(window, |results| replace(&mut results.stores, stores, |part| part.r#final))
    }

    /// As [`Self::put_totals`].
    pub(crate) fn put_items(&mut self, mut items: PopularItems) -> bool {
        items.items.shrink_to_fit();
        let window = items.window;
        self.put(window, |results| {
            if results.items.len() >= MAX_CATEGORIES && !results.items.contains_key(&items.category) {
                return false;
            }
            let mut known = results.items.remove(&items.category);
            let category = items.category.clone();
            let changed = replace(&mut known, items, |part| part.r#final);
            results.items.extend(known.map(|part| (category, part)));
            changed
        })
    }

    fn put(&mut self, window: Window, change: impl FnOnce(&mut Results) -> bool) -> bool {
        let results = self.windows.entry(window).or_default();
        let before = if results.totals.is_none() && results.stores.is_none() && results.items.is_empty() {
            0
        } else {
            results.bytes()
        };
        let changed = change(results);
        self.bytes = self.bytes - before + results.bytes();
        self.forget_old();
        changed && self.windows.contains_key(&window)
    }

    fn forget_old(&mut self) {
        let Some(newest_end) = self.windows.keys().map(|window| window.end).next_back() else { return };
        while let Some(entry) = self.windows.first_entry() {
            let too_old = entry.key().end.ms() <= newest_end.ms() - HOUR_MS;
            let bytes = entry.get().bytes();
            let count = self.windows.len();
            if count > 1 && (self.bytes > MAX_BYTES || count > MAX_WINDOWS || (too_old && count > MIN_WINDOWS)) {
                self.bytes -= bytes;
                self.windows.pop_first();
            } else {
                return;
            }
        }
    }

    /// All, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Window, &Results)> {
        self.windows.iter()
    }

    /// One of them.
    pub(crate) fn get(&self, window: &Window) -> Option<&Results> {
        self.windows.get(window)
    }

    /// The window before this one.
    pub(crate) fn before(&self, window: &Window) -> Option<(&Window, &Results)> {
        self.windows.range(..window).next_back()
    }

    /// The window after this one.
    pub(crate) fn after(&self, window: &Window) -> Option<&Window> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.windows.range((Excluded(window), Unbounded)).next().map(|(next, _)| next)
    }

    /// The newest window whose totals are final.
    pub(crate) fn newest_final(&self) -> Option<&Window> {
        let is_final = |results: &Results| results.totals.as_ref().is_some_and(|totals| totals.r#final);
        self.windows.iter().rev().find(|(_, results)| is_final(results)).map(|(window, _)| window)
    }
}

/// An early result gives way to any later one, a final one to a final one only.
fn replace<T: PartialEq>(known: &mut Option<T>, new: T, is_final: impl Fn(&T) -> bool) -> bool {
    let keep = known.as_ref().is_some_and(|known| *known == new || (is_final(known) && !is_final(&new)));
    if !keep {
        *known = Some(new);
    }
    !keep
}

#[cfg(test)]
mod tests {
    use common::EventTime;
    use common::results::Revenue;
    use proptest::prelude::*;

    use super::*;

    fn window(start_s: i64) -> Window {
        let at = |second: i64| EventTime::from_ms(second * 1000).unwrap();
        Window { start: at(start_s), end: at(start_s + 10) }
    }

    fn totals(start_s: i64, receipts: u64, r#final: bool) -> SalesTotals {
        SalesTotals { window: window(start_s), r#final, revenue: Revenue(1), receipts, units: 1, stores: 1 }
    }

    fn receipts(history: &History, start_s: i64) -> Option<u64> {
        history.get(&window(start_s))?.totals.as_ref().map(|totals| totals.receipts)
    }

    #[test]
    fn an_early_result_is_replaced_and_a_final_one_stays() {
        let mut history = History::default();
        assert!(history.put_totals(totals(0, 1, false)));
        assert!(history.put_totals(totals(0, 2, false)));
        assert!(!history.get(&window(0)).unwrap().is_final());
        assert!(history.put_totals(totals(0, 3, true)));
        assert!(!history.put_totals(totals(0, 2, false)));
        assert_eq!(receipts(&history, 0), Some(3));
        assert!(history.get(&window(0)).unwrap().is_final());
    }

    #[test]
    fn the_same_result_again_changes_nothing() {
        let mut history = History::default();
        assert!(history.put_totals(totals(0, 1, true)));
        assert!(!history.put_totals(totals(0, 1, true)));
    }

    #[test]
    fn windows_of_the_last_hour_are_kept_and_older_ones_go() {
        let mut history = History::default();
        for start_s in (0..7_200).step_by(10) {
            history.put_totals(totals(start_s, 1, true));
        }
        let starts: Vec<_> = history.iter().map(|(window, _)| window.start.ms() / 1000).collect();
        assert_eq!((starts.len(), starts.first(), starts.last()), (360, Some(&3_600), Some(&7_190)));
        assert!(!history.put_totals(totals(0, 1, true)), "too old to come back");
    }

    #[test]
    fn few_windows_are_kept_however_old() {
        let mut history = History::default();
        history.put_totals(totals(0, 1, true));
        history.put_totals(totals(86_400, 1, true));
        assert_eq!(history.iter().count(), 2);
    }

    proptest! {
        #[test]
        fn the_count_of_bytes_stays_true(starts in prop::collection::vec((0..20_000i64, any::<bool>()), 1..400)) {
            let mut history = History::default();
            for (start_s, r#final) in starts {
                history.put_totals(totals(start_s, 1, r#final));
                let counted: usize = history.windows.values().map(Results::bytes).sum();
                prop_assert_eq!(counted, history.bytes);
            }
        }
    }
}
