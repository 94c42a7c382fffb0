//! Workers that left the group or died: what they left open is aborted at once.
//!
//! The transaction of a dead worker hides all that others commit after it, until it times out and the broker looks at
//! timeouts: some twenty seconds. A producer of its transactional id ends it at once. Whoever comes back under its id does so by
//! itself; for the others we do, who learn their ids from the group, where a worker's `client.id` is its transactional id.
//!
//! That is harmless to one who left gracefully, for nothing of it is open, and to one that is fenced again by another
//! survivor. One who was only missed by the group, a zombie, is fenced; it begins a new life, under a new id unless it is a
//! static member.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use common::kafka::{KafkaSettings, LogContext};
use common::telemetry::IntCounter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer};

use super::SESSION_TIMEOUT;
use crate::config::{Config, Guarantee};

/// How long one question to the broker may take.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Distance of questions that are not answered yet.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// By then a member that was dead already at a look has been thrown out. Its partitions' new owner may wait for what it left
/// open, and hear nothing of the group meanwhile.
const LOOK_AGAIN_AFTER: Duration = SESSION_TIMEOUT.saturating_add(Duration::from_secs(1));
/// After so long a transaction has timed out, and nobody has to be asked any more.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long fencing one worker may take.
const FENCING: Duration = Duration::from_secs(10);
/// Workers that are fenced at a time, each by a client of its own.
const AT_A_TIME: usize = 8;
/// Workers that are fenced after one look; what others left open times out.
const MOST_FENCED: usize = 64;
/// Workers that are remembered.
const MOST_KNOWN: usize = 4_096;
/// Looks that wait; each sees all that those before it would have seen.
const MOST_LOOKS: usize = 16;

/// Looks for the workers that have departed, on a thread of its own that ends when this is dropped.
#[derive(Debug)]
pub struct Departures {
    looks: SyncSender<String>,
}

impl Departures {
    /// Begins to watch the group, before a worker of this process joins it. `None` where nothing can be left open, or where
    /// a member's `client.id` tells nothing. Counts in `fenced`.
    pub fn watch(config: &Config, fenced: IntCounter) -> Option<Self> {
        if config.guarantee == Guarantee::AtLeastOnce || !config.names_clients() {
            return None;
        }
        let watcher = Watcher {
            kafka: config.kafka.clone(),
            group: config.group.clone(),
            roster: Roster::new(&config.group),
            fenced,
        };
        let (looks, asked) = mpsc::sync_channel(MOST_LOOKS);
        std::thread::spawn(move || watcher.run(&asked));
        Some(Departures { looks })
    }

    /// The group has given its members their shares, among them the one with this id.
    pub fn look(&self, asking: &str) {
        // Where no more fit, looks wait that see the same.
        let _ = self.looks.try_send(asking.to_owned());
    }
}

struct Watcher {
    kafka: KafkaSettings,
    group: String,
    roster: Roster,
    fenced: IntCounter,
}

impl Watcher {
    fn run(mut self, looks: &Receiver<String>) {
        // Members that are dead already stay in the group until their sessions end.
        match self.members() {
            Ok(members) => drop(self.roster.departed(None, members)),
            Err(error) => tracing::debug!(%error, "the broker does not describe the group"),
        }
        let mut asked: Option<String> = None;
        loop {
            let next = match asked {
                Some(_) => looks.recv_timeout(LOOK_AGAIN_AFTER),
                None => looks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let asking = match (next, asked.take()) {
                (Ok(asking), _) => asked.insert(asking).clone(),
                (Err(RecvTimeoutError::Timeout), Some(asking)) => asking,
                (Err(_), _) => return,
            };
            let departed = self.departed(asking, looks);
            for some in departed.chunks(AT_A_TIME) {
                std::thread::scope(|scope| {
                    for id in some {
                        scope.spawn(|| self.fence(id));
                    }
                });
            }
        }
    }

    /// Who is gone, as the group says that the latest of those who ask is in.
    fn departed(&mut self, mut asking: String, looks: &Receiver<String>) -> Vec<String> {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            asking = looks.try_iter().last().unwrap_or(asking);
            match self.members() {
                Ok(members) => {
                    if let Some(departed) = self.roster.departed(Some(&asking), members) {
                        return departed;
                    }
                }
                Err(error) => tracing::debug!(%error, "the broker does not describe the group"),
            }
            match looks.recv_timeout(ASK_AGAIN_AFTER) {
                Ok(newer) => asking = newer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Vec::new()
    }

    /// The client ids of the group's members. The client is a new one each time: looks are rare, and it knows no broker that
    /// is away.
    fn members(&self) -> KafkaResult<Vec<String>> {
        let client: BaseConsumer<LogContext> = self.kafka.client().create_with_context(LogContext)?;
        let list = client.fetch_group_list(Some(&self.group), ATTEMPT)?;
        let members = list.groups().iter().flat_map(rdkafka::groups::GroupInfo::members);
        Ok(members.map(|member| member.client_id().to_owned()).collect())
    }

    fn fence(&self, id: &str) {
        let fencing = || -> KafkaResult<()> {
            let config = self.kafka.transactional_producer(id);
            let producer: BaseProducer<LogContext> = config.create_with_context(LogContext)?;
            producer.init_transactions(FENCING)
        };
        let begun = Instant::now();
        match fencing() {
            Ok(()) => {
                self.fenced.inc();
                let took_ms = begun.elapsed().as_millis();
                tracing::info!(transactional_id = id, took_ms, "a worker is gone: what it left open is aborted");
            }
            Err(error) => tracing::debug!(transactional_id = id, %error, "a worker that is gone was not fenced"),
        }
    }
}

/// The workers of a group, by their transactional ids.
#[derive(Debug)]
struct Roster {
    prefix: String,
    known: BTreeSet<String>,
}

impl Roster {
    fn new(group: &str) -> Self {
        Roster { prefix: super::id_prefix(group), known: BTreeSet::new() }
    }

    /// Who was among the members and is no more, now that they have these client ids. Nothing is said by a list without the
    /// member that asks: it is of a time when that was not in the group, or has been thrown out of it.
    fn departed(&mut self, asking: Option<&str>, client_ids: Vec<String>) -> Option<Vec<String>> {
        let present: BTreeSet<String> = client_ids.into_iter().filter(|id| id.starts_with(&self.prefix)).collect();
        if asking.is_none_or(|asking| !present.contains(asking)) {
            let room = MOST_KNOWN.saturating_sub(self.known.len());
            self.known.extend(present.into_iter().take(room));
            return None;
        }
        let departed = self.known.difference(&present).take(MOST_FENCED).cloned().collect();
        self.known = present;
        Some(departed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    fn roster(ids: &[&str]) -> Roster {
        let mut roster = Roster::new("g");
        assert_eq!(roster.departed(None, list(ids)), None);
        roster
    }

    #[test]
    fn who_was_there_and_is_no_more_has_departed_once() {
        let mut roster = roster(&["g-old-0.0"]);
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-old-0.0", "g-a-0.0", "g-b-0.0"])), Some(list(&[])));
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-a-0.0"])), Some(list(&["g-b-0.0", "g-old-0.0"])));
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-a-0.0"])), Some(list(&[])));
    }

    #[test]
    fn a_list_without_the_member_that_asks_says_nothing_of_anybody() {
        let mut roster = roster(&["g-a-0.0", "g-b-0.0"]);
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&[])), None, "no rights to the group, or it is loaded yet");
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-c-0.0"])), None, "it was thrown out");
        let back = list(&["g-a-0.1", "g-c-0.0"]);
        assert_eq!(roster.departed(Some("g-a-0.1"), back), Some(list(&["g-a-0.0", "g-b-0.0"])));
    }

    #[test]
    fn a_member_that_joins_anew_with_its_client_id_has_not_departed() {
        let mut roster = roster(&["g-a-0.0", "g-shop-0"]);
        let twice = list(&["g-shop-0", "g-a-0.0", "g-shop-0"]);
        assert_eq!(roster.departed(Some("g-a-0.0"), twice), Some(list(&[])));
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-a-0.0", "g-shop-0"])), Some(list(&[])));
    }

    #[test]
    fn an_earlier_life_of_a_worker_has_departed_and_its_other_workers_have_not() {
        let mut roster = roster(&["g-a-0.0", "g-a-1.0"]);
        assert_eq!(roster.departed(Some("g-a-0.1"), list(&["g-a-0.1", "g-a-1.0"])), Some(list(&["g-a-0.0"])));
    }

    #[test]
    fn clients_with_other_names_are_none_of_ours() {
        let mut roster = roster(&["rdkafka", "retail-7", "group-a-0.0", "g"]);
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-a-0.0"])), Some(list(&[])));
    }

    #[test]
    fn what_is_remembered_and_what_is_fenced_is_bounded() {
        let many = |from: usize| (from..from + MOST_KNOWN).map(|number| format!("g-{number}-0.0")).collect();
        let mut roster = roster(&[]);
        for from in [0, MOST_KNOWN, 2 * MOST_KNOWN] {
            assert_eq!(roster.departed(None, many(from)), None);
        }
        assert_eq!(roster.known.len(), MOST_KNOWN);
        assert_eq!(roster.departed(Some("g-a-0.0"), list(&["g-a-0.0"])).unwrap().len(), MOST_FENCED);
    }
}
