//! The results as tables: refreshed in place on a terminal, batch after batch when piped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use common::kafka::KafkaSettings;
use common::results::{PopularItems, SalesTotals, TopStores, Window};
use common::shutdown::Shutdown;
use common::{Receipt, TopicKind, Topics};
use rdkafka::error::KafkaResult;
use serde::Deserialize;

use super::batch::{MAX_ROWS, heading, table};
use super::tail::{From, Tail};

/// Distance of the micro-batches.
const TRIGGER: Duration = Duration::from_secs(1);
/// Expensive receipts that are shown.
const EXPENSIVE_SHOWN: usize = 10;
/// Windows that are remembered.
const WINDOWS_KEPT: usize = 3;

/// What the console shows: the latest window's results and the latest expensive receipts.
#[derive(Debug, Default)]
pub struct Screen {
    windows: BTreeMap<Window, WindowResults>,
    expensive: Vec<Expensive>,
    changed: bool,
}

#[derive(Debug, Default)]
struct WindowResults {
    stores: Option<TopStores>,
    totals: Option<SalesTotals>,
    items: BTreeMap<String, PopularItems>,
}

#[derive(Debug)]
struct Expensive {
    receipt: Receipt,
    total: String,
}

impl Screen {
    /// Takes in a record of a result topic; others are ignored.
    pub fn take(&mut self, kind: TopicKind, value: &[u8]) {
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
            TopicKind::ExpensiveReceipts => {
                self.take_expensive(value);
                Ok(())
            }
            _ => return,
        };
        match taken {
            Ok(()) => self.changed = true,
            Err(error) => tracing::warn!(%error, "a result cannot be read"),
        }
    }

    fn window(&mut self, window: Window) -> &mut WindowResults {
        while self.windows.len() >= WINDOWS_KEPT && !self.windows.contains_key(&window) {
            self.windows.pop_first();
        }
        self.windows.entry(window).or_default()
    }

    fn take_expensive(&mut self, value: &[u8]) {
        #[derive(Deserialize)]
        struct Total<'a> {
            #[serde(borrow)]
            total: &'a serde_json::value::RawValue,
        }
        let (Ok(receipt), Ok(Total { total })) = (Receipt::from_json(value), serde_json::from_slice(value)) else {
            return;
        };
        self.expensive.insert(0, Expensive { receipt, total: total.get().to_owned() });
        self.expensive.truncate(EXPENSIVE_SHOWN);
    }

    /// The tables, if anything has changed since they were last asked for.
    pub fn render(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut text = String::new();
        if let Some((window, results)) = self.windows.iter().rev().find(|(_, results)| results.stores.is_some()) {
            results.render(*window, &mut text);
        }
        if !self.expensive.is_empty() {
            let rows = self.expensive.iter().map(|Expensive { receipt, total }| {
                vec![
                    receipt.timestamp.to_string(),
                    receipt.receipt_id.clone(),
                    receipt.store_name.clone(),
                    receipt.items.len().to_string(),
                    total.clone(),
                ]
            });
            let table = table(&["timestamp", "receipt", "store", "lines", "total"], 2, rows);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "Expensive receipts, latest first\n{table}");
        }
        Some(text)
    }
}

impl WindowResults {
    fn render(&self, window: Window, text: &mut String) {
        let early = self.stores.as_ref().is_some_and(|stores| !stores.r#final);
        let _ = writeln!(text, "Window {} to {}{}", window.start, window.end, if early { " (early)" } else { "" });
        if let Some(totals) = &self.totals {
            let SalesTotals { revenue, receipts, units, stores, .. } = totals;
            let _ = writeln!(text, "{receipts} receipts of {stores} stores, {units} units, revenue {revenue}");
        }
        if let Some(TopStores { stores, .. }) = &self.stores {
            let rows = stores.iter().take(MAX_ROWS).map(|store| {
                let (rank, id) = (store.rank.to_string(), store.store_id.to_string());
                vec![rank, store.store_name.clone(), id, store.receipts.to_string(), store.revenue.to_string()]
            });
            let table = table(&["rank", "store", "store_id", "receipts", "revenue"], 3, rows);
            let _ = writeln!(text, "Top stores by revenue\n{table}");
        }
        let items = self.items.values().flat_map(|result| result.items.iter().map(move |item| (result, item)));
        let rows: Vec<_> = items
            .filter(|(_, item)| item.rank == 1)
            .take(MAX_ROWS)
            .map(|(result, item)| {
                vec![result.category.clone(), item.name.clone(), item.quantity.to_string(), item.revenue.to_string()]
            })
            .collect();
        if !rows.is_empty() {
            let table = table(&["category", "most popular item", "units", "revenue"], 2, rows);
            let _ = writeln!(text, "Popular items by category\n{table}");
        }
    }
}

/// Prints results from now on, until shutdown. Blocks its thread; a closed standard output ends it.
pub fn follow(settings: &KafkaSettings, topics: &Topics, shutdown: &Shutdown) -> KafkaResult<()> {
    const SHOWN: [TopicKind; 4] =
        [TopicKind::TopStores, TopicKind::SalesTotals, TopicKind::PopularItems, TopicKind::ExpensiveReceipts];
    let names: Vec<String> = SHOWN.iter().map(|kind| topics.name(*kind)).collect();
    let tail = Tail::open(settings, &topics.prefixed("console"), &names, From::Now)?;
    let mut screen = Screen::default();
    let in_place = std::io::stdout().is_terminal();
    let mut number = 0;
    while !shutdown.is_cancelled() {
        tail.read(TRIGGER, |topic, value| {
            if let Some(index) = names.iter().position(|name| name == topic) {
                screen.take(SHOWN[index], value);
            }
        });
        let Some(text) = screen.render() else { continue };
        // Home, and clear to the end of the screen.
        let start = if in_place { "\x1b[H\x1b[J" } else { "" };
        if writeln!(std::io::stdout(), "{start}{}\n{text}", heading(number)).is_err() {
            return Ok(());
        }
        number += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_window_is_shown_and_nothing_twice() {
        let mut screen = Screen::default();
        let value = |start: u32, revenue: u32| {
            format!(
                r#"{{"window":{{"start":"2026-11-22T10:15:{start}.000Z","end":"2026-11-22T10:15:59.000Z"}},"final":true,"stores":[{{"rank":1,"store_id":1,"store_name":"S","revenue":{revenue}.00,"receipts":2}}]}}"#
            )
        };
        screen.take(TopicKind::TopStores, value(10, 7).as_bytes());
        screen.take(TopicKind::TopStores, value(20, 9).as_bytes());
        let text = screen.render().unwrap();
        assert!(text.contains("|    9.00 |") && !text.contains("7.00"), "{text}");
        assert_eq!(screen.render(), None);
        screen.take(TopicKind::TopStores, b"not json");
        assert_eq!(screen.render(), None);
    }

    #[test]
    fn an_expensive_receipt_is_shown_with_its_total() {
        let mut screen = Screen::default();
        let value = r#"{"receipt_id":"r9","store_id":1,"store_name":"S","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","items":[{"name":"x","category":"y","price":300.20,"quantity":2}],"total":600.40}"#;
        screen.take(TopicKind::ExpensiveReceipts, value.as_bytes());
        let text = screen.render().unwrap();
        assert!(text.contains("600.40") && text.contains("r9"), "{text}");
    }
}
