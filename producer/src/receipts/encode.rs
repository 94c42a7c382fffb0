//! Writes a sale as the bytes of `Receipt::to_json`, into a buffer that is used again, from pieces rendered once.

use common::EventTime;
use itoa::Buffer;

use super::catalogue::Catalogue;
use super::sale::Sale;

/// Writes sales as receipts.
#[derive(Debug)]
pub struct Encoder {
    /// `{"receipt_id":"<seed>-`.
    head: Vec<u8>,
    /// `{"name":…,"category":…,"price":` of each item.
    items: Vec<Box<[u8]>>,
    clock: Clock,
}

impl Encoder {
    /// Renders what is the same in every receipt.
    pub fn new(seed: u64, catalogue: &Catalogue) -> Encoder {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let items = catalogue
            .items()
            .iter()
            .map(|item| {
                let (name, category) = (quoted(&item.item), quoted(&item.category));
                format!("{{\"name\":{name},\"category\":{category},\"price\":").into_bytes().into_boxed_slice()
            })
            .collect();
        Encoder { head: format!("{{\"receipt_id\":\"{seed:016x}-").into_bytes(), items, clock: Clock::default() }
    }

    /// Appends the receipt's JSON to `out`.
    pub fn encode(&mut self, sale: &Sale, out: &mut Vec<u8>) {
        let mut digits = Buffer::new();
        out.extend_from_slice(&self.head);
        out.extend_from_slice(digits.format(sale.number).as_bytes());
        out.extend_from_slice(b"\",\"store_id\":");
        let store = digits.format(sale.store).as_bytes();
        out.extend_from_slice(store);
        out.extend_from_slice(b",\"store_name\":\"Store ");
        out.extend_from_slice(store);
        out.extend_from_slice(b"\",\"cashier_id\":");
        out.extend_from_slice(digits.format(sale.cashier).as_bytes());
        out.extend_from_slice(b",\"timestamp\":\"");
        out.extend_from_slice(self.clock.format(sale.timestamp));
        if let Some(method) = sale.payment_method {
            out.extend_from_slice(b"\",\"payment_method\":\"");
            out.extend_from_slice(method.as_bytes());
        }
        out.extend_from_slice(b"\",\"items\":[");
        for (index, line) in sale.lines.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.items[line.item]);
            let minor = line.price.minor().unsigned_abs();
            out.extend_from_slice(digits.format(minor / 100).as_bytes());
            let [tens, ones] = two_digits(minor % 100);
            out.extend_from_slice(&[b'.', tens, ones]);
            out.extend_from_slice(b",\"quantity\":");
            out.extend_from_slice(digits.format(line.quantity).as_bytes());
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
}

/// Formats times; the date is worked out once a day.
#[derive(Debug)]
struct Clock {
    day: i64,
    text: [u8; 24],
}

const DAY_MS: i64 = 86_400_000;

impl Default for Clock {
    fn default() -> Self {
        Clock { day: i64::MIN, text: *b"0000-00-00T00:00:00.000Z" }
    }
}

impl Clock {
    fn format(&mut self, time: EventTime) -> &[u8] {
        let day = time.ms().div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.text.copy_from_slice(time.to_string().as_bytes());
        }
        let ms = time.ms().rem_euclid(DAY_MS).unsigned_abs();
        let (seconds, ms) = (ms / 1_000, ms % 1_000);
        self.text[11..13].copy_from_slice(&two_digits(seconds / 3_600));
        self.text[14..16].copy_from_slice(&two_digits(seconds / 60 % 60));
        self.text[17..19].copy_from_slice(&two_digits(seconds % 60));
        self.text[20..22].copy_from_slice(&two_digits(ms / 10));
        self.text[22] = digit(ms % 10);
        &self.text
    }
}

/// Of a number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    [digit(number / 10), digit(number % 10)]
}

#[allow(clippy::cast_possible_truncation, reason = "a digit")]
fn digit(number: u64) -> u8 {
    b'0' + number as u8
}

#[cfg(test)]
mod tests {
    use common::sales::CatalogueItem;
    use common::{Money, Receipt};
    use proptest::prelude::*;

    use super::*;
    use crate::receipts::sale::Line;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_wire_type(
            seed: u64, number: u64, store: u32, cashier: u32,
            ms in EventTime::MIN.ms()..=EventTime::MAX.ms(),
            payment_method in prop::option::of(prop::sample::select(vec!["Cash", "Credit Card", "Digital Wallet"])),
            names in prop::collection::vec((any::<String>(), any::<String>()), 1..4),
            lines in prop::collection::vec((any::<prop::sample::Index>(), 0..1_000_000_000_000_i64, 1..100_000_i64), 1..10),
        ) {
            let items = names.into_iter().map(|(category, item)| CatalogueItem { category, item, price_per_unit: Money::ZERO });
            let catalogue = Catalogue::from_items(items).unwrap();
            let lines = lines.into_iter().map(|(item, price, quantity)| Line {
                item: item.index(catalogue.items().len()),
                price: Money::from_minor(price),
                quantity,
            });
            let sale = Sale {
                number, store, cashier, payment_method,
                timestamp: EventTime::from_ms(ms).unwrap(),
                lines: lines.collect(),
                total: Money::ZERO,
            };
            let receipt = sale.to_receipt(seed, &catalogue);
            let mut encoder = Encoder::new(seed, &catalogue);
            let mut bytes = Vec::new();
            encoder.encode(&sale, &mut bytes);
            prop_assert_eq!(String::from_utf8(bytes.clone()).unwrap(), String::from_utf8(receipt.to_json()).unwrap());
            prop_assert_eq!(Receipt::from_json(&bytes), Ok(receipt));
            // A second time of the same day is right too.
            let second = EventTime::from_ms(ms.div_euclid(DAY_MS) * DAY_MS).unwrap();
            let expected = second.to_string();
            prop_assert_eq!(encoder.clock.format(second), expected.as_bytes());
        }
    }
}
