//! A producer of receipts that works in transactions and takes every other one back.

use std::collections::BTreeSet;
use std::time::Duration;

use common::{EventTime, TopicKind};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tests::broker::{PARTITIONS, TestBroker};

const ATTEMPT: Duration = Duration::from_secs(30);

/// Sends so many transactions of so many receipts each, a second of event time apart; those with odd numbers are aborted.
/// All receipts are expensive. Gives the ids of the aborted ones.
pub fn send(broker: &TestBroker, transactions: u32, receipts: u32) -> BTreeSet<String> {
    let topic = broker.topics().name(TopicKind::Receipts);
    let settings = broker.settings();
    let mut cluster = common::kafka::Cluster::connect(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let partitions = common::kafka::TopicSettings { partitions: PARTITIONS, replication_factor: None };
    runtime.block_on(cluster.create_missing(&broker.topics(), [TopicKind::Receipts], partitions)).unwrap();

    let config = settings.transactional_producer(&broker.topics().prefixed("upstream"));
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(ATTEMPT).unwrap();
    let start = EventTime::parse("2026-03-01T00:00:00Z").unwrap().ms();
    let mut aborted = BTreeSet::new();
    for transaction in 0..transactions {
        producer.begin_transaction().unwrap();
        let is_aborted = transaction % 2 == 1;
        // An aborted receipt from the future must not close anything either.
        let ahead_ms = if is_aborted { 30_000 } else { 0 };
        let time = EventTime::from_ms(start + i64::from(transaction) * 1_000 + ahead_ms).unwrap();
        for number in 0..receipts {
            let (id, store) = (format!("{transaction}-{number}"), number % 16);
            let value = format!(
                r#"{{"receipt_id":"{id}","store_id":{store},"store_name":"S","cashier_id":1,"timestamp":"{time}","items":[{{"name":"a","category":"c","price":600.00,"quantity":1}}]}}"#
            );
            let key = store.to_string();
            producer.send(BaseRecord::to(&topic).key(&key).payload(&value)).map_err(|(error, _)| error).unwrap();
            if is_aborted {
                aborted.insert(id);
            }
        }
        producer.flush(ATTEMPT).unwrap();
        if is_aborted { producer.abort_transaction(ATTEMPT) } else { producer.commit_transaction(ATTEMPT) }.unwrap();
    }
    aborted
}
