//! The two things that a run takes from outside its flags: the clock's time at the start, and a seed where none is
//! given.

use std::hash::{BuildHasher as _, RandomState};

use common::EventTime;

/// The wall clock; before 1970 and after 9999 there are no receipts.
pub(crate) fn now() -> EventTime {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).ok().and_then(EventTime::from_ms).unwrap_or(EventTime::MAX)
}

/// Another one in every process, and in every call.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(now())
}
