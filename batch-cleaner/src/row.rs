//! A typed row, and how it is read from a record's fields.

use common::Money;

use crate::columns::{Column, Columns};
use crate::value::{self, Date, Quantity, parse_boolean, parse_date, parse_money, parse_quantity};

/// A row's values; `None` is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the columns of the data set, see `Column`")]
pub struct Row<'a> {
    pub transaction_id: Option<&'a str>,
    pub customer_id: Option<&'a str>,
    pub category: Option<&'a str>,
    pub item: Option<&'a str>,
    pub price_per_unit: Option<Money>,
    pub quantity: Option<Quantity>,
    pub total_spent: Option<Money>,
    pub payment_method: Option<&'a str>,
    pub location: Option<&'a str>,
    pub transaction_date: Option<Date>,
    pub discount_applied: Option<bool>,
}

impl<'a> Row<'a> {
    /// Reads the fields, in [`Column::ALL`] order. The set names the columns that say something unreadable.
    pub fn read(fields: &[&'a str; Column::COUNT]) -> (Row<'a>, Columns) {
        let mut invalid = Columns::NONE;
        let text = |column: Column| value::present(fields[column.index()]);
        let row = Row {
            transaction_id: text(Column::TransactionId),
            customer_id: text(Column::CustomerId),
            category: text(Column::Category),
            item: text(Column::Item),
            price_per_unit: typed(fields, Column::PricePerUnit, parse_money, &mut invalid),
            quantity: typed(fields, Column::Quantity, parse_quantity, &mut invalid),
            total_spent: typed(fields, Column::TotalSpent, parse_money, &mut invalid),
            payment_method: text(Column::PaymentMethod),
            location: text(Column::Location),
            transaction_date: typed(fields, Column::TransactionDate, parse_date, &mut invalid),
            discount_applied: typed(fields, Column::DiscountApplied, parse_boolean, &mut invalid),
        };
        (row, invalid)
    }

    /// The columns that are null.
    pub fn nulls(&self) -> Columns {
        let mut nulls = Columns::NONE;
        for (column, is_null) in [
            (Column::TransactionId, self.transaction_id.is_none()),
            (Column::CustomerId, self.customer_id.is_none()),
            (Column::Category, self.category.is_none()),
            (Column::Item, self.item.is_none()),
            (Column::PricePerUnit, self.price_per_unit.is_none()),
            (Column::Quantity, self.quantity.is_none()),
            (Column::TotalSpent, self.total_spent.is_none()),
            (Column::PaymentMethod, self.payment_method.is_none()),
            (Column::Location, self.location.is_none()),
            (Column::TransactionDate, self.transaction_date.is_none()),
            (Column::DiscountApplied, self.discount_applied.is_none()),
        ] {
            if is_null {
                nulls.insert(column);
            }
        }
        nulls
    }

    /// A value as the cleaned CSV spells it; `None` is null.
    pub fn display(&self, column: Column) -> Option<String> {
        match column {
            Column::TransactionId => self.transaction_id.map(str::to_owned),
            Column::CustomerId => self.customer_id.map(str::to_owned),
            Column::Category => self.category.map(str::to_owned),
            Column::Item => self.item.map(str::to_owned),
            Column::PricePerUnit => self.price_per_unit.map(|price| price.to_string()),
            Column::Quantity => self.quantity.map(|quantity| quantity.get().to_string()),
            Column::TotalSpent => self.total_spent.map(|total| total.to_string()),
            Column::PaymentMethod => self.payment_method.map(str::to_owned),
            Column::Location => self.location.map(str::to_owned),
            Column::TransactionDate => self.transaction_date.map(|date| date.to_string()),
            Column::DiscountApplied => self.discount_applied.map(|applied| applied.to_string()),
        }
    }
}

fn typed<T>(
    fields: &[&str; Column::COUNT],
    column: Column,
    parse: impl Fn(&str) -> Option<T>,
    invalid: &mut Columns,
) -> Option<T> {
    let field = fields[column.index()];
    // What is read is neither null nor has anything around it: most fields need no look for that.
    if let Some(value) = parse(field) {
        return Some(value);
    }
    let parsed = parse(value::present(field)?);
    if parsed.is_none() {
        invalid.insert(column);
    }
    parsed
}
