//! Whether the producer moves and whether its records arrive: what `/healthz` and `/readyz` answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::kafka::ClientStatistics;
use common::shutdown::Shutdown;
use common::telemetry::{Probes, Pulses};

use crate::delivery::Ledger;

/// A broker that takes no record for so long is away.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// How the producer is.
#[derive(Debug)]
pub(crate) struct Health {
    ledger: Arc<Ledger>,
    /// None if the records go nowhere that could be away.
    client: Option<Arc<ClientStatistics>>,
    pulses: Pulses,
    stopping: Shutdown,
    settled: Mutex<Settled>,
}

/// How many records were settled, and since when it is no more.
#[derive(Debug)]
struct Settled {
    records: u64,
    since: Instant,
}

impl Health {
    pub(crate) fn new(ledger: Arc<Ledger>, client: Option<Arc<ClientStatistics>>, stopping: Shutdown) -> Self {
        let settled = Mutex::new(Settled { records: 0, since: Instant::now() });
        Health { ledger, client, pulses: Pulses::new(), stopping, settled }
    }

    /// The threads that must move.
    pub(crate) fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// Looks at the ledger; called every second.
    pub(crate) fn look(&self, now: Instant) {
        let records = Ledger::get(&self.ledger.acknowledged);
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if records != settled.records {
            *settled = Settled { records, since: now };
        }
    }

    fn ready_at(&self, now: Instant) -> Result<(), String> {
        if self.stopping.is_cancelled() {
            return Err("stopping".to_owned());
        }
        let Some(client) = &self.client else { return Ok(()) };
        let since = self.settled.lock().unwrap_or_else(PoisonError::into_inner).since;
        let silent = now.saturating_duration_since(since);
        if silent <= SETTLED_WITHIN {
            return Ok(());
        }
        let waiting = self.ledger.in_flight();
        if waiting > 0 {
            return Err(format!("{waiting} records wait, and none was acknowledged for {} s", silent.as_secs()));
        }
        if client.is_connected() { Ok(()) } else { Err("no connection to a broker".to_owned()) }
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
    use common::kafka::ClientMetrics;
    use common::telemetry::Metrics;

    use super::*;

    fn health() -> Health {
        let client = ClientMetrics::new(&Metrics::new("test", "0")).client("producer");
        Health::new(Arc::default(), Some(Arc::new(client)), Shutdown::new())
    }

    #[test]
    fn it_is_not_ready_while_records_wait_and_none_arrives() {
        let (health, now) = (health(), Instant::now());
        Ledger::add(&health.ledger.sent, 5);
        assert_eq!(health.ready_at(now), Ok(()));
        let later = now + Duration::from_secs(13);
        assert_eq!(health.ready_at(later), Err("5 records wait, and none was acknowledged for 13 s".to_owned()));
        Ledger::add(&health.ledger.acknowledged, 1);
        health.look(later);
        assert_eq!(health.ready_at(later), Ok(()));
    }

    #[test]
    fn without_records_the_connection_tells() {
        let (health, now) = (health(), Instant::now());
        let later = now + Duration::from_secs(13);
        assert_eq!(health.ready_at(later), Err("no connection to a broker".to_owned()));
        let nowhere = Health::new(Arc::default(), None, Shutdown::new());
        assert_eq!(nowhere.ready_at(later), Ok(()));
    }

    #[test]
    fn it_is_not_ready_once_it_is_to_stop() {
        let stop = Shutdown::new();
        let health = Health::new(Arc::default(), None, stop.clone());
        assert_eq!(health.ready(), Ok(()));
        stop.cancel();
        assert_eq!(health.ready(), Err("stopping".to_owned()));
    }
}
