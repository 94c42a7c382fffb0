//! Records as the analytics publishes them.

use std::time::{SystemTime, UNIX_EPOCH};

use common::{CashierId, EventTime, LineItem, Money, Receipt, StoreId};

const WINDOW_MS: i64 = 10_000;

pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A window of ten seconds that ended about so long ago, as JSON.
pub(crate) fn window_at(end_ago_s: i64) -> String {
    window_ending(now_ms() / 1000 * 1000 - end_ago_s * 1000)
}

/// A window of ten seconds, as JSON.
pub(crate) fn window_ending(end_ms: i64) -> String {
    let time = |ms| EventTime::from_ms(ms).unwrap();
    format!(r#"{{"start":"{}","end":"{}"}}"#, time(end_ms - WINDOW_MS), time(end_ms))
}

/// The results of a window.
#[derive(Debug, Clone)]
pub(crate) struct Sales {
    /// As JSON.
    pub(crate) window: String,
    pub(crate) is_final: bool,
    /// Id, revenue in kopecks, receipts; best first.
    pub(crate) stores: Vec<(i64, i64, u64)>,
}

impl Sales {
    /// Of the window that ended about so long ago.
    pub(crate) fn ended(ago_s: i64) -> Self {
        Sales { window: window_at(ago_s), is_final: true, stores: vec![(17, 123_450, 12), (4, 99_905, 9)] }
    }

    pub(crate) fn revenue_minor(&self) -> i64 {
        self.stores.iter().map(|(_, minor, _)| minor).sum::<i64>() + 9_654_185
    }

    /// The values of top-stores, popular-items (one category) and sales-totals.
    pub(crate) fn values(&self) -> [String; 3] {
        let Sales { window, is_final, .. } = self;
        let stores = self.stores.iter().enumerate().map(|(index, (id, minor, receipts))| {
            let revenue = Money::from_minor(*minor);
            let rank = index + 1;
            format!(r#"{{"rank":{rank},"store_id":{id},"store_name":"Store {id}","revenue":{revenue},"receipts":{receipts}}}"#)
        });
        let stores = stores.collect::<Vec<_>>().join(",");
        let revenue = Money::from_minor(self.revenue_minor());
        [
            format!(r#"{{"window":{window},"final":{is_final},"stores":[{stores}]}}"#),
            format!(
                r#"{{"window":{window},"final":{is_final},"category":"Furniture","items":[{{"rank":1,"name":"Item_7_FUR","quantity":42,"revenue":588.00}},{{"rank":2,"name":"Item_2_FUR","quantity":7,"revenue":98.00}}]}}"#
            ),
            format!(
                r#"{{"window":{window},"final":{is_final},"revenue":{revenue},"receipts":812,"units":2440,"stores":48}}"#
            ),
        ]
    }
}

/// A receipt of one line.
pub(crate) fn receipt(id: &str, store: i64, minor: i64, item: &str) -> Receipt {
    Receipt {
        receipt_id: id.to_owned(),
        store_id: StoreId::new(store).unwrap(),
        store_name: format!("Store {store}"),
        cashier_id: CashierId::new(3).unwrap(),
        timestamp: EventTime::from_ms(now_ms()).unwrap(),
        payment_method: Some("Cash".to_owned()),
        items: vec![LineItem {
            name: item.to_owned(),
            category: "Furniture".to_owned(),
            price: Money::from_minor(minor),
            quantity: 1,
        }],
    }
}

/// Kopecks as the page writes them: `1 234,50 ₽`, with blanks that do not break.
pub(crate) fn roubles(minor: i64) -> String {
    let whole = (minor / 100).to_string();
    let grouped: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|digits| std::str::from_utf8(digits).unwrap()).collect();
    format!("{},{:02}\u{a0}₽", grouped.join("\u{a0}"), minor % 100)
}
