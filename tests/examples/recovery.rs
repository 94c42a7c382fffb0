//! Measures how long no window is published after a replica is killed, or leaves:
//! `KAFKA_BROKERS=… cargo run --release -p tests --example recovery [ROUNDS]`, with the services built beside it.
//!
//! Windows of 100 ms close ten times a second, and each needs every partition: the longest time between two that become
//! readable is the silence. Figures are printed, nothing is asserted.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use common::TopicKind;
use tests::arrivals::arrivals;
use tests::broker::{TestBroker, real_brokers};
use tests::growth::Growth;
use tests::mid_transaction::stop_in_transaction;
use tests::process::Service;

/// Results are watched for at least so long after each fault, and until they come steadily again.
const WATCHED: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(1);

struct Stage {
    broker: TestBroker,
}

impl Stage {
    fn replica(&self, more: &[&str]) -> Service {
        let windows = ["--window", "100ms", "--slide", "100ms", "--watermark-delay", "0ms", "--http", "off"];
        let off = ["--idle-after", "off"];
        let flags = windows.into_iter().chain(off).chain(more.iter().copied()).map(str::to_owned);
        Service::start("stream-analytics", &self.broker.flags().into_iter().chain(flags).collect::<Vec<_>>())
    }
}

/// The longest silence from now on, while results are watched.
fn silence(arrivals: &Receiver<Instant>) -> Duration {
    silence_since(Instant::now(), arrivals)
}

/// The same, where the latest result was seen at a time that is past already.
fn silence_since(mut last: Instant, arrivals: &Receiver<Instant>) -> Duration {
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    while began.elapsed() < WATCHED || (last.elapsed() > STEADY && began.elapsed() < PATIENCE) {
        if let Ok(arrival) = arrivals.recv_timeout(Duration::from_millis(10)) {
            longest = longest.max(arrival.saturating_duration_since(last));
            last = last.max(arrival);
        }
    }
    longest.max(last.elapsed())
}

fn report(what: &str, mut silences: Vec<Duration>) {
    silences.sort();
    println!("{what:60} {silences:.2?}");
}

fn main() {
    if real_brokers().is_none() {
        println!("KAFKA_BROKERS names no real Kafka: nothing to measure");
        return;
    }
    let rounds: usize = std::env::args().nth(1).map_or(5, |rounds| rounds.parse().unwrap());
    let stage = Stage { broker: TestBroker::start("recovery") };
    let load = ["receipts".to_owned()].into_iter().chain(stage.broker.flags());
    let load = load.chain(["--rate", "2000/s", "--catalogue", "builtin"].map(str::to_owned));
    let _load = Service::start("producer", &load.collect::<Vec<_>>());
    let growth = Growth::of(&stage.broker);
    growth.wait_for(TopicKind::Receipts, 1, PATIENCE);
    let steady = || growth.wait_for(TopicKind::TopStores, 30, PATIENCE);

    let mut replica = stage.replica(&["--instance-id", "a"]);
    steady();
    let arrivals = arrivals(&stage.broker, TopicKind::TopStores, |_| Instant::now());
    report("nothing happens", vec![silence(&arrivals)]);

    let mut kill_and_restart = |more: &[&str]| {
        let mut silences = Vec::new();
        for _ in 0..rounds {
            steady();
            arrivals.try_iter().count();
            replica.signal("KILL");
            replica = stage.replica(more);
            silences.push(silence(&arrivals));
        }
        silences
    };
    report("the only replica, static: kill -9 and restart", kill_and_restart(&["--instance-id", "a"]));
    kill_and_restart(&[]);
    report("the only replica, dynamic: kill -9 and restart", kill_and_restart(&[]));

    for (kind, ids) in [("dynamic", None), ("static", Some(["b", "c"]))] {
        let (mut joins, mut leaves) = (Vec::new(), Vec::new());
        if let Some([_, other]) = ids {
            replica = stage.replica(&["--instance-id", other]);
        }
        for round in 0..rounds {
            let id = ids.map(|ids| ["--instance-id", ids[round % 2]]);
            steady();
            arrivals.try_iter().count();
            let joined = stage.replica(id.as_ref().map_or(&[], |id| id));
            joins.push(silence(&arrivals));
            arrivals.try_iter().count();
            let leaving = std::mem::replace(&mut replica, joined);
            leaving.signal("TERM");
            leaves.push(silence(&arrivals));
        }
        report(&format!("a second replica joins, {kind}"), joins);
        report(&format!("one of two leaves gracefully, {kind}"), leaves);
    }
    replica = stage.replica(&[]);

    let mut losses = Vec::new();
    for _ in 0..rounds {
        let other = stage.replica(&[]);
        steady();
        arrivals.try_iter().count();
        let lost = std::mem::replace(&mut replica, other);
        lost.signal("KILL");
        losses.push(silence(&arrivals));
    }
    report("one of two is killed and does not come back, dynamic", losses);

    let mut losses = Vec::new();
    for _ in 0..rounds {
        let other = stage.replica(&[]);
        steady();
        arrivals.try_iter().count();
        let lost = std::mem::replace(&mut replica, other);
        let began = Instant::now();
        stop_in_transaction(&stage.broker, &lost, PATIENCE);
        lost.signal("KILL");
        losses.push(silence_since(arrivals.try_iter().last().unwrap_or(began), &arrivals));
    }
    report("the same, in mid-transaction", losses);
}
