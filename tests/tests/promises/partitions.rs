//! Partitions that are added while the service runs.

use common::TopicKind;
use tests::admin::Admin;
use tests::broker::PARTITIONS;
use tests::shop::{Shop, long_ago_ms};

use crate::stage::{Stage, WINDOW_MS, assert_failed, stop};

#[test]
fn partitions_added_to_the_input_are_picked_up_without_a_loss() {
    let Some(stage) = Stage::real("input-grows") else { return };
    let start_ms = long_ago_ms();
    let mut shop = Shop::open(&stage.broker);
    let service = stage.start(&[]);
    shop.sell_everywhere(start_ms);
    shop.sell_everywhere(start_ms + WINDOW_MS);
    stage.wait_for_windows(1);

    Admin::of(&stage.broker).grow(&stage.name(TopicKind::Receipts), PARTITIONS + 1);
    shop.sell_for("600.00", PARTITIONS, start_ms + WINDOW_MS);
    stage.wait_for(TopicKind::ExpensiveReceipts, 1);
    let windows_before = stage.keys(TopicKind::TopStores).len();
    // Now it counts: the others alone close nothing.
    shop.sell_everywhere(start_ms + 2 * WINDOW_MS);
    shop.sell_for("600.00", 0, start_ms + 2 * WINDOW_MS);
    stage.wait_for(TopicKind::ExpensiveReceipts, 3);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), windows_before);
    shop.sell(PARTITIONS, start_ms + 2 * WINDOW_MS);
    stage.wait_for_windows(2);
    stop(service);
    stage.until_end(&[]);
    stage.agrees();
}

#[test]
fn partitions_added_to_partials_are_refused() {
    let Some(stage) = Stage::real("partials-grow") else { return };
    let mut shop = Shop::open(&stage.broker);
    let running = stage.run_beside(&[]);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + WINDOW_MS);
    stage.wait_for_windows(1);
    Admin::of(&stage.broker).grow(&stage.name(TopicKind::Partials), PARTITIONS + 1);
    let hints = ["partials has 5 partitions", "began with 4", "--topic-prefix"];
    assert_failed(&running.join().unwrap(), 1, &hints);
    stage.fails(&[], 2, &hints);
}
