//! What the dashboard knows: plain data in, plain data out. No clock, no Kafka, no HTTP.
//!
//! A [`Record`] is decoded from a topic and folded into the [`Board`]; the board answers filtered views and says what
//! has changed since it was last asked; [`Replay`] numbers those changes and keeps the latest for browsers that come
//! back. [`health`] turns what the cluster answered into the figures of the health strip.

mod board;
mod expensive;
mod filter;
pub(super) mod health;
mod history;
mod record;
mod refusals;
mod replay;
mod view;

pub(super) use board::{Board, News};
pub(super) use filter::{ReceiptFilter, SeriesFilter, WindowFilter};
pub(super) use record::{Envelope, Position, Record, RefusalHeaders};
pub(super) use replay::{Cursor, Replay, Resume, snapshot_event};
pub(super) use view::Timing;
