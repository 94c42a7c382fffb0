//! The seeded scheduler: processes that start, crash, stall, wake and leave, shops that send, time that jumps.

use std::collections::BTreeMap;

use common::TopicKind;
use stream_analytics::outbox::OutputRecord;

use crate::broker::{Broker, LogId, Producer};
use crate::oracle::Place;
use crate::random::Random;
use crate::sales::{self, Sale};
use crate::scenario::Scenario;
use crate::worker::{EPOCH_MS, Worker, ensure};

/// The longest a run may take from the last trouble until everything is published.
const SETTLED_AFTER_MS: i64 = 90_000;
const MAX_PROCESSES: usize = 5;

/// A simulated cluster with everything on it.
pub struct World {
    pub scenario: Scenario,
    pub broker: Broker,
    /// What each input record is meant to be, and the wall clock when it was written.
    pub sent: BTreeMap<Place, Sent>,
    random: Random,
    processes: Vec<Process>,
    started: usize,
    upstream: Vec<Producer>,
    trace: bool,
}

/// A record of the input.
pub struct Sent {
    /// `None` is not a receipt.
    pub sale: Option<Sale>,
    pub record: OutputRecord,
    pub wall_ms: i64,
}

struct Process {
    name: String,
    /// `None`: it crashed.
    worker: Option<Worker>,
    /// When it starts again, or wakes.
    sleeps_until_ms: i64,
}

impl World {
    pub fn new(scenario: Scenario, random: Random, trace: bool) -> Self {
        let mut broker = Broker::default();
        (0..scenario.inputs).for_each(|input| broker.create(LogId::Input(input)));
        (0..scenario.merges).for_each(|merge| broker.create(LogId::Partials(merge)));
        broker.create(LogId::Results);
        World {
            scenario,
            broker,
            sent: BTreeMap::new(),
            random,
            processes: Vec::new(),
            started: 0,
            upstream: Vec::new(),
            trace,
        }
    }

    /// Lives through everything that the scenario has in store.
    pub fn live(&mut self) -> Result<(), String> {
        self.note(|world| format!("{:?}", world.scenario));
        for _ in 0..self.scenario.workers {
            self.start_process();
        }
        self.trouble(true)?;
        self.settle()?;
        if self.scenario.until_end {
            // A second run, over more receipts.
            for _ in 0..self.random.below(20) {
                self.send_burst();
            }
            self.processes.clear();
            self.pass(20_000);
            self.close_upstream();
            for _ in 0..self.scenario.workers {
                self.start_process();
            }
            self.trouble(false)?;
            self.settle()?;
        }
        // What the dead left open is aborted, so that readers see everything.
        self.pass(20_000);
        self.close_upstream();
        Ok(())
    }

    fn note(&self, what: impl Fn(&Self) -> String) {
        if self.trace {
            eprintln!("{:>7} {}", self.broker.now_ms, what(self));
        }
    }

    pub fn wall_ms(&self) -> i64 {
        EPOCH_MS + self.broker.now_ms
    }

    pub fn start_process(&mut self) {
        self.started += 1;
        let name = format!("p{}", self.started);
        let worker = Worker::start(&self.scenario, name.clone(), &self.broker, &self.random);
        self.note(|_| format!("{name} starts"));
        self.processes.push(Process { name, worker: Some(worker), sleeps_until_ms: 0 });
    }

    pub fn pass(&mut self, ms: i64) {
        self.broker.advance(ms);
        let now_ms = self.broker.now_ms;
        for process in &self.processes {
            if let Some(worker) = process.worker.as_ref().filter(|_| process.sleeps_until_ms <= now_ms) {
                self.broker.group.heartbeat(worker.member(), now_ms);
            }
        }
        let partitions = self.broker.ids();
        self.broker.group.advance(now_ms, &partitions, &mut self.random);
    }

    fn trouble(&mut self, sending: bool) -> Result<(), String> {
        for _ in 0..self.scenario.steps {
            let ms = if self.random.per_mille(4) { self.random.between(500, 13_000) } else { self.random.below(60) };
            self.pass(ms);
            if self.random.per_mille(600) {
                self.broker.write_markers(&mut self.random);
            }
            if sending && self.random.per_mille(200) {
                self.send_burst();
            }
            if !self.upstream.is_empty() && self.random.per_mille(50) {
                self.end_upstream();
            }
            if self.random.per_mille(60) {
                self.upset();
            }
            self.wake();
            if !self.processes.is_empty() {
                let index = self.random.index(self.processes.len());
                let steps = self.random.between(1, 25);
                self.work(index, steps, true)?;
            }
        }
        Ok(())
    }

    /// Something goes wrong, or changes.
    fn upset(&mut self) {
        let now_ms = self.broker.now_ms;
        let kind = self.random.below(10);
        if kind == 0 && self.processes.len() < MAX_PROCESSES {
            return self.start_process();
        }
        if kind == 1 && self.scenario.grows && self.broker.input_partitions() < 6 {
            self.broker.create(LogId::Input(self.broker.input_partitions()));
            self.broker.group.rebalance();
            return self.note(|_| "the input grows".to_owned());
        }
        let running: Vec<usize> = (0..self.processes.len())
            .filter(|index| self.processes[*index].worker.is_some() && self.processes[*index].sleeps_until_ms <= now_ms)
            .collect();
        if running.is_empty() {
            return;
        }
        let index = *self.random.pick(&running);
        let name = self.processes[index].name.clone();
        let down_ms = self.random.below(9_000);
        match kind {
            2..=5 => {
                self.note(|_| format!("{name} crashes"));
                let process = &mut self.processes[index];
                if process.worker.take().is_some_and(|worker| worker.superseded) {
                    self.processes.remove(index);
                } else {
                    process.sleeps_until_ms = now_ms + down_ms;
                }
            }
            6 | 7 if self.scenario.stalls => {
                self.note(|_| format!("{name} stalls"));
                self.processes[index].sleeps_until_ms = now_ms + down_ms + 3_000;
                let zombie = self.processes[index].worker.as_mut().filter(|zombie| !zombie.superseded);
                if let Some(zombie) = zombie.filter(|_| self.scenario.static_members && self.random.per_mille(300)) {
                    zombie.superseded = true;
                    let worker = Some(Worker::start(&self.scenario, name.clone(), &self.broker, &self.random));
                    self.note(|_| format!("another {name} takes its place"));
                    self.processes.push(Process { name, worker, sleeps_until_ms: 0 });
                }
            }
            8 => {
                self.note(|_| format!("{name} is to leave"));
                if let Some(worker) = &mut self.processes[index].worker {
                    worker.stopping = true;
                }
            }
            _ => {}
        }
    }

    /// Starts crashed processes whose time has come, and forgets those that ended.
    fn wake(&mut self) {
        let World { processes, broker, scenario, started, random, .. } = self;
        processes.retain(|process| process.worker.as_ref().is_none_or(|worker| !worker.has_stopped()));
        for process in processes {
            if process.worker.is_none() && process.sleeps_until_ms <= broker.now_ms {
                if !scenario.static_members {
                    *started += 1;
                    process.name = format!("p{started}");
                }
                process.worker = Some(Worker::start(scenario, process.name.clone(), broker, random));
            }
        }
    }

    fn work(&mut self, index: usize, steps: i64, trouble: bool) -> Result<(), String> {
        let process = &mut self.processes[index];
        if process.sleeps_until_ms > self.broker.now_ms {
            return Ok(());
        }
        let Some(worker) = &mut process.worker else { return Ok(()) };
        for _ in 0..steps {
            worker.step(&mut self.broker, &mut self.random, trouble)?;
        }
        Ok(())
    }

    /// Lets the owner of a partition take some steps.
    pub fn work_owner(&mut self, of: LogId, steps: i64) {
        let owns = |process: &Process| process.worker.as_ref().is_some_and(|worker| worker.owns(of));
        let owner = self.processes.iter().position(owns).expect("somebody owns it");
        for _ in 0..steps {
            self.work(owner, 1, false).expect("every promise is kept");
            // Else a second commit would wait for the first one's markers, and all that is read in between with it.
            (0..20).for_each(|_| self.broker.write_markers(&mut self.random));
        }
    }

    /// Lets the owner of a partition work until it is about to commit.
    pub fn work_owner_up_to_a_commit(&mut self, of: LogId) {
        let is_there = |world: &Self| {
            let mut workers = world.processes.iter().filter_map(|process| process.worker.as_ref());
            workers.any(|worker| worker.owns(of) && worker.is_about_to_commit(&world.broker))
        };
        for _ in 0..1_000 {
            if is_there(self) {
                return;
            }
            self.pass(20);
            self.work_owner(of, 1);
        }
        panic!("the owner of {of:?} never commits");
    }

    /// Whether two partitions have one owner.
    pub fn has_one_owner(&self, ids: [LogId; 2]) -> bool {
        let owns_both = |worker: &Worker| ids.iter().all(|id| worker.owns(*id));
        self.processes.iter().any(|process| process.worker.as_ref().is_some_and(owns_both))
    }

    /// Ends the process that owns `lost` for good, if it does not own `kept`. Returns whether it did.
    pub fn kill_owner(&mut self, lost: LogId, kept: [LogId; 2]) -> bool {
        let dies = |worker: &Worker| worker.owns(lost) && !kept.iter().any(|id| worker.owns(*id));
        let before = self.processes.len();
        self.processes.retain(|process| !process.worker.as_ref().is_some_and(dies));
        self.processes.len() < before
    }

    /// Windows published so far, by the final results of `sales-totals`.
    pub fn published_windows(&self) -> Vec<String> {
        let results = self.broker.log(LogId::Results).read();
        let totals = results.filter(|(_, record)| record.topic == TopicKind::SalesTotals);
        totals
            .map(|(_, record)| String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned())
            .collect()
    }

    pub fn everybody_has_stopped(&self) -> bool {
        self.processes.iter().all(|process| process.worker.as_ref().is_some_and(Worker::has_stopped))
    }

    /// Whether no sum came after its window was published.
    pub fn nothing_is_late(&self) -> bool {
        let mut results = self.broker.log(LogId::Results).read();
        results.all(|(_, record)| record.topic != TopicKind::PartialsDeadLetter)
    }

    fn send_burst(&mut self) {
        let partitions = i64::from(self.broker.input_partitions());
        for _ in 0..self.random.between(1, 6) {
            // Some partitions are quieter than others.
            let partition = self.random.below(partitions).min(self.random.below(partitions));
            let event_ms = self.event_ms();
            self.send(i32::try_from(partition).expect("few partitions"), event_ms);
        }
    }

    fn event_ms(&mut self) -> i64 {
        let Scenario { window_ms, delay_ms, max_ahead_ms, .. } = self.scenario;
        let now_ms = self.wall_ms();
        match self.random.below(100) {
            0..10 => now_ms - self.random.below(8 * window_ms + 2 * delay_ms),
            10..14 => now_ms + self.random.below(1_500),
            14..17 if max_ahead_ms.is_some() => now_ms + self.random.between(1_000, 9_000),
            17 if max_ahead_ms.is_some() => now_ms + 3_600_000,
            _ => now_ms - self.random.below(window_ms / 2 + delay_ms + 1),
        }
    }

    pub fn send(&mut self, partition: i32, event_ms: i64) {
        let sale = (!self.random.per_mille(30)).then(|| Sale::draw(&mut self.random, self.sent.len(), event_ms));
        let record = sales::record(sale.as_ref(), &mut self.random);
        let log = LogId::Input(partition);
        let offset = if self.random.per_mille(850) {
            self.broker.write(log, record.clone())
        } else {
            if self.upstream.is_empty() || self.random.per_mille(300) {
                let name = format!("upstream-{}", self.sent.len());
                self.upstream.extend(self.broker.init_producer(&name));
            }
            let producer = self.random.pick(&self.upstream).clone();
            // Its transaction may have outlived its timeout.
            let Ok(offset) = self.broker.produce(&producer, log, record.clone()) else { return };
            offset
        };
        let wall_ms = self.wall_ms();
        self.sent.insert((partition, offset), Sent { sale, record, wall_ms });
    }

    fn end_upstream(&mut self) {
        let producer = self.upstream.swap_remove(self.random.index(self.upstream.len()));
        let commit = self.random.per_mille(500);
        // Fenced: it was aborted for its age.
        let _ = self.broker.end(&producer, commit);
    }

    fn close_upstream(&mut self) {
        while !self.upstream.is_empty() {
            self.end_upstream();
        }
        for _ in 0..50 {
            self.broker.write_markers(&mut self.random);
        }
    }

    /// Everybody works, nothing goes wrong, until all that can be published is.
    fn settle(&mut self) -> Result<(), String> {
        self.note(|_| "the world settles".to_owned());
        self.close_upstream();
        if self.processes.is_empty() || self.scenario.until_end {
            // Those before it may have left early.
            self.start_process();
        }
        if self.scenario.until_end {
            return self.work_until_stopped();
        }
        // Sessions end, transactions time out, zombies wake.
        self.work_for(19_000)?;
        if self.scenario.is_pure() && self.random.per_mille(800) {
            let now_ms = self.wall_ms();
            (0..self.broker.input_partitions()).for_each(|partition| self.send(partition, now_ms));
            self.close_upstream();
            self.work_for(3_000)?;
        }
        if let Some(idle_after_ms) = self.scenario.idle_after_ms {
            let ahead_ms = self.scenario.max_ahead_ms.unwrap_or(1_500).max(1_500);
            self.work_for(idle_after_ms + self.scenario.window_ms + self.scenario.delay_ms + ahead_ms + 5_000)?;
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), String> {
        self.pass(200);
        self.wake();
        if self.processes.is_empty() && !self.scenario.until_end {
            self.start_process();
        }
        for index in 0..self.processes.len() {
            self.broker.write_markers(&mut self.random);
            self.work(index, 24, false)?;
        }
        self.broker.write_markers(&mut self.random);
        Ok(())
    }

    pub fn work_for(&mut self, ms: i64) -> Result<(), String> {
        let until_ms = self.broker.now_ms + ms;
        while self.broker.now_ms < until_ms {
            self.round()?;
        }
        Ok(())
    }

    fn work_until_stopped(&mut self) -> Result<(), String> {
        let began_ms = self.broker.now_ms;
        while !self.processes.is_empty() {
            self.round()?;
            ensure(self.broker.now_ms - began_ms < SETTLED_AFTER_MS, || "a run until the end does not end".to_owned())?;
        }
        Ok(())
    }
}
