//! The results as they were published: per key the final one, and what should not be there beside it.

use std::collections::BTreeMap;

use common::results::{PopularItems, SalesTotals, TopStores, Window};
use common::{EventTime, TopicKind};
use serde::de::DeserializeOwned;

use super::report::{Fault, Report};
use super::rules::Range;

/// A value of a result topic.
pub trait WindowResult: DeserializeOwned + PartialEq {
    /// Its topic.
    const TOPIC: TopicKind;
    /// Its window.
    fn window(&self) -> Window;
    /// Whether it is the last word.
    fn is_final(&self) -> bool;
    /// Its category, if it has one.
    fn category(&self) -> Option<&str>;
    /// What it says, for a line.
    fn summary(&self) -> String;
    /// In what it differs from what it should be, and by how much.
    fn difference(&self, expected: &Self) -> String;
}

/// The record key of a window start and a category.
pub fn key(start_ms: i64, category: Option<&str>) -> String {
    let start = EventTime::from_ms(start_ms).map_or_else(|| start_ms.to_string(), |start| start.to_string());
    match category {
        None => start,
        Some(category) => format!("{start}/{category}"),
    }
}

/// Window start and category.
pub type ResultKey = (i64, Option<Box<str>>);

/// What was published under one key.
#[derive(Debug)]
pub struct Entry<V> {
    /// The first final result.
    pub first_final: Option<V>,
    /// How many there are.
    pub finals: u32,
    /// Whether they say the same.
    pub finals_differ: bool,
    /// Early results that follow a final one.
    pub early_after_final: u32,
}

/// The finals of one topic, by key.
#[derive(Debug)]
pub struct Published<V> {
    /// By key.
    pub entries: BTreeMap<ResultKey, Entry<V>>,
    /// End of the last window that each stream (a category, or all stores) has published, whatever the range.
    pub last_end_ms: BTreeMap<Option<Box<str>>, i64>,
}

impl<V: WindowResult> Published<V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Published { entries: BTreeMap::new(), last_end_ms: BTreeMap::new() }
    }

    /// Takes in a record; those of one partition come in its order.
    pub fn take(&mut self, record_key: &[u8], value: &[u8], range: Range, report: &mut Report) {
        let topic = V::TOPIC.base_name();
        let record_key = String::from_utf8_lossy(record_key);
        let result: V = match serde_json::from_slice(value) {
            Ok(result) => result,
            Err(error) => {
                report.fault(topic, Fault::Wrong, &record_key, &format!("not a result: {error}"));
                return;
            }
        };
        let (window, category) = (result.window(), result.category().map(Box::<str>::from));
        if result.is_final() {
            let last = self.last_end_ms.entry(category.clone()).or_insert(i64::MIN);
            *last = window.end.ms().max(*last);
        }
        let start_ms = window.start.ms();
        if !range.holds(start_ms) {
            return;
        }
        let own_key = key(start_ms, category.as_deref());
        if own_key != record_key {
            report.fault(topic, Fault::Wrong, &record_key, &format!("the value is that of {own_key}"));
        }
        let entry = self.entries.entry((start_ms, category)).or_insert(Entry {
            first_final: None,
            finals: 0,
            finals_differ: false,
            early_after_final: 0,
        });
        match (&entry.first_final, result.is_final()) {
            (None, true) => {
                entry.finals = 1;
                entry.first_final = Some(result);
            }
            (Some(first), true) => {
                entry.finals += 1;
                entry.finals_differ |= *first != result;
            }
            (Some(_), false) => entry.early_after_final += 1,
            (None, false) => {}
        }
    }
}

/// `was (+n)` or `(-n)` for every pair that differs.
fn differences(pairs: &[(&str, i128, i128)], show: impl Fn(&str, i128) -> String) -> String {
    let differing = pairs.iter().filter(|(_, is, should)| is != should).map(|(name, is, should)| {
        let sign = if is > should { "+" } else { "-" };
        let by = show(name, (is - should).abs());
        format!("{name} {}, should be {} ({sign}{by})", show(name, *is), show(name, *should))
    });
    differing.collect::<Vec<_>>().join("; ")
}

fn signed(units: u128) -> i128 {
    i128::try_from(units).unwrap_or(i128::MAX)
}

fn money_or_number(name: &str, value: i128) -> String {
    if name.ends_with("revenue") { common::results::Revenue(value).to_string() } else { value.to_string() }
}

/// The first line of two rankings that differs.
fn first_difference<R>(is: &[R], should: &[R], same: impl Fn(&R, &R) -> bool) -> usize {
    is.iter().zip(should).take_while(|(is, should)| same(is, should)).count()
}

/// Another window than the key's.
fn other_window(is: Window, should: Window) -> Option<String> {
    (is != should).then(|| format!("window {} to {}, should be {} to {}", is.start, is.end, should.start, should.end))
}

fn ranking_difference(
    name: &str,
    place: usize,
    lengths: (usize, usize),
    is: Option<String>,
    should: Option<String>,
) -> String {
    let (is_long, should_be_long) = lengths;
    if is_long != should_be_long && (is.is_none() || should.is_none()) {
        return format!("{is_long} {name}, should be {should_be_long} (is --top what the service was started with?)");
    }
    let text = |line: Option<String>| line.unwrap_or_else(|| "nothing".to_owned());
    format!("rank {}: {}, should be {}", place + 1, text(is), text(should))
}

impl WindowResult for SalesTotals {
    const TOPIC: TopicKind = TopicKind::SalesTotals;

    fn window(&self) -> Window {
        self.window
    }

    fn is_final(&self) -> bool {
        self.r#final
    }

    fn category(&self) -> Option<&str> {
        None
    }

    fn summary(&self) -> String {
        format!("{} receipts of {} stores, revenue {}", self.receipts, self.stores, self.revenue)
    }

    fn difference(&self, expected: &Self) -> String {
        if let Some(line) = other_window(self.window, expected.window) {
            return line;
        }
        let pairs = [
            ("receipts", i128::from(self.receipts), i128::from(expected.receipts)),
            ("revenue", self.revenue.0, expected.revenue.0),
            ("units", signed(self.units), signed(expected.units)),
            ("stores", i128::from(self.stores), i128::from(expected.stores)),
        ];
        differences(&pairs, money_or_number)
    }
}

impl WindowResult for TopStores {
    const TOPIC: TopicKind = TopicKind::TopStores;

    fn window(&self) -> Window {
        self.window
    }

    fn is_final(&self) -> bool {
        self.r#final
    }

    fn category(&self) -> Option<&str> {
        None
    }

    fn summary(&self) -> String {
        self.stores.first().map_or_else(
            || "no stores".to_owned(),
            |best| format!("{} stores, first {} with {}", self.stores.len(), best.store_id, best.revenue),
        )
    }

    fn difference(&self, expected: &Self) -> String {
        if let Some(line) = other_window(self.window, expected.window) {
            return line;
        }
        let place = first_difference(&self.stores, &expected.stores, |is, should| is == should);
        let (is, should) = (self.stores.get(place), expected.stores.get(place));
        if let (Some(is), Some(should)) = (is, should)
            && (is.store_id, &is.store_name, is.rank) == (should.store_id, &should.store_name, should.rank)
        {
            let pairs = [
                ("receipts", i128::from(is.receipts), i128::from(should.receipts)),
                ("revenue", is.revenue.0, should.revenue.0),
            ];
            return format!("store {}: {}", is.store_id, differences(&pairs, money_or_number));
        }
        let line = |store: &common::results::RankedStore| {
            format!("{}. store {} {:?} with {}", store.rank, store.store_id, store.store_name, store.revenue)
        };
        let lengths = (self.stores.len(), expected.stores.len());
        ranking_difference("stores", place, lengths, is.map(line), should.map(line))
    }
}

impl WindowResult for PopularItems {
    const TOPIC: TopicKind = TopicKind::PopularItems;

    fn window(&self) -> Window {
        self.window
    }

    fn is_final(&self) -> bool {
        self.r#final
    }

    fn category(&self) -> Option<&str> {
        Some(&self.category)
    }

    fn summary(&self) -> String {
        self.items.first().map_or_else(
            || "no items".to_owned(),
            |best| format!("{} items, first {:?} with {} units", self.items.len(), best.name, best.quantity),
        )
    }

    fn difference(&self, expected: &Self) -> String {
        if let Some(line) = other_window(self.window, expected.window) {
            return line;
        }
        let place = first_difference(&self.items, &expected.items, |is, should| is == should);
        let (is, should) = (self.items.get(place), expected.items.get(place));
        if let (Some(is), Some(should)) = (is, should)
            && (&is.name, is.rank) == (&should.name, should.rank)
        {
            let pairs =
                [("units", signed(is.quantity), signed(should.quantity)), ("revenue", is.revenue.0, should.revenue.0)];
            return format!("item {:?}: {}", is.name, differences(&pairs, money_or_number));
        }
        let line = |item: &common::results::RankedItem| {
            format!("{}. {:?} with {} units, {}", item.rank, item.name, item.quantity, item.revenue)
        };
        let lengths = (self.items.len(), expected.items.len());
        ranking_difference("items", place, lengths, is.map(line), should.map(line))
    }
}
