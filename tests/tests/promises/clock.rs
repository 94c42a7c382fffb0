//! The two rules that look at a clock, and early results.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{EventTime, TopicKind, Topics};
use tests::broker::{PARTITIONS, TestBroker};
use tests::growth::Growth;
use tests::pair::Pair;
use tests::shop::{Shop, long_ago_ms, now_ms};
use tests::topic::ReadRecord;

use crate::stage::{PATIENCE, Stage, WINDOW_MS, stop};

fn is_final(record: &ReadRecord) -> bool {
    String::from_utf8_lossy(&record.value).contains(r#""final":true"#)
}

/// The start of a window that has just begun.
fn fresh_window_ms() -> i64 {
    let started = Instant::now();
    loop {
        let now_ms = now_ms();
        if now_ms % WINDOW_MS < WINDOW_MS / 4 {
            return now_ms - now_ms % WINDOW_MS;
        }
        assert!(started.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn in_a_quiet_shop_the_last_window_closes_with_the_clock_alone_and_not_before_its_end() {
    let stage = Stage::any("quiet");
    let service = stage.start(&["--idle-after", "1s", "--max-ahead", "1m"]);
    let mut shop = Shop::open(&stage.broker);
    // One partition alone: the others never have a record.
    shop.sell_for("600.00", 2, now_ms());
    stage.wait_for(TopicKind::ExpensiveReceipts, 1);
    stage.wait_for_windows(1);

    // All partitions are idle now. A receipt at the start of a window wakes one of them.
    let start_ms = fresh_window_ms();
    shop.sell(2, now_ms());
    stage.wait_for_windows(2);
    let after_end_ms = now_ms() - (start_ms + WINDOW_MS);
    stop(service);
    let windows = stage.keys(TopicKind::TopStores).len();
    assert_eq!(windows, 2);
    // How long after is a figure for a quiet machine, not for a test.
    println!("published {after_end_ms} ms after the window's end");
    assert!(after_end_ms >= 0, "published {} ms before the window's end", -after_end_ms);
}

#[test]
fn a_partition_whose_broker_is_away_is_not_idle_though_the_group_goes_on() {
    let prefix = "promises-far.";
    let pair = Pair::start(&Topics::with_prefix(prefix), "stream-analytics", 1);
    let stage = Stage { broker: TestBroker::at(pair.address(), prefix) };
    let service = stage.start(&["--idle-after", "3s"]);
    let mut shop = Shop::open(&stage.broker);
    for partition in [0, 1] {
        shop.sell_for("600.00", partition, long_ago_ms());
    }
    stage.wait_for(TopicKind::ExpensiveReceipts, 2);

    pair.take_away();
    shop.sell(0, long_ago_ms() + WINDOW_MS);
    // The owner announces every second, in each partition: three times as long as it takes for idleness.
    Growth::of(&stage.broker).wait_for(TopicKind::Partials, 9 * i64::from(PARTITIONS), PATIENCE);
    assert_eq!(stage.keys(TopicKind::TopStores), Vec::<String>::new(), "what the far broker holds is not known");

    pair.bring_back();
    stage.wait_for_windows(1);
    stop(service);
    stage.until_end(&[]);
    stage.agrees();
}

#[test]
fn a_receipt_far_ahead_of_the_clock_is_refused_and_closes_nothing() {
    let stage = Stage::any("ahead");
    let mut shop = Shop::open(&stage.broker);
    let now_ms = now_ms();
    let far_ms = now_ms + 3_600_000;
    shop.sell(0, now_ms);
    shop.sell(0, far_ms);
    shop.sell(0, now_ms + 1);
    stage.until_end(&["--max-ahead", "1m"]);
    let dead = stage.read(TopicKind::ReceiptsDeadLetter);
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].headers["__streams.errors.exception"], "malformed");
    assert_eq!(dead[0].headers["__streams.errors.offset"], "1");
}

#[test]
fn with_max_ahead_off_no_receipt_is_too_far_ahead() {
    let stage = Stage::any("ahead-off");
    let mut shop = Shop::open(&stage.broker);
    shop.sell(0, now_ms() + 3_600_000);
    shop.sell(0, now_ms());
    stage.until_end(&["--max-ahead", "off"]);
    stage.agrees();
}

#[test]
fn early_results_are_marked_and_none_follows_a_final_one_also_after_a_crash() {
    let stage = Stage::any("early");
    let mut shop = Shop::open(&stage.broker);
    let early = ["--emit", "update", "--update-every", "50ms", "--instance-id", "a"];
    let mut service = stage.start(&early);
    for window in 0..6 {
        let start_ms = long_ago_ms() + window * WINDOW_MS;
        shop.sell(0, start_ms);
        // An early result of the open window, then those partitions that hold it pass on.
        let key = EventTime::from_ms(start_ms).unwrap().to_string();
        let is_early = |record: &ReadRecord| record.key == key && !is_final(record);
        stage.wait_until(TopicKind::TopStores, |records| records.iter().any(is_early));
        if window % 2 == 1 {
            service.signal("KILL");
            service.ended(PATIENCE);
            service = stage.start(&early);
        }
        shop.sell_everywhere(start_ms + WINDOW_MS / 2);
    }
    stop(service);
    stage.until_end(&early);

    let mut values: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for record in stage.read(TopicKind::TopStores) {
        let is_final = is_final(&record);
        values.entry(record.key).or_default().push(is_final);
    }
    assert_eq!(values.len(), 6);
    let early = values.values().flatten().filter(|is_final| !**is_final).count();
    assert!(early >= 6, "{values:?}");
    for (window, are_final) in values {
        let first_final = are_final.iter().position(|is_final| *is_final).unwrap();
        assert!(are_final[first_final..].iter().all(|is_final| *is_final), "{window}: {are_final:?}");
        if stage.broker.is_real {
            assert_eq!(first_final + 1, are_final.len(), "{window} is published once");
        }
    }
}

#[test]
fn a_silence_too_short_to_be_noticed_is_refused() {
    Stage::any("short-silence").fails(&["--idle-after", "150ms"], 2, &["--idle-after must be at least 200 ms"]);
}
