//! A second implementation, written for clarity alone, agrees on thousands of dirty files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dirty;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use batch_cleaner::{CsvSink, Options, Packing, Report, Steps, clean};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const COLUMNS: [&str; 11] = [
    "transaction_id",
    "customer_id",
    "category",
    "item",
    "price_per_unit",
    "quantity",
    "total_spent",
    "payment_method",
    "location",
    "transaction_date",
    "discount_applied",
];
const MAX_MINOR: i128 = 999_999_999_999_999_999;

#[derive(Debug, Default, PartialEq)]
struct Outcome {
    read: u64,
    csv: String,
    rejected: u64,
    units: BTreeMap<String, i128>,
    means: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Naive {
    texts: BTreeMap<&'static str, String>,
    price: Option<i128>,
    quantity: Option<i128>,
    total: Option<i128>,
    date: Option<String>,
    discount: Option<bool>,
}

fn invisible(c: char) -> bool {
    c.is_whitespace() || "\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{feff}".contains(c)
}

fn trimmed(field: &str) -> Option<String> {
    let text = field.trim_matches(invisible);
    let null = ["", "error", "unknown", "n/a", "na", "null", "none", "nan", "\\n"];
    (!null.contains(&text.to_ascii_lowercase().as_str())).then(|| text.to_owned())
}

/// Thousandths of hundredths and all: a decimal as digits and how many of them are decimals.
fn decimal(text: &str) -> Option<(i128, String)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let zero = (whole.to_owned() + fraction).bytes().all(|b| b == b'0');
    if text.starts_with('-') && !zero {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 25 {
        return None;
    }
    Some((format!("0{whole}").parse().ok()?, fraction.to_owned()))
}

fn money(text: &str) -> Option<i128> {
    let (whole, fraction) = decimal(text)?;
    let padded = format!("{fraction}000");
    let cents: i128 = padded[..2].parse().ok()?;
    let minor = whole * 100 + cents + i128::from(padded.as_bytes()[2] >= b'5');
    (minor <= MAX_MINOR).then_some(minor)
}

fn quantity(text: &str) -> Option<i128> {
    let (whole, fraction) = decimal(text)?;
    (fraction.bytes().all(|b| b == b'0') && whole <= i128::from(i32::MAX)).then_some(whole)
}

fn date(text: &str) -> Option<String> {
    let (day, time) = text.split_at_checked(10)?;
    let parts: Vec<&str> = day.split('-').collect();
    let well_formed = parts.len() == 3
        && parts
            .iter()
            .zip([4, 2, 2])
            .all(|(part, length)| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()));
    let valid = well_formed && {
        let (year, month, day): (u32, u32, u32) =
            (parts[0].parse().ok()?, parts[1].parse().ok()?, parts[2].parse().ok()?);
        let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        (1..=12).contains(&month) && day >= 1 && day <= length[month as usize - 1]
    };
    // The generated times are right or plainly wrong.
    let timed = time.is_empty() || time.starts_with(['T', ' ']) && time[1..].starts_with(|c: char| c.is_ascii_digit());
    (valid && timed).then(|| day.to_owned())
}

fn weekday(date: &str) -> &'static str {
    // Sakamoto's method.
    let number = |range: std::ops::Range<usize>| date[range].parse::<usize>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month - 1];
    // Four hundred years are whole weeks: they keep the year above zero.
    let year = year + 400 - usize::from(month < 3);
    let day = (year + year / 4 - year / 100 + year / 400 + shift + day) % 7;
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"][day]
}

fn discount(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor) / (2 * divisor)
}

fn decimal_text(minor: i128) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[expect(clippy::too_many_lines, reason = "the steps in one place, one after another")]
fn naive(file: &[u8], steps: Steps) -> Outcome {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let key = |name: &str| name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let header: Vec<String> =
        reader.byte_headers().unwrap().iter().map(|name| key(std::str::from_utf8(name).unwrap())).collect();
    let position = |column: &str| header.iter().position(|name| *name == key(column)).unwrap();
    let mut outcome = Outcome::default();
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.unwrap();
        outcome.read += 1;
        let fields: Option<Vec<String>> = record.iter().map(|field| String::from_utf8(field.to_vec()).ok()).collect();
        let Some(fields) = fields else {
            outcome.rejected += 1;
            continue;
        };
        let surplus = fields.iter().skip(header.len()).any(|field| !field.trim_matches(invisible).is_empty());
        if fields.len() < header.len() || surplus {
            outcome.rejected += 1;
            continue;
        }
        let field = |column| trimmed(&fields[position(column)]);
        let mut row = Naive {
            price: field("price_per_unit").and_then(|text| money(&text)),
            quantity: field("quantity").and_then(|text| quantity(&text)),
            total: field("total_spent").and_then(|text| money(&text)),
            date: field("transaction_date").and_then(|text| date(&text)),
            discount: field("discount_applied").and_then(|text| discount(&text)),
            ..Naive::default()
        };
        for column in ["transaction_id", "customer_id", "category", "item", "payment_method", "location"] {
            if let Some(text) = field(column) {
                row.texts.insert(column, text);
            }
        }
        rows.push(row);
    }
    let mut reference: BTreeMap<(String, i128), BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        if let (Some(category), Some(item), Some(price)) = (row.texts.get("category"), row.texts.get("item"), row.price)
        {
            reference.entry((category.clone(), price)).or_default().insert(item.clone());
        }
    }
    let restore = |row: &mut Naive| {
        if let (None, Some(category), Some(price)) = (row.texts.get("item"), row.texts.get("category"), row.price)
            && let Some(items) = reference.get(&(category.clone(), price))
            && items.len() == 1
        {
            let item = items.iter().next().unwrap().clone();
            row.texts.insert("item", item);
        }
    };
    let mut groups: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS.into_iter().chain(["day_of_week", "transaction_month"])).unwrap();
    for mut row in rows {
        restore(&mut row);
        if let (Some(quantity), Some(price), None) = (row.quantity, row.price, row.total) {
            row.total = Some(quantity * price).filter(|total| *total <= MAX_MINOR);
        }
        if let (None, Some(price), Some(total)) = (row.quantity, row.price, row.total)
            && price > 0
            && total % price == 0
        {
            row.quantity = Some(total / price).filter(|quantity| *quantity <= i128::from(i32::MAX));
        }
        if let (Some(quantity), None, Some(total)) = (row.quantity, row.price, row.total)
            && quantity > 0
        {
            row.price = Some(half_up(total, quantity));
            if steps == Steps::Full {
                restore(&mut row);
            }
        }
        let (Some(category), Some(quantity), Some(price), Some(total)) =
            (row.texts.get("category").cloned(), row.quantity, row.price, row.total)
        else {
            outcome.rejected += 1;
            continue;
        };
        *outcome.units.entry(category).or_default() += quantity;
        for column in ["payment_method", "location"] {
            let group =
                row.texts.get(column).map_or_else(|| format!("{column} null"), |name| format!("{column} {name:?}"));
            let (rows, sum) = groups.entry(group).or_default();
            *rows += 1;
            *sum += total;
        }
        let text = |column: &str| row.texts.get(column).cloned().unwrap_or_default();
        let date = row.date.clone().unwrap_or_default();
        let (weekday, month) = match &row.date {
            Some(date) => (weekday(date), date[5..7].trim_start_matches('0').to_owned()),
            None => ("", String::new()),
        };
        writer
            .write_record([
                text("transaction_id"),
                text("customer_id"),
                text("category"),
                text("item"),
                decimal_text(price),
                quantity.to_string(),
                decimal_text(total),
                text("payment_method"),
                text("location"),
                date,
                row.discount.map_or_else(String::new, |discount| discount.to_string()),
                weekday.to_owned(),
                month,
            ])
            .unwrap();
    }
    for (group, (rows, sum)) in groups {
        outcome.means.insert(group, decimal_text(half_up(sum, rows)));
    }
    outcome.csv = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    outcome
}

fn ours(file: &[u8], steps: Steps) -> Outcome {
    let mut sink = CsvSink::new("memory", Vec::new(), Packing::Plain, false);
    let report: Report = clean(Cursor::new(file), &Options::new(steps), &mut sink).unwrap();
    let mut outcome = Outcome {
        read: report.rows_read(),
        csv: String::from_utf8(sink.finish().unwrap()).unwrap(),
        rejected: report.rejected(),
        ..Outcome::default()
    };
    for (category, units) in report.units_by_category() {
        outcome.units.insert(category.to_owned(), units);
    }
    for (column, means) in
        [("payment_method", report.mean_total_by_payment_method()), ("location", report.mean_total_by_location())]
    {
        for mean in means {
            let group = mean.group.map_or_else(|| format!("{column} null"), |name| format!("{column} {name:?}"));
            outcome.means.insert(group, decimal_text(mean.mean_minor));
        }
    }
    outcome
}

#[test]
fn both_agree_on_thousands_of_dirty_files() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() });
    let (kept, rejected) = (Cell::new(0), Cell::new(0));
    runner
        .run(&(dirty::well_quoted_file(), any::<bool>()), |(file, strict)| {
            let steps = if strict { Steps::Strict } else { Steps::Full };
            let outcome = ours(&file, steps);
            kept.set(kept.get() + outcome.read - outcome.rejected);
            rejected.set(rejected.get() + outcome.rejected);
            prop_assert_eq!(outcome, naive(&file, steps));
            Ok(())
        })
        .unwrap();
    assert!(kept.get() > 5000 && rejected.get() > 5000, "the files are neither clean nor hopeless");
}
