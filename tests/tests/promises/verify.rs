//! `stream-analytics verify` on results that somebody has tampered with.

use std::process::Output;

use common::TopicKind;
use tests::broker::TestBroker;
use tests::process;
use tests::shop::{Sent, Shop, long_ago_ms};
use tests::topic::ReadRecord;

use crate::stage::{PATIENCE, Stage, WINDOW_MS, WRITTEN, stop};

fn verify(broker: &TestBroker, more: &[&str]) -> Output {
    let by_the_log = ["--idle-after", "off", "--max-ahead", "off"].map(str::to_owned);
    let flags = ["verify".to_owned()].into_iter().chain(broker.flags()).chain(by_the_log);
    process::run(
        "stream-analytics",
        &flags.chain(more.iter().map(|&flag| flag.to_owned())).collect::<Vec<_>>(),
        PATIENCE,
    )
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Numbers after the topic in the table: judged, missing, repeated, wrong.
fn verdict(output: &Output, kind: TopicKind) -> Vec<u64> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rfind(|line| line.split_whitespace().next() == Some(kind.base_name()));
    line.unwrap().split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect()
}

fn sold(stage: &Stage) -> Shop {
    let mut shop = Shop::open(&stage.broker);
    for window in 0..5 {
        shop.sell_everywhere(long_ago_ms() + window * WINDOW_MS);
        shop.sell_for("600.00", 0, long_ago_ms() + window * WINDOW_MS);
    }
    shop
}

fn again(record: &ReadRecord, change: impl Fn(&str) -> String) -> Sent {
    let value = change(std::str::from_utf8(&record.value).unwrap()).into_bytes();
    Sent { key: Some(record.key.clone().into_bytes()), value: Some(value), ..Sent::default() }
}

#[test]
fn results_that_were_repeated_or_forged_are_found() {
    let stage = Stage::any("forged");
    sold(&stage);
    stage.until_end(&[]);
    let right = verify(&stage.broker, &[]);
    assert!(right.status.success(), "{}", text(&right));
    assert_eq!(verdict(&right, TopicKind::TopStores), [5, 0, 0, 0]);

    let forge = |kind: TopicKind, change: &dyn Fn(&str) -> String| {
        let record = stage.read(kind).remove(0);
        Shop::sending_to(&stage.broker, &stage.name(kind)).put(record.partition, again(&record, change));
    };
    forge(TopicKind::TopStores, &str::to_owned);
    forge(TopicKind::SalesTotals, &|value| {
        value.replace("\"start\":\"2026-", "\"start\":\"2025-").replace("\"end\":\"2026-", "\"end\":\"2025-")
    });
    forge(TopicKind::ExpensiveReceipts, &|value| value.replace("600.00", "601.00"));
    let output = verify(&stage.broker, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::TopStores)[1..], [0, 1, 0], "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::SalesTotals)[1..], [0, 0, 2], "key and window differ: {}", text(&output));
    assert_eq!(verdict(&output, TopicKind::PopularItems)[1..], [0, 0, 0], "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::ExpensiveReceipts)[1..], [0, 0, 1], "{}", text(&output));
    assert!(process::last_error_line(&output).contains("do not agree"), "{}", text(&output));

    // What lies outside of a range is not looked at.
    let later = ["--from", "2026-03-01T00:00:04Z", "--to", "2026-03-01T00:00:08Z"];
    let output = verify(&stage.broker, &later);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::TopStores), [2, 0, 0, 0]);
}

#[test]
fn a_result_that_is_missing_or_altered_is_found() {
    let Some(stage) = Stage::real("missing") else { return };
    sold(&stage);
    stage.until_end(&[]);
    // The same receipts, with results of which one lacks and one is another.
    let copy = Stage::any("missing-copy");
    for kind in [TopicKind::Receipts].into_iter().chain(WRITTEN) {
        let shop = Shop::sending_to(&copy.broker, &copy.name(kind));
        if kind == TopicKind::Partials {
            continue;
        }
        let mut records = stage.read(kind);
        records.sort_by(|one, other| {
            (&one.key, one.partition, one.offset).cmp(&(&other.key, other.partition, other.offset))
        });
        for (number, record) in records.iter().enumerate() {
            match (kind, number) {
                (TopicKind::TopStores, 1) | (TopicKind::ExpensiveReceipts, 2) => {}
                (TopicKind::SalesTotals, 3) => {
                    shop.put(
                        record.partition,
                        again(record, |value| value.replace(r#""receipts":5"#, r#""receipts":6"#)),
                    );
                }
                _ => shop.put(record.partition, again(record, str::to_owned)),
            }
        }
    }
    let output = verify(&copy.broker, &["--window", "2s", "--slide", "2s", "--watermark-delay", "0ms"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::TopStores)[1..], [1, 0, 0], "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::SalesTotals)[1..], [0, 0, 1], "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::ExpensiveReceipts)[1..], [1, 0, 0], "{}", text(&output));
    assert!(text(&output).contains("receipts 6, should be 5 (+1)"), "{}", text(&output));
}

#[test]
fn a_running_pipeline_agrees_and_what_is_open_is_not_judged() {
    let stage = Stage::any("running");
    let service = stage.start(&[]);
    sold(&stage);
    stage.wait_for(TopicKind::SalesTotals, 4);
    let output = verify(&stage.broker, &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(verdict(&output, TopicKind::SalesTotals), [4, 0, 0, 0]);
    stop(service);
}
