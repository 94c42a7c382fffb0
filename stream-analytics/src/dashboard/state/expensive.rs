//! The latest expensive receipts: those published last are kept, and the one sold last comes first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use common::EventTime;

use super::record::{Expensive, Position};

/// Never more receipts.
const MAX_RECEIPTS: usize = 1_000;
/// Never more than about this many bytes of them, beyond the newest.
const MAX_BYTES: usize = 16 << 20;

/// Bounded; the oldest go first.
#[derive(Debug, Default)]
pub(crate) struct ExpensiveReceipts {
    // By publication, then position: the same order in every replica, whichever partition it happened to read first.
    receipts: BTreeMap<(EventTime, Position), Expensive>,
    published_at: BTreeMap<Position, EventTime>,
    bytes: usize,
}

fn bytes(receipt: &Expensive) -> usize {
    let lines = receipt.receipt.items.iter().map(|line| 80 + line.name.len() + line.category.len());
    256 + receipt.receipt.receipt_id.len() + receipt.receipt.store_name.len() + lines.sum::<usize>()
}

impl ExpensiveReceipts {
    /// Takes one in; false if it is known or older than all that are kept.
    pub(crate) fn put(&mut self, receipt: Expensive) -> bool {
        let position = receipt.position;
        if self.published_at.contains_key(&position) {
            return false;
        }
        self.bytes += bytes(&receipt);
        self.published_at.insert(position, receipt.published_at);
        self.receipts.insert((receipt.published_at, position), receipt);
        while self.receipts.len() > MAX_RECEIPTS || (self.bytes > MAX_BYTES && self.receipts.len() > 1) {
            let Some(((_, oldest), gone)) = self.receipts.pop_first() else { break };
            self.bytes -= bytes(&gone);
            self.published_at.remove(&oldest);
        }
        self.published_at.contains_key(&position)
    }

    /// The latest sold first. Publication, which alone decides what is kept, is in batches and behind disorder.
    pub(crate) fn latest_sold_first(&self) -> impl Iterator<Item = &Expensive> {
        let mut receipts: Vec<_> = self.receipts.values().rev().collect();
        receipts.sort_by_key(|receipt| Reverse(receipt.receipt.timestamp));
        receipts.into_iter()
    }

    /// One of them.
    pub(crate) fn get(&self, position: Position) -> Option<&Expensive> {
        self.receipts.get(&(*self.published_at.get(&position)?, position))
    }
}

#[cfg(test)]
mod tests {
    use common::{Money, Receipt};

    use super::*;

    fn expensive(offset: i64) -> Expensive {
        sold(30, offset)
    }

    fn sold(second: i64, offset: i64) -> Expensive {
        let text = format!(
            r#"{{"receipt_id":"r","store_id":1,"store_name":"s","cashier_id":1,"timestamp":"2026-11-22T10:15:{second}Z","items":[{{"name":"x","category":"y","price":600,"quantity":1}}]}}"#
        );
        Expensive {
            position: Position { partition: 0, offset },
            published_at: EventTime::from_ms(offset * 10).unwrap(),
            total: Money::from_minor(60_000),
            receipt: Receipt::from_json(text.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn the_oldest_go_and_do_not_come_back() {
        let mut receipts = ExpensiveReceipts::default();
        for offset in 0..1_100 {
            assert!(receipts.put(expensive(offset)));
        }
        let kept: Vec<_> = receipts.latest_sold_first().map(|receipt| receipt.position.offset).collect();
        assert_eq!((kept.len(), kept[0], kept[999]), (1_000, 1_099, 100));
        assert!(!receipts.put(expensive(3)) && !receipts.put(expensive(500)));
        assert!(receipts.get(Position { partition: 0, offset: 99 }).is_none());
        assert!(receipts.get(Position { partition: 0, offset: 100 }).is_some());
    }

    #[test]
    fn the_latest_sold_comes_first_and_of_equals_the_latest_published() {
        let mut receipts = ExpensiveReceipts::default();
        for (second, offset) in [(20, 1), (40, 2), (30, 3), (40, 4), (10, 5)] {
            receipts.put(sold(second, offset));
        }
        let order: Vec<_> = receipts.latest_sold_first().map(|receipt| receipt.position.offset).collect();
        assert_eq!(order, [4, 2, 3, 1, 5]);
    }
}
