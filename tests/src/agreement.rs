//! Holds everything that was published to the [`oracle`](crate::oracle).

use std::collections::{BTreeMap, BTreeSet};

use common::{TopicKind, dead_letter};

use crate::broker::TestBroker;
use crate::oracle::{Rules, fold};
use crate::topic::{ReadRecord, once_by_key, read};

/// Each window once and right, each expensive receipt once, each refused record named once.
///
/// # Panics
/// Something differs.
#[track_caller]
pub fn assert_published_equals_brute_force(broker: &TestBroker, rules: Rules) {
    let expected = fold(&read(broker, TopicKind::Receipts), rules);
    assert!(!expected.top_stores.is_empty(), "nothing to compare");
    assert_eq!(once_by_key(read(broker, TopicKind::TopStores)), expected.top_stores);
    assert_eq!(once_by_key(read(broker, TopicKind::SalesTotals)), expected.sales_totals);
    assert_eq!(once_by_key(read(broker, TopicKind::PopularItems)), expected.popular_items);
    let mut expensive: Vec<_> =
        read(broker, TopicKind::ExpensiveReceipts).into_iter().map(|record| record.key).collect();
    expensive.sort();
    assert_eq!(expensive, expected.expensive);
    let dead = read(broker, TopicKind::ReceiptsDeadLetter);
    assert_eq!(dead.len(), expected.late.len() + expected.malformed.len(), "a record was refused twice or not at all");
    assert_eq!(expected.late, named(&dead, dead_letter::LATE));
    assert_eq!(expected.malformed, named(&dead, dead_letter::MALFORMED));
}

/// What at-least-once leaves of it: each window is published, with no receipt missing, and so is each expensive receipt, and
/// each refused record.
///
/// # Panics
/// Something is missing.
#[track_caller]
pub fn assert_nothing_is_missing(broker: &TestBroker, rules: Rules) {
    let expected = fold(&read(broker, TopicKind::Receipts), rules);
    assert!(!expected.top_stores.is_empty(), "nothing to compare");
    let keys = |kind| -> BTreeSet<String> { read(broker, kind).into_iter().map(|record| record.key).collect() };
    for (kind, values) in
        [(TopicKind::TopStores, &expected.top_stores), (TopicKind::PopularItems, &expected.popular_items)]
    {
        let published = keys(kind);
        let missing: Vec<_> = values.keys().filter(|key| !published.contains(*key)).collect();
        assert!(missing.is_empty(), "{kind:?} lacks {missing:?}");
    }
    let receipts = |value: &str| {
        let value: serde_json::Value = serde_json::from_str(value).expect("results are JSON");
        value["receipts"].as_u64().expect("a count")
    };
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for record in read(broker, TopicKind::SalesTotals) {
        let receipts = receipts(&String::from_utf8_lossy(&record.value));
        counted.entry(record.key).and_modify(|least| *least = receipts.min(*least)).or_insert(receipts);
    }
    for (key, value) in &expected.sales_totals {
        assert!(counted.get(key) >= Some(&receipts(value)), "{key}: {:?} instead of {value}", counted.get(key));
    }
    let expensive = keys(TopicKind::ExpensiveReceipts);
    let missing: Vec<_> = expected.expensive.iter().filter(|id| !expensive.contains(*id)).collect();
    assert!(missing.is_empty(), "expensive receipts were not published: {missing:?}");
    let dead = read(broker, TopicKind::ReceiptsDeadLetter);
    assert!(expected.late.is_subset(&named(&dead, dead_letter::LATE)));
    assert!(expected.malformed.is_subset(&named(&dead, dead_letter::MALFORMED)));
}

/// The places that dead letters of one kind name.
fn named(dead: &[ReadRecord], exception: &str) -> BTreeSet<(i32, i64)> {
    let number = |record: &ReadRecord, name: &str| record.headers[name].parse::<i64>().expect("a number");
    dead.iter()
        .filter(|record| record.headers[dead_letter::EXCEPTION] == exception)
        .map(|record| {
            let partition = i32::try_from(number(record, dead_letter::PARTITION)).expect("a partition");
            (partition, number(record, dead_letter::OFFSET))
        })
        .collect()
}
