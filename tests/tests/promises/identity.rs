//! Two live replicas with one `--instance-id`.

use tests::shop::{Shop, long_ago_ms};

use crate::stage::{Stage, WINDOW_MS, assert_failed, stop};

#[test]
fn the_older_of_two_live_replicas_with_one_instance_id_ends_and_says_so() {
    let Some(stage) = Stage::real("instance") else { return };
    let mut shop = Shop::open(&stage.broker);
    let older = stage.run_beside(&["--instance-id", "a"]);
    shop.sell_everywhere(long_ago_ms());
    shop.sell_everywhere(long_ago_ms() + WINDOW_MS);
    stage.wait_for_windows(1);

    let newer = stage.start(&["--instance-id", "a"]);
    assert_failed(&older.join().unwrap(), 1, &["--instance-id"]);
    shop.sell_everywhere(long_ago_ms() + 2 * WINDOW_MS);
    stage.wait_for_windows(2);
    stop(newer);
    stage.until_end(&[]);
    stage.agrees();
}
