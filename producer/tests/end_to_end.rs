//! The service against a broker: the embedded one, or the one named in `KAFKA_BROKERS`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use common::sales::CatalogueItem;
use common::shutdown::Shutdown;
use common::{Money, Receipt};
use producer::manifest::partition_of;
use producer::{NumbersArgs, ReceiptsArgs, Summary};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use serde_json::Value;
use support::{Stored, read_topic};

const START: &str = "2026-11-22T10:00:00Z";
const START_MS: i64 = 1_795_341_600_000;

/// A broker of the test's own, or a part of a shared one.
struct Broker {
    brokers: String,
    prefix: String,
    embedded: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Broker {
    fn start(test: &str) -> Broker {
        let prefix = format!("producer-{test}-{}-", std::process::id());
        if let Ok(brokers) = std::env::var("KAFKA_BROKERS") {
            return Broker { brokers, prefix, embedded: None };
        }
        let embedded = MockCluster::new(1).unwrap();
        Broker { brokers: embedded.bootstrap_servers(), prefix, embedded: Some(embedded) }
    }

    /// The embedded broker has no admin API: topics are made by its own call.
    fn topic(&self, name: &str) -> String {
        let topic = format!("{}{name}", self.prefix);
        if let Some(embedded) = &self.embedded {
            embedded.create_topic(&topic, 4, 1).unwrap();
        }
        topic
    }

    fn flags<'a>(&'a self, flags: &[&'a str]) -> Vec<&'a str> {
        [&["--brokers", &self.brokers, "--topic-prefix", &self.prefix], flags].concat()
    }

    async fn receipts(&self, flags: &[&str]) -> Summary {
        let args = ReceiptsArgs::from_flags(self.flags(flags)).unwrap();
        producer::run_receipts(args, Shutdown::new()).await.unwrap()
    }
}

fn assert_all_acknowledged(summary: &Summary, sent: u64) {
    assert_eq!((summary.sent, summary.acknowledged, summary.failed), (sent, sent, 0));
    summary.verdict().unwrap();
}

#[tokio::test]
async fn receipts_arrive_as_the_wire_contract_says() {
    let broker = Broker::start("wire");
    let topic = broker.topic("receipts");
    let summary = broker.receipts(&["--rate", "2000/s", "--count", "3000", "--seed", "7", "--start", START]).await;
    assert_all_acknowledged(&summary, 3_000);
    let records = read_topic(&broker.brokers, &topic);
    assert_eq!(records.len(), 3_000);
    for record in &records {
        let receipt = Receipt::from_json(&record.value).unwrap();
        let key = receipt.store_id.to_string().into_bytes();
        assert_eq!(record.partition.unsigned_abs(), partition_of(&key, 4));
        assert_eq!(record.key, Some(key));
        assert_eq!(record.timestamp_ms, receipt.timestamp.ms());
        // 2,000 a second: the plan is a second and a half long.
        assert!((START_MS..START_MS + 1_500).contains(&record.timestamp_ms));
    }
}

#[tokio::test]
async fn the_same_seed_and_start_write_the_same_topic() {
    let broker = Broker::start("seed");
    let flags = |topic| {
        [
            "--topic",
            topic,
            "--rate",
            "max",
            "--count",
            "2000",
            "--seed",
            "7",
            "--start",
            START,
            "--jitter",
            "2s",
            "--duplicate",
            "2%",
        ]
    };
    let (one, other) = (broker.topic("one"), broker.topic("other"));
    broker.receipts(&flags(&one)).await;
    broker.receipts(&flags(&other)).await;
    assert_eq!(read_topic(&broker.brokers, &one), read_topic(&broker.brokers, &other));
}

#[tokio::test]
async fn the_summary_counts_what_was_injected() {
    let broker = Broker::start("injected");
    let topic = broker.topic("receipts");
    let flags = ["--rate", "max", "--count", "5000", "--seed", "9", "--start", START];
    let disorder = ["--late", "2%", "--malformed", "2%", "--duplicate", "2%", "--jitter", "1s"];
    let summary = broker.receipts(&[&flags[..], &disorder].concat()).await;
    assert_eq!(summary.generated, 5_000);
    assert_all_acknowledged(&summary, 5_000 + summary.injected.duplicates);
    let records = read_topic(&broker.brokers, &topic);
    let malformed = records.iter().filter(|record| Receipt::from_json(&record.value).is_err()).count();
    assert_eq!(malformed as u64, summary.injected.malformed);
    let values: BTreeSet<_> = records.iter().map(|record| &record.value).collect();
    assert_eq!((records.len() - values.len()) as u64, summary.injected.duplicates);
    let injected = summary.injected;
    assert!(injected.late > 50 && injected.malformed > 50 && injected.duplicates > 50, "{injected:?}");
    assert_eq!(
        injected.truncated + injected.wrong_type + injected.missing_field + injected.not_utf8,
        injected.malformed
    );
}

#[tokio::test]
async fn a_plan_is_kept_to_and_its_pace_reported() {
    let broker = Broker::start("pace");
    broker.topic("receipts");
    let started = Instant::now();
    let summary = broker.receipts(&["--rate", "1000/s", "--duration", "2s"]).await;
    assert_all_acknowledged(&summary, 2_000);
    // The last of them is due a millisecond before the end.
    assert!(started.elapsed() >= Duration::from_millis(1_999));
    assert_eq!(summary.target_per_s, Some(1_000.0));
    assert!(summary.not_sent == 0 && summary.max_behind_ms >= 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_run_with_everything_acknowledged() {
    let broker = Broker::start("signal");
    let topic = broker.topic("receipts");
    let shutdown = Shutdown::new();
    let args = ReceiptsArgs::from_flags(broker.flags(&["--rate", "1000/s"])).unwrap();
    let run = tokio::spawn(producer::run_receipts(args, shutdown.clone()));
    while read_topic(&broker.brokers, &topic).is_empty() {
        assert!(!run.is_finished());
    }
    shutdown.cancel();
    let summary = run.await.unwrap().unwrap();
    assert_all_acknowledged(&summary, summary.sent);
    assert_eq!(read_topic(&broker.brokers, &topic).len() as u64, summary.sent);
}

#[tokio::test]
async fn the_catalogue_comes_from_the_cleaned_items() {
    let broker = Broker::start("items");
    let items = broker.topic("sales.items");
    if broker.embedded.is_none() {
        // Any run makes the topics that it writes; this one writes to the items' topic's name, nothing.
        let flags = ["--topic", &items, "--count", "0", "--catalogue", "builtin"];
        broker.receipts(&flags).await;
    }
    let topic = broker.topic("receipts");
    let client: BaseProducer = rdkafka::ClientConfig::new().set("bootstrap.servers", &broker.brokers).create().unwrap();
    for (item, price) in [("apple", 100), ("pear", 200), ("apple", 300)] {
        let item = CatalogueItem {
            category: "Fruit".to_owned(),
            item: item.to_owned(),
            price_per_unit: Money::from_minor(price),
        };
        client.send(BaseRecord::to(&items).key(&item.key()).payload(&item.to_json())).unwrap();
    }
    client.flush(Duration::from_secs(10)).unwrap();
    let flags = ["--catalogue", "topic", "--price-variation", "0%", "--rate", "max", "--count", "500"];
    broker.receipts(&flags).await;
    let mut prices = BTreeMap::new();
    for record in read_topic(&broker.brokers, &topic) {
        for line in Receipt::from_json(&record.value).unwrap().items {
            prices.insert(line.name, line.price.minor());
        }
    }
    assert_eq!(prices, BTreeMap::from([("apple".to_owned(), 300), ("pear".to_owned(), 200)]));
}

#[tokio::test]
async fn numbers_count_up() {
    let broker = Broker::start("numbers");
    let topic = broker.topic("test-topic");
    let args = NumbersArgs::from_flags(broker.flags(&["--interval", "10ms", "--count", "20"])).unwrap();
    let summary = producer::run_numbers(args, Shutdown::new()).await.unwrap();
    assert_all_acknowledged(&summary, 20);
    let number = |record: &Stored| serde_json::from_slice::<Value>(&record.value).unwrap()["value"].as_i64();
    let numbers: BTreeSet<_> = read_topic(&broker.brokers, &topic).iter().map(number).collect();
    assert_eq!(numbers, (1..=20).map(Some).collect());
}

/// A window's receipts and revenue, as anyone would add them up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    receipts: u64,
    revenue: i64,
}

#[tokio::test]
async fn the_manifest_is_what_a_fold_of_the_topic_gives() {
    let folder = tempfile::tempdir().unwrap();
    for (slide_s, rate) in [("10", "40/s"), ("3", "40/s")] {
        let broker = Broker::start(&format!("manifest{slide_s}"));
        let topic = broker.topic("receipts");
        let manifest = folder.path().join("manifest");
        let slide = format!("{slide_s}s");
        let flags = [
            "--rate",
            "max",
            "--event-rate",
            rate,
            "--count",
            "6000",
            "--seed",
            "5",
            "--start",
            START,
            "--slide",
            &slide,
            "--jitter",
            "4s",
            "--late",
            "3%",
            "--late-by",
            "45s",
            "--malformed",
            "1%",
            "--duplicate",
            "1%",
            "--manifest",
            manifest.to_str().unwrap(),
        ];
        broker.receipts(&flags).await;
        check_manifest(&manifest, &read_topic(&broker.brokers, &topic), slide_s.parse::<i64>().unwrap() * 1_000);
    }
}

/// Folds the log by the rules of the windows, partition by partition, and compares.
fn check_manifest(manifest: &Path, log: &[Stored], slide_ms: i64) {
    const WINDOW_MS: i64 = 10_000;
    const DELAY_MS: i64 = 10_000;
    let (mut windows, mut refused, mut expensive): (BTreeMap<i64, Totals>, BTreeSet<_>, BTreeMap<_, u64>) =
        (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let mut largest: BTreeMap<i32, i64> = BTreeMap::new();
    for record in log {
        let position = |reason: &str| (reason.to_owned(), record.partition.to_string(), record.offset.to_string());
        let Ok(receipt) = Receipt::from_json(&record.value) else {
            refused.insert(position("malformed"));
            continue;
        };
        let (time, total) = (receipt.timestamp.ms(), receipt.total().unwrap().minor());
        if total > 50_000 {
            *expensive.entry(receipt.receipt_id).or_default() += 1;
        }
        let seen = largest.entry(record.partition).or_insert(i64::MIN / 2);
        // Every window that could hold the time, tried one by one.
        let first = (time - WINDOW_MS).div_euclid(slide_ms) * slide_ms;
        let holding = (0..).map(|step| first + step * slide_ms).take_while(|start| *start <= time);
        let open: Vec<i64> =
            holding.filter(|start| start + WINDOW_MS > time && *seen - DELAY_MS < start + WINDOW_MS).collect();
        if open.is_empty() {
            refused.insert(position("late"));
        }
        for start in open {
            let totals = windows.entry(start).or_default();
            totals.receipts += 1;
            totals.revenue += total;
        }
        *seen = time.max(*seen);
    }
    assert!(refused.iter().any(|(reason, ..)| reason == "late"));

    let text = std::fs::read_to_string(manifest).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |topic: &'static str| lines.iter().filter(move |line| line["topic"] == topic);
    let at = |value: &Value| common::EventTime::parse(value.as_str().unwrap()).unwrap().ms();
    let minor = |value: &Value| (value.as_f64().unwrap() * 100.0).round();
    let published: BTreeMap<i64, &Value> = of("sales-totals").map(|line| (at(&line["key"]), &line["value"])).collect();
    assert_eq!(published.keys().collect::<Vec<_>>(), windows.keys().collect::<Vec<_>>());
    for (start, totals) in &windows {
        let value = published[start];
        assert_eq!(at(&value["window"]["end"]), start + WINDOW_MS);
        assert_eq!(value["receipts"].as_u64(), Some(totals.receipts));
        assert!((minor(&value["revenue"]) - f64::from(i32::try_from(totals.revenue).unwrap())).abs() < 0.5);
    }
    let header =
        |line: &Value, name: &str| line["headers"][format!("__streams.errors.{name}")].as_str().unwrap().to_owned();
    let dead: BTreeSet<_> = of("receipts.dead-letter")
        .map(|line| (header(line, "exception"), header(line, "partition"), header(line, "offset")))
        .collect();
    assert_eq!(dead, refused);
    let mut named: BTreeMap<_, u64> = BTreeMap::new();
    for line in of("expensive-receipts") {
        *named.entry(line["key"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(named, expensive);
    let top: u64 = of("top-stores").map(|line| line["value"]["stores"].as_array().unwrap().len() as u64).max().unwrap();
    assert_eq!(top, 5);
    assert_eq!(of("popular-items").count() as u64, lines.last().unwrap()["summary"]["popular_items"].as_u64().unwrap());
}
