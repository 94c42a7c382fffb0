//! The manifest: what an analytics service must publish for a run, worked out from the receipts as they were sent and
//! from the rules of the windows alone, with no code of the analytics.
//!
//! A JSON line a record: `{"topic":…,"key":…,"value":…}` for results, to the byte; `{"topic":"receipts.dead-letter",
//! "key":…,"headers":{…}}` for refused receipts; and last `{"summary":{…}}`. Topics are named without prefix, windows
//! come in order, expensive receipts and dead letters in the order of sending.

mod book;
mod file;
mod partition;
mod windows;

pub use book::{Book, Rules, Verdict};
pub use file::{Manifest, Noted};
pub use partition::partition_of;
