//! The sales history's records: what `batch-cleaner` publishes, in wire order.

use serde::{Deserialize, Serialize};

use crate::Money;
use crate::receipt::to_json;

/// A value of `sales.items`, and so of the catalogue that receipts are drawn from; the key is category, `/`, item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CatalogueItem {
    /// The category.
    pub category: String,
    /// The item.
    pub item: String,
    /// Price of one.
    pub price_per_unit: Money,
}

impl CatalogueItem {
    /// The record key.
    pub fn key(&self) -> String {
        format!("{}/{}", self.category, self.item)
    }

    /// The record value.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}
