//! What a console has been told: the newest windows, and the latest expensive receipts.

use std::collections::BTreeMap;

use common::results::{PopularItems, SalesTotals, TopStores, Window};
use common::{Receipt, TopicKind};
use serde::Deserialize;

/// Expensive receipts that are kept: more than fit on a screen.
const EXPENSIVE_KEPT: usize = 100;
/// Windows that are kept.
const WINDOWS_KEPT: usize = 3;

/// The newest windows and the latest expensive receipts.
#[derive(Debug, Default)]
pub struct Latest {
    /// By time.
    pub windows: BTreeMap<Window, WindowResults>,
    /// Windows that newer ones have replaced.
    pub windows_passed_over: u64,
    /// The latest event time first.
    pub expensive: Vec<Expensive>,
    /// How many there were, those included that are no longer kept.
    pub expensive_taken: u64,
}

/// The results of a window, as far as they have come.
#[derive(Debug, Default)]
pub struct WindowResults {
    /// The best stores.
    pub stores: Option<TopStores>,
    /// All stores together.
    pub totals: Option<SalesTotals>,
    /// By category.
    pub items: BTreeMap<String, PopularItems>,
}

/// An expensive receipt.
#[derive(Debug)]
pub struct Expensive {
    /// All of it.
    pub receipt: Receipt,
    /// As it was published.
    pub total: String,
}

impl Latest {
    /// Takes in a record of a result topic; others are ignored. Whether there is something new.
    pub fn take(&mut self, kind: TopicKind, value: &[u8]) -> bool {
        let taken = match kind {
            TopicKind::TopStores => serde_json::from_slice(value).map(|stores: TopStores| {
                let window = stores.window;
                self.window(window).stores = Some(stores);
            }),
            TopicKind::SalesTotals => serde_json::from_slice(value).map(|totals: SalesTotals| {
                let window = totals.window;
                self.window(window).totals = Some(totals);
            }),
            TopicKind::PopularItems => serde_json::from_slice(value).map(|items: PopularItems| {
                self.window(items.window).items.insert(items.category.clone(), items);
            }),
            TopicKind::ExpensiveReceipts => return self.take_expensive(value),
            _ => return false,
        };
        taken.inspect_err(|error| tracing::warn!(%error, "a result cannot be read")).is_ok()
    }

    fn window(&mut self, window: Window) -> &mut WindowResults {
        while self.windows.len() >= WINDOWS_KEPT && !self.windows.contains_key(&window) {
            self.windows.pop_first();
            self.windows_passed_over += 1;
        }
        self.windows.entry(window).or_default()
    }

    fn take_expensive(&mut self, value: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Total<'a> {
            #[serde(borrow)]
            total: &'a serde_json::value::RawValue,
        }
        let (Ok(receipt), Ok(Total { total })) = (Receipt::from_json(value), serde_json::from_slice(value)) else {
            tracing::warn!("an expensive receipt cannot be read");
            return false;
        };
        // Partitions are read by turns: the order of reading is none of time.
        let place = self.expensive.partition_point(|known| known.receipt.timestamp > receipt.timestamp);
        self.expensive.insert(place, Expensive { receipt, total: total.get().to_owned() });
        self.expensive.truncate(EXPENSIVE_KEPT);
        self.expensive_taken += 1;
        true
    }

    /// The newest window whose best stores are known.
    pub fn newest(&self) -> Option<(&Window, &WindowResults)> {
        self.windows.iter().rev().find(|(_, results)| results.stores.is_some())
    }
}

impl WindowResults {
    /// What to say after the window's times.
    pub fn mark(&self) -> &'static str {
        if self.stores.as_ref().is_some_and(|stores| !stores.r#final) { " (early)" } else { "" }
    }

    /// The totals in words, once they have come.
    pub fn totals_text(&self) -> Option<String> {
        let SalesTotals { revenue, receipts, units, stores, .. } = self.totals.as_ref()?;
        Some(format!("{receipts} receipts of {stores} stores, {units} units, revenue {revenue}"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::console) fn top_stores(start_s: u32, revenue: u32) -> Vec<u8> {
        format!(
            r#"{{"window":{{"start":"2026-11-22T10:15:{start_s:02}.000Z","end":"2026-11-22T10:15:59.000Z"}},"final":true,"stores":[{{"rank":1,"store_id":1,"store_name":"S","revenue":{revenue}.00,"receipts":2}}]}}"#
        )
        .into_bytes()
    }

    pub(in crate::console) fn expensive(id: &str, second: u32) -> Vec<u8> {
        format!(
            r#"{{"receipt_id":"{id}","store_id":1,"store_name":"S","cashier_id":3,"timestamp":"2026-11-22T10:15:{second:02}.000Z","items":[{{"name":"x","category":"y","price":300.20,"quantity":2}}],"total":600.40}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_latest_receipt_comes_first_in_whatever_order_they_are_read() {
        let mut latest = Latest::default();
        for (id, second) in [("b", 20), ("d", 40), ("a", 10), ("c", 30)] {
            assert!(latest.take(TopicKind::ExpensiveReceipts, &expensive(id, second)));
        }
        let ids: Vec<_> = latest.expensive.iter().map(|known| known.receipt.receipt_id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "b", "a"]);
        assert_eq!(latest.expensive[0].total, "600.40");
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_not_is_counted() {
        let mut latest = Latest::default();
        for second in 10..20 {
            latest.take(TopicKind::TopStores, &top_stores(second, second));
        }
        assert_eq!((latest.windows.len(), latest.windows_passed_over), (WINDOWS_KEPT, 7));
        let (newest, _) = latest.newest().unwrap();
        assert_eq!(newest.start.to_string(), "2026-11-22T10:15:19.000Z");
        for second in 0..EXPENSIVE_KEPT + 5 {
            latest.take(TopicKind::ExpensiveReceipts, &expensive("r", u32::try_from(second % 60).unwrap()));
        }
        assert_eq!((latest.expensive.len(), latest.expensive_taken), (EXPENSIVE_KEPT, 105));
    }

    #[test]
    fn what_is_no_result_is_nothing_new() {
        let mut latest = Latest::default();
        assert!(!latest.take(TopicKind::TopStores, b"not json"));
        assert!(!latest.take(TopicKind::ExpensiveReceipts, b"{}"));
        assert!(!latest.take(TopicKind::Receipts, b"{}"));
    }
}
