//! Steps 1 to 5: fill what follows from the rest of the row and from the reference.

use crate::columns::{Column, Columns};
use crate::reference::Reference;
use crate::row::Row;
use crate::value::Quantity;

/// Which order of steps is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// All of them.
    Full,
    /// Without restoring items again once prices are filled: the source document's own order.
    Strict,
}

/// Why a value was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The reference's item for the category and the price.
    RestoreItem,
    /// quantity × price.
    Total,
    /// total ÷ price.
    Quantity,
    /// total ÷ quantity.
    Price,
    /// The reference's item once the price is filled.
    RestoreItemAgain,
}

impl Rule {
    /// All rules, in the order in which they are tried.
    pub const ALL: [Rule; 5] = [Rule::RestoreItem, Rule::Total, Rule::Quantity, Rule::Price, Rule::RestoreItemAgain];

    /// What it fills.
    pub const fn column(self) -> Column {
        match self {
            Rule::RestoreItem | Rule::RestoreItemAgain => Column::Item,
            Rule::Total => Column::TotalSpent,
            Rule::Quantity => Column::Quantity,
            Rule::Price => Column::PricePerUnit,
        }
    }

    /// As the list of repairs spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::RestoreItem => "item of category and price",
            Rule::Total => "quantity x price",
            Rule::Quantity => "total / price",
            Rule::Price => "total / quantity",
            Rule::RestoreItemAgain => "item of category and filled price",
        }
    }
}

/// The rules that filled something in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied(u8);

impl Applied {
    fn insert(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u8;
    }

    /// Whether the rule did.
    pub const fn contains(self, rule: Rule) -> bool {
        self.0 & 1 << rule as u8 != 0
    }

    /// Whether none did.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the item was restored.
    pub(crate) const fn fills_item(self) -> bool {
        self.contains(Rule::RestoreItem) || self.contains(Rule::RestoreItemAgain)
    }

    /// In the order in which they were applied.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| self.contains(*rule))
    }

    /// What they filled.
    pub fn columns(self) -> Columns {
        self.iter().map(Rule::column).fold(Columns::NONE, Columns::with)
    }
}

/// Fills what is missing, step by step. A value that is there is never changed.
pub fn repair<'a>(row: &mut Row<'a>, reference: &'a Reference, steps: Steps) -> Applied {
    let mut applied = Applied::default();
    if restore_item(row, reference) {
        applied.insert(Rule::RestoreItem);
    }
    if row.total_spent.is_none()
        && let (Some(quantity), Some(price)) = (row.quantity, row.price_per_unit)
        && let Some(total) = quantity.times(price)
    {
        row.total_spent = Some(total);
        applied.insert(Rule::Total);
    }
    if row.quantity.is_none()
        && let (Some(total), Some(price)) = (row.total_spent, row.price_per_unit)
        && let Some(quantity) = Quantity::from_total(total, price)
    {
        row.quantity = Some(quantity);
        applied.insert(Rule::Quantity);
    }
    if row.price_per_unit.is_none()
        && let (Some(total), Some(quantity)) = (row.total_spent, row.quantity)
        && let Some(price) = quantity.price_from_total(total)
    {
        row.price_per_unit = Some(price);
        applied.insert(Rule::Price);
        if steps == Steps::Full && restore_item(row, reference) {
            applied.insert(Rule::RestoreItemAgain);
        }
    }
    applied
}

fn restore_item<'a>(row: &mut Row<'a>, reference: &'a Reference) -> bool {
    if row.item.is_none()
        && let (Some(category), Some(price)) = (row.category, row.price_per_unit)
    {
        row.item = reference.item(category, price);
        return row.item.is_some();
    }
    false
}

/// Whether the total is something other than quantity × price.
pub fn disagrees(row: &Row<'_>) -> bool {
    match (row.quantity, row.price_per_unit, row.total_spent) {
        (Some(quantity), Some(price), Some(total)) => quantity.times(price) != Some(total),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use common::Money;

    use super::*;
    use crate::reference::ReferenceBuilder;

    fn reference() -> Reference {
        let mut builder = ReferenceBuilder::default();
        builder.learn(&Row { item: Some("Item_1"), ..row(Some(250), None, None) });
        builder.build()
    }

    fn row<'a>(price: Option<i64>, quantity: Option<i32>, total: Option<i64>) -> Row<'a> {
        Row {
            category: Some("Food"),
            price_per_unit: price.map(Money::from_minor),
            quantity: quantity.and_then(Quantity::new),
            total_spent: total.map(Money::from_minor),
            ..Row::default()
        }
    }

    fn filled(row: Row<'_>, steps: Steps) -> (Option<i64>, Option<i32>, Option<i64>, Option<String>) {
        let reference = reference();
        let mut row: Row<'_> = row;
        repair(&mut row, &reference, steps);
        (
            row.price_per_unit.map(Money::minor),
            row.quantity.map(Quantity::get),
            row.total_spent.map(Money::minor),
            row.item.map(str::to_owned),
        )
    }

    #[test]
    fn each_of_the_three_numbers_follows_from_the_other_two() {
        assert_eq!(filled(row(Some(300), Some(4), None), Steps::Full), (Some(300), Some(4), Some(1200), None));
        assert_eq!(filled(row(Some(300), None, Some(1200)), Steps::Full), (Some(300), Some(4), Some(1200), None));
        assert_eq!(filled(row(None, Some(3), Some(1000)), Steps::Full), (Some(333), Some(3), Some(1000), None));
        assert_eq!(filled(row(Some(300), None, Some(1000)), Steps::Full), (Some(300), None, Some(1000), None));
        assert_eq!(filled(row(Some(0), None, Some(0)), Steps::Full), (Some(0), None, Some(0), None));
        assert_eq!(filled(row(None, Some(0), Some(0)), Steps::Full), (None, Some(0), Some(0), None));
    }

    #[test]
    fn a_filled_price_restores_the_item_unless_strict() {
        let item = Some("Item_1".to_owned());
        assert_eq!(filled(row(None, Some(2), Some(500)), Steps::Full), (Some(250), Some(2), Some(500), item.clone()));
        assert_eq!(filled(row(None, Some(2), Some(500)), Steps::Strict), (Some(250), Some(2), Some(500), None));
        assert_eq!(filled(row(Some(250), None, None), Steps::Strict), (Some(250), None, None, item));
    }
}
