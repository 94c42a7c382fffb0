//! The cleaner against the truth that the producer writes beside its dirty files: two readings of the cleaning rules, one
//! over bytes and one over values, that share no code.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs::{self, File};

use batch_cleaner::{CsvSink, Options, Packing, Steps, clean};
use clap::{Args, Command, FromArgMatches};
use producer::SalesCsvArgs;
use producer::args::DirtArgs;
use producer::sales_csv;

/// Every kind of dirt, as its flag.
fn kinds() -> Vec<String> {
    let flags = DirtArgs::augment_args(Command::new("dirt"));
    flags.get_arguments().map(|flag| flag.get_long().unwrap().to_owned()).collect()
}

/// Writes a file with this dirt, and the public file's, cleans it, and compares.
fn compare(dirt: &[(&str, &str)], strict: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (dirty, truth) = (folder.path().join("dirty.csv"), folder.path().join("truth.csv"));
    let mut flags = vec!["sales-csv".to_owned(), "--rows=3000".to_owned(), format!("--strict={strict}")];
    flags.extend([format!("--output={}", dirty.display()), format!("--truth={}", truth.display())]);
    flags.extend(dirt.iter().map(|(kind, share)| format!("--{kind}={share}")));
    let flags = SalesCsvArgs::augment_args(Command::new("sales-csv")).get_matches_from(flags);
    let summary = sales_csv::write(&SalesCsvArgs::from_arg_matches(&flags).unwrap()).unwrap();
    for (kind, _) in dirt {
        assert!(summary.injected[kind.replace('-', "_").as_str()] > 0, "{kind} was not injected");
    }

    let steps = if strict { Steps::Strict } else { Steps::Full };
    let mut sink = CsvSink::new("memory", Vec::new(), Packing::Plain, false);
    let report = clean(File::open(&dirty).unwrap(), &Options::new(steps), &mut sink).unwrap();
    let (cleaned, truth) = (String::from_utf8(sink.finish().unwrap()).unwrap(), fs::read_to_string(&truth).unwrap());
    for (number, (cleaned, truth)) in cleaned.lines().zip(truth.lines()).enumerate() {
        assert_eq!(cleaned, truth, "line {} with {dirt:?}", number + 1);
    }
    assert_eq!(cleaned.len(), truth.len(), "with {dirt:?}");
    let (kept, rejected) = (report.kept(), report.rejected());
    assert_eq!((kept, rejected), (summary.kept, summary.rejected), "kept and rejected with {dirt:?}");
}

#[test]
fn each_kind_of_dirt_is_cleaned_as_the_producer_says() {
    let kinds = kinds();
    assert_eq!(kinds.len(), 20);
    for kind in &kinds {
        compare(&[(kind, "10%")], false);
    }
}

#[test]
fn all_kinds_at_once_are_cleaned_as_the_producer_says_also_strictly() {
    let kinds = kinds();
    let all: Vec<_> = kinds.iter().map(|kind| (kind.as_str(), "3%")).collect();
    for strict in [false, true] {
        compare(&all, strict);
    }
}
