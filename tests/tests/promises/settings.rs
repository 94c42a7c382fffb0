//! What cannot change under a group, and who may work under a prefix.

use std::net::TcpListener;

use common::TopicKind;
use tests::admin::Admin;
use tests::shop::{Shop, long_ago_ms};

use crate::stage::{Stage, stop};

#[test]
fn other_settings_under_the_same_group_are_refused() {
    let stage = Stage::any("settings");
    Shop::open(&stage.broker).sell_everywhere(long_ago_ms());
    stage.until_end(&[]);
    let ways_out = "--group-id and --topic-prefix";
    let other_settings = [
        (["--window", "3s"], "window_ms=3000"),
        (["--slide", "1s"], "slide_ms=1000"),
        (["--watermark-delay", "1s"], "delay_ms=1000"),
    ];
    for (other, hint) in other_settings {
        stage.fails(&other, 2, &["window_ms=2000", hint, ways_out]);
    }
    let numbers = stage.name(TopicKind::Numbers);
    if stage.broker.is_real {
        Admin::of(&stage.broker).create(&numbers, 1, &[]);
    }
    stage.fails(&["--topic", &numbers], 2, &[&numbers, ways_out]);
}

#[test]
fn a_second_group_under_one_prefix_is_refused_and_the_first_is_named() {
    let stage = Stage::any("groups");
    Shop::open(&stage.broker).sell_everywhere(long_ago_ms());
    stage.until_end(&[]);
    let first = stage.broker.topics().prefixed("stream-analytics");
    stage.fails(&["--group-id", "second"], 2, &[&first, "--group-id", "--topic-prefix"]);
}

#[test]
fn a_group_whose_offsets_are_gone_does_not_begin_again_in_silence() {
    let Some(stage) = Stage::real("offsets-gone") else { return };
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(long_ago_ms());
    stage.until_end(&[]);
    let admin = Admin::of(&stage.broker);
    admin.delete_group(&stage.broker.topics().prefixed("stream-analytics"));
    let partials = stage.name(TopicKind::Partials);
    stage.fails(&["--until-end"], 1, &["no committed offsets", &partials, "--topic-prefix"]);
    // The line's own way out.
    admin.delete(&partials);
    stage.until_end(&[]);
    assert_eq!(stage.keys(TopicKind::TopStores).len(), 2, "published again, with its receipts counted once");
    assert!(
        stage
            .read(TopicKind::SalesTotals)
            .iter()
            .all(|record| { String::from_utf8_lossy(&record.value).contains(r#""receipts":4"#) })
    );
}

#[test]
fn a_taken_http_port_is_an_error() {
    let stage = Stage::any("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    stage.fails(&["--http", &address], 1, &[&address, "--http"]);
}

#[test]
fn a_missing_input_topic_is_waited_for() {
    let Some(stage) = Stage::real("input") else { return };
    let service = stage.start(&[]);
    stage.wait_for(TopicKind::TopStores, 0);
    let mut shop = Shop::open(&stage.broker);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + 5_000);
    stage.wait_for_windows(1);
    stop(service);
}
