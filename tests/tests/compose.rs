//! The compose file against the code: it names the topics that the services use, as they would make them.
#![allow(clippy::unwrap_used, reason = "in a test, to fail is to say so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::TopicKind;
use common::kafka::MAX_MESSAGE_BYTES;
use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

fn names() -> BTreeSet<&'static str> {
    TopicKind::ALL.map(TopicKind::base_name).into()
}

#[test]
fn compose_declares_every_topic_and_compacts_those_that_are_kept_by_key() {
    let compose: Value = yaml_serde::from_str(&read("docker-compose.yml")).unwrap();
    let environment = &compose["services"]["topics"]["environment"];
    let table: BTreeMap<&str, &str> =
        environment["TOPICS"].as_str().unwrap().lines().map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!(table.keys().copied().collect::<BTreeSet<_>>(), names());
    for kind in TopicKind::ALL {
        let compacted = table[kind.base_name()].contains("cleanup.policy=compact");
        assert_eq!(compacted, kind.is_compacted(), "{}", kind.base_name());
    }
    assert_eq!(environment["EVERY_TOPIC"], format!("max.message.bytes={MAX_MESSAGE_BYTES}"));
}

#[test]
fn rights_are_given_on_every_topic_and_on_no_unknown_one() {
    let script = read("deploy/compose/authorize");
    let words: Vec<&str> = script.split(|c: char| c.is_whitespace() || "()".contains(c)).collect();
    let named = words.windows(2).filter(|pair| pair[0] == "--topic").map(|pair| pair[1]).collect::<BTreeSet<_>>();
    assert_eq!(named, names());
}
