//! Event-time windows over receipts, published exactly once, by any number of replicas.
//!
//! The route of a receipt: [`combine`] folds it into sums, which go through the internal topic ([`partials`]) to [`merge`],
//! which adds them up and publishes a window when all input partitions have passed its end ([`window`]). [`engine`] is a
//! worker without Kafka: both stages of the partitions in its care, and what it commits ([`progress`]). All of that is
//! pure: no I/O, no clock.

pub mod combine;
pub mod dashboard;
pub mod engine;
pub mod merge;
pub mod outbox;
pub mod partials;
pub mod progress;
pub mod window;
