//! How the workers of a process stand: what `/healthz` and `/readyz` answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::telemetry::{Probes, Pulses};

/// A worker with partitions commits at least every second; one that has not for so long cannot.
const COMMITTED_WITHIN: Duration = Duration::from_secs(10);

/// How one worker stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The group has given it its share, which may be none.
    pub(super) joined: bool,
    /// Partitions in its care.
    pub(super) partitions: usize,
    /// Records of theirs that wait.
    pub(super) lag_records: i64,
    /// When it last committed, or got its partitions.
    pub(super) committed: Option<Instant>,
    /// Its consumer has a connection to a broker.
    pub(super) connected: bool,
}

/// How a process stands.
#[derive(Debug)]
pub struct Health {
    max_lag_records: i64,
    pulses: Pulses,
    /// By number; none before the workers begin.
    workers: Mutex<Vec<Standing>>,
}

impl Health {
    /// Of a process that is not ready while more than `max_lag_records` wait for it.
    pub fn new(max_lag_records: i64) -> Self {
        Health { max_lag_records, pulses: Pulses::new(), workers: Mutex::default() }
    }

    /// The threads that must move.
    pub fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// So many workers begin.
    pub fn expect_workers(&self, count: u16) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).resize(count.into(), Standing::default());
    }

    pub(super) fn update(&self, worker: u16, update: impl FnOnce(&mut Standing)) {
        if let Some(standing) = self.workers.lock().unwrap_or_else(PoisonError::into_inner).get_mut(usize::from(worker))
        {
            update(standing);
        }
    }

    fn ready_at(&self, now: Instant) -> Result<(), String> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.is_empty() {
            return Err("the cluster is being looked at".to_owned());
        }
        for (number, standing) in workers.iter().enumerate() {
            standing.check(now).map_err(|reason| format!("worker {number} {reason}"))?;
        }
        let lag_records: i64 = workers.iter().map(|standing| standing.lag_records).sum();
        if lag_records > self.max_lag_records {
            return Err(format!("{lag_records} records wait, more than {} (--ready-lag)", self.max_lag_records));
        }
        Ok(())
    }
}

impl Standing {
    fn check(&self, now: Instant) -> Result<(), String> {
        if !self.joined {
            return Err("has not got its partitions yet".to_owned());
        }
        if self.partitions == 0 {
            return if self.connected { Ok(()) } else { Err("has no connection to a broker".to_owned()) };
        }
        let since = self.committed.map_or(Duration::MAX, |committed| now.saturating_duration_since(committed));
        if since > COMMITTED_WITHIN {
            return Err(format!("has not committed for {} s", since.as_secs()));
        }
        Ok(())
    }
}

impl Probes for Health {
    fn alive(&self) -> Result<(), String> {
        self.pulses.check()
    }

    fn ready(&self) -> Result<(), String> {
        self.ready_at(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_work(now: Instant) -> Standing {
        Standing { joined: true, partitions: 2, lag_records: 40, committed: Some(now), connected: true }
    }

    #[test]
    fn it_is_ready_once_every_worker_is_at_work_and_no_longer() {
        let now = Instant::now();
        let health = Health::new(100);
        assert!(health.ready_at(now).unwrap_err().contains("looked at"));
        health.expect_workers(2);
        health.update(0, |standing| *standing = at_work(now));
        assert_eq!(health.ready_at(now), Err("worker 1 has not got its partitions yet".to_owned()));
        health.update(1, |standing| *standing = at_work(now));
        assert_eq!(health.ready_at(now), Ok(()));
        let later = now + Duration::from_secs(12);
        assert_eq!(health.ready_at(later), Err("worker 0 has not committed for 12 s".to_owned()));
    }

    #[test]
    fn too_much_lag_over_all_workers_is_not_ready() {
        let now = Instant::now();
        let health = Health::new(79);
        health.expect_workers(2);
        for worker in [0, 1] {
            health.update(worker, |standing| *standing = at_work(now));
        }
        assert_eq!(health.ready_at(now), Err("80 records wait, more than 79 (--ready-lag)".to_owned()));
        health.update(1, |standing| standing.lag_records = 39);
        assert_eq!(health.ready_at(now), Ok(()));
    }

    #[test]
    fn a_spare_worker_is_ready_while_it_has_a_connection() {
        let health = Health::new(0);
        health.expect_workers(1);
        health.update(0, |standing| *standing = Standing { joined: true, connected: true, ..Standing::default() });
        assert_eq!(health.ready_at(Instant::now()), Ok(()));
        health.update(0, |standing| standing.connected = false);
        assert_eq!(health.ready_at(Instant::now()), Err("worker 0 has no connection to a broker".to_owned()));
    }
}
