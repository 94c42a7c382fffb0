//! How fast rows are read, cleaned and written, on one worker and in memory.

use std::fmt::Write;
use std::io::Cursor;
use std::num::NonZero;

use batch_cleaner::csv::{Records, Splitter};
use batch_cleaner::{CsvSink, JsonLinesSink, Options, Packing, ParquetSink, Steps, clean};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

const ROWS: usize = 100_000;

fn main() {
    divan::main();
}

/// Rows of the data set's shape: a twentieth lacks the price, a twentieth quantity and total.
fn file() -> Vec<u8> {
    let mut file = batch_cleaner::HEADER.split_once(",day_of_week").expect("the header has it").0.to_owned();
    for row in 0..ROWS {
        let (item, quantity) = (row % 25 + 1, row % 10 + 1);
        let cents = 350 + item * 150;
        let money = |cents: usize| format!("{}.{}", cents / 100, cents % 100 / 10);
        let (price, total) = (money(cents), money(cents * quantity));
        let (name, price, quantity, total) = match row % 20 {
            0 => (String::new(), String::new(), format!("{quantity}.0"), total),
            1 => (String::new(), price, String::new(), String::new()),
            _ => (format!("Item_{item}_FUR"), price, format!("{quantity}.0"), total),
        };
        // Writing to a string does not fail.
        let _ = write!(
            file,
            "\r\nTXN_{:07},CUST_{:02},Furniture,{name},{price},{quantity},{total},Digital Wallet,In-store,2024-{:02}-{:02},{}",
            row * 7_654_321 % 10_000_000,
            row % 25,
            row % 12 + 1,
            row % 28 + 1,
            ["True", "False", ""][row % 3],
        );
    }
    file.into_bytes()
}

fn options() -> Options {
    Options { threads: NonZero::<usize>::MIN, ..Options::new(Steps::Full) }
}

#[divan::bench]
fn split_and_scan(bencher: Bencher<'_, '_>) {
    let file = file();
    bencher.counter(BytesCount::new(file.len())).counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut splitter = Splitter::new(Cursor::new(&file), 256 << 10);
        let (mut piece, mut marks, mut fields) = (Vec::new(), Vec::new(), 0);
        while let Ok(Some(_)) = splitter.next(&mut piece, |_| {}) {
            let mut records = Records::new(&piece, &mut marks);
            while records.advance().is_some() {
                fields += records.fields().len();
            }
        }
        black_box(fields)
    });
}

#[divan::bench]
fn clean_for_the_report_alone(bencher: Bencher<'_, '_>) {
    let file = file();
    bencher
        .counter(BytesCount::new(file.len()))
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| clean(Cursor::new(&file), &options(), &mut ()).map(|report| report.kept()));
}

#[divan::bench]
fn clean_to_csv(bencher: Bencher<'_, '_>) {
    let file = file();
    bencher.counter(BytesCount::new(file.len())).counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut sink = CsvSink::new("memory", Vec::with_capacity(file.len() * 2), Packing::Plain, false);
        clean(Cursor::new(&file), &options(), &mut sink).map(|report| report.kept())
    });
}

#[divan::bench]
fn clean_to_json_lines(bencher: Bencher<'_, '_>) {
    let file = file();
    bencher.counter(BytesCount::new(file.len())).counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut sink = JsonLinesSink::new("memory", Vec::with_capacity(file.len() * 5), Packing::Plain, false);
        clean(Cursor::new(&file), &options(), &mut sink).map(|report| report.kept())
    });
}

#[divan::bench]
fn clean_to_parquet(bencher: Bencher<'_, '_>) {
    let file = file();
    bencher.counter(BytesCount::new(file.len())).counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut sink = ParquetSink::new("memory", Vec::new(), false)?;
        clean(Cursor::new(&file), &options(), &mut sink).map(|report| report.kept())
    });
}
