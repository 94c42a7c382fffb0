//! The filters of `/api`, which are those of the page.

use common::results::Window;
use common::{EventTime, Money, StoreId};
use serde::{Deserialize, Deserializer};

use super::history::Results;
use super::record::Expensive;

/// Which windows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowFilter {
    /// Windows that start at this time or later.
    from: Option<EventTime>,
    /// Windows that start before this time.
    to: Option<EventTime>,
    /// Only final or only early ones.
    r#final: Option<bool>,
    /// Only this store's line of each window.
    #[serde(default, deserialize_with = "store_id")]
    pub(crate) store_id: Option<StoreId>,
    /// Only this category's items of each window.
    pub(crate) category: Option<String>,
    limit: Option<usize>,
}

/// Which points of the chart.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesFilter {
    from: Option<EventTime>,
    to: Option<EventTime>,
    r#final: Option<bool>,
}

/// Which expensive receipts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptFilter {
    #[serde(default, deserialize_with = "store_id")]
    store_id: Option<StoreId>,
    store: Option<StoreText>,
    /// The total is this much or more.
    #[serde(default, deserialize_with = "amount")]
    min_total: Option<Money>,
    limit: Option<usize>,
}

/// A store as people type it: its number, or a part of its name.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
enum StoreText {
    /// `None` for a number that no store can have.
    Number(Option<StoreId>),
    /// Folded.
    PartOfName(String),
}

impl From<String> for StoreText {
    fn from(text: String) -> Self {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return StoreText::Number(text.parse().ok().and_then(StoreId::new));
        }
        StoreText::PartOfName(folded(text))
    }
}

impl StoreText {
    fn admits(&self, id: StoreId, name: &str) -> bool {
        match self {
            StoreText::Number(wanted) => *wanted == Some(id),
            StoreText::PartOfName(part) => folded(name).contains(part.as_str()),
        }
    }
}

/// Whatever the case, and who types `е` means `ё` too.
fn folded(name: &str) -> String {
    name.to_lowercase().replace('ё', "е")
}

impl WindowFilter {
    /// Most windows of an answer.
    const MAX: usize = 720;
    const DEFAULT: usize = 60;

    pub(crate) fn admits(&self, window: &Window, results: &Results) -> bool {
        within(self.from, self.to, window) && self.r#final.is_none_or(|wanted| wanted == results.is_final())
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(Self::DEFAULT).min(Self::MAX)
    }
}

impl SeriesFilter {
    pub(crate) fn admits(&self, window: &Window, r#final: bool) -> bool {
        within(self.from, self.to, window) && self.r#final.is_none_or(|wanted| wanted == r#final)
    }
}

impl ReceiptFilter {
    /// Most receipts of an answer.
    const MAX: usize = 1_000;
    const DEFAULT: usize = 100;

    pub(crate) fn admits(&self, expensive: &Expensive) -> bool {
        let receipt = &expensive.receipt;
        self.store_id.is_none_or(|wanted| wanted == receipt.store_id)
            && self.store.as_ref().is_none_or(|wanted| wanted.admits(receipt.store_id, &receipt.store_name))
            && self.min_total.is_none_or(|least| least <= expensive.total)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(Self::DEFAULT).min(Self::MAX)
    }
}

fn within(from: Option<EventTime>, to: Option<EventTime>, window: &Window) -> bool {
    from.is_none_or(|from| from <= window.start) && to.is_none_or(|to| window.start < to)
}

fn store_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StoreId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id = text.parse().ok().and_then(StoreId::new);
    id.map(Some).ok_or_else(|| serde::de::Error::custom("not a store's number"))
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Money::from_json_number(&text)
        .map(Some)
        .map_err(|error| serde::de::Error::custom(format!("not an amount: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_its_number_or_a_part_of_its_name_in_any_case() {
        let admits = |text: &str, id, name| StoreText::from(text.to_owned()).admits(StoreId::new(id).unwrap(), name);
        assert!(admits(" 17 ", 17, "x") && admits("017", 17, "x"));
        assert!(!admits("17", 117, "Store 17"), "a number is a number");
        assert!(!admits("99999999999999999999", 17, "x"));
        assert!(admits("ПЁТР", 1, "У Петра") && admits("петр", 1, "У ПЁТРА") && admits("store 1", 7, "Store 17"));
        assert!(!admits("Пётр", 1, "У Павла"));
    }
}
