//! The ways in which a row can be wrong. Each draws from a stream of its own, so that one changes nothing about another.

use std::collections::BTreeMap;

use common::Money;
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

use super::rows::Row;
use super::truth::Reading;
use crate::args::DirtArgs;
use crate::receipts::disorder::Chance;

/// Spoils rows, and counts how.
pub(super) struct Dirt {
    faults: [Fault; 20],
}

struct Fault {
    name: &'static str,
    chance: Chance,
    count: u64,
}

impl Fault {
    /// The stream to draw details from, if this row is to have the fault.
    fn strikes(&mut self) -> Option<&mut Xoshiro256PlusPlus> {
        self.chance.strikes().then(|| {
            self.count += 1;
            self.chance.rng()
        })
    }
}

const NULL_WORDS: [&str; 9] = ["ERROR", "UNKNOWN", "n/a", "NA", "NULL", "none", "NaN", "\\N", "Unknown"];
/// No number, neither as money nor as a whole number.
const BAD_NUMBERS: [&str; 9] = ["abc", "$14.00", "1e3", "1,000.00", "-5.00", "0x1F", "1_000", "12..5", "5-"];
const BAD_DATES: [&str; 7] = ["31/12/2023", "2023-13-01", "2023-02-30", "soon", "2023/01/05", "20230105", ""];
const PADDING: [&str; 5] = [" ", "\t", "\u{a0}", "\u{200b}", "   "];
const AWKWARD: &str = "In-store, the \"annex\"\nsecond floor";
const COLUMNS: usize = 11;
/// Where the numbers are, and the texts that may be missing.
const NUMBERS: [usize; 3] = [4, 5, 6];
const TEXTS: [usize; 3] = [1, 7, 8];

/// A row's fields on their way into the file.
struct Fields {
    texts: [Vec<u8>; COLUMNS],
    quoted: bool,
}

impl Dirt {
    pub(super) fn new(args: &DirtArgs, seed: u64) -> Dirt {
        let shares = [
            ("missing_item_price", args.missing_item_price),
            ("missing_item_quantity_total", args.missing_item_quantity_total),
            ("missing_discount", args.missing_discount),
            ("missing_item", args.missing_item),
            ("missing_price", args.missing_price),
            ("missing_quantity", args.missing_quantity),
            ("missing_total", args.missing_total),
            ("missing_category", args.missing_category),
            ("missing_text", args.missing_text),
            ("wrong_total", args.wrong_total),
            ("bad_date", args.bad_date),
            ("bad_number", args.bad_number),
            ("null_words", args.null_words),
            ("padded", args.padded),
            ("quoted", args.quoted),
            ("awkward_text", args.awkward_text),
            ("ragged", args.ragged),
            ("not_utf8", args.not_utf8),
            ("repeated", args.repeated),
            ("blank_line", args.blank_line),
        ];
        let mut stream = 0x6469_7274_0000_0000;
        let faults = shares.map(|(name, share)| {
            stream += 1;
            Fault { name, chance: Chance::new(share.get(), seed, stream), count: 0 }
        });
        Dirt { faults }
    }

    pub(super) fn into_counts(self) -> BTreeMap<&'static str, u64> {
        self.faults.into_iter().map(|fault| (fault.name, fault.count)).collect()
    }

    fn strikes(&mut self, name: &'static str) -> Option<&mut Xoshiro256PlusPlus> {
        self.faults.iter_mut().find(|fault| fault.name == name)?.strikes()
    }

    /// Whether the row before comes once more.
    pub(super) fn repeats(&mut self) -> bool {
        self.strikes("repeated").is_some()
    }

    /// Makes a row of a sale, with its faults.
    pub(super) fn spoil(&mut self, mut reading: Reading) -> Row {
        self.lose_values(&mut reading);
        if self.strikes("awkward_text").is_some() {
            reading.location = Some(AWKWARD.to_owned());
        }
        let mut fields = Fields { texts: spell(&reading), quoted: self.strikes("quoted").is_some() };
        self.misspell(&mut fields, &mut reading);
        let mut text = fields.to_csv();
        let mut readable = true;
        if let Some(rng) = self.strikes("ragged") {
            readable = false;
            if rng.random_bool(0.5) {
                text.extend_from_slice(b",surplus");
            } else {
                text = Fields { texts: fields.texts, quoted: fields.quoted }.to_csv_of(rng.random_range(2..COLUMNS));
            }
        }
        if self.strikes("not_utf8").is_some() {
            readable = false;
            // In the id, where no quote can stand.
            text.splice(2..2, [0xFF, 0xFE]);
        }
        let after_blank_line = self.strikes("blank_line").is_some();
        Row { text, after_blank_line, reading: readable.then_some(reading) }
    }

    /// Takes values away, or makes the total wrong.
    fn lose_values(&mut self, reading: &mut Reading) {
        if let Some(rng) = self.strikes("wrong_total") {
            let more = rng.random_range(1..=5_000);
            reading.total = reading.total.map(|total| Money::from_minor(total.minor() + more));
        }
        if self.strikes("missing_item_price").is_some() {
            (reading.item, reading.price) = (None, None);
        }
        if self.strikes("missing_item_quantity_total").is_some() {
            (reading.item, reading.quantity, reading.total) = (None, None, None);
        }
        if self.strikes("missing_discount").is_some() {
            reading.discount = None;
        }
        if self.strikes("missing_item").is_some() {
            reading.item = None;
        }
        if self.strikes("missing_price").is_some() {
            reading.price = None;
        }
        if self.strikes("missing_quantity").is_some() {
            reading.quantity = None;
        }
        if self.strikes("missing_total").is_some() {
            reading.total = None;
        }
        if self.strikes("missing_category").is_some() {
            reading.category = None;
        }
        if let Some(rng) = self.strikes("missing_text") {
            match TEXTS[rng.random_range(0..TEXTS.len())] {
                1 => reading.customer_id = None,
                7 => reading.payment_method = None,
                _ => reading.location = None,
            }
        }
    }

    /// Writes values so that they cannot be read, or can only just.
    fn misspell(&mut self, fields: &mut Fields, reading: &mut Reading) {
        if let Some(rng) = self.strikes("bad_number") {
            let column = NUMBERS[rng.random_range(0..NUMBERS.len())];
            fields.texts[column] = BAD_NUMBERS[rng.random_range(0..BAD_NUMBERS.len())].into();
            match column {
                4 => reading.price = None,
                5 => reading.quantity = None,
                _ => reading.total = None,
            }
        }
        if let Some(rng) = self.strikes("bad_date") {
            fields.texts[9] = BAD_DATES[rng.random_range(0..BAD_DATES.len())].into();
            reading.date = None;
        }
        if let Some(rng) = self.strikes("null_words") {
            for text in fields.texts.iter_mut().filter(|text| text.is_empty()) {
                *text = NULL_WORDS[rng.random_range(0..NULL_WORDS.len())].into();
            }
        }
        if let Some(rng) = self.strikes("padded") {
            let text = &mut fields.texts[rng.random_range(0..COLUMNS)];
            let mut padding = || PADDING[rng.random_range(0..PADDING.len())].as_bytes();
            *text = [padding(), text, padding()].concat();
        }
    }
}

/// As the public file spells values.
fn spell(reading: &Reading) -> [Vec<u8>; COLUMNS] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let money = |amount: Option<Money>| amount.map(spell_money).unwrap_or_default();
    let discount = match reading.discount {
        Some(true) => "True",
        Some(false) => "False",
        None => "",
    };
    [
        reading.transaction_id.clone(),
        text(&reading.customer_id),
        text(&reading.category),
        text(&reading.item),
        money(reading.price),
        reading.quantity.map(|quantity| format!("{quantity}.0")).unwrap_or_default(),
        money(reading.total),
        text(&reading.payment_method),
        text(&reading.location),
        reading.date.map(|date| date.to_string()).unwrap_or_default(),
        discount.to_owned(),
    ]
    .map(String::into_bytes)
}

/// `18.5`, `185.0`; two decimals where they are needed.
fn spell_money(amount: Money) -> String {
    let text = amount.to_string();
    text.strip_suffix('0').map(str::to_owned).unwrap_or(text)
}

impl Fields {
    fn to_csv(&self) -> Vec<u8> {
        self.to_csv_of(COLUMNS)
    }

    /// The first `count` fields as RFC 4180.
    fn to_csv_of(&self, count: usize) -> Vec<u8> {
        let mut line = Vec::with_capacity(128);
        for (index, text) in self.texts.iter().take(count).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            if self.quoted || text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
                line.push(b'"');
                for byte in text {
                    if *byte == b'"' {
                        line.push(b'"');
                    }
                    line.push(*byte);
                }
                line.push(b'"');
            } else {
                line.extend_from_slice(text);
            }
        }
        line
    }
}
