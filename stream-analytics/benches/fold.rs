//! The cost of a receipt in the core: reading it, and reading and adding it up. `cargo bench -p stream-analytics`.

use std::time::Duration;

use common::{Money, Receipt};
use divan::Bencher;
use divan::counter::ItemsCount;
use stream_analytics::combine::receipt::with_receipt;
use stream_analytics::combine::sums::Sums;
use stream_analytics::combine::{Clock, CombineConfig, InputPartition, SourceRecord};
use stream_analytics::outbox::Header;
use stream_analytics::window::WindowSpec;

fn main() {
    divan::main();
}

const RECEIPTS: usize = 10_000;

/// Receipts of three lines, a thousand a second of event time.
fn receipts(stores: usize) -> Vec<Vec<u8>> {
    let line = |n: usize| {
        let (category, item) = (n % 8, n % 25);
        format!(
            r#"{{"name":"Item_{item}_CAT{category}","category":"Category {category}","price":{}.50,"quantity":{}}}"#,
            5 + item,
            1 + n % 4
        )
    };
    (0..RECEIPTS)
        .map(|n| {
            let store = n * 7 % stores;
            let lines = [line(n), line(n * 3 + 1), line(n * 5 + 2)].join(",");
            format!(
                r#"{{"receipt_id":"r-{n:012}","store_id":{store},"store_name":"Store {store}","cashier_id":{},"timestamp":"2026-03-01T00:00:{:02}.{:03}Z","payment_method":"Digital Wallet","items":[{lines}]}}"#,
                n % 9,
                n / 1000,
                n % 1000
            )
            .into_bytes()
        })
        .collect()
}

struct Record<'a>(usize, &'a [u8]);

impl SourceRecord for Record<'_> {
    fn offset(&self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
    fn value(&self) -> Option<&[u8]> {
        Some(self.1)
    }
    fn key(&self) -> Option<&[u8]> {
        None
    }
    fn timestamp_ms(&self) -> Option<i64> {
        None
    }
    fn headers(&self) -> Vec<Header> {
        Vec::new()
    }
}

#[divan::bench]
fn general_reader(bencher: Bencher<'_, '_>) {
    let receipts = receipts(50);
    bencher
        .counter(ItemsCount::new(RECEIPTS))
        .bench(|| receipts.iter().filter(|value| Receipt::from_json(value).is_ok()).count());
}

#[divan::bench]
fn stream_reader(bencher: Bencher<'_, '_>) {
    let receipts = receipts(50);
    bencher
        .counter(ItemsCount::new(RECEIPTS))
        .bench(|| receipts.iter().filter(|value| with_receipt(value, |view| view.total_minor).is_ok()).count());
}

#[divan::bench(args = [50, 100_000])]
fn read_and_fold(bencher: Bencher<'_, '_>, stores: usize) {
    let receipts = receipts(stores);
    let windows = WindowSpec::new(Duration::from_secs(10), Duration::from_secs(10)).expect("a window");
    fold(bencher, &receipts, windows);
}

#[divan::bench]
fn read_and_fold_sliding_60s_by_1s(bencher: Bencher<'_, '_>) {
    let receipts = receipts(50);
    let windows = WindowSpec::new(Duration::from_mins(1), Duration::from_secs(1)).expect("a window");
    fold(bencher, &receipts, windows);
}

fn fold(bencher: Bencher<'_, '_>, receipts: &[Vec<u8>], windows: WindowSpec) {
    let config = CombineConfig {
        windows,
        delay_ms: 10_000,
        idle_after_ms: None,
        max_ahead_ms: None,
        expensive_over: Money::from_minor(i64::MAX),
        input_topic: "receipts".to_owned(),
    };
    bencher.counter(ItemsCount::new(RECEIPTS)).bench(|| {
        let mut input = InputPartition::new(&config, 0, 0, None, None, 0);
        let (clock, mut sums, mut out) = (Clock { monotonic_ms: 0, wall_ms: 0 }, Sums::default(), Vec::new());
        for (offset, value) in receipts.iter().enumerate() {
            input.record(&config, &Record(offset, value), clock, &mut sums, &mut out);
        }
        sums.take()
    });
}
