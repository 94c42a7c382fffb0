//! A run that is killed at any moment and started again leaves each row once. Only a real Kafka isolates transactions,
//! so this needs one: `KAFKA_BROKERS`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::kafka::KafkaSettings;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

const KILLS: u64 = 20;
const ROWS: u64 = 60_000;
/// Every eleventh row lacks what it needs.
const INCOMPLETE: u64 = 11;

fn write_input(path: &Path, round: u64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "{}", batch_cleaner::HEADER.split_once(",day_of_week").unwrap().0).unwrap();
    for row in 0..ROWS {
        let quantity = if row % INCOMPLETE == 0 { "" } else { "2" };
        let total = if quantity.is_empty() { "" } else { "10" };
        writeln!(file, "R{round}-{row},C1,Food,Item_{},5,{quantity},{total},Cash,Online,2024-04-08,true", round % 3)
            .unwrap();
    }
}

fn start(input: &Path, brokers: &str, prefix: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_batch-cleaner"))
        .arg(input)
        .args(["--quiet", "--transaction-records", "4000", "--brokers", brokers, "--topic-prefix", prefix])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// How often each key occurs in a topic, as a `read_committed` reader sees it.
fn keys(brokers: &str, topic: &str) -> BTreeMap<String, u64> {
    let consumer: BaseConsumer = KafkaSettings::new(brokers).consumer("kill-test").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut unread = assignment.count();
    let mut keys = BTreeMap::new();
    while unread > 0 {
        match consumer.poll(Duration::from_secs(30)).expect("the broker answers") {
            Ok(record) => {
                let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
                *keys.entry(key).or_default() += 1;
            }
            Err(KafkaError::PartitionEOF(_)) => unread -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    keys
}

fn brokers() -> Option<String> {
    let brokers = std::env::var("KAFKA_BROKERS").ok();
    if brokers.is_none() {
        println!("skipped: KAFKA_BROKERS names no Kafka");
    }
    brokers
}

#[test]
fn rows_of_a_killed_run_are_published_once() {
    let Some(brokers) = brokers() else { return };
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("kill-{}-", std::process::id());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut whole_run = Duration::from_secs(2);
    let (mut rounds, mut killed, mut resumed) = (0, 0, 0);
    while killed < KILLS {
        assert!(rounds < 4 * KILLS, "runs end before they are killed");
        let input = folder.path().join(format!("{rounds}.csv"));
        write_input(&input, rounds);
        rounds += 1;
        let started = Instant::now();
        let mut child = start(&input, &brokers, &prefix);
        std::thread::sleep(random.random_range(Duration::ZERO..whole_run));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            whole_run = whole_run.min(started.elapsed());
        } else {
            killed += 1;
        }
        let again = start(&input, &brokers, &prefix).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "{said}");
        resumed += u64::from(said.contains("an earlier run was cut off"));
    }
    println!("{killed} of {rounds} runs were killed before their end, {resumed} of them after a commit");
    assert!(resumed > 0);
    assert_published_once(&brokers, &prefix, rounds);
}

fn assert_published_once(brokers: &str, prefix: &str, rounds: u64) {
    let [cleaned, rejected] =
        ["sales.cleaned", "sales.rejected"].map(|topic| keys(brokers, &format!("{prefix}{topic}")));
    for round in 0..rounds {
        for row in 0..ROWS {
            let (home, other) = if row % INCOMPLETE == 0 { (&rejected, &cleaned) } else { (&cleaned, &rejected) };
            let key = format!("R{round}-{row}");
            assert_eq!((home.get(&key), other.get(&key)), (Some(&1), None), "{key}");
        }
    }
}

/// Whether some of a run's rows are committed.
fn has_committed(brokers: &str, topic: &str) -> bool {
    let consumer: BaseConsumer = KafkaSettings::new(brokers).consumer("kill-test").create().unwrap();
    let partitions = consumer
        .fetch_metadata(Some(topic), Duration::from_secs(10))
        .map_or(0, |metadata| metadata.topics()[0].partitions().len());
    (0..i32::try_from(partitions).unwrap()).any(|partition| {
        consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).is_ok_and(|(_, end)| end > 0)
    })
}

#[test]
fn a_second_run_of_the_same_input_takes_over_from_the_first() {
    let Some(brokers) = brokers() else { return };
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("fence-{}-", std::process::id());
    let input = folder.path().join("0.csv");
    write_input(&input, 0);
    let first = start(&input, &brokers, &prefix);
    let started = Instant::now();
    while !has_committed(&brokers, &format!("{prefix}sales.cleaned")) {
        assert!(started.elapsed() < Duration::from_secs(30), "the first run commits nothing");
    }
    // It sleeps, as if its machine did, and wakes when the other one is done.
    let signal = |signal: &str| {
        let sent = Command::new("kill").args([signal, &first.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    let second = start(&input, &brokers, &prefix).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(second.status.success() && said.contains("going on after its last commit"), "{said}");
    signal("-CONT");
    let first = first.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(first.status.code() == Some(1) && said.contains("another run took over"), "{said}");
    assert_published_once(&brokers, &prefix, 1);

    let third = start(&input, &brokers, &prefix).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&third.stderr);
    assert!(third.status.success() && said.contains("published already"), "{said}");
    assert_published_once(&brokers, &prefix, 1);
}
