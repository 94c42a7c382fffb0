//! The one shared state: the reading threads write it, the browsers' streams wait on it.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use common::EventTime;
use tokio::sync::watch;

use super::state::health::{Health, Rate, Sample};
use super::state::{Board, Cursor, News, Record, Replay, Resume, Timing, snapshot_event};
use crate::clock::wall_ms;

/// Shared by all that read and show.
#[derive(Debug)]
pub(super) struct Hub {
    shared: Mutex<Shared>,
    /// Bumped with every event; streams wait on it.
    events: watch::Sender<u64>,
}

#[derive(Debug)]
struct Shared {
    board: Board,
    replay: Replay,
    rate: Rate,
    health: Option<Bytes>,
    sees_a_broker: bool,
    // Many browsers come back at once when a replica restarts: they share one rendering.
    snapshot: Option<(Cursor, Bytes)>,
}

impl Hub {
    pub(super) fn new(timing: Timing) -> Arc<Hub> {
        let process = RandomState::new().hash_one(std::process::id());
        let shared = Shared {
            board: Board::new(timing),
            replay: Replay::new(process),
            rate: Rate::default(),
            health: None,
            sees_a_broker: false,
            snapshot: None,
        };
        Arc::new(Hub { shared: Mutex::new(shared), events: watch::Sender::new(0) })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing panics while it holds the lock; if something did, the board is still a board.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the board.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        look(&self.shared().board)
    }

    /// Folds records in. Nobody is told before [`Self::tell`].
    pub(super) fn apply(&self, records: impl IntoIterator<Item = Record>) {
        let mut shared = self.shared();
        records.into_iter().for_each(|record| shared.board.apply(record));
    }

    /// The past has been read.
    pub(super) fn set_caught_up(&self) {
        self.shared().board.set_caught_up();
    }

    /// Tells the browsers what changed since the last call.
    pub(super) fn tell(&self) {
        let mut shared = self.shared();
        let Some(news) = shared.board.take_news(now()) else { return };
        match news {
            News::Update(json) => shared.replay.push("update", &json),
            News::Snapshot(json) => shared.replay.push("snapshot", &json),
        }
        drop(shared);
        self.wake();
    }

    /// Judges a look at the cluster, taken at `at_ms` on a monotonic clock, and tells the browsers.
    pub(super) fn report(&self, sample: &Sample, at_ms: i64) {
        let mut shared = self.shared();
        let rate = sample.receipts_end.and_then(|end| shared.rate.observe(at_ms, end));
        let json = Health::new(now(), sample, rate, &shared.board).to_json();
        shared.replay.push("health", &json);
        shared.health = Some(json.into());
        shared.sees_a_broker = sample.brokers.reachable;
        drop(shared);
        self.wake();
    }

    fn wake(&self) {
        self.events.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether a broker answered when the cluster was last looked at.
    pub(super) fn sees_a_broker(&self) -> bool {
        self.shared().sees_a_broker
    }

    /// The latest health, once the cluster has been looked at.
    pub(super) fn health(&self) -> Option<Bytes> {
        self.shared().health.clone()
    }

    /// Wakes with every event.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.events.subscribe()
    }

    /// What a stream at `cursor` sends next, and where it stands then: the next event, or everything anew. `None` if it has
    /// all there is. Streams share the bytes, and hold no more than what they are sending.
    pub(super) fn after(&self, cursor: Option<Cursor>) -> Option<(Bytes, Cursor)> {
        let mut shared = self.shared();
        match cursor.map_or(Resume::Gone, |cursor| shared.replay.after(cursor)) {
            Resume::Event(event, cursor) => return Some((event, cursor)),
            Resume::UpToDate => return None,
            Resume::Gone => {}
        }
        let cursor = shared.replay.cursor();
        let fresh = shared.snapshot.as_ref().filter(|(at, _)| *at == cursor).map(|(_, event)| event.clone());
        let event = fresh.unwrap_or_else(|| {
            let event = snapshot_event(cursor, &shared.board.snapshot(now()), shared.health.as_deref());
            shared.snapshot = Some((cursor, event.clone()));
            event
        });
        Some((event, cursor))
    }
}

/// The wall clock.
pub(super) fn now() -> EventTime {
    EventTime::from_ms(wall_ms()).unwrap_or(EventTime::MAX)
}
