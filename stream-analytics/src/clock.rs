//! Time as the core counts it, in milliseconds. Only the edge reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds of a duration.
pub fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch, now.
pub fn wall_ms() -> i64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
