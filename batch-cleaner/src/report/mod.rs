//! What a run has found: all the numbers, and the first rows of each kind.

mod document;
mod sections;

use serde::Serialize;

pub(crate) use document::{Node, amount};
pub use sections::Mean;

use crate::columns::{Column, Columns};
use crate::duplicates::Duplicates;
use crate::header::Header;
use crate::reference::Reference;
use crate::repair::{Rule, Steps};
use crate::samples::Samples;
use crate::tally::{Groups, Tally};

/// The numbers of a finished run. `rows_read = kept + rejected`, always.
#[derive(Debug)]
pub struct Report {
    pub(crate) header: Header,
    pub(crate) tally: Tally,
    pub(crate) samples: Samples,
    pub(crate) duplicates: Duplicates,
    pub(crate) reference: Reference,
    pub(crate) steps: Steps,
}

impl Report {
    /// Records, the unreadable ones too.
    pub const fn rows_read(&self) -> u64 {
        self.tally.rows_read
    }

    /// Rows in the output.
    pub const fn kept(&self) -> u64 {
        self.tally.kept
    }

    /// Rows that are not.
    pub fn rejected(&self) -> u64 {
        self.tally.rejected()
    }

    /// How many values a rule has filled.
    pub const fn filled(&self, rule: Rule) -> u64 {
        self.tally.filled[rule as usize]
    }

    /// Values of a column that say something unreadable.
    pub const fn invalid(&self, column: Column) -> u64 {
        self.tally.invalid[column.index()]
    }

    /// Kept rows whose total is not quantity × price.
    pub const fn disagreeing_totals(&self) -> u64 {
        self.tally.disagreeing
    }

    /// Transaction ids that occur more than once.
    pub const fn duplicates(&self) -> Duplicates {
        self.duplicates
    }

    /// The item reference.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The first input's header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The first rows of each kind.
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Units per category, descending, ties by name.
    pub fn units_by_category(&self) -> Vec<(&str, i128)> {
        let groups = self.tally.by_category.sorted();
        let mut units: Vec<_> = groups.into_iter().filter_map(|(name, sums)| Some((name?, sums.units))).collect();
        units.sort_by_key(|(_, units)| std::cmp::Reverse(*units));
        units
    }

    /// Mean total by payment method, by name; null last.
    pub fn mean_total_by_payment_method(&self) -> Vec<Mean<'_>> {
        means(&self.tally.by_payment_method)
    }

    /// Mean total by location, by name; null last.
    pub fn mean_total_by_location(&self) -> Vec<Mean<'_>> {
        means(&self.tally.by_location)
    }

    /// All the numbers as JSON, with the item reference.
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = self.sections();
        members.push(("item_reference".to_owned(), self.reference_section(true)));
        to_json(&Node::Members(members))
    }

    /// The numbers as JSON under a run's id, without the reference's items: the value of `sales.summary`.
    pub(crate) fn to_summary_json(&self, run: &str) -> Vec<u8> {
        let mut members = vec![("run".to_owned(), Node::Text(run.to_owned()))];
        members.extend(self.sections());
        members.push(("item_reference".to_owned(), self.reference_section(false)));
        to_json(&Node::Members(members))
    }

    /// How many values of each column are null before step 1 and after each step, by the step's name.
    pub fn null_counts(&self) -> Vec<(&'static str, [u64; Column::COUNT])> {
        let mut nulls = nulls_by_column(&self.tally.nulls_read);
        let mut counts = vec![("as typed", nulls)];
        let mut step = |name, rules: &[Rule]| {
            for rule in rules {
                nulls[rule.column().index()] -= self.filled(*rule);
            }
            counts.push((name, nulls));
        };
        step("1 items", &[Rule::RestoreItem]);
        step("2 totals", &[Rule::Total]);
        step("3 quantities and prices", &[Rule::Quantity, Rule::Price]);
        if self.steps == Steps::Full {
            step("4 items again", &[Rule::RestoreItemAgain]);
        }
        counts.push(("5 kept", nulls_by_column(&self.tally.nulls_kept)));
        counts
    }
}

fn nulls_by_column(by_set: &[u64]) -> [u64; Column::COUNT] {
    let mut counts = [0; Column::COUNT];
    for (number, rows) in by_set.iter().enumerate().filter(|(_, rows)| **rows > 0) {
        for column in Columns::from_number(number).iter() {
            counts[column.index()] += rows;
        }
    }
    counts
}

fn means(groups: &Groups) -> Vec<Mean<'_>> {
    groups.sorted().into_iter().map(|(name, sums)| Mean::new(name, sums)).collect()
}

fn to_json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("the document has text keys and finite numbers only")
}
