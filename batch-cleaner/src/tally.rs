//! Counting: what every step found, and the aggregates over kept rows. Tallies made apart are added up.

use hashbrown::HashTable;

use crate::columns::{Column, Columns};
use crate::reference::{hash, hash_each};
use crate::repair::{Applied, Rule, disagrees};
use crate::row::Row;
use crate::sink::Unreadable;

/// Counts of one run, or of a part of it.
#[derive(Debug)]
pub struct Tally {
    /// Records, the unreadable ones too.
    pub(crate) rows_read: u64,
    pub(crate) too_few_fields: u64,
    pub(crate) too_many_fields: u64,
    pub(crate) not_utf8: u64,
    pub(crate) spoilt: u64,
    /// Rows by which columns are null once read.
    pub(crate) nulls_read: Vec<u64>,
    /// Kept rows by which columns are null.
    pub(crate) nulls_kept: Vec<u64>,
    /// Rejected rows by which required columns are null.
    pub(crate) incomplete: Vec<u64>,
    /// Values that did not parse, by column.
    pub(crate) invalid: [u64; Column::COUNT],
    /// Values filled, by rule.
    pub(crate) filled: [u64; Rule::ALL.len()],
    /// Rows without item that have category and price.
    pub(crate) restorable: u64,
    pub(crate) kept: u64,
    /// Kept rows whose total is not quantity × price.
    pub(crate) disagreeing: u64,
    /// Kept rows that are not yet in the three groupings.
    combined: Combined,
    pub(crate) by_category: Groups,
    pub(crate) by_payment_method: Groups,
    pub(crate) by_location: Groups,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            rows_read: 0,
            too_few_fields: 0,
            too_many_fields: 0,
            not_utf8: 0,
            spoilt: 0,
            nulls_read: vec![0; Columns::SETS],
            nulls_kept: vec![0; Columns::SETS],
            incomplete: vec![0; Columns::SETS],
            invalid: [0; Column::COUNT],
            filled: [0; Rule::ALL.len()],
            restorable: 0,
            kept: 0,
            disagreeing: 0,
            combined: Combined::default(),
            by_category: Groups::default(),
            by_payment_method: Groups::default(),
            by_location: Groups::default(),
        }
    }
}

impl Tally {
    /// A record that could not be read.
    pub(crate) fn unreadable(&mut self, why: Unreadable) {
        self.rows_read += 1;
        *match why {
            Unreadable::TooFewFields { .. } => &mut self.too_few_fields,
            Unreadable::TooManyFields { .. } => &mut self.too_many_fields,
            Unreadable::NotUtf8 => &mut self.not_utf8,
            Unreadable::Spoilt(_) => &mut self.spoilt,
        } += 1;
    }

    /// A row as it was read.
    pub(crate) fn read(&mut self, nulls: Columns, invalid: Columns) {
        self.rows_read += 1;
        self.nulls_read[nulls.number()] += 1;
        let restorable =
            nulls.contains(Column::Item) && !nulls.contains(Column::Category) && !nulls.contains(Column::PricePerUnit);
        self.restorable += u64::from(restorable);
        if !invalid.is_empty() {
            for column in invalid.iter() {
                self.invalid[column.index()] += 1;
            }
        }
    }

    /// What was filled in a row.
    pub(crate) fn repaired(&mut self, applied: Applied) {
        if !applied.is_empty() {
            for rule in applied.iter() {
                self.filled[rule as usize] += 1;
            }
        }
    }

    /// A row that lacks required columns.
    pub(crate) fn incomplete(&mut self, nulls: Columns) {
        self.incomplete[nulls.and(Columns::REQUIRED).number()] += 1;
    }

    /// A row that is complete.
    pub(crate) fn kept(&mut self, row: &Row<'_>, nulls: Columns) {
        self.kept += 1;
        self.nulls_kept[nulls.number()] += 1;
        self.disagreeing += u64::from(disagrees(row));
        let units = row.quantity.map_or(0, |quantity| i128::from(quantity.get()));
        let minor = row.total_spent.map_or(0, |total| i128::from(total.minor()));
        let sums = Sums { rows: 1, units, minor };
        self.combined.add([row.category, row.payment_method, row.location], sums);
        if self.combined.0.len() > MOST_COMBINED {
            self.part_combined();
        }
    }

    /// Brings the combined sums into the three groupings.
    fn part_combined(&mut self) {
        for ([category, payment_method, location], sums) in self.combined.0.drain() {
            self.by_category.add(category.as_deref(), sums);
            self.by_payment_method.add(payment_method.as_deref(), sums);
            self.by_location.add(location.as_deref(), sums);
        }
    }

    /// Records that are not kept.
    pub(crate) fn rejected(&self) -> u64 {
        self.incomplete.iter().sum::<u64>() + self.unreadable_rows()
    }

    /// Records that could not be read.
    pub(crate) const fn unreadable_rows(&self) -> u64 {
        self.too_few_fields + self.too_many_fields + self.not_utf8 + self.spoilt
    }

    /// The most distinct values that one grouping has.
    pub(crate) fn most_groups(&self) -> usize {
        self.by_category.len().max(self.by_payment_method.len()).max(self.by_location.len())
    }

    /// Adds what another part has counted.
    pub(crate) fn merge(&mut self, mut other: Tally) {
        other.part_combined();
        self.rows_read += other.rows_read;
        self.too_few_fields += other.too_few_fields;
        self.too_many_fields += other.too_many_fields;
        self.not_utf8 += other.not_utf8;
        self.spoilt += other.spoilt;
        self.restorable += other.restorable;
        self.kept += other.kept;
        self.disagreeing += other.disagreeing;
        add_each(&mut self.nulls_read, &other.nulls_read);
        add_each(&mut self.nulls_kept, &other.nulls_kept);
        add_each(&mut self.incomplete, &other.incomplete);
        add_each(&mut self.invalid, &other.invalid);
        add_each(&mut self.filled, &other.filled);
        self.by_category.merge(&other.by_category);
        self.by_payment_method.merge(&other.by_payment_method);
        self.by_location.merge(&other.by_location);
    }
}

fn add_each(sums: &mut [u64], counts: &[u64]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// Sums of a group of kept rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) rows: u64,
    pub(crate) units: i128,
    /// Of `total_spent`, in minor units.
    pub(crate) minor: i128,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.rows += other.rows;
        self.units += other.units;
        self.minor += other.minor;
    }
}

/// Most combinations that are summed up before they are parted.
const MOST_COMBINED: usize = 4096;

type Combination<T> = [Option<T>; 3];

/// Sums by category, payment method and location together: there are few combinations, and one is looked up faster than
/// three groups.
#[derive(Debug, Default)]
struct Combined(HashTable<(Combination<Box<str>>, Sums)>);

impl Combined {
    fn add(&mut self, names: Combination<&str>, sums: Sums) {
        let place = hash_each(&names);
        let same =
            |known: &Combination<Box<str>>| known.iter().zip(&names).all(|(known, name)| known.as_deref() == *name);
        if let Some((_, known)) = self.0.find_mut(place, |(known, _)| same(known)) {
            known.add(sums);
        } else {
            let rehash =
                |(names, _): &(Combination<Box<str>>, Sums)| hash_each(&names.each_ref().map(Option::as_deref));
            self.0.insert_unique(place, (names.map(|name| name.map(Box::from)), sums), rehash);
        }
    }
}

/// Sums by a text column; rows where it is null are a group of their own.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    named: HashTable<(Box<str>, Sums)>,
    null: Sums,
}

impl Groups {
    fn add(&mut self, name: Option<&str>, sums: Sums) {
        let Some(name) = name else {
            self.null.add(sums);
            return;
        };
        let place = hash(name);
        if let Some((_, group)) = self.named.find_mut(place, |(group, _)| **group == *name) {
            group.add(sums);
        } else {
            self.named.insert_unique(place, (name.into(), sums), |(group, _)| hash(&**group));
        }
    }

    fn merge(&mut self, other: &Groups) {
        for (name, sums) in &other.named {
            self.add(Some(name), *sums);
        }
        self.null.add(other.null);
    }

    fn len(&self) -> usize {
        self.named.len()
    }

    /// By name; null, if any row is in it, last.
    pub(crate) fn sorted(&self) -> Vec<(Option<&str>, Sums)> {
        let mut groups: Vec<_> = self.named.iter().map(|(name, sums)| (Some(&**name), *sums)).collect();
        groups.sort_unstable_by_key(|(name, _)| *name);
        if self.null.rows > 0 {
            groups.push((None, self.null));
        }
        groups
    }
}
