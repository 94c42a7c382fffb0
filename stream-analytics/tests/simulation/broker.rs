//! A broker in memory: logs with transactions, and the committed offsets of one group.
//!
//! As on Kafka, a transaction ends at once but its markers reach the partitions one by one, readers stop at the first open
//! transaction, and aborted records and markers take offsets. Offsets are checked against the group when they are *sent*;
//! whoever asks for offsets that are part of an open transaction is told to come again.

use std::collections::{BTreeMap, BTreeSet};

use stream_analytics::outbox::OutputRecord;

use crate::group::{Group, MemberId};
use crate::random::Random;

/// An open transaction is aborted after so long, and its producer fenced.
const TRANSACTION_TIMEOUT_MS: i64 = 10_000;

/// A partition; all result topics are one, so that the order of writing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogId {
    Input(i32),
    Partials(i32),
    Results,
}

type TransactionId = usize;
/// Offsets with metadata.
pub type Offsets = BTreeMap<LogId, (i64, String)>;

#[derive(Default)]
pub struct Log {
    entries: Vec<Entry>,
    /// First offset of each open transaction.
    open: BTreeMap<TransactionId, i64>,
    committed: BTreeSet<TransactionId>,
}

struct Entry {
    /// `None` is a marker.
    record: Option<OutputRecord>,
    transaction: Option<TransactionId>,
}

/// A producer's identity at one time.
#[derive(Debug, Clone, Default)]
pub struct Producer {
    name: String,
    epoch: u64,
}

#[derive(Default)]
struct ProducerState {
    epoch: u64,
    transaction: Option<TransactionId>,
}

struct Transaction {
    began_ms: i64,
    logs: BTreeSet<LogId>,
    offsets: Offsets,
    stage: Stage,
}

enum Stage {
    Open,
    /// Decided; these have no marker yet, and the offsets neither if `true`.
    Ending {
        commit: bool,
        logs: Vec<LogId>,
        offsets: bool,
    },
    Done,
}

/// Why a producer's call has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The last transaction still ends: come again.
    Busy,
    /// Another has this identity now, or the generation is over.
    Fenced,
}

#[derive(Default)]
pub struct Broker {
    logs: BTreeMap<LogId, Log>,
    producers: BTreeMap<String, ProducerState>,
    transactions: Vec<Transaction>,
    ending: BTreeSet<TransactionId>,
    committed: Offsets,
    /// Partitions that are not read now, for the broker that leads them cannot be reached.
    pub out_of_reach: BTreeSet<LogId>,
    pub group: Group,
    pub now_ms: i64,
}

impl Log {
    fn append(&mut self, record: Option<OutputRecord>, transaction: Option<TransactionId>) -> i64 {
        let offset = self.high();
        self.entries.push(Entry { record, transaction });
        offset
    }

    pub fn high(&self) -> i64 {
        i64::try_from(self.entries.len()).expect("logs are short")
    }

    /// Where readers of committed records stop.
    pub fn last_stable(&self) -> i64 {
        self.open.values().copied().min().unwrap_or_else(|| self.high())
    }

    /// The next committed record from `offset` on.
    pub fn next(&self, offset: i64) -> Option<(i64, &OutputRecord)> {
        (offset..self.last_stable()).find_map(|offset| {
            let entry = &self.entries[usize::try_from(offset).expect("offsets are not negative")];
            let visible = entry.transaction.is_none_or(|transaction| self.committed.contains(&transaction));
            Some((offset, entry.record.as_ref().filter(|_| visible)?))
        })
    }

    /// All committed records.
    pub fn read(&self) -> impl Iterator<Item = (i64, &OutputRecord)> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (offset, record) = self.next(from)?;
            from = offset + 1;
            Some((offset, record))
        })
    }
}

impl Broker {
    pub fn create(&mut self, id: LogId) {
        self.logs.entry(id).or_default();
    }

    pub fn log(&self, id: LogId) -> &Log {
        &self.logs[&id]
    }

    pub fn ids(&self) -> Vec<LogId> {
        self.logs.keys().copied().filter(|id| *id != LogId::Results).collect()
    }

    pub fn input_partitions(&self) -> i32 {
        let count = self.logs.keys().filter(|id| matches!(id, LogId::Input(_))).count();
        i32::try_from(count).expect("few partitions")
    }

    /// Writes without a transaction.
    pub fn write(&mut self, id: LogId, record: OutputRecord) -> i64 {
        self.logs.get_mut(&id).expect("known logs").append(Some(record), None)
    }

    /// A new epoch; what the former one left open is aborted. `None`: that takes a while, come again.
    pub fn init_producer(&mut self, name: &str) -> Option<Producer> {
        let state = self.producers.entry(name.to_owned()).or_default();
        state.epoch += 1;
        let epoch = state.epoch;
        if let Some(transaction) = state.transaction {
            self.end_transaction(transaction, false);
            if !matches!(self.transactions[transaction].stage, Stage::Done) {
                return None;
            }
        }
        Some(Producer { name: name.to_owned(), epoch })
    }

    /// The producer's open transaction; begins one if needed.
    fn transaction(&mut self, producer: &Producer) -> Result<TransactionId, Refused> {
        let state = self.producers.get_mut(&producer.name).expect("initialised");
        if state.epoch != producer.epoch {
            return Err(Refused::Fenced);
        }
        if let Some(id) = state.transaction {
            match self.transactions[id].stage {
                Stage::Open => return Ok(id),
                Stage::Ending { .. } => return Err(Refused::Busy),
                Stage::Done => {}
            }
        }
        let id = self.transactions.len();
        state.transaction = Some(id);
        let began_ms = self.now_ms;
        self.transactions.push(Transaction {
            began_ms,
            logs: BTreeSet::new(),
            offsets: Offsets::new(),
            stage: Stage::Open,
        });
        Ok(id)
    }

    /// Writes in the producer's transaction.
    pub fn produce(&mut self, producer: &Producer, log: LogId, record: OutputRecord) -> Result<i64, Refused> {
        let id = self.transaction(producer)?;
        self.transactions[id].logs.insert(log);
        let log = self.logs.get_mut(&log).expect("known logs");
        let offset = log.append(Some(record), Some(id));
        log.open.entry(id).or_insert(offset);
        Ok(offset)
    }

    /// Makes offsets part of the transaction, if the member is of the group's generation.
    pub fn send_offsets(
        &mut self,
        producer: &Producer,
        member: MemberId,
        generation: i64,
        offsets: Offsets,
    ) -> Result<(), Refused> {
        let id = self.transaction(producer)?;
        // Who sends no offsets is not asked which generation it is of: that is why every commit carries some.
        if !offsets.is_empty() && !self.group.is_current(member, generation) {
            return Err(Refused::Fenced);
        }
        self.transactions[id].offsets.extend(offsets);
        Ok(())
    }

    /// Commits or aborts.
    pub fn end(&mut self, producer: &Producer, commit: bool) -> Result<(), Refused> {
        let state = &self.producers[&producer.name];
        if state.epoch != producer.epoch {
            return Err(Refused::Fenced);
        }
        if let Some(transaction) = state.transaction {
            self.end_transaction(transaction, commit);
        }
        Ok(())
    }

    fn end_transaction(&mut self, id: TransactionId, commit: bool) {
        let transaction = &mut self.transactions[id];
        if matches!(transaction.stage, Stage::Open) {
            let logs = transaction.logs.iter().copied().collect();
            transaction.stage = Stage::Ending { commit, logs, offsets: !transaction.offsets.is_empty() };
            self.ending.insert(id);
        }
    }

    /// Writes some of the markers that are due, in any order.
    pub fn write_markers(&mut self, random: &mut Random) {
        for id in self.ending.clone() {
            for _ in 0..random.below(6) {
                self.write_marker(id, random);
            }
        }
    }

    fn write_marker(&mut self, id: TransactionId, random: &mut Random) {
        let Transaction { stage, offsets: sent, .. } = &mut self.transactions[id];
        let Stage::Ending { commit, logs, offsets } = stage else { return };
        if *offsets && (logs.is_empty() || random.per_mille(300)) {
            *offsets = false;
            if *commit {
                self.committed.extend(std::mem::take(sent));
            }
        } else if !logs.is_empty() {
            let log = logs.swap_remove(random.index(logs.len()));
            let log = self.logs.get_mut(&log).expect("known logs");
            log.append(None, Some(id));
            log.open.remove(&id);
            if *commit {
                log.committed.insert(id);
            }
        }
        if logs.is_empty() && !*offsets {
            *stage = Stage::Done;
            self.ending.remove(&id);
        }
    }

    /// Commits offsets without a transaction.
    pub fn commit_offsets(&mut self, member: MemberId, generation: i64, offsets: Offsets) -> Result<(), Refused> {
        if !self.group.is_current(member, generation) {
            return Err(Refused::Fenced);
        }
        self.committed.extend(offsets);
        Ok(())
    }

    /// What the group has committed; busy while a transaction that may change it is open.
    pub fn committed(&self, id: LogId) -> Result<Option<(i64, String)>, Refused> {
        let pending = self.transactions.iter().any(|transaction| {
            let undecided = matches!(transaction.stage, Stage::Open | Stage::Ending { offsets: true, .. });
            undecided && transaction.offsets.contains_key(&id)
        });
        if pending { Err(Refused::Busy) } else { Ok(self.committed.get(&id).cloned()) }
    }

    /// Lets time pass: transactions that are open for too long are aborted and their producers fenced.
    pub fn advance(&mut self, ms: i64) {
        self.now_ms += ms;
        for state in self.producers.values_mut() {
            let Some(id) = state.transaction else { continue };
            let transaction = &mut self.transactions[id];
            if matches!(transaction.stage, Stage::Open) && self.now_ms - transaction.began_ms > TRANSACTION_TIMEOUT_MS {
                state.epoch += 1;
                let logs = transaction.logs.iter().copied().collect();
                transaction.stage = Stage::Ending { commit: false, logs, offsets: !transaction.offsets.is_empty() };
                self.ending.insert(id);
            }
        }
    }
}
