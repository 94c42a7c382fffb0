//! Where records go: to Kafka, or to standard output; and the count of what became of them.

mod kafka;
mod ledger;
mod stdout;

pub use kafka::KafkaSink;
pub use ledger::{Ledger, LedgerContext};
pub use stdout::StdoutSink;

use std::sync::Arc;

use common::kafka::ClientStatistics;

use crate::error::Error;

/// A record on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The record key; none lets the client choose a partition.
    pub key: Option<&'a [u8]>,
    /// The record value.
    pub value: &'a [u8],
    /// The record timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// Whether a sink took a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is in the sink's hands.
    Taken,
    /// The queue is full: offer it again after [`Sink::serve`].
    Full,
    /// Nobody reads any more: the run is over.
    Closed,
}

/// Takes records, never blocks for long.
pub trait Sink {
    /// The client's statistics, if the records go to a broker.
    fn client(&self) -> Option<Arc<ClientStatistics>> {
        None
    }

    /// Hands a record over.
    fn offer(&mut self, record: Outgoing<'_>) -> Result<Offer, Error>;

    /// Counts what was acknowledged meanwhile, without waiting.
    fn serve(&mut self) -> Result<(), Error>;

    /// Whether everything taken is settled: acknowledged, failed or written.
    fn is_settled(&mut self) -> Result<bool, Error>;

    /// Gives up on what is not settled: it counts as failed.
    fn abandon(&mut self);
}
