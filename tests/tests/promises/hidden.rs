//! A transaction that does not end, of whoever, hides where the group left off.

use tests::http::{free_address, wait_for_metric};
use tests::shop::{Shop, long_ago_ms};

use crate::stage::{PATIENCE, Stage, WINDOW_MS};

#[test]
fn a_transaction_that_hides_where_the_group_left_off_is_named_and_waited_for() {
    let Some(stage) = Stage::real("hidden") else { return };
    let mut shop = Shop::open(&stage.broker);
    for window in 0..3 {
        shop.sell_everywhere(long_ago_ms() + window * WINDOW_MS);
    }
    let other = Shop::in_transactions(&stage.broker);
    other.hide_offsets(&stage.broker);

    let http = free_address();
    let service = stage.run_beside(&["--until-end", "--http", &http.to_string()]);
    wait_for_metric(http, PATIENCE, "retail_analytics_hidden_takeovers_total", |takeovers| takeovers > 0);
    other.abort();
    let output = service.join().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("hides where the group left off"), "{log}");
    stage.agrees();
}
