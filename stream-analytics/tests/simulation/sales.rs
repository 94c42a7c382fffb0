//! What the shops send.

use common::{EventTime, TopicKind};
use stream_analytics::outbox::OutputRecord;

use crate::random::Random;

/// A receipt as it is meant.
#[derive(Debug, Clone)]
pub struct Sale {
    pub id: String,
    pub store_id: i64,
    pub store_name: String,
    pub event_ms: i64,
    pub lines: Vec<SoldLine>,
}

/// A line of it.
#[derive(Debug, Clone)]
pub struct SoldLine {
    pub name: String,
    pub category: &'static str,
    pub price_minor: i64,
    pub quantity: i64,
}

const CATEGORIES: [&str; 4] = ["Food", "Furniture", "Milk", "Еда"];

impl Sale {
    pub fn draw(random: &mut Random, number: usize, event_ms: i64) -> Self {
        let store_id = random.below(6);
        let line = |random: &mut Random| SoldLine {
            name: format!("Item_{}", random.below(5)),
            category: CATEGORIES[random.index(CATEGORIES.len())],
            price_minor: random.below(20_000),
            quantity: random.between(1, 3),
        };
        let lines = (0..random.between(1, 3)).map(|_| line(random)).collect();
        Sale {
            id: format!("r{number}"),
            store_id,
            store_name: format!("Store {store_id}{}", if random.per_mille(100) { "a" } else { "" }),
            event_ms,
            lines,
        }
    }

    pub fn total_minor(&self) -> i64 {
        self.lines.iter().map(SoldLine::revenue_minor).sum()
    }

    pub fn units(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// The receipt in the form that services write.
    pub fn json(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|line| {
                let SoldLine { name, category, price_minor, quantity } = line;
                let price = money(i128::from(*price_minor));
                format!(r#"{{"name":"{name}","category":"{category}","price":{price},"quantity":{quantity}}}"#)
            })
            .collect();
        let Sale { id, store_id, store_name, event_ms, .. } = self;
        format!(
            r#"{{"receipt_id":"{id}","store_id":{store_id},"store_name":"{store_name}","cashier_id":1,"timestamp":"{}","items":[{}]}}"#,
            time(*event_ms),
            lines.join(",")
        )
    }
}

impl SoldLine {
    pub fn revenue_minor(&self) -> i64 {
        self.price_minor * self.quantity
    }
}

/// Two decimals.
pub fn money(minor: i128) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// RFC 3339.
pub fn time(ms: i64) -> String {
    EventTime::from_ms(ms).expect("simulated times are of this century").to_string()
}

/// A record of the input topic; `None` is one that is not a receipt.
pub fn record(sale: Option<&Sale>, random: &mut Random) -> OutputRecord {
    let value = match sale {
        // The long way round: not what the fast reader expects.
        Some(sale) if random.per_mille(100) => sale.json().replace(":{", ": {").replacen(',', " ,", 1),
        Some(sale) => sale.json(),
        None => (*random.pick(&["", "{", "[1]", r#"{"receipt_id":"x"}"#])).to_owned(),
    };
    let key = sale.map(|sale| sale.store_id.to_string().into_bytes());
    let headers = if random.per_mille(50) { vec![("trace".to_owned(), Some(b"1".to_vec()))] } else { vec![] };
    OutputRecord { topic: TopicKind::Receipts, partition: None, key, value: Some(value.into_bytes()), headers }
}
