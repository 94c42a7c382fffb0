//! On real Kafka: the broker is restarted under load, and nothing acknowledged is missing or there twice.
//!
//! Needs `KAFKA_BROKERS`, and in `KAFKA_RESTART` a command that restarts that broker with its data kept; without them
//! there is no broker to restart, and the test says so.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use common::Receipt;
use common::kafka::KafkaSettings;
use common::shutdown::Shutdown;
use producer::ReceiptsArgs;
use rdkafka::consumer::{BaseConsumer, Consumer};
use support::read_topic;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_missing_after_a_broker_restart_under_load() {
    let (Ok(brokers), Ok(restart)) = (std::env::var("KAFKA_BROKERS"), std::env::var("KAFKA_RESTART")) else {
        eprintln!("KAFKA_BROKERS and KAFKA_RESTART are not set: no broker to restart");
        return;
    };
    let topic = format!("producer-restart-{}", std::process::id());
    let flags = ["--brokers", &brokers, "--topic", &topic, "--rate", "20000/s", "--catalogue", "builtin"];
    let args = ReceiptsArgs::from_flags(flags.into_iter().chain(["--max-catch-up", "4"])).unwrap();
    let shutdown = Shutdown::new();
    let run = tokio::spawn(producer::run_receipts(args, shutdown.clone()));
    let (watched, load) = (brokers.clone(), topic.clone());
    let restarts = tokio::task::spawn_blocking(move || {
        let mut end = 0;
        for _ in 0..2 {
            end = grown_beyond(&watched, &load, end);
            let status = Command::new("sh").args(["-c", &restart]).status().unwrap();
            assert!(status.success(), "{restart}");
        }
        grown_beyond(&watched, &load, end);
    });
    restarts.await.unwrap();
    assert!(!run.is_finished(), "the load ended before the restarts did");
    shutdown.cancel();
    let summary = run.await.unwrap().unwrap();
    summary.verdict().unwrap();
    assert_eq!(summary.sent, summary.acknowledged);

    let records = read_topic(&brokers, &topic);
    let ids: BTreeSet<_> = records.iter().map(|record| Receipt::from_json(&record.value).unwrap().receipt_id).collect();
    assert_eq!(ids.len() as u64, summary.acknowledged, "acknowledged and missing");
    assert_eq!(records.len(), ids.len(), "written twice");
    // Each store's receipts are in the order in which they were made.
    for partition in records.chunk_by(|one, next| one.partition == next.partition) {
        let number = |value: &[u8]| {
            let receipt = Receipt::from_json(value).unwrap();
            receipt.receipt_id.rsplit('-').next().unwrap().parse::<u64>().unwrap()
        };
        assert!(partition.is_sorted_by_key(|record| number(&record.value)));
    }
}

/// Waits until the topic holds more records than `count`, by 1,000, and says how many.
fn grown_beyond(brokers: &str, topic: &str, count: i64) -> i64 {
    let consumer: BaseConsumer = KafkaSettings::new(brokers).client().create().unwrap();
    let started = Instant::now();
    loop {
        let ends = (0..4).map(|partition| consumer.fetch_watermarks(topic, partition, Duration::from_secs(5)));
        let held: i64 = ends.map(|ends| ends.map_or(0, |(_, high)| high)).sum();
        if held >= count + 1_000 {
            return held;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "no load on the broker: {held} records");
        std::thread::sleep(Duration::from_millis(50));
    }
}
