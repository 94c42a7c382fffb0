//! How long a worker waits for a broker that is away: for minutes in one life, and for ever in ever new ones, while it runs; a few
//! seconds once it is to stop.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::shutdown::Shutdown;
use common::telemetry::Pulse;

/// How long the last commit may take.
const LAST_COMMIT: Duration = Duration::from_secs(6);
/// How long one attempt at a call takes while the worker runs; unsuccessful ones are made again.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The shortest attempt: a broker that is there answers within it.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(200);

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

    /// How long the worker has been stopping, if it is.
    fn stopping_for(&self) -> Option<Duration> {
        self.pulse.beat();
        self.shutdown.is_cancelled().then(|| self.stopping_since.get_or_init(Instant::now).elapsed())
    }

    /// Whether the worker is to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping_for().is_some()
    }

    /// Whether to make an unsuccessful call again.
    pub fn keep_trying(&self) -> bool {
        self.stopping_for().is_none_or(|stopping_for| stopping_for < LAST_COMMIT)
    }

    /// How long the next attempt at a call may take.
    pub fn attempt(&self) -> Duration {
        let left = self.stopping_for().map_or(ATTEMPT, |stopping_for| LAST_COMMIT.saturating_sub(stopping_for));
        left.clamp(SHORTEST_ATTEMPT, ATTEMPT)
    }
}

/// Waits before the next attempt at something that may succeed later.
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use common::telemetry::Pulses;

    use super::*;

    #[test]
    fn a_worker_that_stops_tries_on_for_a_while_and_in_ever_shorter_attempts() {
        let shutdown = Shutdown::new();
        let pulse = Pulses::new().watch("test");
        let patience = Patience::new(shutdown.clone(), pulse);
        assert!(!patience.is_stopping() && patience.keep_trying());
        assert_eq!(patience.attempt(), ATTEMPT);
        shutdown.cancel();
        assert!(patience.is_stopping() && patience.keep_trying());

        let long_ago = Instant::now().checked_sub(LAST_COMMIT).unwrap();
        let impatient = Patience { stopping_since: OnceLock::from(long_ago), ..patience };
        assert!(impatient.is_stopping() && !impatient.keep_trying());
        assert_eq!(impatient.attempt(), SHORTEST_ATTEMPT);
    }
}
