//! How the service ends when it is asked to.

use tests::process::Service;
use tests::shop::{Shop, long_ago_ms};

use crate::stage::{PATIENCE, Stage, WINDOW_MS, stop};

#[test]
fn a_signal_ends_it_while_it_looks_for_a_broker() {
    let start = |flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let service = Service::start("stream-analytics", &flags);
        service.wait_until_it_catches_signals(PATIENCE);
        service
    };
    stop(start(&["--brokers", "127.0.0.1:1", "--http", "off"]));
    let verify = start(&["verify", "--brokers", "127.0.0.1:1"]);
    verify.signal("TERM");
    assert_eq!(verify.ended(PATIENCE), Some(1), "nothing is proven");
}

#[test]
fn a_signal_ends_it_while_the_broker_is_away() {
    let mut stage = Stage::any("away");
    if stage.broker.is_real {
        return; // the broker is the other tests' too
    }
    let mut shop = Shop::open(&stage.broker);
    let service = stage.start(&[]);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + WINDOW_MS);
    stage.wait_for_windows(1);
    drop(shop);
    stage.broker.end();
    stop(service);
}
