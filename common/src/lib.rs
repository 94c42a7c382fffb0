//! What the services share: the records on the topics, the names of the topics, and how a process talks to Kafka,
//! logs, counts and ends.
//!
//! * Values: [`Money`], [`EventTime`], [`StoreId`], [`Receipt`], [`sales`], [`results`]. Plain data, no I/O.
//! * Topics: [`Topics`] names them all; [`dead_letter`] names the headers of a refused record.
//! * Shell: [`kafka`] (client settings, topic creation), [`logging`], [`shutdown`], [`exit`], [`http`],
//!   [`telemetry`] (what a running service shows of itself), [`health`] (asks it).
//!
//! No business rule of a single service lives here.

pub mod dead_letter;
mod duration;
mod event_time;
pub mod exit;
pub mod health;
pub mod http;
mod ids;
pub mod kafka;
pub mod logging;
mod money;
mod receipt;
pub mod results;
pub mod sales;
pub mod shutdown;
pub mod telemetry;
mod topics;

pub use duration::{DurationError, DurationOrOff, format_duration, parse_duration};
pub use event_time::{EventTime, EventTimeError};
pub use ids::{CashierId, StoreId};
pub use money::{Money, MoneyError};
pub use receipt::{LineItem, MAX_NESTING, MAX_STRING_BYTES, MalformedReceipt, Receipt};
pub use topics::{TopicKind, Topics};
