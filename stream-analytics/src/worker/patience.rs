//! How long a worker waits for a broker that is away: for ever while it runs, a few seconds once it is to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::shutdown::Shutdown;
use common::telemetry::Pulse;

/// How long the last commit may take.
const LAST_COMMIT: Duration = Duration::from_secs(6);

/// Watches the shutdown token, and tells that the worker moves: it asks here in every round and before every attempt.
#[derive(Debug)]
pub struct Patience {
    shutdown: Shutdown,
    pulse: Pulse,
    stopping_since: OnceLock<Instant>,
}

impl Patience {
    /// Of a worker that runs until the token is cancelled.
    pub fn new(shutdown: Shutdown, pulse: Pulse) -> Self {
        Patience { shutdown, pulse, stopping_since: OnceLock::new() }
    }

    /// Whether the worker is to stop.
    pub fn is_stopping(&self) -> bool {
        self.pulse.beat();
        self.shutdown.is_cancelled() && self.stopping_since.get_or_init(Instant::now).elapsed() < Duration::MAX
    }

    /// Whether to make an unsuccessful call again.
    pub fn keep_trying(&self) -> bool {
        !self.is_stopping() || self.stopping_since.get_or_init(Instant::now).elapsed() < LAST_COMMIT
    }
}

/// Waits before the next attempt at something that may succeed later.
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
