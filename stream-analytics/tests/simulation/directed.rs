//! Worlds with one thing in mind: who may hold the last window back, and who may not; what follows a final result.

use crate::broker::LogId;
use crate::check::check;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::world::World;

/// Two workers at work, and a receipt in the first partition.
fn begin(seed: u64) -> World {
    let mut world = World::new(Scenario::quiet(), Random::new(seed), false);
    world.start_process();
    world.start_process();
    world.work_for(1_000).expect("every promise is kept");
    let now_ms = world.wall_ms();
    world.send(0, now_ms);
    world
}

/// Nothing is published while the world goes on for `ms`; afterwards everything is.
fn assert_held_for(world: &mut World, ms: i64) {
    world.work_for(ms).expect("every promise is kept");
    assert_eq!(world.published_windows(), Vec::<String>::new());
    world.work_for(30_000).expect("every promise is kept");
    check(world).expect("every promise is kept");
}

#[test]
fn a_partition_that_never_had_a_record_does_not_hold_the_last_window() {
    let mut world = begin(1);
    world.work_for(6_000).unwrap();
    check(&world).unwrap();
}

#[test]
fn a_partition_whose_owner_died_holds_the_windows_until_it_has_a_new_one() {
    let kept = [LogId::Input(0), LogId::Partials(0)];
    // Who owns what is drawn: some seed gives the second partition to a worker that has nothing else.
    let killed = (0..50).find_map(|seed| {
        let mut world = begin(seed);
        world.kill_owner(LogId::Input(1), kept).then_some(world)
    });
    assert_held_for(&mut killed.unwrap(), 5_000);
}

#[test]
fn a_replica_that_starts_later_has_its_end_read_before_a_window_is_closed_for_good() {
    for seed in 0..50 {
        let until_end = Scenario { until_end: true, idle_after_ms: None, ..Scenario::quiet() };
        let mut world = World::new(until_end, Random::new(seed), false);
        let now_ms = world.wall_ms();
        (0..2).for_each(|partition| world.send(partition, now_ms));
        world.start_process();
        world.send(0, now_ms);
        world.start_process();
        world.work_for(5_000).expect("every promise is kept");
        assert!(world.everybody_has_stopped());
        check(&world).expect("every promise is kept");
        assert!(world.nothing_is_late(), "seed {seed}");
    }
}

#[test]
fn an_upstreams_open_transaction_is_not_idleness() {
    let mut world = begin(1);
    let upstream = world.broker.init_producer("slow").unwrap();
    let held = crate::sales::record(None, &mut Random::new(1));
    world.broker.produce(&upstream, LogId::Input(1), held).unwrap();
    assert_held_for(&mut world, 8_000);
}

#[test]
fn a_partition_whose_broker_is_out_of_reach_is_not_idle() {
    let mut world = begin(1);
    world.broker.out_of_reach.insert(LogId::Input(1));
    let now_ms = world.wall_ms();
    world.send(1, now_ms);
    world.work_for(8_000).expect("every promise is kept");
    assert_eq!(world.published_windows(), Vec::<String>::new());
    world.broker.out_of_reach.clear();
    world.work_for(30_000).expect("every promise is kept");
    check(&world).expect("every promise is kept");
    assert!(world.nothing_is_late());
    assert_eq!(world.published_windows().len(), 1, "the receipt that could not be read counts");
}

#[test]
fn a_burst_that_reaches_all_partitions_at_once_is_not_cut_off_by_the_one_that_is_read_first() {
    let inputs = [LogId::Input(0), LogId::Input(1)];
    for seed in 0..400_i64 {
        let mut world = begin(seed.unsigned_abs());
        world.work_for(4_000).unwrap();
        if world.has_one_owner(inputs) {
            continue;
        }
        // Its owner is somewhere in its loop, and has still to say that the second partition is idle.
        world.pass(seed * 37 % 1_000);
        world.work_owner(inputs[1], seed % 9);
        survives_a_burst(world, inputs, seed * 61 % 500, seed.unsigned_abs()).unwrap();
    }
}

/// Both partitions get receipts at once, and their owners read them so much later, the first one's before the second's.
fn survives_a_burst(mut world: World, inputs: [LogId; 2], later_ms: i64, seed: u64) -> Result<(), String> {
    let now_ms = world.wall_ms();
    for (partition, event_ms) in [(0, now_ms), (0, now_ms + 3_000), (1, now_ms)] {
        world.send(partition, event_ms);
    }
    world.pass(later_ms);
    world.work_owner(inputs[0], 40);
    world.work_owner(inputs[1], 40);
    world.work_for(30_000)?;
    check(&world)?;
    assert!(world.nothing_is_late(), "seed {seed}");
    Ok(())
}

#[test]
fn a_word_of_idleness_does_not_vouch_for_what_was_announced_while_it_was_under_way() {
    let inputs = [LogId::Input(0), LogId::Input(1)];
    let mut lived = 0;
    for seed in 0..20 {
        let mut world = begin(seed);
        // Until the first receipt's window is published: what is committed then is a word and nothing else.
        world.work_for(6_000).unwrap();
        if world.has_one_owner(inputs) {
            continue;
        }
        // The second partition's owner has found nothing once more, but what the first one's reads is announced before.
        world.work_owner_up_to_a_commit(inputs[1]);
        survives_a_burst(world, inputs, 0, seed).unwrap();
        lived += 1;
    }
    assert!(lived > 0, "one worker owns both in every seed");
}

/// Without transactions a crash leaves published what no offset says: the next owner knows it by what was announced before.
#[test]
fn at_least_once_no_early_result_follows_a_final_one() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let scenario = Scenario {
            exactly_once: false,
            update_every_ms: Some(100),
            // Windows are long seen as open by who reads little at a time.
            reads_at_most: [2, 3, 4],
            idle_after_ms: None,
            max_ahead_ms: None,
            until_end: false,
            grows: false,
            stalls: false,
            ..Scenario::draw(&mut random)
        };
        let mut world = World::new(scenario, random, false);
        world.live().and_then(|()| check(&world)).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
}
