//! Writes the manifest; it is there only once the run is complete.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use common::dead_letter;
use common::results::ExpensiveReceipt;
use common::{Money, TopicKind};
use serde::Serialize;

use super::book::{Book, Rules, Verdict};
use super::partition::partition_of;
use crate::args::ReceiptsArgs;
use crate::error::Error;
use crate::output::Output;
use crate::receipts::catalogue::Catalogue;
use crate::receipts::sale::Sale;

/// Notes every record that was sent, and writes what must come of it.
#[derive(Debug)]
pub struct Manifest {
    out: Output,
    book: Book,
    catalogue: Arc<Catalogue>,
    seed: u64,
    expensive_over: Money,
    /// The next record's offset, by partition.
    offsets: Vec<u64>,
    counts: Counts,
    since_closed: u32,
}

/// A record that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Noted<'a> {
    /// The record key.
    pub key: &'a [u8],
    /// What was sold.
    pub sale: &'a Sale,
    /// The value is no receipt.
    pub malformed: bool,
}

/// The last line.
#[derive(Debug, Default, Serialize)]
struct Counts {
    seed: u64,
    partitions: usize,
    window_ms: i64,
    slide_ms: i64,
    watermark_delay_ms: i64,
    top: usize,
    expensive_over: Money,
    records: u64,
    malformed: u64,
    late: u64,
    counted: u64,
    expensive_receipts: u64,
    sales_totals: u64,
    top_stores: u64,
    popular_items: u64,
}

/// Closed windows are looked for once in so many records.
const RECORDS_A_LOOK: u32 = 1_024;

impl Manifest {
    /// Begins the manifest of an empty topic.
    pub fn create(
        path: &Path,
        args: &ReceiptsArgs,
        seed: u64,
        partitions: u32,
        catalogue: Arc<Catalogue>,
    ) -> Result<Manifest, Error> {
        let rules = Rules::new(&args.manifest)?;
        let mut in_use = vec![false; partitions as usize];
        let silent = |store: u32| args.disorder.silent_store.iter().any(|id| id.get() == i64::from(store));
        for store in (1..=args.shops.stores).filter(|store| !silent(*store)) {
            in_use[partition_of(store.to_string().as_bytes(), partitions) as usize] = true;
        }
        Ok(Manifest {
            out: Output::create(path)?,
            book: Book::new(rules, catalogue.clone(), in_use),
            catalogue,
            seed,
            expensive_over: args.shops.expensive_over,
            offsets: vec![0; partitions as usize],
            counts: Counts {
                seed,
                partitions: partitions as usize,
                window_ms: rules.window_ms,
                slide_ms: rules.slide_ms,
                watermark_delay_ms: rules.delay_ms,
                top: rules.top,
                expensive_over: args.shops.expensive_over,
                ..Counts::default()
            },
            since_closed: 0,
        })
    }

    /// The next record that was sent.
    pub fn note(&mut self, noted: Noted<'_>) -> Result<(), Error> {
        self.try_note(noted).map_err(|source| self.out.error(source))
    }

    fn try_note(&mut self, Noted { key, sale, malformed }: Noted<'_>) -> io::Result<()> {
        let partitions = u32::try_from(self.offsets.len()).unwrap_or(u32::MAX);
        let partition = partition_of(key, partitions) as usize;
        let offset = self.offsets[partition];
        self.offsets[partition] += 1;
        self.counts.records += 1;
        let verdict = if malformed { Verdict::OutOfRange } else { self.book.note(partition, sale) };
        match verdict {
            Verdict::Counted => self.counts.counted += 1,
            Verdict::Late => {
                self.counts.late += 1;
                self.write_dead_letter(sale, dead_letter::LATE, partition, offset)?;
            }
            Verdict::OutOfRange => {
                self.counts.malformed += 1;
                self.write_dead_letter(sale, dead_letter::MALFORMED, partition, offset)?;
            }
        }
        if verdict != Verdict::OutOfRange && sale.total > self.expensive_over {
            self.counts.expensive_receipts += 1;
            let receipt = sale.to_receipt(self.seed, &self.catalogue);
            let value = ExpensiveReceipt { receipt: &receipt, total: sale.total }.to_json();
            self.write_record(TopicKind::ExpensiveReceipts.base_name(), &receipt.receipt_id, &value)?;
        }
        self.since_closed += 1;
        if self.since_closed >= RECORDS_A_LOOK {
            self.since_closed = 0;
            self.write_closed(false)?;
        }
        Ok(())
    }

    fn write_dead_letter(&mut self, sale: &Sale, reason: &str, partition: usize, offset: u64) -> io::Result<()> {
        let (topic, key) = (TopicKind::ReceiptsDeadLetter.base_name(), sale.store);
        let (exception, at_partition, at_offset) =
            (dead_letter::EXCEPTION, dead_letter::PARTITION, dead_letter::OFFSET);
        writeln!(
            self.out,
            "{{\"topic\":\"{topic}\",\"key\":\"{key}\",\"headers\":{{\"{exception}\":\"{reason}\",\
             \"{at_partition}\":\"{partition}\",\"{at_offset}\":\"{offset}\"}}}}"
        )
    }

    fn write_record(&mut self, topic: &str, key: &str, value: &[u8]) -> io::Result<()> {
        let key = serde_json::Value::from(key);
        write!(self.out, "{{\"topic\":\"{topic}\",\"key\":{key},\"value\":")?;
        self.out.write_all(value)?;
        self.out.write_all(b"}\n")
    }

    fn write_closed(&mut self, ended: bool) -> io::Result<()> {
        for result in self.book.take_closed(ended) {
            let count = match result.topic {
                "sales-totals" => &mut self.counts.sales_totals,
                "top-stores" => &mut self.counts.top_stores,
                _ => &mut self.counts.popular_items,
            };
            *count += 1;
            self.write_record(result.topic, &result.key, &result.value)?;
        }
        Ok(())
    }

    /// Closes every window, and puts the file in its place.
    pub fn finish(mut self) -> Result<(), Error> {
        self.try_finish().map_err(|source| self.out.error(source))?;
        self.out.commit()
    }

    fn try_finish(&mut self) -> io::Result<()> {
        self.write_closed(true)?;
        let counts = serde_json::to_string(&self.counts)?;
        writeln!(self.out, "{{\"summary\":{counts}}}")
    }
}
