//! Bounds: of the state, and of records.

use common::TopicKind;
use tests::admin::Admin;
use tests::broker::PARTITIONS;
use tests::shop::{Sent, Shop, long_ago_ms, receipt};

use crate::stage::{Stage, WINDOW_MS};

#[test]
fn more_open_windows_than_allowed_end_the_service() {
    let stage = Stage::any("open-windows");
    let mut shop = Shop::open(&stage.broker);
    // The other partitions have nothing yet, so that no window closes.
    (0..5).for_each(|window| drop(shop.sell(0, long_ago_ms() + window * WINDOW_MS)));
    stage.fails(&["--max-open-windows", "4"], 1, &["5 held, 4 allowed", "--max-open-windows"]);
    stage.until_end(&["--max-open-windows", "5"]);
    stage.agrees();
}

#[test]
fn more_distinct_items_than_allowed_end_the_service() {
    let stage = Stage::any("distinct");
    sell_items(&stage, 6, |_| long_ago_ms());
    // Stores and items are made in different merge partitions, or in one: a store, and six items.
    stage.fails(&["--max-distinct", "5"], 1, &["5 allowed", "--max-distinct"]);
    stage.until_end(&["--max-distinct", "7"]);
    stage.agrees();
}

#[test]
fn more_distinct_items_than_allowed_in_overlapping_windows_end_the_service_though_each_slide_has_few() {
    let stage = Stage::any("distinct-sliding");
    sell_items(&stage, 6, |item| long_ago_ms() + item * 1_000);
    let flags = |allowed| ["--until-end", "--window", "10s", "--slide", "1s", "--max-distinct", allowed];
    stage.fails(&flags("5"), 1, &["5 allowed", "--max-distinct"]);
    stage.until_end(&flags("7")[1..]);
}

/// So many items, a receipt each.
fn sell_items(stage: &Stage, items: i64, event_ms: impl Fn(i64) -> i64) {
    let shop = Shop::open(&stage.broker);
    for item in 0..items {
        let name = format!(r#""name":"{item}""#);
        let value = receipt("r", event_ms(item), "1.00").replace(r#""name":"a""#, &name);
        shop.put(0, Sent { value: Some(value.into_bytes()), ..Sent::default() });
    }
}

/// A record of so many bytes that is not a receipt.
fn large(bytes: usize) -> Sent {
    Sent { value: Some(vec![b'x'; bytes]), ..Sent::default() }
}

#[test]
fn a_record_that_the_broker_refuses_for_its_size_ends_the_service_with_its_topic() {
    let Some(stage) = Stage::real("large") else { return };
    let topic = stage.name(TopicKind::ReceiptsDeadLetter);
    Admin::of(&stage.broker).create(&topic, PARTITIONS, &[("max.message.bytes", "2000")]);
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(long_ago_ms());
    // Random enough that it is not compressed below the limit.
    let noise: Vec<u8> = (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    shop.put(0, Sent { value: Some(noise), ..Sent::default() });
    stage.fails(&["--until-end"], 1, &[&topic, "max.message.bytes"]);
}

#[test]
fn a_record_that_is_larger_than_the_client_sends_ends_the_service_with_its_topic() {
    let stage = Stage::any("too-large");
    let shop = Shop::open(&stage.broker);
    shop.put(0, large(20_000));
    let topic = stage.name(TopicKind::ReceiptsDeadLetter);
    stage.fails(&["--until-end", "--kafka", "message.max.bytes=10000"], 1, &[&topic, "--kafka message.max.bytes"]);
    stage.until_end(&[]);
}
