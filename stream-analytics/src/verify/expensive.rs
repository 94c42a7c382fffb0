//! Expensive receipts, one by one: how often each must be there, and how often it is.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use common::results::ExpensiveReceipt;
use common::{Receipt, TopicKind};

use super::report::{Fault, Report};
use super::rules::Range;

const NAME: &str = TopicKind::ExpensiveReceipts.base_name();

/// Counts by receipt id and value.
#[derive(Debug, Default)]
pub struct Expensive {
    /// A value is known by its hash: the topic may be larger than memory.
    counts: HashMap<Box<str>, Vec<(u64, Count)>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Receipts whose value must have been published.
    due: u64,
    /// Receipts whose value may have been published already.
    under_way: u64,
    published: u64,
}

fn fingerprint(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Expensive {
    fn count(&mut self, id: &str, value: &[u8]) -> &mut Count {
        if !self.counts.contains_key(id) {
            self.counts.insert(id.into(), Vec::new());
        }
        let values = self.counts.get_mut(id).expect("it was inserted if it was missing");
        let hash = fingerprint(value);
        let index = values.iter().position(|(other, _)| *other == hash).unwrap_or_else(|| {
            values.push((hash, Count::default()));
            values.len() - 1
        });
        &mut values[index].1
    }

    /// Takes in a published record.
    pub fn published(&mut self, key: &[u8], value: &[u8], range: Range, report: &mut Report) {
        let key = String::from_utf8_lossy(key);
        match Receipt::from_json(value) {
            Ok(receipt) if !range.holds(receipt.timestamp.ms()) => {}
            Ok(receipt) if receipt.receipt_id == key => self.count(&key, value).published += 1,
            Ok(receipt) => {
                report.judged(NAME, 1);
                report.fault(NAME, Fault::Wrong, &key, &format!("the key of receipt {:?}", receipt.receipt_id));
            }
            Err(error) => {
                report.judged(NAME, 1);
                report.fault(NAME, Fault::Wrong, &key, &format!("not a receipt: {error}"));
            }
        }
    }

    /// Takes in a receipt of the log that is over the threshold. `due`: its results were committed before the results
    /// were looked at.
    pub fn expected(&mut self, receipt: &Receipt, due: bool) {
        let Some(total) = receipt.total() else { return };
        let value = ExpensiveReceipt { receipt, total }.to_json();
        let count = self.count(&receipt.receipt_id, &value);
        if due {
            count.due += 1;
        } else {
            count.under_way += 1;
        }
    }

    /// Compares.
    pub fn finish(self, report: &mut Report) {
        let mut ids: Vec<_> = self.counts.into_iter().collect();
        ids.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (id, values) in ids {
            let missing: u64 = values.iter().map(|(_, count)| count.due.saturating_sub(count.published)).sum();
            for (_, Count { due, under_way, published }) in values {
                report.judged(NAME, due.max(published));
                let at_most = due + under_way;
                if published < due {
                    let detail = format!(
                        "published {published} times, should be {due} ({})",
                        format_args!("-{}", due - published)
                    );
                    report.fault(NAME, Fault::Missing, &id, &detail);
                } else if published > at_most && at_most > 0 {
                    let detail = format!("published {published} times, should be {at_most} (+{})", published - at_most);
                    report.fault(NAME, Fault::Repeated, &id, &detail);
                } else if published > at_most {
                    let detail = if missing > 0 {
                        "its value is not the receipt's".to_owned()
                    } else {
                        format!("published {published} times, but the log has no such receipt over the threshold")
                    };
                    report.fault(NAME, Fault::Wrong, &id, &detail);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn receipt(price: &str) -> Receipt {
        let text = format!(
            r#"{{"receipt_id":"r","store_id":1,"store_name":"S","cashier_id":1,"timestamp":"1970-01-01T00:00:05Z","items":[{{"name":"a","category":"c","price":{price},"quantity":1}}]}}"#
        );
        Receipt::from_json(text.as_bytes()).unwrap()
    }

    /// Prices of receipts with one id: due, under way, and published.
    fn compared(due: &[&str], under_way: &[&str], published: &[&str]) -> Verdict {
        let (mut expensive, mut report) = (Expensive::default(), Report::default());
        for price in published {
            let receipt = receipt(price);
            let value = ExpensiveReceipt { receipt: &receipt, total: receipt.total().unwrap() }.to_json();
            expensive.published(b"r", &value, Range::default(), &mut report);
        }
        for price in due {
            expensive.expected(&receipt(price), true);
        }
        for price in under_way {
            expensive.expected(&receipt(price), false);
        }
        expensive.finish(&mut report);
        report.verdict(NAME)
    }

    fn faults(verdict: Verdict) -> (u64, u64, u64) {
        (verdict.missing, verdict.repeated, verdict.wrong)
    }

    #[test]
    fn each_receipt_is_published_as_often_as_it_was_sent() {
        assert_eq!(faults(compared(&["600", "600", "700"], &[], &["700", "600", "600"])), (0, 0, 0));
        assert_eq!(faults(compared(&["600", "600"], &[], &["600"])), (1, 0, 0));
        assert_eq!(faults(compared(&["600"], &[], &["600", "600"])), (0, 1, 0));
        assert_eq!(faults(compared(&["600"], &[], &["601"])), (1, 0, 1));
    }

    #[test]
    fn one_that_is_under_way_may_be_there_or_not_yet() {
        assert_eq!(faults(compared(&[], &["600"], &[])), (0, 0, 0));
        assert_eq!(faults(compared(&[], &["600"], &["600"])), (0, 0, 0));
        assert_eq!(faults(compared(&[], &["600"], &["600", "600"])), (0, 1, 0));
    }
}
