//! A simulated worker: what `worker::life` does around an [`Engine`], cut into steps so that anything can happen in between.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::TopicKind;
use stream_analytics::combine::{Clock, SourceRecord};
use stream_analytics::engine::{Commit, Engine, Pace};
use stream_analytics::outbox::{Header, OutputRecord};
use stream_analytics::progress::{InputProgress, MergeProgress};

use crate::broker::{Broker, LogId, Offsets, Producer, Refused};
use crate::group::{MemberId, Standing};
use crate::random::Random;
use crate::scenario::Scenario;

/// The wall clock when the world begins.
pub const EPOCH_MS: i64 = 1_795_000_000_000;
const COMMIT_INTERVAL_MS: i64 = 100;
const TICK_MS: i64 = 100;
const END_CHECK_MS: i64 = 200;

/// A process with one worker.
pub struct Worker {
    scenario: Scenario,
    /// Tells processes apart; a static member's successor has the same.
    name: String,
    /// What the process found at its start.
    input_partitions: i32,
    until: Option<i64>,
    engine: Engine,
    producer: Producer,
    member: MemberId,
    generation: i64,
    born_ms: i64,
    ticked_ms: i64,
    end_checked_ms: i64,
    positions: BTreeMap<LogId, Position>,
    outbox: VecDeque<OutputRecord>,
    last_commit: Commit,
    state: State,
    /// Decides which records come again, and which polls find nothing.
    echo: Random,
    /// The last poll found nothing, for its fetches were under way.
    is_behind: bool,
    /// Input partitions that are left unread, being far ahead of the others.
    held: BTreeSet<i32>,
    /// It was asked to stop.
    pub stopping: bool,
    /// A newer process has its name: once it finds out, it ends.
    pub superseded: bool,
}

/// Where a partition is read.
#[derive(Clone, Copy)]
struct Position {
    /// The first that was read.
    began: i64,
    next: i64,
    /// The end that was told last.
    told_end: Option<i64>,
    /// The high watermark of the last fetch.
    high: Option<i64>,
}

enum State {
    Connect,
    Serve,
    Read,
    /// At least once: tells which windows are about to be published, then sends them.
    AnnouncePublished(Then),
    Send(Then),
    Tick,
    CommitIfDue,
    SendOffsets(Commit, After),
    EndTransaction(Commit, After),
    Stopped,
}

/// What follows once outputs are sent.
enum Then {
    Tick,
    CommitIfDue,
    SendOffsets(Commit, After),
}

/// What follows a commit.
#[derive(Clone, Copy)]
enum After {
    Serve,
    Rejoin,
    Stop,
}

struct Delivered<'r> {
    offset: i64,
    record: &'r OutputRecord,
}

impl SourceRecord for Delivered<'_> {
    fn offset(&self) -> i64 {
        self.offset
    }
    fn value(&self) -> Option<&[u8]> {
        self.record.value.as_deref()
    }
    fn key(&self) -> Option<&[u8]> {
        self.record.key.as_deref()
    }
    fn timestamp_ms(&self) -> Option<i64> {
        Some(self.offset)
    }
    fn headers(&self) -> Vec<Header> {
        self.record.headers.clone()
    }
}

impl Worker {
    /// A process that starts now and looks at the cluster.
    pub fn start(scenario: &Scenario, name: String, broker: &Broker, random: &Random) -> Self {
        let input_partitions = broker.input_partitions();
        let end = |input| broker.log(LogId::Input(input)).last_stable();
        let until = scenario.until_end.then(|| (0..input_partitions).map(end).sum());
        Worker {
            engine: Engine::new(scenario.engine(input_partitions, until), 0),
            scenario: scenario.clone(),
            name,
            input_partitions,
            until,
            producer: Producer::default(),
            member: 0,
            generation: 0,
            born_ms: broker.now_ms,
            ticked_ms: 0,
            end_checked_ms: 0,
            positions: BTreeMap::new(),
            outbox: VecDeque::new(),
            last_commit: Commit::default(),
            state: State::Connect,
            echo: random.apart(),
            is_behind: false,
            held: BTreeSet::new(),
            stopping: false,
            superseded: false,
        }
    }

    pub fn has_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    pub fn owns(&self, id: LogId) -> bool {
        self.positions.contains_key(&id)
    }

    /// Whether its next step begins a commit that is due: what is sent from now on is not in it.
    pub fn is_about_to_commit(&self, broker: &Broker) -> bool {
        let now_ms = broker.now_ms - self.born_ms;
        matches!(self.state, State::CommitIfDue) && self.engine.commit_due(now_ms, COMMIT_INTERVAL_MS, Pace::CatchingUp)
    }

    pub fn member(&self) -> MemberId {
        self.member
    }

    /// One step. `trouble`: calls may fail for no reason.
    pub fn step(&mut self, broker: &mut Broker, random: &mut Random, trouble: bool) -> Result<(), String> {
        let now_ms = broker.now_ms - self.born_ms;
        match std::mem::replace(&mut self.state, State::Serve) {
            State::Connect => self.connect(broker),
            State::Serve => self.serve(broker, random)?,
            State::Read => self.read(broker, random, trouble)?,
            State::AnnouncePublished(then) => self.announce_published(then, broker),
            State::Send(then) => self.send(then, broker, random, trouble),
            State::Tick => {
                if now_ms - self.ticked_ms < TICK_MS {
                    self.state = State::CommitIfDue;
                } else {
                    self.ticked_ms = now_ms;
                    let positions = &self.positions;
                    self.engine.tick(now_ms, |partition, next| {
                        let high = positions.get(&LogId::Input(partition)).and_then(|position| position.high);
                        high.is_some_and(|high| next >= high) && !broker.out_of_reach.contains(&LogId::Input(partition))
                    });
                    self.begin_to_send(Then::CommitIfDue);
                }
            }
            State::CommitIfDue => self.commit_if_due(now_ms, broker, random),
            State::SendOffsets(commit, after) => self.send_offsets(commit, after, broker, random, trouble),
            State::EndTransaction(commit, after) => match broker.end(&self.producer, true) {
                Ok(()) => self.committed(commit, after, broker),
                Err(_) => self.start_again(broker),
            },
            State::Stopped => self.state = State::Stopped,
        }
        Ok(())
    }

    fn connect(&mut self, broker: &mut Broker) {
        if self.scenario.exactly_once {
            let Some(producer) = broker.init_producer(&self.name) else {
                self.state = State::Connect;
                return;
            };
            self.producer = producer;
        }
        self.born_ms = broker.now_ms;
        (self.ticked_ms, self.end_checked_ms, self.generation) = (0, 0, 0);
        self.engine = Engine::new(self.scenario.engine(self.input_partitions, self.until), 0);
        self.member = broker.group.join(self.scenario.static_members.then_some(&self.name), broker.now_ms);
    }

    fn start_again(&mut self, broker: &mut Broker) {
        self.engine.revoke_all();
        self.outbox.clear();
        self.positions.clear();
        self.last_commit = Commit::default();
        if self.scenario.exactly_once {
            // Fenced or not: nothing of the transaction counts.
            let _ = broker.end(&self.producer, false);
        }
        self.leave(broker);
        let over = self.stopping || self.superseded;
        self.state = if over { State::Stopped } else { State::Connect };
    }

    fn leave(&mut self, broker: &mut Broker) {
        if !self.scenario.static_members {
            broker.group.leave(self.member);
        }
    }

    fn serve(&mut self, broker: &mut Broker, random: &mut Random) -> Result<(), String> {
        match broker.group.standing(self.member) {
            // It may not have heard of it yet.
            Standing::Expelled if random.per_mille(500) => self.state = State::Read,
            Standing::Expelled => self.start_again(broker),
            Standing::Rebalancing if self.engine.is_unassigned() => broker.group.rejoin(self.member),
            Standing::Rebalancing => self.begin_to_commit(Pace::HandingOver, After::Rejoin, broker),
            Standing::Joined if self.stopping => {
                self.leave(broker);
                self.state = State::Stopped;
            }
            Standing::Joined => {}
            Standing::Assigned(generation, _) if generation == self.generation => self.state = State::Read,
            Standing::Assigned(generation, partitions) => {
                if self.take_over(&partitions, broker)? {
                    self.generation = generation;
                    self.state = State::Read;
                    if self.group_has_ended(broker) {
                        self.stop(broker);
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns whether it could: offsets of an open transaction are waited for.
    fn take_over(&mut self, partitions: &[LogId], broker: &Broker) -> Result<bool, String> {
        let now_ms = broker.now_ms - self.born_ms;
        self.engine.set_input_partitions(broker.input_partitions());
        let mut engine = Engine::new(self.scenario.engine(self.input_partitions, self.until), now_ms);
        engine.set_input_partitions(self.engine.input_partitions());
        let settings = engine.settings();
        let mut positions = BTreeMap::new();
        for id in partitions {
            let Ok(committed) = broker.committed(*id) else { return Ok(false) };
            let log_end = broker.log(*id).last_stable();
            let next = match (id, committed) {
                (LogId::Input(partition), None) => engine.assign_input(*partition, 0, None, log_end, now_ms),
                (LogId::Input(partition), Some((offset, metadata))) => {
                    let progress: InputProgress = metadata.parse().map_err(|error| format!("{error}"))?;
                    ensure(progress.settings == settings, || "an input offset of other settings".to_owned())?;
                    engine.assign_input(*partition, offset, Some(&progress), log_end, now_ms)
                }
                (LogId::Partials(partition), None) => engine.assign_merge(*partition, 0, None),
                (LogId::Partials(partition), Some((offset, metadata))) => {
                    let progress: MergeProgress = metadata.parse().map_err(|error| format!("{error}"))?;
                    ensure(progress.settings == settings, || "a merge offset of other settings".to_owned())?;
                    engine.assign_merge(*partition, offset, Some(&progress))
                }
                (LogId::Results, _) => return Err("results are not consumed".to_owned()),
            };
            ensure(next <= broker.log(*id).high(), || format!("{id:?} is to be read from {next}, past its end"))?;
            positions.insert(*id, Position { began: next, next, told_end: None, high: None });
        }
        self.last_commit = engine.offsets();
        self.engine = engine;
        self.positions = positions;
        self.held.clear();
        Ok(true)
    }

    /// Delivers a random number of records and ends of the assigned partitions, interleaved at random.
    fn read(&mut self, broker: &Broker, random: &mut Random, trouble: bool) -> Result<(), String> {
        let monotonic_ms = broker.now_ms - self.born_ms;
        let clock = Clock { monotonic_ms, wall_ms: EPOCH_MS + broker.now_ms };
        let within_reach = |id: &&LogId| !broker.out_of_reach.contains(id);
        let ids: Vec<LogId> = self.positions.keys().filter(within_reach).copied().collect();
        // A poll after a sleep may find nothing, and nothing new about the ends: fetches are under way.
        self.is_behind = trouble && !self.is_behind && self.echo.per_mille(150);
        if !ids.is_empty() && !self.is_behind {
            for id in &ids {
                self.positions.get_mut(id).expect("assigned").high = Some(broker.log(*id).high());
            }
            let at_most = if trouble { *random.pick(&self.scenario.reads_at_most) } else { 400 };
            for _ in 0..random.below(at_most) {
                let id = *random.pick(&ids);
                if matches!(id, LogId::Input(partition) if self.held.contains(&partition)) {
                    continue;
                }
                let position = self.positions.get_mut(&id).expect("assigned");
                let log = broker.log(id);
                if trouble && self.echo.per_mille(5) {
                    // A poll gives records that an earlier one has given.
                    position.next = (position.next - self.echo.below(6)).max(position.began);
                }
                if let Some((offset, record)) = log.next(position.next) {
                    position.next = offset + 1;
                    match id {
                        LogId::Input(partition) => {
                            self.engine.receipt(partition, &Delivered { offset, record }, clock);
                        }
                        LogId::Partials(partition) => {
                            let value = record.value.as_deref().unwrap_or_default();
                            self.engine.partial(partition, offset, value).map_err(|error| error.to_string())?;
                        }
                        LogId::Results => {}
                    }
                } else if position.told_end != Some(log.last_stable()) {
                    position.next = log.last_stable();
                    position.told_end = Some(position.next);
                    match id {
                        LogId::Input(partition) => self.engine.input_reached(partition, position.next),
                        LogId::Partials(partition) => self.engine.merge_reached(partition, position.next),
                        LogId::Results => {}
                    }
                }
            }
        }
        let positions = &self.positions;
        let high = |partition| positions.get(&LogId::Input(partition)).and_then(|position| position.high);
        for (partition, is_held) in self.engine.align(clock, high) {
            if is_held {
                self.held.insert(partition)
            } else {
                self.held.remove(&partition)
            };
        }
        self.begin_to_send(Then::Tick);
        Ok(())
    }

    fn begin_to_send(&mut self, then: Then) {
        if !self.scenario.exactly_once && self.engine.announce_published() {
            self.state = State::AnnouncePublished(then);
        } else {
            self.outbox.extend(self.engine.take_output());
            self.state = State::Send(then);
        }
    }

    fn announce_published(&mut self, then: Then, broker: &mut Broker) {
        let mut commit = self.last_commit.clone();
        for (partition, _, progress) in &mut commit.merges {
            let merge = self.engine.merges().find(|(other, _)| other == partition);
            progress.announced_ms = merge.and_then(|(_, merge)| merge.announced_ms());
        }
        commit.inputs.clear();
        match broker.commit_offsets(self.member, self.generation, offsets(&commit)) {
            Ok(()) => {
                self.outbox.extend(self.engine.take_output());
                self.state = State::Send(then);
            }
            Err(_) => self.start_again(broker),
        }
    }

    fn send(&mut self, then: Then, broker: &mut Broker, random: &mut Random, trouble: bool) {
        for _ in 0..random.between(1, if trouble { 12 } else { 200 }) {
            let Some(record) = self.outbox.front() else {
                self.state = match then {
                    Then::Tick => State::Tick,
                    Then::CommitIfDue => State::CommitIfDue,
                    Then::SendOffsets(commit, after) => State::SendOffsets(commit, after),
                };
                return;
            };
            let log = match (record.topic, record.partition) {
                (TopicKind::Partials, Some(partition)) => LogId::Partials(partition),
                _ => LogId::Results,
            };
            if !self.scenario.exactly_once {
                broker.write(log, record.clone());
            } else if trouble && random.per_mille(2) {
                return self.start_again(broker);
            } else {
                match broker.produce(&self.producer, log, record.clone()) {
                    Ok(_) => {}
                    Err(Refused::Busy) => break,
                    Err(Refused::Fenced) => return self.start_again(broker),
                }
            }
            self.outbox.pop_front();
        }
        self.state = State::Send(then);
    }

    fn commit_if_due(&mut self, now_ms: i64, broker: &mut Broker, random: &mut Random) {
        let pace = if self.stopping { Pace::HandingOver } else { self.engine.pace(!random.per_mille(700)) };
        let due = self.engine.commit_due(now_ms, COMMIT_INTERVAL_MS, pace);
        if !self.engine.is_unassigned() && (due || self.stopping) {
            self.begin_to_commit(pace, if self.stopping { After::Stop } else { After::Serve }, broker);
        } else if self.stopping {
            self.stop(broker);
        } else {
            self.end_of_loop(now_ms, broker);
        }
    }

    fn stop(&mut self, broker: &mut Broker) {
        self.leave(broker);
        self.state = State::Stopped;
    }

    fn end_of_loop(&mut self, now_ms: i64, broker: &mut Broker) {
        if self.scenario.until_end && now_ms - self.end_checked_ms >= END_CHECK_MS {
            self.end_checked_ms = now_ms;
            if self.engine.has_read_to_the_end() && self.group_has_ended(broker) {
                self.stop(broker);
            }
        }
    }

    fn group_has_ended(&self, broker: &Broker) -> bool {
        self.engine.has_ended((0..self.scenario.merges).map(|partition| {
            let (_, metadata) = broker.committed(LogId::Partials(partition)).ok()??;
            metadata.parse().ok()
        }))
    }

    fn begin_to_commit(&mut self, pace: Pace, after: After, broker: &Broker) {
        let commit = self.engine.commit(broker.now_ms - self.born_ms, pace);
        self.begin_to_send(Then::SendOffsets(commit, after));
    }

    fn send_offsets(&mut self, commit: Commit, after: After, broker: &mut Broker, random: &mut Random, trouble: bool) {
        if trouble && random.per_mille(5) {
            return self.start_again(broker);
        }
        let sent = offsets(&commit);
        if self.scenario.exactly_once {
            match broker.send_offsets(&self.producer, self.member, self.generation, sent) {
                Ok(()) => self.state = State::EndTransaction(commit, after),
                Err(Refused::Busy) => self.state = State::SendOffsets(commit, after),
                Err(Refused::Fenced) => self.start_again(broker),
            }
        } else {
            match broker.commit_offsets(self.member, self.generation, sent) {
                Ok(()) => self.committed(commit, after, broker),
                Err(_) => self.start_again(broker),
            }
        }
    }

    fn committed(&mut self, commit: Commit, after: After, broker: &mut Broker) {
        let now_ms = broker.now_ms - self.born_ms;
        self.engine.committed(now_ms);
        self.last_commit = commit;
        match after {
            After::Serve => self.end_of_loop(now_ms, broker),
            After::Stop => self.stop(broker),
            After::Rejoin => {
                self.engine.revoke_all();
                self.positions.clear();
                self.last_commit = Commit::default();
                broker.group.rejoin(self.member);
            }
        }
    }
}

fn offsets(commit: &Commit) -> Offsets {
    let inputs = commit
        .inputs
        .iter()
        .map(|(partition, offset, progress)| (LogId::Input(*partition), (*offset, progress.to_string())));
    let merges = commit
        .merges
        .iter()
        .map(|(partition, offset, progress)| (LogId::Partials(*partition), (*offset, progress.to_string())));
    inputs.chain(merges).collect()
}

/// A promise: broken if `kept` is false.
pub fn ensure(kept: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(broken()) }
}
