//! What holds for every input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dirty;

use std::cell::Cell;
use std::io::Cursor;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};

use batch_cleaner::{
    CsvSink, Input, JsonLinesSink, Observer, Options, Packing, RejectsSink, RepairsSink, Report, Restartable, Steps,
    clean, clean_all,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

struct Cleaned {
    csv: Vec<u8>,
    rejects: Vec<u8>,
    repairs: Vec<u8>,
    report: Report,
}

fn cleaned(file: &[u8], options: &Options) -> Cleaned {
    let mut csv = CsvSink::new("csv", Vec::new(), Packing::Plain, false);
    let mut rejects = RejectsSink::new("rejects", Vec::new(), Packing::Plain);
    let mut repairs = RepairsSink::new("repairs", Vec::new(), Packing::Plain);
    let mut sink = (&mut csv, (&mut rejects, &mut repairs));
    let report = clean(Cursor::new(file), options, &mut sink).unwrap();
    Cleaned {
        csv: csv.finish().unwrap(),
        rejects: rejects.finish().unwrap(),
        repairs: repairs.finish().unwrap(),
        report,
    }
}

/// Counts the passes.
#[derive(Default)]
struct Passes(AtomicU64);

impl Observer for Passes {
    fn begins(&self, _: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The same with sinks that can start anew, so that rows may come on a guess; and how many passes that took.
fn cleaned_on_a_guess(file: &[u8], options: &Options) -> (Cleaned, u64) {
    let mut csv = Restartable::new(|| Ok(CsvSink::new("csv", Vec::new(), Packing::Plain, false))).unwrap();
    let mut rejects = Restartable::new(|| Ok(RejectsSink::new("rejects", Vec::new(), Packing::Plain))).unwrap();
    let mut repairs = Restartable::new(|| Ok(RepairsSink::new("repairs", Vec::new(), Packing::Plain))).unwrap();
    let mut sink = (&mut csv, (&mut rejects, &mut repairs));
    let passes = Passes::default();
    let report = clean_all(&mut [Input::new("input", Cursor::new(file))], options, &passes, &mut sink).unwrap();
    let cleaned = Cleaned {
        csv: csv.into_inner().finish().unwrap(),
        rejects: rejects.into_inner().finish().unwrap(),
        repairs: repairs.into_inner().finish().unwrap(),
        report,
    };
    (cleaned, passes.0.into_inner())
}

fn in_pieces(piece_bytes: usize, threads: usize) -> Options {
    let threads = NonZero::new(threads).unwrap();
    Options { piece_bytes, threads, ..Options::new(Steps::Full) }
}

fn assert_same(file: &[u8], one: &Options, other: &Options) {
    assert_equal(&cleaned(file, one), &cleaned(file, other));
}

fn assert_equal(one: &Cleaned, other: &Cleaned) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&one.rejects), text(&other.rejects));
    assert_eq!(text(&one.csv), text(&other.csv));
    assert_eq!(text(&one.repairs), text(&other.repairs));
    assert_eq!(text(&one.report.to_json()), text(&other.report.to_json()));
}

fn json_rows(file: &[u8]) -> Vec<serde_json::Value> {
    let mut sink = JsonLinesSink::new("json", Vec::new(), Packing::Plain, false);
    clean(Cursor::new(file), &Options::new(Steps::Full), &mut sink).unwrap();
    let lines = String::from_utf8(sink.finish().unwrap()).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_bytes(file in dirty::any_file(), piece_bytes in 1_usize..300, threads in 1_usize..5) {
        assert_same(&file, &Options::new(Steps::Full), &in_pieces(piece_bytes, threads));
    }

    #[test]
    fn every_row_is_kept_or_rejected(file in dirty::any_file()) {
        let cleaned = cleaned(&file, &Options::new(Steps::Full));
        let report = &cleaned.report;
        prop_assert_eq!(report.rows_read(), report.kept() + report.rejected());
        let lines = |list: &[u8]| csv::Reader::from_reader(list).into_byte_records().map(Result::unwrap).count() as u64;
        prop_assert_eq!(lines(&cleaned.csv), report.kept());
        prop_assert_eq!(lines(&cleaned.rejects), report.rejected());
    }

    /// What is written is read again as it was. One thing may still happen to it: rows that were rejected the first time
    /// teach nothing the second time, so an item that was ambiguous, and null, may now be restored.
    #[test]
    fn cleaning_a_cleaned_file_changes_nothing_but_null_items(file in dirty::any_file()) {
        let first = json_rows(&file);
        let csv = cleaned(&file, &Options::new(Steps::Full)).csv;
        let second = json_rows(&csv);
        prop_assert_eq!(first.len(), second.len());
        for (mut first, mut second) in first.into_iter().zip(second) {
            if first["item"].is_null() {
                first["item"].take();
                second["item"].take();
            }
            prop_assert_eq!(first, second);
        }
    }
}

/// Whether the guess holds or not.
#[test]
fn a_guess_at_the_reference_changes_nothing() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() });
    let (right, wrong) = (Cell::new(0), Cell::new(0));
    runner
        .run(
            &(dirty::well_quoted_file(), 1_u64..1500, 1_usize..300, 1_usize..4),
            |(file, sample_bytes, piece_bytes, threads)| {
                let options = Options { sample_bytes, ..in_pieces(piece_bytes, threads) };
                let (guessed, passes) = cleaned_on_a_guess(&file, &options);
                assert_equal(&guessed, &cleaned(&file, &options));
                let counted = if passes == 1 { &right } else { &wrong };
                counted.set(counted.get() + 1);
                Ok(())
            },
        )
        .unwrap();
    assert!(right.get() > 100 && wrong.get() > 100, "{} right, {} wrong", right.get(), wrong.get());
}

const HEADER: &str = "transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied\n";
const ROW: &str = "T1,C1,Food,Item_1,1,2,2,Cash,Online,2024-01-01,1\n";

#[test]
fn a_quote_without_end_costs_one_line() {
    let file = format!("{HEADER}{ROW}T2,C1,\"Food,Item_1,1,2,2,Cash,Online,2024-01-01,1\n{}", ROW.repeat(30_000));
    for options in [in_pieces(100, 3), in_pieces(1 << 20, 2)] {
        let cleaned = cleaned(file.as_bytes(), &options);
        assert_eq!((cleaned.report.kept(), cleaned.report.rejected()), (30_001, 1));
        let rejects = String::from_utf8(cleaned.rejects).unwrap();
        assert!(rejects.contains("\n3,,unclosed quote,"), "{rejects}");
    }
}

#[test]
fn a_field_of_any_size_is_one_reject() {
    for field in ["x".repeat(3 << 20), format!("\"{}\"", "x".repeat(3 << 20))] {
        let file = format!("{HEADER}{ROW}T2,C1,{field},Item_1,1,2,2,Cash,Online,2024-01-01,1\n{ROW}");
        assert_same(file.as_bytes(), &in_pieces(1000, 2), &in_pieces(8 << 20, 1));
        let cleaned = cleaned(file.as_bytes(), &Options::new(Steps::Full));
        assert_eq!((cleaned.report.kept(), cleaned.report.rejected()), (2, 1));
    }
}

/// Each line seems to go on in the next, whichever one begins with: looking ahead from every one of them would take
/// hours.
#[test]
fn quotes_that_chain_lines_together_are_read_in_linear_time() {
    let file = format!("{HEADER}{}{ROW}", "a\",\"b\n".repeat(500_000));
    assert_same(file.as_bytes(), &in_pieces(64 << 10, 2), &in_pieces(4 << 20, 1));
}
