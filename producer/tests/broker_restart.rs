//! On real Kafka: the broker is restarted under load, and nothing acknowledged is missing or there twice.
//!
//! Needs `KAFKA_BROKERS`, and in `KAFKA_RESTART` a command that restarts that broker with its data kept; without them
//! there is no broker to restart, and the test says so.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use common::Receipt;
use common::shutdown::Shutdown;
use producer::ReceiptsArgs;
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
    let restarts = tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            let status = Command::new("sh").args(["-c", &restart]).status().unwrap();
            assert!(status.success(), "{restart}");
        }
    });
    restarts.await.unwrap();
    assert!(!run.is_finished(), "the load ended before the restarts did");
    shutdown.cancel();
    let summary = run.await.unwrap().unwrap();
    summary.verdict().unwrap();
    assert_eq!(summary.sent, summary.acknowledged);
    assert!(summary.sent > 50_000, "{summary:?}");

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
