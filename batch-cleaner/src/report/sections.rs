//! The parts of the report as JSON.

use super::{Node, Report, nulls_by_column};
use crate::columns::{Column, Columns};
use crate::repair::{Rule, Steps};
use crate::samples::Texts;
use crate::tally::{Groups, Sums};
use crate::value::divide_half_up;

/// The mean total of a group of kept rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean<'a> {
    /// The group; `None` are the rows where it is null.
    pub group: Option<&'a str>,
    /// Kept rows in it.
    pub rows: u64,
    /// Their totals, in minor units.
    pub sum_minor: i128,
    /// Rounded half up, in minor units.
    pub mean_minor: i128,
}

impl<'a> Mean<'a> {
    pub(super) fn new(group: Option<&'a str>, sums: Sums) -> Self {
        let mean_minor = divide_half_up(sums.minor, i128::from(sums.rows));
        Mean { group, rows: sums.rows, sum_minor: sums.minor, mean_minor }
    }
}

impl Report {
    pub(super) fn sections(&self) -> Vec<(String, Node)> {
        let tally = &self.tally;
        let proof = self.rows_read() == self.kept() + self.rejected();
        let sections = [
            ("variant", Node::Text(if self.steps == Steps::Full { "full" } else { "strict" }.to_owned())),
            ("input_header", Node::List(self.header.names().iter().map(|name| Node::Text(name.clone())).collect())),
            ("rows_read", Node::Count(self.rows_read())),
            ("rows_out", Node::Count(self.kept())),
            ("rows_rejected", Node::Count(self.rejected())),
            ("rows_read_is_rows_out_plus_rows_rejected", Node::Truth(proof)),
            ("rejected_ragged", Node::Count(tally.too_few_fields + tally.too_many_fields)),
            (
                "rejected_unreadable",
                Node::members([
                    ("too_few_fields", Node::Count(tally.too_few_fields)),
                    ("too_many_fields", Node::Count(tally.too_many_fields)),
                    ("not_utf8", Node::Count(tally.not_utf8)),
                    ("quotes_or_size", Node::Count(tally.spoilt)),
                ]),
            ),
            ("empty_in_input", by_column(&self.empty_in_input())),
            ("nonempty_but_invalid_to_null", self.invalid_section()),
            ("steps", self.steps_section()),
            (
                "duplicate_transaction_ids",
                Node::members([("ids", Node::Count(self.duplicates.ids)), ("rows", Node::Count(self.duplicates.rows))]),
            ),
            ("totals_that_disagree", Node::Count(tally.disagreeing)),
            ("aggregates", self.aggregates_section()),
            (
                "show_20",
                Node::members([
                    ("items_restored", rows(&self.samples.restored)),
                    ("quantity_or_price_filled", rows(&self.samples.filled)),
                ]),
            ),
        ];
        sections.into_iter().map(|(name, node)| (name.to_owned(), node)).collect()
    }

    fn empty_in_input(&self) -> [u64; Column::COUNT] {
        let mut empty = nulls_by_column(&self.tally.nulls_read);
        for (count, invalid) in empty.iter_mut().zip(self.tally.invalid) {
            *count -= invalid;
        }
        empty
    }

    fn invalid_section(&self) -> Node {
        let invalid = Column::ALL.into_iter().filter(|column| self.invalid(*column) > 0);
        Node::members(invalid.map(|column| (column.name(), Node::Count(self.invalid(column)))))
    }

    fn steps_section(&self) -> Node {
        let readable = self.rows_read() - self.tally.unreadable_rows();
        let nulls = self.null_counts();
        let missing = |step: usize, column: Column| Node::Count(nulls[step].1[column.index()]);
        let filled = |rule| Node::Count(self.filled(rule));
        let step = |index: usize, rows: u64, counts: Vec<(&str, Node)>| {
            let mut members = vec![("rows", Node::Count(rows))];
            members.extend(counts);
            members.push(("nulls", by_column(&nulls[index].1)));
            Node::members(members)
        };
        let mut steps = vec![
            ("1.3_cast", step(0, readable, vec![])),
            (
                "2.1_item",
                step(
                    1,
                    readable,
                    vec![
                        ("item_missing_before", missing(0, Column::Item)),
                        ("with_category_and_price", Node::Count(self.tally.restorable)),
                        ("restored", filled(Rule::RestoreItem)),
                    ],
                ),
            ),
            (
                "2.2_total",
                step(
                    2,
                    readable,
                    vec![("total_missing_before", missing(1, Column::TotalSpent)), ("restored", filled(Rule::Total))],
                ),
            ),
            (
                "2.3_quantity_price",
                step(
                    3,
                    readable,
                    vec![
                        ("quantity_missing_before", missing(2, Column::Quantity)),
                        ("quantity_restored", filled(Rule::Quantity)),
                        ("price_missing_before", missing(2, Column::PricePerUnit)),
                        ("price_restored", filled(Rule::Price)),
                    ],
                ),
            ),
        ];
        if self.steps == Steps::Full {
            let counts = vec![("restored", filled(Rule::RestoreItemAgain))];
            steps.push(("2.3b_item_again", step(4, readable, counts)));
        }
        let dropped = self.tally.incomplete.iter().sum();
        let counts = vec![("dropped", Node::Count(dropped)), ("dropped_by_missing", self.dropped_section())];
        steps.push(("2.4_drop", step(nulls.len() - 1, self.kept(), counts)));
        Node::members(steps)
    }

    fn dropped_section(&self) -> Node {
        let sets = self.tally.incomplete.iter().enumerate().filter(|(_, rows)| **rows > 0);
        Node::members(sets.map(|(number, rows)| {
            let names: Vec<_> = Columns::from_number(number).iter().map(Column::name).collect();
            (names.join(" & "), Node::Count(*rows))
        }))
    }

    fn aggregates_section(&self) -> Node {
        let units = self.units_by_category();
        let categories = self.tally.by_category.sorted();
        let of_categories = |node: fn(&Sums) -> Node| {
            Node::members(categories.iter().filter_map(|(name, sums)| Some(((*name)?, node(sums)))))
        };
        let all = categories.iter().map(|(_, sums)| sums);
        Node::members([
            ("units_by_category", Node::members(units.iter().map(|(name, units)| (*name, Node::Units(*units))))),
            (
                "top5_categories",
                Node::List(
                    units
                        .iter()
                        .take(5)
                        .map(|(name, units)| Node::List(vec![Node::Text((*name).to_owned()), Node::Units(*units)]))
                        .collect(),
                ),
            ),
            ("rows_by_category", of_categories(|sums| Node::Count(sums.rows))),
            ("total_spent_by_category", of_categories(|sums| Node::Amount(sums.minor))),
            ("units_total", Node::Units(all.clone().map(|sums| sums.units).sum())),
            ("total_spent_sum", Node::Amount(all.map(|sums| sums.minor).sum())),
            ("mean_total_by_payment_method", means(&self.tally.by_payment_method)),
            ("mean_total_by_location", means(&self.tally.by_location)),
        ])
    }

    pub(super) fn reference_section(&self, with_items: bool) -> Node {
        let per_category = self.reference.per_category();
        let mut members = vec![
            ("count", Node::Count(self.reference.items().len() as u64)),
            ("ambiguous", Node::Count(self.reference.ambiguous() as u64)),
            (
                "per_category",
                Node::members(per_category.into_iter().map(|(name, count)| (name, Node::Count(count as u64)))),
            ),
        ];
        if with_items {
            let items = self.reference.items().iter().map(|item| {
                Node::members([
                    ("category", Node::Text(item.category.clone())),
                    ("item", Node::Text(item.item.clone())),
                    ("price_per_unit", Node::Amount(i128::from(item.price_per_unit.minor()))),
                ])
            });
            members.push(("items", Node::List(items.collect())));
        }
        Node::members(members)
    }
}

fn by_column(counts: &[u64; Column::COUNT]) -> Node {
    Node::members(Column::ALL.map(|column| (column.name(), Node::Count(counts[column.index()]))))
}

/// By group; rows where it is null are under `null`, which no group is called.
fn means(groups: &Groups) -> Node {
    Node::members(super::means(groups).into_iter().map(|mean| {
        let numbers = Node::members([
            ("mean", Node::Amount(mean.mean_minor)),
            ("rows", Node::Count(mean.rows)),
            ("sum", Node::Amount(mean.sum_minor)),
        ]);
        (mean.group.unwrap_or("null"), numbers)
    }))
}

fn rows(rows: &[Texts]) -> Node {
    let shown = [
        Column::TransactionId,
        Column::Category,
        Column::Item,
        Column::PricePerUnit,
        Column::Quantity,
        Column::TotalSpent,
    ];
    let row = |texts: &Texts| {
        Node::members(shown.map(|column| (column.name(), Node::text(texts[column.index()].as_deref()))))
    };
    Node::List(rows.iter().map(row).collect())
}
