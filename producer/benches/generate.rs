//! How fast receipts are drawn and written down, before the client library: one thread, no I/O.
#![forbid(unsafe_code)]

use std::sync::Arc;

use common::EventTime;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use producer::ReceiptsArgs;
use producer::receipts::ReceiptStream;
use producer::receipts::catalogue::Catalogue;

fn main() {
    divan::main();
}

const RECEIPTS: u64 = 10_000;

fn stream(flags: &[&str]) -> ReceiptStream {
    let args = ReceiptsArgs::from_flags(flags.iter().copied()).expect("flags of this file");
    ReceiptStream::new(&args, 7, &Catalogue::builtin()).expect("flags of this file")
}

fn bench_stream(bencher: Bencher<'_, '_>, flags: &[&str]) {
    let mut stream = stream(flags);
    let mut number = 0;
    let mut make_some = move || {
        let mut bytes = 0;
        for _ in 0..RECEIPTS {
            let time = EventTime::from_ms(1_700_000_000_000 + i64::try_from(number / 400).unwrap_or(0));
            bytes += stream.generate(number, time.unwrap_or(EventTime::MAX)).value.len();
            number += 1;
        }
        bytes
    };
    let bytes = make_some();
    bencher.counter(ItemsCount::new(RECEIPTS)).counter(BytesCount::new(bytes)).bench_local(make_some);
}

/// What `--rate max` does for each receipt before the client library has it.
#[divan::bench]
fn orderly(bencher: Bencher<'_, '_>) {
    bench_stream(bencher, &[]);
}

#[divan::bench]
fn with_every_disorder(bencher: Bencher<'_, '_>) {
    bench_stream(
        bencher,
        &["--jitter", "2s", "--late", "1%", "--malformed", "0.1%", "--duplicate", "0.1%", "--silent-store", "3"],
    );
}

/// The same receipts through `serde`, to see what the encoder is worth.
#[divan::bench]
fn the_wire_types_own_json(bencher: Bencher<'_, '_>) {
    let catalogue = Arc::new(Catalogue::builtin());
    let mut stream = stream(&[]);
    let mut number = 0;
    bencher.counter(ItemsCount::new(RECEIPTS)).bench_local(move || {
        let mut bytes = 0;
        for _ in 0..RECEIPTS {
            bytes += stream.generate(number, EventTime::MAX).sale.to_receipt(7, &catalogue).to_json().len();
            number += 1;
        }
        bytes
    });
}
