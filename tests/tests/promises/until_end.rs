//! Runs until the end.

use std::collections::BTreeMap;

use common::TopicKind;
use tests::shop::{Sent, Shop, long_ago_ms};

use crate::stage::{Stage, WINDOW_MS};

const RESULTS: [TopicKind; 5] = [
    TopicKind::TopStores,
    TopicKind::SalesTotals,
    TopicKind::PopularItems,
    TopicKind::ExpensiveReceipts,
    TopicKind::ReceiptsDeadLetter,
];

#[test]
fn a_run_over_an_empty_topic_ends_with_nothing() {
    let stage = Stage::any("empty");
    Shop::open(&stage.broker);
    stage.until_end(&[]);
    assert_eq!(stage.read(TopicKind::TopStores), []);
}

#[test]
fn a_later_run_with_later_receipts_loses_nothing() {
    let stage = Stage::any("later");
    let mut shop = Shop::open(&stage.broker);
    for round in 0..3 {
        let start_ms = long_ago_ms() + round * 2 * WINDOW_MS;
        shop.sell_everywhere(start_ms);
        shop.sell_for("600.00", 1, start_ms + WINDOW_MS);
        stage.until_end(&[]);
        stage.agrees();
    }
}

#[test]
fn a_run_goes_up_to_an_upstreams_open_transaction() {
    let Some(stage) = Stage::real("open") else { return };
    let start_ms = long_ago_ms();
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(start_ms);
    let mut open = Shop::in_transactions(&stage.broker);
    open.sell(0, start_ms + 2 * WINDOW_MS);
    shop.sell(0, start_ms + 2 * WINDOW_MS);
    shop.sell(1, start_ms + WINDOW_MS);
    stage.until_end(&[]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 2);
    open.commit();
    stage.until_end(&[]);
    stage.agrees();
}

#[test]
fn a_run_ends_where_nothing_but_transaction_markers_is_left() {
    let Some(stage) = Stage::real("markers") else { return };
    let mut shop = Shop::in_transactions(&stage.broker);
    shop.sell(0, long_ago_ms());
    shop.sell(1, long_ago_ms());
    shop.commit();
    shop.sell(1, long_ago_ms() + WINDOW_MS);
    shop.sell(2, long_ago_ms());
    shop.abort();
    for threads in ["1", "3"] {
        stage.until_end(&["--threads", threads]);
        stage.agrees();
    }
}

#[test]
fn replicas_that_run_until_the_end_all_end() {
    let Some(stage) = Stage::real("replicas") else { return };
    let mut shop = Shop::open(&stage.broker);
    (0..20).for_each(|second| shop.sell_everywhere(long_ago_ms() + second * 1_000));
    let replicas: Vec<_> = (0..3).map(|_| stage.run_beside(&["--until-end"])).collect();
    for replica in replicas {
        let output = replica.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    stage.agrees();
}

#[test]
fn one_topic_replayed_into_two_prefixes_gives_identical_bytes() {
    let Some(source) = Stage::real("source") else { return };
    let mut shop = Shop::open(&source.broker);
    for second in 0..20 {
        shop.sell_everywhere(long_ago_ms() + second * 1_000);
        shop.sell_for("600.00", 3, long_ago_ms() + second * 500);
        shop.put(2, Sent { value: Some(b"{".to_vec()), ..Sent::default() });
    }
    let topic = source.name(TopicKind::Receipts);
    let replayed = |more: &[&str]| {
        let stage = Stage::any("replay");
        stage.until_end(&[&["--topic", &topic], more].concat());
        RESULTS.map(|kind| {
            let mut records = BTreeMap::new();
            for record in stage.read(kind) {
                *records.entry((record.key, record.value, record.headers)).or_insert(0) += 1;
            }
            records
        })
    };
    let once = replayed(&[]);
    assert!(once.iter().all(|records| !records.is_empty()));
    assert_eq!(once, replayed(&["--threads", "3", "--partitions", "7"]));
}
