//! What the pipeline must survive, on real Kafka: each window is published once and right, each expensive receipt once,
//! whatever is killed, stopped or added meanwhile.
//!
//! They need `KAFKA_BROKERS`; the broker is killed only if `KAFKA_RESTART` holds a command that does so and starts it again
//! with its data kept, and is silent for a while only if `KAFKA_SIGNAL` holds one that sends its process the signal that
//! `SIGNAL` names (for `FAULTS_AWAY_S` seconds instead of the usual ones). `FAULTS_SEED` repeats a run's choices (not its timing).
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod stage;
mod upstream;

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::TopicKind;
use rand::RngExt as _;
use stage::{Membership, PATIENCE, Stage, real_broker};
use tests::http::{free_address, wait_for_metric};
use tests::mid_transaction::stop_in_transaction;

/// One at a time: the broker is killed under one of them, and each brings load.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than a session, a transaction and a record on its way may last.
const AWAY: Duration = Duration::from_secs(15);

/// Does to the broker what a command in the environment does; without one, says why nothing is tested.
fn to_the_broker(variable: &str) -> Option<impl Fn(&str)> {
    let Ok(command) = std::env::var(variable) else {
        println!("not tested, for {variable} names no command");
        return None;
    };
    Some(move |signal: &str| {
        let status = Command::new("sh").args(["-c", &command]).env("SIGNAL", signal).status().unwrap();
        assert!(status.success(), "{command}");
    })
}

/// Kills one of two replicas after another, and starts each again: half of them as soon as it is dead, the others once
/// what is left of the group publishes again.
fn kill_one_of_two(mut stage: Stage, membership: Membership, kills: usize) {
    let load = stage.load();
    let mut replicas = vec![stage.replica(membership, "a"), stage.replica(membership, "b")];
    stage.results(1);
    for kill in 0..kills {
        stage.random_moment();
        let victim = stage.random.random_range(0..2);
        replicas[victim].signal("KILL");
        println!("kill {kill}: replica {victim}");
        if stage.random.random() {
            stage.results(1);
        }
        replicas[victim] = stage.replica(membership, ["a", "b"][victim]);
        if stage.random.random() {
            stage.results(1);
        }
    }
    stage.results(3);
    stage.agrees(load, replicas);
}

#[test]
fn static_replicas_killed_at_random_moments_lose_and_repeat_nothing() {
    let _turn = turn();
    let Some(stage) = real_broker("kill-static") else { return };
    kill_one_of_two(stage, Membership::Static, 10);
}

#[test]
fn dynamic_replicas_killed_at_random_moments_lose_and_repeat_nothing() {
    let _turn = turn();
    let Some(stage) = real_broker("kill-dynamic") else { return };
    kill_one_of_two(stage, Membership::Dynamic, 5);
}

#[test]
fn what_a_dynamic_replica_leaves_open_is_aborted_by_another_whether_it_is_dead_or_wakes_later() {
    const FENCED: &str = "retail_analytics_fenced_workers_total";
    let _turn = turn();
    let Some(mut stage) = real_broker("mid-transaction") else { return };
    let load = stage.load();
    let http = free_address();
    let survivor = stage.measured_replica(http);
    stage.results(1);
    let mut victim = stage.replica(Membership::Dynamic, "");
    for fate in ["CONT", "KILL"] {
        // Half of the partitions: both are at work.
        wait_for_metric(http, PATIENCE, r#"retail_analytics_assigned_partitions{worker="0"}"#, |partitions| {
            partitions == 4
        });
        stop_in_transaction(&stage.broker, &victim, PATIENCE);
        let before = wait_for_metric(http, PATIENCE, FENCED, |_| true);
        if fate == "KILL" {
            victim.signal(fate);
        }
        wait_for_metric(http, PATIENCE, FENCED, |fenced| fenced > before);
        stage.results(4);
        if fate == "CONT" {
            victim.signal(fate);
            stage.results(4);
            assert!(victim.is_running(), "a replica that woke up goes on");
        }
    }
    stage.agrees(load, vec![survivor]);
}

#[test]
fn both_replicas_killed_at_once_lose_and_repeat_nothing() {
    let _turn = turn();
    let Some(mut stage) = real_broker("kill-both") else { return };
    let load = stage.load();
    let start = |stage: &Stage| vec![stage.replica(Membership::Static, "a"), stage.replica(Membership::Static, "b")];
    let mut replicas = start(&stage);
    for _ in 0..3 {
        stage.results(2);
        stage.random_moment();
        for replica in &replicas {
            replica.signal("KILL");
        }
        replicas = start(&stage);
    }
    stage.results(3);
    stage.agrees(load, replicas);
}

#[test]
fn replicas_that_join_and_leave_under_load_change_no_result() {
    let _turn = turn();
    let Some(mut stage) = real_broker("join-leave") else { return };
    let load = stage.load();
    let mut replicas = vec![stage.replica(Membership::Dynamic, "")];
    for _ in 0..4 {
        stage.results(1);
        stage.random_moment();
        replicas.push(stage.replica(Membership::Dynamic, ""));
        stage.results(1);
        stage.random_moment();
        let oldest = replicas.remove(0);
        oldest.signal("TERM");
        assert_eq!(oldest.ended(PATIENCE), Some(0), "a replica that leaves");
    }
    stage.results(3);
    stage.agrees(load, replicas);
}

/// A replica sleeps past its session in mid-work and wakes when its partitions are others'.
fn zombie(mut stage: Stage, membership: Membership) {
    let load = stage.load();
    let mut replicas = vec![stage.replica(membership, "a"), stage.replica(membership, "b")];
    for sleeper in [0, 1] {
        stage.results(2);
        stage.random_moment();
        replicas[sleeper].signal("STOP");
        // Windows need all partitions: that some close shows that the other replica has taken over.
        stage.results(4);
        replicas[sleeper].signal("CONT");
        stage.results(4);
        assert!(replicas[sleeper].is_running(), "a replica that woke up goes on");
    }
    stage.agrees(load, replicas);
}

#[test]
fn a_dynamic_zombie_that_wakes_is_fenced() {
    let _turn = turn();
    let Some(stage) = real_broker("zombie-dynamic") else { return };
    zombie(stage, Membership::Dynamic);
}

#[test]
fn a_static_zombie_that_wakes_is_fenced() {
    let _turn = turn();
    let Some(stage) = real_broker("zombie-static") else { return };
    zombie(stage, Membership::Static);
}

#[test]
fn a_broker_killed_and_restarted_under_load_changes_no_result() {
    let _turn = turn();
    let Some(mut stage) = real_broker("broker") else { return };
    let Some(restart) = to_the_broker("KAFKA_RESTART") else { return };
    let load = stage.load();
    let mut replicas = vec![stage.replica(Membership::Static, "a"), stage.replica(Membership::Dynamic, "")];
    for _ in 0..2 {
        stage.results(2);
        stage.random_moment();
        restart("KILL");
    }
    stage.results(3);
    assert!(replicas.iter_mut().all(tests::process::Service::is_running), "replicas wait for the broker");
    stage.agrees(load, replicas);
}

#[test]
fn a_broker_that_is_silent_for_long_changes_no_result() {
    let _turn = turn();
    let Some(mut stage) = real_broker("silent") else { return };
    let Some(signal) = to_the_broker("KAFKA_SIGNAL") else { return };
    let away = std::env::var("FAULTS_AWAY_S").map_or(AWAY, |seconds| Duration::from_secs(seconds.parse().unwrap()));
    let load = stage.load();
    let mut replicas = vec![stage.replica(Membership::Static, "a"), stage.replica(Membership::Dynamic, "")];
    stage.results(2);
    stage.random_moment();
    signal("STOP");
    std::thread::sleep(away);
    signal("CONT");
    stage.results(3);
    assert!(replicas.iter_mut().all(tests::process::Service::is_running), "replicas wait for the broker");
    stage.agrees(load, replicas);
}

#[test]
fn at_least_once_replicas_that_are_killed_lose_nothing() {
    let _turn = turn();
    let Some(stage) = real_broker("at-least-once") else { return };
    let mut stage = stage.with(&["--guarantee", "at-least-once"]);
    let load = stage.load();
    let mut replicas = vec![stage.replica(Membership::Static, "a"), stage.replica(Membership::Static, "b")];
    for victim in [0, 1, 0] {
        stage.results(1);
        stage.random_moment();
        replicas[victim].signal("KILL");
        replicas[victim] = stage.replica(Membership::Static, ["a", "b"][victim]);
    }
    stage.results(3);
    stage.lacks_nothing(load, replicas);
}

#[test]
fn aborted_transactions_of_an_upstream_producer_are_not_counted() {
    let _turn = turn();
    let Some(stage) = real_broker("upstream-aborts") else { return };
    let replica = stage.replica(Membership::Dynamic, "");
    let aborted = upstream::send(&stage.broker, 40, 50);
    stage.growth().wait_until(TopicKind::TopStores, 1, PATIENCE);
    replica.signal("TERM");
    assert_eq!(replica.ended(PATIENCE), Some(0));
    let expensive = tests::topic::read(&stage.broker, TopicKind::ExpensiveReceipts);
    assert!(expensive.iter().all(|record| !aborted.contains(&record.key)), "an aborted receipt was published");
    stage.ends_in_agreement();
}
