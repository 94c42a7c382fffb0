//! A right that is taken away while the service runs.
//!
//! `KAFKA_ACLS` holds a command that runs Kafka's `AclCommand` on a broker which asks for rights, and where everybody has
//! them on whatever has no ACL (`allow.everyone.if.no.acl.found=true`).

use std::io;
use std::process::{Command, Output};
use std::time::Instant;

use common::TopicKind;
use tests::shop::{Shop, long_ago_ms};
use tests::topic::read;

use crate::stage::{PATIENCE, Stage, WINDOW_MS, assert_failed, stop};

/// Everybody's rights to one topic. They are given back when this is dropped, for the broker is the other tests' too.
struct Rights {
    tool: String,
    topic: String,
}

impl Rights {
    /// Without a tool, says why nothing is tested.
    fn to(topic: String) -> Option<Self> {
        let Ok(tool) = std::env::var("KAFKA_ACLS") else {
            println!("not tested, for KAFKA_ACLS names no command");
            return None;
        };
        Some(Rights { tool, topic })
    }

    fn run(&self, arguments: &[&str]) -> io::Result<Output> {
        let command = format!("{} \"$@\"", self.tool);
        Command::new("sh").args(["-c", &command, "sh"]).args(arguments).args(["--topic", &self.topic]).output()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The controller has accepted a change; the broker goes by what it lists.
    fn wait_until_listed(&self, listed: bool) {
        let started = Instant::now();
        while self.says(&["--list"]).contains(&self.topic) != listed {
            assert!(started.elapsed() < PATIENCE, "the broker does not learn of it");
        }
    }

    /// Where there is an ACL, what none allows is forbidden.
    fn only_to_read(&self) {
        self.says(&["--add", "--allow-principal", "User:*", "--operation", "Read"]);
        self.wait_until_listed(true);
    }

    fn give_back(&self) {
        self.says(&["--remove", "--force"]);
        self.wait_until_listed(false);
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // A test that fails says why itself.
        let _ = self.run(&["--remove", "--force"]);
    }
}

/// Takes the right to write a topic away from a replica at work, and gives it back.
fn take_away(test: &str, kind: TopicKind) {
    let Some(stage) = Stage::real(test) else { return };
    let Some(rights) = Rights::to(stage.name(kind)) else { return };
    let mut shop = Shop::open(&stage.broker);
    let mut sell = |window: i64| {
        // Before the others, which may close a window: what precedes it is still published.
        shop.sell_for("600.00", 0, long_ago_ms() + window * WINDOW_MS);
        shop.sell_everywhere(long_ago_ms() + window * WINDOW_MS);
    };
    let replica = stage.run_beside(&[]);
    sell(0);
    sell(1);
    stage.wait_for_windows(1);

    rights.only_to_read();
    sell(2);
    let hints = ["Topic authorization failed", "give its user the rights to the service's topics"];
    assert_failed(&replica.join().unwrap(), 1, &hints);
    // Started again, it does no better.
    stage.fails(&[], 1, &hints);
    for result in [TopicKind::TopStores, TopicKind::SalesTotals, TopicKind::PopularItems] {
        let published = read(&stage.broker, result);
        assert_eq!(published.len(), 1, "{result:?}: no window is published in part");
    }

    rights.give_back();
    let replica = stage.start(&[]);
    sell(3);
    stage.wait_for_windows(3);
    stop(replica);
    stage.until_end(&[]);
    stage.agrees();
}

#[test]
fn a_replica_that_may_no_longer_write_windows_ends_and_once_it_may_none_is_missing_or_repeated() {
    take_away("rights-windows", TopicKind::TopStores);
}

#[test]
fn a_replica_that_may_no_longer_write_expensive_receipts_ends_and_once_it_may_none_is_missing_or_repeated() {
    take_away("rights-expensive", TopicKind::ExpensiveReceipts);
}
