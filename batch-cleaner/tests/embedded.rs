//! The service, from its arguments to its topics, on librdkafka's mock cluster.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use batch_cleaner::{Args, Publication, run};
use clap::Parser;
use common::kafka::KafkaSettings;
use common::shutdown::Shutdown;
use common::{TopicKind, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

const SALES: &str = "Transaction ID,Customer ID,Category,Item,Price Per Unit,Quantity,Total Spent,Payment Method,Location,Transaction Date,Discount Applied\n\
    T1,C1,Food,Item_1,5.0,2.0,10.0,Cash,Online,2024-04-08,True\n\
    T2,C2,Food,,,3.0,15.0,Cash,ERROR,2024-04-09,\n\
    T3,C3,Food,Item_1,5.0,,,Cash,Online,2024-04-10,\n";

/// A topic's values by key.
fn records(brokers: &str, topic: &str, partitions: i32) -> BTreeMap<String, Value> {
    let consumer: BaseConsumer = KafkaSettings::new(brokers).consumer("test").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut unread, mut records) = (partitions, BTreeMap::new());
    while unread > 0 {
        match consumer.poll(Duration::from_secs(10)).expect("the broker answers") {
            Ok(record) => {
                let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
                let before = records.insert(key, serde_json::from_slice(record.payload().unwrap()).unwrap());
                assert_eq!(before, None, "each key once in {topic}");
            }
            Err(KafkaError::PartitionEOF(_)) => unread -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_rejects_catalogue_and_summary_are_published_once() {
    let cluster = MockCluster::new(1).unwrap();
    let topics = Topics::with_prefix("t-");
    for kind in TopicKind::ALL {
        cluster.create_topic(&topics.name(kind), 2, 1).unwrap();
    }
    let brokers = cluster.bootstrap_servers();
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("sales.csv"), folder.path().join("cleaned.csv"));
    std::fs::write(&input, SALES).unwrap();
    let input = input.to_str().unwrap();
    let line = [
        "batch-cleaner",
        input,
        "--quiet",
        "--output",
        output.to_str().unwrap(),
        "--brokers",
        &brokers,
        "--topic-prefix",
        "t-",
    ];

    let first = run(Args::parse_from(line), Shutdown::new()).await.unwrap();
    let Some(Publication::Done { run: id, rows: 3, resumed_at: 0 }) = first.publication else {
        panic!("{:?}", first.publication)
    };
    let again = run(Args::parse_from(line), Shutdown::new()).await.unwrap();
    assert_eq!(again.publication, Some(Publication::AlreadyDone { run: id.clone() }));

    let published = |kind| records(&brokers, &topics.name(kind), 2);
    let cleaned = published(TopicKind::SalesCleaned);
    assert_eq!(cleaned.keys().collect::<Vec<_>>(), ["T1", "T2"]);
    assert_eq!(cleaned["T2"]["item"], "Item_1");
    assert_eq!(cleaned["T2"]["repairs"], json!(["item", "price_per_unit"]));
    let rejected = &published(TopicKind::SalesRejected)["T3"];
    assert_eq!(rejected["line"], 4);
    assert_eq!(rejected["reasons"], json!(["missing quantity", "missing total_spent"]));
    assert_eq!(rejected["row"]["price_per_unit"], "5.0");
    let items = published(TopicKind::SalesItems);
    assert_eq!(items["Food/Item_1"], json!({"category": "Food", "item": "Item_1", "price_per_unit": 5.0}));
    assert_eq!(published(TopicKind::SalesSummary)[&id]["rows_out"], 2);
    assert_eq!(std::fs::read_to_string(output).unwrap().lines().count(), 3);
}
