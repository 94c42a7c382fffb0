//! The dry run: values on standard output, a line each.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::Arc;

use super::{Ledger, Offer, Outgoing, Sink};
use crate::error::Error;

/// Writes values, a line each.
#[derive(Debug)]
pub struct StdoutSink<W: Write> {
    out: BufWriter<W>,
    ledger: Arc<Ledger>,
}

impl<W: Write> StdoutSink<W> {
    /// Usually standard output.
    pub fn new(out: W, ledger: Arc<Ledger>) -> Self {
        StdoutSink { out: BufWriter::with_capacity(1 << 16, out), ledger }
    }
}

/// Whether the output still has a reader.
fn has_reader(outcome: io::Result<()>) -> Result<bool, Error> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(source) => Err(Error::Output { what: "to standard output".to_owned(), source }),
    }
}

impl<W: Write> Sink for StdoutSink<W> {
    fn offer(&mut self, record: Outgoing<'_>) -> Result<Offer, Error> {
        let written = self.out.write_all(record.value).and_then(|()| self.out.write_all(b"\n"));
        if !has_reader(written)? {
            return Ok(Offer::Closed);
        }
        Ledger::add(&self.ledger.sent, 1);
        Ledger::add(&self.ledger.acknowledged, 1);
        Ok(Offer::Taken)
    }

    fn serve(&mut self) -> Result<(), Error> {
        has_reader(self.out.flush()).map(drop)
    }

    fn is_settled(&mut self) -> Result<bool, Error> {
        self.serve().map(|()| true)
    }

    fn abandon(&mut self) {}
}
