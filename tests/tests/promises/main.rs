//! What `stream-analytics` promises beside right windows: what it refuses and with which line, where it stops, what it writes
//! beside the results, and how it ends. On the embedded broker by default; what needs transactions or an operator's hand
//! is tested where `KAFKA_BROKERS` names a real one.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod clock;
mod dead_letters;
mod endings;
mod hidden;
mod identity;
mod limits;
mod loss;
mod partitions;
mod rights;
mod settings;
mod stage;
mod topics;
mod until_end;
mod verify;
