//! The public data set comes out as an independent program, with exact decimals, has computed.
//!
//! The folder with `retail_store_sales.csv` and `expected.json` is named by `RETAIL_SALES_DATA`; without it, it is looked
//! for beside the workspace. The data set is not part of this project: without it there is nothing to compare.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::path::PathBuf;

use batch_cleaner::{CsvSink, Options, Packing, Steps, clean};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn data_folder() -> Option<PathBuf> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("RETAIL_SALES_DATA").map_or_else(|| workspace.join("shared/data"), PathBuf::from);
    let there = folder.join("expected.json").is_file();
    if !there {
        println!("skipped: no reference data in {} (set RETAIL_SALES_DATA)", folder.display());
    }
    there.then_some(folder)
}

fn compare(steps: Steps, variant: &str) {
    let Some(folder) = data_folder() else { return };
    let expected: Value = serde_json::from_reader(File::open(folder.join("expected.json")).unwrap()).unwrap();
    let wanted = &expected[variant];
    let file = File::open(folder.join("retail_store_sales.csv")).unwrap();
    let mut sink = CsvSink::new("memory", Vec::new(), Packing::Plain, false);
    let report = clean(file, &Options::new(steps), &mut sink).unwrap();
    let csv = sink.finish().unwrap();
    let found: Value = serde_json::from_slice(&report.to_json()).unwrap();

    for member in [
        "input_header",
        "rows_read",
        "rejected_ragged",
        "empty_in_input",
        "nonempty_but_invalid_to_null",
        "rows_out",
        "rows_rejected",
    ] {
        assert_eq!(found[member], wanted[member], "{member}");
    }
    assert_contains("steps", &found["steps"], &wanted["steps"]);
    for member in ["units_by_category", "top5_categories", "rows_by_category", "units_total"] {
        assert_eq!(found["aggregates"][member], wanted["aggregates"][member], "{member}");
    }
    assert_contains("aggregates", &found["aggregates"], &wanted["aggregates"]);
    assert_contains("item_reference", &found["item_reference"], &expected["item_reference"]);
    let shown = &wanted["show_20"];
    assert_contains(
        "restored",
        &found["show_20"]["items_restored"],
        &shown["2.1_items_restored_first20_in_file_order"],
    );
    let filled = &found["show_20"]["quantity_or_price_filled"];
    assert_contains("filled", filled, &shown["2.3_filled_first20_in_file_order"]);

    let digest = Sha256::digest(canonical(&csv)).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(digest, wanted["sha256"]["name/int"].as_str().unwrap());
}

/// The expected hash is of the lines sorted by transaction id, which is what they begin with.
fn canonical(csv: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = csv.split_inclusive(|byte| *byte == b'\n').collect();
    lines[1..].sort_unstable_by_key(|line| line.split(|byte| *byte == b',').next());
    lines.concat()
}

/// Every member that both have is equal; an amount may be a number here and a text there.
fn assert_contains(path: &str, found: &Value, wanted: &Value) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                if let Some(found) = found.get(name) {
                    assert_contains(&format!("{path}.{name}"), found, wanted);
                }
            }
        }
        (Value::Array(found), Value::Array(wanted)) => {
            assert_eq!(found.len(), wanted.len(), "{path}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert_contains(path, found, wanted);
            }
        }
        (Value::Number(found), Value::String(wanted)) => {
            assert_eq!(found.as_f64(), wanted.parse().ok(), "{path}");
        }
        _ => assert_eq!(found, wanted, "{path}"),
    }
}

#[test]
fn the_data_set_comes_out_as_expected() {
    compare(Steps::Full, "full");
}

#[test]
fn the_data_set_comes_out_as_expected_in_the_documents_own_order() {
    compare(Steps::Strict, "strict");
}
