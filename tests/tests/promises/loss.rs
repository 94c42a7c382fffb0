//! What retention, or an operator, has deleted.

use common::TopicKind;
use tests::admin::Admin;
use tests::broker::PARTITIONS;
use tests::shop::{Shop, long_ago_ms};

use crate::stage::{Stage, WINDOW_MS, stop};

/// A group that has published one window, with another one open.
fn one_window_open(stage: &Stage, shop: &mut Shop) {
    let service = stage.start(&[]);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + WINDOW_MS);
    stage.wait_for_windows(1);
    stop(service);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 1);
}

#[test]
fn receipts_that_retention_has_deleted_unread_are_not_skipped_in_silence() {
    let Some(stage) = Stage::real("input-lost") else { return };
    let mut shop = Shop::open(&stage.broker);
    one_window_open(&stage, &mut shop);
    shop.sell_everywhere(long_ago_ms() + 2 * WINDOW_MS);
    let topic = stage.name(TopicKind::Receipts);
    Admin::of(&stage.broker).delete_records(&topic, PARTITIONS);
    stage.fails(&["--until-end"], 1, &[&topic, "retention deleted", "--accept-loss"]);

    shop.sell_everywhere(long_ago_ms() + 3 * WINDOW_MS);
    stage.until_end(&["--accept-loss"]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 3, "all but the window whose receipts are gone");
    stage.until_end(&[]);
}

#[test]
fn sums_of_open_windows_that_retention_has_deleted_are_not_forgotten_in_silence() {
    let Some(stage) = Stage::real("partials-lost") else { return };
    let mut shop = Shop::open(&stage.broker);
    one_window_open(&stage, &mut shop);
    let topic = stage.name(TopicKind::Partials);
    Admin::of(&stage.broker).delete_records(&topic, PARTITIONS);
    stage.fails(&["--until-end"], 1, &[&topic, "retention deleted", "open windows", "--accept-loss"]);

    shop.sell_everywhere(long_ago_ms() + 2 * WINDOW_MS);
    stage.until_end(&["--accept-loss"]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 2, "all but the window whose sums are gone");
    stage.until_end(&[]);
}

#[test]
fn an_internal_topic_that_was_made_anew_is_not_taken_for_the_former_one() {
    let Some(stage) = Stage::real("partials-anew") else { return };
    let mut shop = Shop::open(&stage.broker);
    one_window_open(&stage, &mut shop);
    let (admin, topic) = (Admin::of(&stage.broker), stage.name(TopicKind::Partials));
    admin.delete(&topic);
    stage.fails(&["--until-end"], 1, &[&topic, "made anew", "--accept-loss"]);

    shop.sell_everywhere(long_ago_ms() + 2 * WINDOW_MS);
    stage.until_end(&["--accept-loss"]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 2, "all but the window whose sums are gone");
    shop.sell_everywhere(long_ago_ms() + 3 * WINDOW_MS);
    stage.until_end(&[]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 3, "afterwards the loss is over");
}

#[test]
fn an_input_that_was_made_anew_is_read_from_its_start_once_that_is_accepted() {
    let Some(stage) = Stage::real("input-anew") else { return };
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + WINDOW_MS);
    stage.until_end(&[]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 2);
    let topic = stage.name(TopicKind::Receipts);
    Admin::of(&stage.broker).delete(&topic);

    // Fewer than there were, so that the former end is past the new one.
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(long_ago_ms() + 5 * WINDOW_MS);
    stage.fails(&["--until-end"], 1, &[&topic, "made anew", "--accept-loss"]);
    stage.until_end(&["--accept-loss"]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 3, "what the new topic holds is published");
    stage.until_end(&[]);
}
