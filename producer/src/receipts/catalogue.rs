//! What shops sell: the built-in items, or a file's.

use std::collections::BTreeMap;
use std::path::Path;

use common::sales::CatalogueItem;
use common::{MAX_STRING_BYTES, Money};

use crate::error::Error;

/// Items to sell, in the order of their keys; never empty.
#[derive(Debug, Clone)]
pub struct Catalogue {
    items: Vec<CatalogueItem>,
}

/// More would only take memory.
pub const MAX_ITEMS: usize = 100_000;
/// Ten billion: with the quantities drawn, a receipt's total stays far inside 64 bits.
const MAX_PRICE: Money = Money::from_minor(1_000_000_000_000);

/// The public data set's categories, with the ending of their items' names.
const CATEGORIES: [(&str, &str); 8] = [
    ("Beverages", "BEV"),
    ("Butchers", "BUT"),
    ("Computers and electric accessories", "CEA"),
    ("Electric household essentials", "EHE"),
    ("Food", "FOOD"),
    ("Furniture", "FUR"),
    ("Milk Products", "MILK"),
    ("Patisserie", "PAT"),
];

impl Catalogue {
    /// The items of the public data set: 25 in each of 8 categories, 5.00 to 41.00 in steps of 1.50.
    pub fn builtin() -> Catalogue {
        let items = CATEGORIES.iter().flat_map(|(category, ending)| {
            (1..=25_i64).map(move |number| CatalogueItem {
                category: (*category).to_owned(),
                item: format!("Item_{number}_{ending}"),
                price_per_unit: Money::from_minor(350 + 150 * number),
            })
        });
        Catalogue { items: items.collect() }
    }

    /// One item for each category and name, the last one given; those that no receipt can carry (a name too long, a
    /// price above ten billion) are left out. `None` if nothing is left.
    pub fn from_items(items: impl IntoIterator<Item = CatalogueItem>) -> Option<Catalogue> {
        let mut by_key = BTreeMap::new();
        let usable = |item: &CatalogueItem| {
            item.category.len() <= MAX_STRING_BYTES
                && item.item.len() <= MAX_STRING_BYTES
                && item.price_per_unit <= MAX_PRICE
        };
        for item in items.into_iter().filter(usable) {
            by_key.insert((item.category.clone(), item.item.clone()), item);
        }
        let items: Vec<_> = by_key.into_values().take(MAX_ITEMS).collect();
        (!items.is_empty()).then_some(Catalogue { items })
    }

    /// A file of JSON lines as in `sales.items`, or CSV with the columns category, item and `price_per_unit`.
    pub fn from_file(path: &Path) -> Result<Catalogue, Error> {
        let refuse = |reason: String| Error::CatalogueFile { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        let items = if text.trim_start().starts_with('{') { from_json_lines(&text) } else { from_csv(&text) }
            .map_err(refuse)?;
        Catalogue::from_items(items).ok_or_else(|| refuse("it holds no usable item".to_owned()))
    }

    /// The items.
    pub fn items(&self) -> &[CatalogueItem] {
        &self.items
    }
}

fn from_json_lines(text: &str) -> Result<Vec<CatalogueItem>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1)))
        .collect()
}

fn from_csv(text: &str) -> Result<Vec<CatalogueItem>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        header.iter().position(|field| field == name).ok_or_else(|| format!("it has no column {name} (nor JSON lines)"))
    };
    let (category, item, price) = (column("category")?, column("item")?, column("price_per_unit")?);
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let price_per_unit = Money::from_json_number(&record[price])
                .map_err(|error| format!("line {line}: the price is {error}"))?;
            Ok(CatalogueItem { category: record[category].to_owned(), item: record[item].to_owned(), price_per_unit })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_items_are_the_public_data_sets() {
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.items().len(), 200);
        let chair = catalogue.items().iter().find(|item| item.item == "Item_7_FUR").unwrap();
        assert_eq!((chair.category.as_str(), chair.price_per_unit.minor()), ("Furniture", 1_400));
    }

    #[test]
    fn a_file_may_be_json_lines_or_csv() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items");
        for text in [
            "{\"category\":\"A\",\"item\":\"x\",\"price_per_unit\":1.50}\n\n{\"category\":\"B\",\"item\":\"y\",\"price_per_unit\":2}\n",
            "price_per_unit,item,category\r\n1.5,x,A\r\n2.00,y,B\r\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let catalogue = Catalogue::from_file(&path).unwrap();
            let prices: Vec<_> = catalogue.items().iter().map(|item| item.price_per_unit.minor()).collect();
            assert_eq!(prices, [150, 200]);
        }
    }

    #[test]
    fn a_file_that_is_no_catalogue_is_refused_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items");
        for (text, said) in [
            ("{\"category\":\"A\",\"item\":\"x\",\"price_per_unit\":1.50}\n{\"category\":1}\n", "line 2"),
            ("category,item,price_per_unit\nA,x,1.505\n", "line 2"),
            ("category,item\nA,x\n", "price_per_unit"),
            ("category,item,price_per_unit\n", "no usable item"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Catalogue::from_file(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(Catalogue::from_file(&folder.path().join("absent")).is_err());
    }
}
