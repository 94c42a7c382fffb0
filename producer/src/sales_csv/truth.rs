//! The cleaning rules, applied to values instead of text: what a right cleaning of the dirty file gives.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike as _, NaiveDate};
use common::Money;

/// What a right reader reads from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) transaction_id: String,
    pub(super) customer_id: Option<String>,
    pub(super) category: Option<String>,
    pub(super) item: Option<String>,
    pub(super) price: Option<Money>,
    pub(super) quantity: Option<i64>,
    pub(super) total: Option<Money>,
    pub(super) payment_method: Option<String>,
    pub(super) location: Option<String>,
    pub(super) date: Option<NaiveDate>,
    pub(super) discount: Option<bool>,
}

/// The header of the clean file.
pub(super) const HEADER: &str = "transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,\
                                 payment_method,location,transaction_date,discount_applied,day_of_week,\
                                 transaction_month\n";

/// Which item a category and price stand for; `None` where there are several.
#[derive(Debug, Default)]
pub(super) struct Reference(HashMap<(String, Money), Option<String>>);

impl Reference {
    /// Every readable row that has all three teaches, also one that is rejected later.
    pub(super) fn learn(readings: impl Iterator<Item = Option<Reading>>) -> Reference {
        let mut reference = Reference::default();
        for reading in readings.flatten() {
            let (Some(category), Some(item), Some(price)) = (reading.category, reading.item, reading.price) else {
                continue;
            };
            let known = reference.0.entry((category, price)).or_insert_with(|| Some(item.clone()));
            if known.as_ref().is_some_and(|known| *known != item) {
                *known = None;
            }
        }
        reference
    }

    fn item(&self, category: Option<&String>, price: Option<Money>) -> Option<String> {
        self.0.get(&(category?.clone(), price?))?.clone()
    }
}

/// A row that is kept: nothing that it needs is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CleanRow {
    reading: Reading,
    category: String,
    price: Money,
    quantity: i64,
    total: Money,
}

impl CleanRow {
    /// Repairs, in the order of the rules; `None` if the row is rejected. `filled` counts filled fields by column.
    pub(super) fn from_reading(
        mut reading: Reading,
        reference: &Reference,
        strict: bool,
        filled: &mut BTreeMap<&'static str, u64>,
    ) -> Option<CleanRow> {
        let mut count = |column, is_filled: bool| *filled.entry(column).or_default() += u64::from(is_filled);
        if reading.item.is_none() {
            reading.item = reference.item(reading.category.as_ref(), reading.price);
            count("item", reading.item.is_some());
        }
        if reading.total.is_none() {
            reading.total =
                reading.price.zip(reading.quantity).and_then(|(price, quantity)| price.checked_mul(quantity));
            count("total_spent", reading.total.is_some());
        }
        if reading.quantity.is_none() {
            reading.quantity = reading.total.zip(reading.price).and_then(|(total, price)| whole_units(total, price));
            count("quantity", reading.quantity.is_some());
        } else if reading.price.is_none() {
            reading.price =
                reading.total.zip(reading.quantity).and_then(|(total, quantity)| price_of_one(total, quantity));
            count("price_per_unit", reading.price.is_some());
            if !strict && reading.item.is_none() {
                reading.item = reference.item(reading.category.as_ref(), reading.price);
                count("item", reading.item.is_some());
            }
        }
        Some(CleanRow {
            category: reading.category.clone()?,
            price: reading.price?,
            quantity: reading.quantity?,
            total: reading.total?,
            reading,
        })
    }

    /// Appends the row as the cleaner's CSV.
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        let Reading { transaction_id, customer_id, item, payment_method, location, date, discount, .. } = &self.reading;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let date_text = |format: &str| date.map(|date| date.format(format).to_string()).unwrap_or_default();
        let fields = [
            transaction_id.clone(),
            text(customer_id),
            self.category.clone(),
            text(item),
            self.price.to_string(),
            self.quantity.to_string(),
            self.total.to_string(),
            text(payment_method),
            text(location),
            date_text("%Y-%m-%d"),
            discount.map(|discount| discount.to_string()).unwrap_or_default(),
            date_text("%A"),
            date.map(|date| date.month().to_string()).unwrap_or_default(),
        ];
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            if field.contains([',', '"', '\n', '\r']) {
                line.extend_from_slice(format!("\"{}\"", field.replace('"', "\"\"")).as_bytes());
            } else {
                line.extend_from_slice(field.as_bytes());
            }
        }
        line.push(b'\n');
    }
}

fn whole_units(total: Money, price: Money) -> Option<i64> {
    let (total, price) = (total.minor(), price.minor());
    (price > 0 && total % price == 0).then(|| total / price)
}

/// Half a cent is rounded up.
fn price_of_one(total: Money, quantity: i64) -> Option<Money> {
    (quantity > 0).then(|| Money::from_minor((2 * total.minor() + quantity) / (2 * quantity)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            transaction_id: "TXN_1".to_owned(),
            customer_id: None,
            category: Some("Food".to_owned()),
            item: Some("Item_1_FOOD".to_owned()),
            price: Some(Money::from_minor(500)),
            quantity: Some(3),
            total: Some(Money::from_minor(1_500)),
            payment_method: Some("Cash".to_owned()),
            location: Some("a, \"b\"".to_owned()),
            date: NaiveDate::from_ymd_opt(2024, 4, 8),
            discount: Some(true),
        }
    }

    fn clean(reading: Reading, strict: bool) -> Option<CleanRow> {
        let reference = Reference::learn([Some(self::reading())].into_iter());
        CleanRow::from_reading(reading, &reference, strict, &mut BTreeMap::new())
    }

    #[test]
    fn what_can_be_worked_out_is_filled() {
        let whole = clean(reading(), false).unwrap();
        for damage in [
            |reading: &mut Reading| reading.item = None,
            |reading: &mut Reading| reading.total = None,
            |reading: &mut Reading| reading.quantity = None,
            |reading: &mut Reading| reading.price = None,
            |reading: &mut Reading| (reading.item, reading.price) = (None, None),
            |reading: &mut Reading| (reading.item, reading.total) = (None, None),
        ] {
            let mut damaged = reading();
            damage(&mut damaged);
            let repaired = clean(damaged, false).unwrap();
            assert_eq!((repaired.price, repaired.quantity, repaired.total), (whole.price, whole.quantity, whole.total));
            assert_eq!(repaired.reading.item, whole.reading.item);
        }
    }

    #[test]
    fn the_strict_order_looks_for_items_before_prices_are_filled() {
        let damaged = || Reading { item: None, price: None, ..reading() };
        assert_eq!(clean(damaged(), true).unwrap().reading.item, None);
        assert!(clean(damaged(), false).unwrap().reading.item.is_some());
    }

    #[test]
    fn two_items_at_one_price_restore_nothing() {
        let other = Reading { item: Some("other".to_owned()), ..reading() };
        let reference = Reference::learn([Some(reading()), None, Some(other), Some(reading())].into_iter());
        let damaged = Reading { item: None, ..reading() };
        let cleaned = CleanRow::from_reading(damaged, &reference, false, &mut BTreeMap::new()).unwrap();
        assert_eq!(cleaned.reading.item, None);
    }

    #[test]
    fn what_cannot_be_worked_out_is_rejected() {
        assert_eq!(clean(Reading { category: None, ..reading() }, false), None);
        assert_eq!(clean(Reading { total: None, quantity: None, ..reading() }, false), None);
        let not_whole = Reading { total: Some(Money::from_minor(1_499)), quantity: None, ..reading() };
        assert_eq!(clean(not_whole, false), None);
    }

    #[test]
    fn a_kept_row_is_written_as_the_cleaner_writes_it() {
        let mut line = Vec::new();
        clean(reading(), false).unwrap().write(&mut line);
        let expected = "TXN_1,,Food,Item_1_FOOD,5.00,3,15.00,Cash,\"a, \"\"b\"\"\",2024-04-08,true,Monday,4\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }
}
