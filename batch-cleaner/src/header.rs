//! Finding the columns by name.

use crate::columns::Column;
use crate::value::trim;

/// Where each column stands in an input's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    positions: [usize; Column::COUNT],
    /// Fields that a record must have.
    fewest: usize,
    /// Fields beyond these must be empty.
    most: usize,
    names: Vec<String>,
}

/// Why a first record is not a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Columns are not there.
    #[error("the header has no column {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A column is there twice.
    #[error("the header has the column {0} twice")]
    Doubled(&'static str),
    /// The names are there, but something other than a comma stands between them.
    #[error("the fields are separated by {0}, not by commas: convert the file first")]
    Delimiter(&'static str),
}

impl Header {
    /// Reads a header record's fields.
    pub fn read(fields: &[String]) -> Result<Header, HeaderError> {
        let keys: Vec<String> = fields.iter().map(|name| key(name)).collect();
        let mut positions = [0; Column::COUNT];
        let mut missing = Vec::new();
        for column in Column::ALL {
            let wanted = key(column.name());
            let mut found = keys.iter().enumerate().filter(|(_, key)| **key == wanted).map(|(position, _)| position);
            match (found.next(), found.next()) {
                (None, _) => missing.push(column.name()),
                (Some(position), None) => positions[column.index()] = position,
                (Some(_), Some(_)) => return Err(HeaderError::Doubled(column.name())),
            }
        }
        if !missing.is_empty() {
            return Err(delimiter(fields).map_or(HeaderError::Missing(missing), HeaderError::Delimiter));
        }
        let fewest = keys.iter().rposition(|key| !key.is_empty()).map_or(0, |last| last + 1);
        Ok(Header { positions, fewest, most: fields.len(), names: fields.to_vec() })
    }

    /// Where the column stands.
    pub const fn position(&self, column: Column) -> usize {
        self.positions[column.index()]
    }

    /// A record has at least so many fields. Unnamed columns at the end may be left out.
    pub const fn fewest(&self) -> usize {
        self.fewest
    }

    /// Fields beyond these must be empty.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Whether the columns stand first, in [`Column::ALL`] order.
    pub fn is_in_order(&self) -> bool {
        self.positions.iter().enumerate().all(|(place, position)| place == *position)
    }

    /// The names as they stand in the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// What `Price Per Unit`, `PricePerUnit` and `price_per_unit` have in common.
fn key(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The name of what stands between the columns' names, if it is not a comma.
fn delimiter(fields: &[String]) -> Option<&'static str> {
    let line = fields.join(",");
    [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")].into_iter().find_map(|(delimiter, name)| {
        let keys: Vec<_> = line.split(delimiter).map(|name| key(trim(name))).collect();
        let known = Column::ALL.into_iter().filter(|column| keys.contains(&key(column.name()))).count();
        (known * 2 > Column::COUNT).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Vec<String> {
        line.split(',').map(str::to_owned).collect()
    }

    const SNAKE: &str = "transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,location,transaction_date,discount_applied";

    #[test]
    fn columns_are_found_in_any_spelling_and_order() {
        let header = Header::read(&fields("x,DiscountApplied, TRANSACTION DATE ,Location,payment-method,TotalSpent,quantity,pricePerUnit,Item,Category,Customer\u{a0}ID,TransactionID,,")).unwrap();
        assert_eq!(header.position(Column::TransactionId), 11);
        assert_eq!(header.position(Column::DiscountApplied), 1);
        assert_eq!((header.fewest(), header.most()), (12, 14));
    }

    #[test]
    fn a_missing_or_doubled_column_is_named() {
        let error = Header::read(&fields(&SNAKE.replace("item,", ""))).unwrap_err();
        assert_eq!(error.to_string(), "the header has no column item");
        let error = Header::read(&fields(&SNAKE.replace("location", "Item"))).unwrap_err();
        assert_eq!(error, HeaderError::Doubled("item"));
    }

    #[test]
    fn another_delimiter_is_named() {
        for (delimiter, name) in [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")] {
            let error = Header::read(&[SNAKE.replace(',', delimiter)]).unwrap_err();
            assert_eq!(error, HeaderError::Delimiter(name));
        }
    }
}
