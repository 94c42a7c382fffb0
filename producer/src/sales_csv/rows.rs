//! Draws sales and spoils them: the text of each row, and what can still be read of it.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use common::Money;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::dirt::Dirt;
use super::truth::Reading;
use crate::args::SalesCsvArgs;
use crate::receipts::catalogue::Catalogue;

/// A row of the dirty file.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// As it is in the file, without its end of line.
    pub(super) text: Vec<u8>,
    /// A blank line comes before it.
    pub(super) after_blank_line: bool,
    /// What a right reader reads; `None` where the whole record is refused.
    pub(super) reading: Option<Reading>,
}

/// The rows of a file: a function of the flags.
pub(super) struct Rows {
    left: u64,
    number: u64,
    id_offset: u64,
    rng: Xoshiro256PlusPlus,
    catalogue: Catalogue,
    dirt: Dirt,
    previous: Option<Row>,
}

/// The public file's: 2022-01-01 and 1,113 days.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2022, 1, 1).expect("a date");
const DAYS: u64 = 1_113;
const METHODS: [&str; 3] = ["Cash", "Credit Card", "Digital Wallet"];
const LOCATIONS: [&str; 2] = ["In-store", "Online"];
/// Seven digits, as in the public file; a step prime to that many makes ids look drawn and none come twice.
const IDS: u64 = 10_000_000;
const ID_STEP: u64 = 7_368_787;

impl Rows {
    pub(super) fn new(args: &SalesCsvArgs) -> Rows {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(args.seed);
        Rows {
            left: args.rows,
            number: 0,
            id_offset: rng.random_range(0..IDS),
            rng,
            catalogue: Catalogue::builtin(),
            dirt: Dirt::new(&args.dirt, args.seed),
            previous: None,
        }
    }

    /// How many rows have which fault.
    pub(super) fn into_injected(self) -> BTreeMap<&'static str, u64> {
        self.dirt.into_counts()
    }

    fn draw(&mut self) -> Reading {
        let rng = &mut self.rng;
        let items = self.catalogue.items();
        let item = &items[rng.random_range(0..items.len())];
        let quantity = rng.random_range(1..=10_i64);
        let id = self.number;
        let id = if id < IDS { (id * ID_STEP + self.id_offset) % IDS } else { id };
        Reading {
            transaction_id: format!("TXN_{id:07}"),
            customer_id: Some(format!("CUST_{:02}", rng.random_range(1..=25_u32))),
            category: Some(item.category.clone()),
            item: Some(item.item.clone()),
            price: Some(item.price_per_unit),
            quantity: Some(quantity),
            total: Some(Money::from_minor(item.price_per_unit.minor() * quantity)),
            payment_method: Some(METHODS[rng.random_range(0..METHODS.len())].to_owned()),
            location: Some(LOCATIONS[rng.random_range(0..LOCATIONS.len())].to_owned()),
            date: FIRST_DAY.checked_add_days(Days::new(rng.random_range(0..=DAYS))),
            discount: Some(rng.random_bool(0.5)),
        }
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.left = self.left.checked_sub(1)?;
        let reading = self.draw();
        self.number += 1;
        if let Some(previous) = &self.previous
            && self.dirt.repeats()
        {
            return Some(Row { after_blank_line: false, ..previous.clone() });
        }
        let row = self.dirt.spoil(reading);
        self.previous = Some(row.clone());
        Some(row)
    }
}
