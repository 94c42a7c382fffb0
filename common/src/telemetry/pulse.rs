//! Whether a process's threads still move. A thread beats whenever it comes round; one that has not for long is stuck,
//! or died of a panic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any wait for a broker that is away: each attempt at something beats.
const STUCK_AFTER: Duration = Duration::from_mins(2);

/// The threads of a process that must move.
#[derive(Debug, Clone)]
pub struct Pulses {
    started: Instant,
    threads: Arc<Mutex<Vec<Thread>>>,
}

#[derive(Debug)]
struct Thread {
    name: String,
    beaten_ms: Arc<AtomicU64>,
}

/// One thread's pulse.
#[derive(Debug)]
pub struct Pulse {
    started: Instant,
    beaten_ms: Arc<AtomicU64>,
}

impl Pulses {
    /// None yet.
    pub fn new() -> Self {
        Pulses { started: Instant::now(), threads: Arc::default() }
    }

    /// A thread that must move from now on, until the process ends.
    pub fn watch(&self, name: impl Into<String>) -> Pulse {
        let pulse = Pulse { started: self.started, beaten_ms: Arc::default() };
        pulse.beat();
        let thread = Thread { name: name.into(), beaten_ms: Arc::clone(&pulse.beaten_ms) };
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        pulse
    }

    /// Whether all threads have beaten lately; if not, which have not.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(elapsed_ms(self.started))
    }

    fn check_at(&self, now_ms: u64) -> Result<(), String> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for Thread { name, beaten_ms } in &*threads {
            let silent = Duration::from_millis(now_ms.saturating_sub(beaten_ms.load(Ordering::Relaxed)));
            if silent > STUCK_AFTER {
                return Err(format!("{name} has not moved for {} s", silent.as_secs()));
            }
        }
        Ok(())
    }
}

impl Default for Pulses {
    fn default() -> Self {
        Pulses::new()
    }
}

impl Pulse {
    /// The thread moves.
    pub fn beat(&self) {
        self.beaten_ms.store(elapsed_ms(self.started), Ordering::Relaxed);
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_no_longer_beats_is_named() {
        let pulses = Pulses::new();
        let _moves = pulses.watch("worker 0");
        drop(pulses.watch("worker 1"));
        assert_eq!(pulses.check(), Ok(()));
        let long_ms = u64::try_from(STUCK_AFTER.as_millis()).unwrap();
        assert_eq!(pulses.check_at(long_ms), Ok(()));
        pulses.threads.lock().unwrap()[0].beaten_ms.store(long_ms, Ordering::Relaxed);
        assert_eq!(pulses.check_at(long_ms + 3_000), Err("worker 1 has not moved for 123 s".to_owned()));
    }
}
