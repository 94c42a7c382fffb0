//! The receipt on the wire, and the one place that decides which bytes are a receipt.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{CashierId, EventTime, Money, StoreId};

/// The longest string of a receipt, in bytes of UTF-8 after escapes are resolved.
pub const MAX_STRING_BYTES: usize = 1024;
/// The deepest nesting of arrays and objects in a record.
pub const MAX_NESTING: usize = 127;

/// A sale at a till. Members are in wire order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Not empty; not necessarily unique.
    pub receipt_id: String,
    /// The shop.
    pub store_id: StoreId,
    /// The shop's name at the time; may be empty.
    pub store_name: String,
    /// Who sat at the till.
    pub cashier_id: CashierId,
    /// Event time.
    pub timestamp: EventTime,
    /// How it was paid, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// One or more lines.
    pub items: Vec<LineItem>,
}

/// A line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineItem {
    /// Item name; may be empty.
    pub name: String,
    /// Category name; may be empty.
    pub category: String,
    /// Price of one.
    pub price: Money,
    /// How many, at least one.
    pub quantity: i64,
}

/// Why bytes are not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedReceipt {
    /// The record has no value, or an empty one.
    #[error("the value is empty")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("not UTF-8 after byte {0}")]
    NotUtf8(usize),
    /// Not JSON, a member is missing, twice there or of the wrong type.
    #[error("{0}")]
    NotAReceipt(String),
    /// A surrogate escape (`\ud800`) without its other half.
    #[error("a lone surrogate escape")]
    LoneSurrogate,
    /// Arrays and objects deeper than [`MAX_NESTING`].
    #[error("nested deeper than {MAX_NESTING}")]
    TooDeep,
    /// A string above [`MAX_STRING_BYTES`].
    #[error("{0} is longer than {MAX_STRING_BYTES} bytes")]
    StringTooLong(&'static str),
    /// `receipt_id` is the empty string.
    #[error("receipt_id is empty")]
    EmptyId,
    /// `items` is the empty list.
    #[error("items is empty")]
    NoItems,
    /// A quantity below one.
    #[error("quantity is below 1")]
    QuantityBelowOne,
    /// A line's or the receipt's total does not fit 64 bits of minor units.
    #[error("the total does not fit 64 bits")]
    TotalTooLarge,
}

impl Receipt {
    /// Reads a record value. Unknown members are ignored at any depth.
    pub fn from_json(value: &[u8]) -> Result<Receipt, MalformedReceipt> {
        if value.is_empty() {
            return Err(MalformedReceipt::Empty);
        }
        let text = std::str::from_utf8(value).map_err(|error| MalformedReceipt::NotUtf8(error.valid_up_to()))?;
        check_structure(text)?;
        let wire: Object<WireReceipt<'_>> =
            serde_json::from_str(text).map_err(|error| MalformedReceipt::NotAReceipt(error.to_string()))?;
        wire.0.validate()
    }

    /// Price × quantity over all lines; `None` when that does not fit 64 bits.
    pub fn total(&self) -> Option<Money> {
        self.items.iter().try_fold(Money::ZERO, |total, item| total.checked_add(item.revenue()?))
    }

    /// The record value: members in wire order, no blanks.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}

impl LineItem {
    /// Price × quantity; `None` when that does not fit 64 bits.
    pub fn revenue(&self) -> Option<Money> {
        self.price.checked_mul(self.quantity)
    }
}

/// Serialises a wire type, whose members cannot fail to serialise.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("wire types have string keys and no fallible members")
}

/// What `serde_json` lets pass inside ignored members: lone surrogates, and nesting without bound. On text that is
/// JSON the verdict is exact; text that is not is refused afterwards.
fn check_structure(text: &str) -> Result<(), MalformedReceipt> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut in_string) = (0, 0_usize, false);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match (in_string, byte) {
            (_, b'"') => in_string = !in_string,
            (true, b'\\') => {
                match surrogate(&bytes[at..]) {
                    Some(0xD800..=0xDBFF) => {
                        let low =
                            bytes.get(at + 5).filter(|byte| **byte == b'\\').and_then(|_| surrogate(&bytes[at + 6..]));
                        if !matches!(low, Some(0xDC00..=0xDFFF)) {
                            return Err(MalformedReceipt::LoneSurrogate);
                        }
                        at += 10;
                    }
                    Some(_) => return Err(MalformedReceipt::LoneSurrogate),
                    None => {}
                }
                at += 1;
            }
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Err(MalformedReceipt::TooDeep);
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The code unit of `uXXXX` if it is a surrogate.
fn surrogate(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"u")?.get(..4)?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xD800..=0xDFFF).contains(&unit).then_some(unit)
}

/// Reads `T` from a JSON object only: a derived struct would also accept an array of its members.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

#[derive(Deserialize)]
struct WireReceipt<'a> {
    #[serde(borrow)]
    receipt_id: Cow<'a, str>,
    #[serde(deserialize_with = "store_id")]
    store_id: StoreId,
    #[serde(borrow)]
    store_name: Cow<'a, str>,
    #[serde(deserialize_with = "cashier_id")]
    cashier_id: CashierId,
    timestamp: EventTime,
    #[serde(borrow, default)]
    payment_method: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "line_items")]
    items: Vec<WireLineItem<'a>>,
}

#[derive(Deserialize)]
struct WireLineItem<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    price: Money,
    quantity: i64,
}

/// A whole number 0 … 2^63−1. `-0` is one too, which `serde_json` takes for a float.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    let digits = if raw == "-0" { "0" } else { raw };
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if whole { digits.parse().ok() } else { None };
    number.ok_or_else(|| D::Error::custom(format_args!("{raw} is not a whole number from 0 to 2^63-1")))
}

fn store_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StoreId, D::Error> {
    whole_number(deserializer).map(|id| StoreId::new(id).expect("whole numbers are not negative"))
}

fn cashier_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CashierId, D::Error> {
    whole_number(deserializer).map(|id| CashierId::new(id).expect("whole numbers are not negative"))
}

fn line_items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WireLineItem<'de>>, D::Error> {
    struct Lines<'a>(PhantomData<&'a ()>);
    impl<'de> Visitor<'de> for Lines<'de> {
        type Value = Vec<WireLineItem<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut lines = Vec::new();
            while let Some(Object(line)) = seq.next_element()? {
                lines.push(line);
            }
            Ok(lines)
        }
    }
    deserializer.deserialize_seq(Lines(PhantomData))
}

impl WireReceipt<'_> {
    fn validate(self) -> Result<Receipt, MalformedReceipt> {
        let bounded = |name: &'static str, text: Cow<'_, str>| {
            if text.len() > MAX_STRING_BYTES {
                Err(MalformedReceipt::StringTooLong(name))
            } else {
                Ok(text.into_owned())
            }
        };
        if self.receipt_id.is_empty() {
            return Err(MalformedReceipt::EmptyId);
        }
        if self.items.is_empty() {
            return Err(MalformedReceipt::NoItems);
        }
        let items = self
            .items
            .into_iter()
            .map(|line| {
                if line.quantity < 1 {
                    return Err(MalformedReceipt::QuantityBelowOne);
                }
                Ok(LineItem {
                    name: bounded("name", line.name)?,
                    category: bounded("category", line.category)?,
                    price: line.price,
                    quantity: line.quantity,
                })
            })
            .collect::<Result<_, _>>()?;
        let receipt = Receipt {
            receipt_id: bounded("receipt_id", self.receipt_id)?,
            store_id: self.store_id,
            store_name: bounded("store_name", self.store_name)?,
            cashier_id: self.cashier_id,
            timestamp: self.timestamp,
            payment_method: self.payment_method.map(|method| bounded("payment_method", method)).transpose()?,
            items,
        };
        receipt.total().ok_or(MalformedReceipt::TotalTooLarge)?;
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = r#"{"receipt_id":"r1","store_id":17,"store_name":"Store 17","cashier_id":3,"timestamp":"2026-11-22T10:15:30.123Z","payment_method":"Cash","items":[{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}]}"#;

    fn read(text: &str) -> Result<Receipt, MalformedReceipt> {
        Receipt::from_json(text.as_bytes())
    }

    /// The receipt with one piece of its text replaced.
    fn with(from: &str, to: &str) -> String {
        assert!(RECEIPT.contains(from), "{from}");
        RECEIPT.replacen(from, to, 1)
    }

    #[test]
    fn a_receipt_is_written_as_it_is_read() {
        let receipt = read(RECEIPT).unwrap();
        assert_eq!(receipt.to_json(), RECEIPT.as_bytes());
        assert_eq!(receipt.total(), Some(Money::from_minor(2800)));
    }

    #[test]
    fn an_absent_or_null_payment_method_is_left_out() {
        for text in [with(r#""payment_method":"Cash","#, ""), with(r#""Cash""#, "null")] {
            let receipt = read(&text).unwrap();
            assert_eq!(receipt.payment_method, None);
            assert!(!String::from_utf8(receipt.to_json()).unwrap().contains("payment_method"));
        }
    }

    #[test]
    fn unknown_members_are_ignored_at_any_depth() {
        for extra in [r#""x":1"#, r#""x":{"y":[1e999,{"z":null}]}"#, r#""x":"😀""#] {
            assert!(read(&RECEIPT.replacen('{', &format!("{{{extra},"), 1)).is_ok(), "{extra}");
            assert!(read(&with(r#"[{"name""#, &format!(r#"[{{{extra},"name""#))).is_ok(), "{extra}");
        }
    }

    #[test]
    fn a_value_that_breaks_a_rule_is_malformed() {
        let deep = format!(r#"{{"x":{}{},"#, "[".repeat(127), "]".repeat(127));
        let long = "x".repeat(MAX_STRING_BYTES + 1);
        for text in [
            with("17,", "17.0,"),
            with("17,", "-1,"),
            with("17,", "9223372036854775808,"),
            with("17,", "\"17\","),
            with("14.00", "14.005"),
            with("14.00", "-1"),
            with("14.00", "\"14\""),
            with("14.00", "NaN"),
            with(":2}", ":0}"),
            with(":2}", ":2.0}"),
            with(":2}", ":9223372036854775807}"),
            with(r#""r1""#, r#""""#),
            with("Store 17", &long),
            with("Store 17", r"\ud800"),
            with("Store 17", r"\udc00\ud800"),
            with("10:15:30", "10:15:60"),
            with(r#""store_name":"Store 17","#, ""),
            with(r#""store_id":17"#, r#""store_id":17,"store_id":17"#),
            with(r#"{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}"#, ""),
            with(
                r#"{"name":"Item_7_FUR","category":"Furniture","price":14.00,"quantity":2}"#,
                r#"["Item_7_FUR","Furniture",14.00,2]"#,
            ),
            with(r#"{"receipt_id""#, r#"{"x":"\ud800","receipt_id""#),
            with(r#"{"receipt_id""#, &format!(r#"{deep}"receipt_id""#)),
            format!("\u{feff}{RECEIPT}"),
            format!("{RECEIPT}x"),
            RECEIPT[..RECEIPT.len() - 1].to_owned(),
            r#"["r1",17,"Store 17",3,"2026-11-22T10:15:30.123Z","Cash",[]]"#.to_owned(),
            "null".to_owned(),
            String::new(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
        assert!(Receipt::from_json(b"{\"receipt_id\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_deepest_legal_nesting_is_legal() {
        let deep = format!(r#"{{"x":{}{},"#, "[".repeat(126), "]".repeat(126));
        assert!(read(&RECEIPT.replacen('{', &deep, 1)).is_ok());
    }

    #[test]
    fn strings_of_exactly_the_bound_and_empty_names_are_legal() {
        assert!(read(&with("Store 17", &"x".repeat(MAX_STRING_BYTES))).is_ok());
        assert!(read(&with("Item_7_FUR", "")).is_ok());
        assert!(read(&with("Store 17", r"😀")).is_ok());
    }

    #[test]
    fn the_largest_total_fits() {
        let text = with("14.00", "46116860184273879.03");
        assert_eq!(read(&text).unwrap().total(), Some(Money::from_minor(i64::MAX - 1)));
        assert_eq!(read(&with("14.00", "46116860184273879.04")), Err(MalformedReceipt::TotalTooLarge));
    }
}
