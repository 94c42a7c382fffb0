//! The stream of receipts: sale, stamp, bytes, and what is wrong with them; noted in the manifest once they are sent.

use std::sync::Arc;

use common::{EventTime, Money};

use super::catalogue::Catalogue;
use super::disorder::Disorder;
use super::encode::Encoder;
use super::sale::{Sale, SaleDraw};
use crate::args::ReceiptsArgs;
use crate::delivery::{Ledger, Outgoing};
use crate::error::Error;
use crate::malform::Malformation;
use crate::manifest::{Manifest, Noted};
use crate::run::{Made, Source};

/// Makes receipts: seed and times in, records out.
#[derive(Debug)]
pub struct ReceiptStream {
    draw: SaleDraw,
    disorder: Disorder,
    encoder: Encoder,
    key: Vec<u8>,
    value: Vec<u8>,
    late: bool,
    malformed: Option<Malformation>,
}

/// A receipt that was made; borrows the stream's buffers.
#[derive(Debug, Clone, Copy)]
pub struct Generated<'a> {
    /// The record key: the store's id as text.
    pub key: &'a [u8],
    /// The record value.
    pub value: &'a [u8],
    /// What was sold; of a malformed one, what was before it was.
    pub sale: &'a Sale,
    /// Stamped in the past on purpose.
    pub late: bool,
    /// Made wrong on purpose.
    pub malformed: Option<Malformation>,
    /// How often it is sent.
    pub copies: u32,
}

impl ReceiptStream {
    /// As the flags say.
    pub fn new(args: &ReceiptsArgs, seed: u64, catalogue: &Catalogue) -> Result<ReceiptStream, Error> {
        Ok(ReceiptStream {
            draw: SaleDraw::new(seed, &args.shops, &args.disorder.silent_store, catalogue)?,
            disorder: Disorder::new(&args.disorder, seed),
            encoder: Encoder::new(seed, catalogue),
            key: Vec::with_capacity(8),
            value: Vec::with_capacity(4096),
            late: false,
            malformed: None,
        })
    }

    /// Makes receipt `number`, that happens at `time`.
    pub fn generate(&mut self, number: u64, time: EventTime) -> Generated<'_> {
        let (stamped, late) = self.disorder.stamp(time);
        let sale = self.draw.draw(number, stamped);
        self.value.clear();
        self.encoder.encode(sale, &mut self.value);
        self.key.clear();
        self.key.extend_from_slice(itoa::Buffer::new().format(sale.store).as_bytes());
        let malformed = self.disorder.malform(&mut self.value);
        let copies = self.disorder.copies();
        (self.late, self.malformed) = (late, malformed);
        Generated { key: &self.key, value: &self.value, sale, late, malformed, copies }
    }
}

/// A stream whose records are sent, counted, and noted in the manifest where one is wanted.
pub(super) struct CountedStream {
    pub(super) stream: ReceiptStream,
    pub(super) ledger: Arc<Ledger>,
    pub(super) expensive_over: Money,
    pub(super) manifest: Option<Manifest>,
}

impl Source for CountedStream {
    fn make(&mut self, number: u64, time: EventTime) -> Made<'_> {
        let made = self.stream.generate(number, time);
        let timestamp_ms = made.sale.timestamp.ms();
        Made { record: Outgoing { key: Some(made.key), value: made.value, timestamp_ms }, copies: made.copies }
    }

    fn taken(&mut self, copies: u32) -> Result<(), Error> {
        let ReceiptStream { draw, late, malformed, key, .. } = &self.stream;
        let records = u64::from(copies);
        if *late {
            Ledger::add(&self.ledger.late, records);
        }
        match malformed {
            Some(kind) => self.ledger.add_malformed(*kind, records),
            None if draw.last().total > self.expensive_over => Ledger::add(&self.ledger.expensive, records),
            None => {}
        }
        let Some(manifest) = &mut self.manifest else { return Ok(()) };
        for _ in 0..copies {
            manifest.note(Noted { key, sale: draw.last(), malformed: malformed.is_some() })?;
        }
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Result<(), Error> {
        match self.manifest.take() {
            Some(manifest) if complete => manifest.finish(),
            Some(_) => {
                tracing::warn!("no manifest is written: not every record was acknowledged");
                Ok(())
            }
            None => Ok(()),
        }
    }
}
