//! Holds everything that was published to the manifest that the producer wrote of its run.

use std::collections::BTreeMap;
use std::path::Path;

use common::{TopicKind, dead_letter};
use serde_json::value::RawValue;

use crate::broker::TestBroker;
use crate::topic::{ReadRecord, once_by_key, read};

/// A refused record: key, reason, and where it was.
type Refused = (String, String, String, String);

/// What the manifest foretells.
#[derive(Debug, Default)]
struct Foretold {
    /// By topic: keys and values, byte for byte.
    records: BTreeMap<String, Vec<(String, String)>>,
    refused: Vec<Refused>,
    counts: BTreeMap<String, u64>,
}

/// Compares windows, expensive receipts and dead letters, byte for byte and each as often as foretold; answers with the
/// manifest's counts.
///
/// # Panics
/// Something differs, or the manifest cannot be read.
#[track_caller]
pub fn assert_published_equals_manifest(broker: &TestBroker, manifest: &Path) -> BTreeMap<String, u64> {
    let mut foretold = parse(&std::fs::read_to_string(manifest).expect("a manifest"));
    for kind in [TopicKind::TopStores, TopicKind::SalesTotals, TopicKind::PopularItems] {
        let expected = foretold.records.remove(kind.base_name()).expect("windows are foretold");
        assert_eq!(once_by_key(read(broker, kind)), expected.into_iter().collect(), "{}", kind.base_name());
    }
    let mut expensive: Vec<_> = read(broker, TopicKind::ExpensiveReceipts).into_iter().map(key_and_value).collect();
    let mut expected = foretold.records.remove(TopicKind::ExpensiveReceipts.base_name()).unwrap_or_default();
    expensive.sort();
    expected.sort();
    assert_eq!(expensive, expected);
    let mut refused: Vec<_> = read(broker, TopicKind::ReceiptsDeadLetter).iter().map(refusal).collect();
    refused.sort();
    foretold.refused.sort();
    assert_eq!(refused, foretold.refused);
    assert!(foretold.records.is_empty(), "more is foretold: {:?}", foretold.records.keys());
    foretold.counts
}

fn parse(manifest: &str) -> Foretold {
    let mut foretold = Foretold::default();
    for line in manifest.lines() {
        let members: BTreeMap<&str, &RawValue> = serde_json::from_str(line).expect("a JSON object a line");
        let text = |name: &str| serde_json::from_str::<String>(members[name].get()).expect("text");
        if let Some(summary) = members.get("summary") {
            let counts: BTreeMap<String, serde_json::Value> = serde_json::from_str(summary.get()).expect("counts");
            foretold.counts = counts.into_iter().filter_map(|(name, count)| Some((name, count.as_u64()?))).collect();
        } else if let Some(headers) = members.get("headers") {
            let headers = serde_json::from_str(headers.get()).expect("headers are text");
            foretold.refused.push(refused(text("key"), &headers));
        } else {
            let record = (text("key"), members["value"].get().to_owned());
            foretold.records.entry(text("topic")).or_default().push(record);
        }
    }
    foretold
}

fn key_and_value(record: ReadRecord) -> (String, String) {
    (record.key, String::from_utf8(record.value).expect("results are UTF-8"))
}

fn refusal(record: &ReadRecord) -> Refused {
    refused(record.key.clone(), &record.headers)
}

fn refused(key: String, headers: &BTreeMap<String, String>) -> Refused {
    let [reason, partition, offset] =
        [dead_letter::EXCEPTION, dead_letter::PARTITION, dead_letter::OFFSET].map(|name| headers[name].clone());
    (key, reason, partition, offset)
}
