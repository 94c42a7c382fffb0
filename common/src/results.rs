//! The values of the result topics, in wire order.

use serde::{Deserialize, Serialize, Serializer};

use crate::money::{format_minor, serialize_minor};
use crate::receipt::to_json;
use crate::{EventTime, Money, Receipt, StoreId};

/// A sum of money over a window: minor units in 128 bits, for the sum of 2^63 amounts to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revenue(pub i128);

impl std::fmt::Display for Revenue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        format_minor(self.0, f)
    }
}

impl Serialize for Revenue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_minor(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Revenue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        let digits = raw.get().replacen('.', "", 1);
        // Only what `Serialize` writes: exactly two decimals.
        let two_decimals = raw.get().len().checked_sub(3).and_then(|point| raw.get().get(point..=point)) == Some(".");
        match digits.parse() {
            Ok(minor) if two_decimals => Ok(Revenue(minor)),
            _ => Err(serde::de::Error::custom("not a sum of money with two decimals")),
        }
    }
}

/// A window of event time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First millisecond in it.
    pub start: EventTime,
    /// First millisecond after it.
    pub end: EventTime,
}

/// A value of `top-stores`; the key is the window's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopStores {
    /// The window.
    pub window: Window,
    /// False for an early result, which later ones overwrite.
    pub r#final: bool,
    /// Best first.
    pub stores: Vec<RankedStore>,
}

/// A line of [`TopStores`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedStore {
    /// From 1.
    pub rank: u32,
    /// The shop.
    pub store_id: StoreId,
    /// Its name; the smallest in byte order if receipts disagree.
    pub store_name: String,
    /// What it took in the window.
    pub revenue: Revenue,
    /// How many receipts it made.
    pub receipts: u64,
}

/// A value of `popular-items`; the key is the window's start, `/`, the category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopularItems {
    /// The window.
    pub window: Window,
    /// False for an early result.
    pub r#final: bool,
    /// The category.
    pub category: String,
    /// Best first.
    pub items: Vec<RankedItem>,
}

/// A line of [`PopularItems`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedItem {
    /// From 1.
    pub rank: u32,
    /// The item.
    pub name: String,
    /// Units sold.
    pub quantity: u128,
    /// What they brought.
    pub revenue: Revenue,
}

/// A value of `sales-totals`: all stores of a window together; the key is the window's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesTotals {
    /// The window.
    pub window: Window,
    /// False for an early result.
    pub r#final: bool,
    /// What all stores took.
    pub revenue: Revenue,
    /// Receipts.
    pub receipts: u64,
    /// Units sold.
    pub units: u128,
    /// Stores with at least one receipt.
    pub stores: u64,
}

/// A value of `expensive-receipts`: the receipt's own members and its total; the key is the receipt's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpensiveReceipt<'a> {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: &'a Receipt,
    /// Price × quantity over its lines.
    pub total: Money,
}

/// The record value of a result: members in wire order, no blanks.
macro_rules! json_value {
    ($($name:ty),*) => { $(
        impl $name {
            /// The record value.
            pub fn to_json(&self) -> Vec<u8> {
                to_json(self)
            }
        }
    )* };
}
json_value!(TopStores, PopularItems, SalesTotals, ExpensiveReceipt<'_>);

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        let at = |text| EventTime::parse(text).unwrap();
        Window { start: at("2026-11-22T10:15:30Z"), end: at("2026-11-22T10:15:40Z") }
    }

    #[test]
    fn results_are_written_to_the_letter() {
        let top = TopStores {
            window: window(),
            r#final: true,
            stores: vec![RankedStore {
                rank: 1,
                store_id: StoreId::new(17).unwrap(),
                store_name: "Store 17".into(),
                revenue: Revenue(123_450),
                receipts: 12,
            }],
        };
        let text = r#"{"window":{"start":"2026-11-22T10:15:30.000Z","end":"2026-11-22T10:15:40.000Z"},"final":true,"stores":[{"rank":1,"store_id":17,"store_name":"Store 17","revenue":1234.50,"receipts":12}]}"#;
        assert_eq!(String::from_utf8(top.to_json()).unwrap(), text);
        assert_eq!(serde_json::from_str::<TopStores>(text).unwrap(), top);
    }

    #[test]
    fn an_expensive_receipt_is_the_receipt_and_its_total() {
        let text = r#"{"receipt_id":"r\"1","store_id":17,"store_name":"Магазин\n","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","items":[{"name":"x","category":"y","price":300.20,"quantity":2}]}"#;
        let receipt = Receipt::from_json(text.as_bytes()).unwrap();
        let value = ExpensiveReceipt { receipt: &receipt, total: receipt.total().unwrap() }.to_json();
        let expected = format!("{},\"total\":600.40}}", text.strip_suffix('}').unwrap());
        assert_eq!(String::from_utf8(value).unwrap(), expected);
    }

    #[test]
    fn only_quotes_backslashes_and_control_characters_are_escaped_in_the_short_form_where_there_is_one() {
        let name = r#"\u0000\u0007\b\t\n\u000b\f\r\u001f\"\\/<>&'\u007f\u0080\u2028\ufeff\ud83d\ude00"#;
        let text = format!(
            r#"{{ "items":[{{"quantity":1,"price":1.5e3,"category":"\/","name":"{name}","x":1}}],"payment_method":null,
            "timestamp":"2026-11-22t13:15:30.1239+03:00","cashier_id":-0,"store_name":"","store_id":0,"receipt_id":"\u0031" }}"#
        );
        let receipt = Receipt::from_json(text.as_bytes()).unwrap();
        let value = ExpensiveReceipt { receipt: &receipt, total: receipt.total().unwrap() }.to_json();
        let written = "\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/<>&'\u{7f}\u{80}\u{2028}\u{feff}😀";
        let expected = format!(
            r#"{{"receipt_id":"1","store_id":0,"store_name":"","cashier_id":0,"timestamp":"2026-11-22T10:15:30.123Z","items":[{{"name":"{written}","category":"/","price":1500.00,"quantity":1}}],"total":1500.00}}"#
        );
        assert_eq!(String::from_utf8(value).unwrap(), expected);
    }
}
