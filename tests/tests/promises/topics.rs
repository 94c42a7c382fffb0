//! The topics that the service makes, and the timestamps of what it writes.

use rdkafka::message::Message;
use tests::admin::Admin;
use tests::shop::{Sent, Shop, long_ago_ms, now_ms};
use tests::topic::messages;

use crate::stage::{Stage, WINDOW_MS, WRITTEN};

#[test]
fn topics_are_made_as_promised() {
    let Some(stage) = Stage::real("topics") else { return };
    Shop::open(&stage.broker).sell(0, long_ago_ms());
    stage.until_end(&["--partitions", "3"]);
    let admin = Admin::of(&stage.broker);
    for kind in WRITTEN {
        let name = stage.name(kind);
        assert_eq!(admin.partitions(&name), Some(3), "{name}");
        assert_eq!(admin.setting(&name, "cleanup.policy"), "delete", "{name}");
        assert_eq!(admin.setting(&name, "max.message.bytes"), (4 << 20).to_string(), "{name}");
    }
}

#[test]
fn what_is_written_carries_the_time_of_its_publication() {
    let stage = Stage::any("timestamps");
    let mut shop = Shop::open(&stage.broker);
    shop.sell_for("600.00", 0, long_ago_ms() + 2 * WINDOW_MS);
    shop.put(0, Sent { timestamp_ms: Some(long_ago_ms()), ..Sent::default() });
    shop.sell(1, long_ago_ms());
    let before_ms = now_ms();
    stage.until_end(&[]);
    // One more for a window that is published.
    shop.sell(1, long_ago_ms());
    stage.until_end(&[]);
    let after_ms = now_ms();
    for kind in WRITTEN {
        let written = messages(&stage.broker, &stage.name(kind));
        assert!(!written.is_empty(), "{kind:?}");
        for message in written {
            let timestamp_ms = message.timestamp().to_millis().unwrap();
            assert!((before_ms..=after_ms).contains(&timestamp_ms), "{kind:?} at {timestamp_ms}");
        }
    }
}
