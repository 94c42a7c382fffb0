//! All that the dashboard knows, and what of it has changed.

use std::collections::BTreeSet;

use common::EventTime;
use common::results::Window;

use super::expensive::ExpensiveReceipts;
use super::filter::{ReceiptFilter, SeriesFilter, WindowFilter};
use super::history::History;
use super::record::{Position, Record, Refused, Summary};
use super::refusals::{Counts, Refusals};
use super::view::{PointView, ReceiptView, SalesHistoryView, SnapshotView, Timing, UpdateView, WindowView};

/// A page begins with so many expensive receipts.
const SNAPSHOT_RECEIPTS: usize = 100;
/// A page begins with so many whole windows; it asks for others when they are looked at.
const SNAPSHOT_WINDOWS: usize = 3;
/// When more than this has changed at once, a snapshot says it shorter.
const MAX_CHANGES: usize = 40;

/// Records folded.
#[derive(Debug)]
pub(crate) struct Board {
    timing: Timing,
    history: History,
    expensive: ExpensiveReceipts,
    refusals: Refusals,
    summary: Option<Summary>,
    caught_up: bool,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Changes {
    windows: BTreeSet<Window>,
    receipts: BTreeSet<Position>,
    summary: bool,
    refusals: bool,
    /// Too much to tell one by one.
    everything: bool,
}

/// What to tell the browsers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// What changed.
    Update(Vec<u8>),
    /// So much that all is said anew.
    Snapshot(Vec<u8>),
}

impl Board {
    /// Knows nothing yet.
    pub(crate) fn new(timing: Timing) -> Self {
        Board {
            timing,
            history: History::default(),
            expensive: ExpensiveReceipts::default(),
            refusals: Refusals::default(),
            summary: None,
            caught_up: false,
            changes: Changes::default(),
        }
    }

    /// Folds a record in.
    pub(crate) fn apply(&mut self, record: Record) {
        let window = match record {
            Record::TopStores(stores) => Some(stores.window).filter(|_| self.history.put_stores(stores)),
            Record::SalesTotals(totals) => Some(totals.window).filter(|_| self.history.put_totals(totals)),
            Record::PopularItems(items) => Some(items.window).filter(|_| self.history.put_items(items)),
            Record::Expensive(receipt) => {
                let position = receipt.position;
                if self.expensive.put(receipt) && !self.changes.everything {
                    self.changes.receipts.insert(position);
                }
                None
            }
            Record::Refused(refused) => {
                self.refusals.put(refused);
                self.changes.refusals = true;
                None
            }
            Record::Summary(summary) => {
                if self.summary.as_ref().is_none_or(|known| known.published_at <= summary.published_at) {
                    self.summary = Some(summary);
                    self.changes.summary = true;
                }
                None
            }
        };
        if let Some(window) = window.filter(|_| !self.changes.everything) {
            // The next window's changes of rank refer to this one.
            self.changes.windows.extend(self.history.after(&window));
            self.changes.windows.insert(window);
        }
        if self.changes.windows.len() > MAX_CHANGES || self.changes.receipts.len() > SNAPSHOT_RECEIPTS {
            self.changes = Changes { everything: true, ..Changes::default() };
        }
    }

    /// The past has been read.
    pub(crate) fn set_caught_up(&mut self) {
        if !self.caught_up {
            self.caught_up = true;
            self.changes.everything = true;
        }
    }

    /// What changed since the last call; `None` if nothing.
    pub(crate) fn take_news(&mut self, now: EventTime) -> Option<News> {
        let changes = std::mem::take(&mut self.changes);
        if changes.everything {
            return Some(News::Snapshot(self.snapshot(now)));
        }
        if changes.windows.is_empty() && changes.receipts.is_empty() && !changes.summary && !changes.refusals {
            return None;
        }
        let windows = changes
            .windows
            .iter()
            .filter_map(|window| Some(WindowView::new(&self.history, window, self.history.get(window)?, None, None)));
        let receipts = changes.receipts.iter().filter_map(|position| self.expensive.get(*position));
        let update = UpdateView {
            now,
            oldest: self.history.iter().next().map(|(window, _)| window.start),
            windows: windows.collect(),
            expensive_receipts: receipts.map(ReceiptView::line).collect(),
            sales_history: self.summary.as_ref().filter(|_| changes.summary).map(SalesHistoryView::from),
            dead_letters: changes.refusals.then(|| self.refusals.latest().collect()),
        };
        Some(News::Update(to_json(&update)))
    }

    /// Everything that a page needs to begin with.
    pub(crate) fn snapshot(&self, now: EventTime) -> Vec<u8> {
        let newest = self.history.iter().rev().take(SNAPSHOT_WINDOWS);
        let mut windows: Vec<_> =
            newest.map(|(window, results)| WindowView::new(&self.history, window, results, None, None)).collect();
        windows.reverse();
        to_json(&SnapshotView {
            now,
            caught_up: self.caught_up,
            timing: self.timing,
            series: self.points(&SeriesFilter::default()),
            windows,
            expensive_receipts: self
                .expensive
                .latest_sold_first()
                .take(SNAPSHOT_RECEIPTS)
                .map(ReceiptView::line)
                .collect(),
            sales_history: self.summary.as_ref().map(SalesHistoryView::from),
            dead_letters: self.refusals.latest().collect(),
        })
    }

    fn points(&self, filter: &SeriesFilter) -> Vec<PointView> {
        let totals = self.history.iter().filter_map(|(window, results)| Some((window, results.totals.as_ref()?)));
        totals
            .filter(|(window, totals)| filter.admits(window, totals.r#final))
            .map(|(_, totals)| totals.into())
            .collect()
    }

    /// The chart's points that the filter admits, the oldest first.
    pub(crate) fn series(&self, filter: &SeriesFilter) -> Vec<u8> {
        to_json(&self.points(filter))
    }

    /// The newest windows that the filter admits, the oldest first.
    pub(crate) fn windows(&self, filter: &WindowFilter) -> Vec<u8> {
        let admitted = self.history.iter().rev().filter(|(window, results)| filter.admits(window, results));
        let (store_id, category) = (filter.store_id, filter.category.as_deref());
        let mut views: Vec<_> = admitted
            .take(filter.limit())
            .map(|(window, results)| WindowView::new(&self.history, window, results, store_id, category))
            .collect();
        views.reverse();
        to_json(&views)
    }

    /// The receipts that the filter admits, the latest sold first.
    pub(crate) fn expensive_receipts(&self, filter: &ReceiptFilter) -> Vec<u8> {
        let admitted = self.expensive.latest_sold_first().filter(|receipt| filter.admits(receipt));
        to_json(&admitted.take(filter.limit()).map(ReceiptView::line).collect::<Vec<_>>())
    }

    /// A receipt with its lines.
    pub(crate) fn expensive_receipt(&self, position: Position) -> Option<Vec<u8>> {
        self.expensive.get(position).map(|receipt| to_json(&ReceiptView::whole(receipt)))
    }

    /// The latest dead letters, the newest first.
    pub(crate) fn dead_letters(&self) -> Vec<u8> {
        to_json(&self.refusals.latest().collect::<Vec<&Refused>>())
    }

    /// The sales history, if a cleaner has run.
    pub(crate) fn sales_history(&self) -> Option<Vec<u8>> {
        self.summary.as_ref().map(|summary| to_json(&SalesHistoryView::from(summary)))
    }

    /// How the windows are cut.
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// The end of the newest window whose totals are final.
    pub(crate) fn newest_final_end(&self) -> Option<EventTime> {
        self.history.newest_final().map(|window| window.end)
    }

    /// Receipts of the final windows that are kept.
    pub(crate) fn receipts_counted(&self) -> u64 {
        let totals = self.history.iter().filter_map(|(_, results)| results.totals.as_ref());
        totals.filter(|totals| totals.r#final).fold(0, |sum, totals| sum.saturating_add(totals.receipts))
    }

    /// Dead letters of the last `minutes`.
    pub(crate) fn refused(&self, now: EventTime, minutes: i64) -> Counts {
        self.refusals.counts(now, minutes)
    }
}

fn to_json<T: serde::Serialize>(view: &T) -> Vec<u8> {
    serde_json::to_vec(view).expect("views have string keys and no fallible members")
}

#[cfg(test)]
mod tests {
    use common::results::{PopularItems, RankedItem, RankedStore, Revenue, SalesTotals, TopStores};
    use common::{Money, Receipt, StoreId};
    use serde_json::{Value, json};

    use super::super::record::Expensive;
    use super::*;

    fn at(second: i64) -> EventTime {
        EventTime::from_ms(second * 1000).unwrap()
    }

    fn window(start_s: i64) -> Window {
        Window { start: at(start_s), end: at(start_s + 10) }
    }

    fn totals(start_s: i64, r#final: bool) -> Record {
        let window = window(start_s);
        Record::SalesTotals(SalesTotals {
            window,
            r#final,
            revenue: Revenue(123_450),
            receipts: 2,
            units: 3,
            stores: 1,
        })
    }

    fn stores(start_s: i64, ids: &[i64]) -> Record {
        let line = |(index, id): (usize, &i64)| RankedStore {
            rank: u32::try_from(index).unwrap() + 1,
            store_id: StoreId::new(*id).unwrap(),
            store_name: format!("Store {id}"),
            revenue: Revenue(100),
            receipts: 1,
        };
        let stores = ids.iter().enumerate().map(line).collect();
        Record::TopStores(TopStores { window: window(start_s), r#final: true, stores })
    }

    fn items(start_s: i64, category: &str) -> Record {
        let item = RankedItem { rank: 1, name: "x".into(), quantity: 2, revenue: Revenue(1) };
        let category = category.to_owned();
        Record::PopularItems(PopularItems { window: window(start_s), r#final: true, category, items: vec![item] })
    }

    fn expensive(offset: i64, store_id: i64, minor: i64) -> Record {
        let text = format!(
            r#"{{"receipt_id":"r{offset}","store_id":{store_id},"store_name":"s","cashier_id":1,"timestamp":"2026-11-22T10:15:30Z","items":[{{"name":"x","category":"y","price":{},"quantity":1}}]}}"#,
            Money::from_minor(minor)
        );
        Record::Expensive(Expensive {
            position: Position { partition: 0, offset },
            published_at: at(offset),
            total: Money::from_minor(minor),
            receipt: Receipt::from_json(text.as_bytes()).unwrap(),
        })
    }

    fn board(records: impl IntoIterator<Item = Record>) -> Board {
        let mut board = Board::new(Timing::new(10_000, 10_000, 10_000));
        records.into_iter().for_each(|record| board.apply(record));
        board
    }

    fn read(json: &[u8]) -> Value {
        serde_json::from_slice(json).unwrap()
    }

    fn filter<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_window_tells_each_stores_rank_in_the_window_before() {
        let board = board([stores(0, &[7, 9]), stores(10, &[9, 8])]);
        let windows = read(&board.windows(&WindowFilter::default()));
        let ranks = |index: usize| {
            let lines = windows[index]["top_stores"].as_array().unwrap().clone();
            lines.into_iter().map(|line| line["previous_rank"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(windows[0]["previous"], Value::Null);
        assert_eq!(ranks(0), [Value::Null, Value::Null]);
        assert_eq!(windows[1]["previous"]["start"], "1970-01-01T00:00:00.000Z");
        assert_eq!(ranks(1), [json!(2), Value::Null]);
    }

    #[test]
    fn news_are_what_changed_and_are_told_once() {
        let mut board = board([totals(0, true), items(0, "Milk Products")]);
        let Some(News::Update(update)) = board.take_news(at(20)) else { panic!("no update") };
        let update = read(&update);
        assert_eq!(update["windows"][0]["totals"], json!({"revenue": 1234.5, "receipts": 2, "units": 3, "stores": 1}));
        assert_eq!(update["windows"][0]["popular_items"][0]["category"], "Milk Products");
        assert_eq!(board.take_news(at(20)), None);
        board.apply(totals(0, false));
        assert_eq!(board.take_news(at(21)), None, "an early result after the final one is no news");
    }

    #[test]
    fn a_changed_window_is_told_with_the_next_ones_changes_of_rank() {
        let mut board = board([stores(10, &[7])]);
        board.take_news(at(20));
        board.apply(stores(0, &[9, 7]));
        let Some(News::Update(update)) = board.take_news(at(20)) else { panic!("no update") };
        assert_eq!(read(&update)["windows"][1]["top_stores"][0]["previous_rank"], 2);
    }

    #[test]
    fn much_news_is_a_snapshot_of_the_newest() {
        let mut board = board((0..100).map(|index| totals(index * 10, true)));
        let Some(News::Snapshot(snapshot)) = board.take_news(at(2_000)) else { panic!("no snapshot") };
        let snapshot = read(&snapshot);
        assert_eq!(snapshot["series"].as_array().unwrap().len(), 100);
        assert_eq!(snapshot["windows"].as_array().unwrap().len(), SNAPSHOT_WINDOWS);
        assert_eq!(snapshot["windows"][2]["window"]["start"], "1970-01-01T00:16:30.000Z");
    }

    #[test]
    fn windows_are_filtered_by_time_finality_store_and_category() {
        let records = [totals(0, true), stores(0, &[7, 9]), items(0, "a"), items(0, "b"), totals(10, false)];
        let board = board(records);
        let count = |value| read(&board.windows(&filter(value))).as_array().unwrap().len();
        assert_eq!(count(json!({})), 2);
        assert_eq!(count(json!({"from": "1970-01-01T00:00:10Z"})), 1);
        assert_eq!(count(json!({"to": "1970-01-01T00:00:10Z"})), 1);
        assert_eq!(count(json!({"final": false})), 1);
        assert_eq!(count(json!({"limit": 1})), 1);
        let one = read(&board.windows(&filter(json!({"final": true, "store_id": "9", "category": "b"}))));
        assert_eq!(one[0]["top_stores"].as_array().unwrap().len(), 1);
        assert_eq!(one[0]["top_stores"][0]["store_id"], 9);
        assert_eq!(one[0]["popular_items"].as_array().unwrap().len(), 1);
        let series = read(&board.series(&filter(json!({"final": true}))));
        assert_eq!(series.as_array().unwrap().len(), 1);
    }

    #[test]
    fn receipts_are_filtered_by_store_and_amount() {
        let board = board([expensive(1, 7, 60_000), expensive(2, 9, 70_000), expensive(3, 7, 80_000)]);
        let ids = |value| {
            let receipts = read(&board.expensive_receipts(&filter(value)));
            receipts.as_array().unwrap().iter().map(|line| line["receipt_id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(json!({})), ["r3", "r2", "r1"]);
        assert_eq!(ids(json!({"store_id": "7"})), ["r3", "r1"]);
        assert_eq!(ids(json!({"min_total": "700"})), ["r3", "r2"]);
        assert_eq!(ids(json!({"limit": 1})), ["r3"]);
        let whole = read(&board.expensive_receipt(Position { partition: 0, offset: 2 }).unwrap());
        assert_eq!(whole["items"][0]["name"], "x");
        assert!(board.expensive_receipt(Position { partition: 0, offset: 9 }).is_none());
    }

    #[test]
    fn the_newest_final_window_is_found_behind_early_ones() {
        let board = board([totals(0, true), totals(10, true), totals(20, false)]);
        assert_eq!(board.newest_final_end(), Some(at(20)));
        assert_eq!(board.receipts_counted(), 4);
    }
}
