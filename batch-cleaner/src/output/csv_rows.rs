//! Cleaned rows as CSV.

use std::io::Write;

use super::number::{write_money, write_whole};
use super::stream::{Packing, Stream, StreamPart};
use crate::csv::write_text;
use crate::error::Error;
use crate::sink::{Cleaned, Part, Sink, Survey};

/// The columns of the output, without `repairs`.
pub const HEADER: &str = "transaction_id,customer_id,category,item,price_per_unit,quantity,total_spent,payment_method,\
                          location,transaction_date,discount_applied,day_of_week,transaction_month";

/// Writes cleaned rows as RFC 4180 CSV with LF.
pub struct CsvSink<W> {
    stream: Stream<W>,
    lineage: bool,
}

impl<W: Write + Send> CsvSink<W> {
    /// `name` is what an error calls the target; `lineage` adds the column `repairs`.
    pub fn new(name: impl Into<String>, target: W, packing: Packing, lineage: bool) -> Self {
        CsvSink { stream: Stream::new(name, target, packing), lineage }
    }

    /// The target, once all is written.
    pub fn finish(self) -> Result<W, Error> {
        self.stream.finish()
    }
}

impl<W: Write + Send> Sink for CsvSink<W> {
    type Part = CsvPart;

    fn part(&self) -> CsvPart {
        CsvPart { stream: self.stream.part(), lineage: self.lineage }
    }

    fn start(&mut self, _: &Survey) -> Result<(), Error> {
        let repairs = if self.lineage { ",repairs" } else { "" };
        self.stream.write_whole(format!("{HEADER}{repairs}\n").as_bytes())
    }

    fn write(&mut self, part: &mut CsvPart) -> Result<(), Error> {
        self.stream.write(&mut part.stream)
    }
}

fn write_plain(out: &mut Vec<u8>, text: Option<&str>) {
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// CSV lines of one piece.
pub struct CsvPart {
    stream: StreamPart,
    lineage: bool,
}

impl Part for CsvPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let lineage = self.lineage;
        self.stream.push(|out| {
            let row = &cleaned.row;
            // A record without quotes and carriage returns has no text that needs quotes; one look tells it for all
            // fields. A restored item comes from another record.
            let plain = memchr::memchr2(b'"', b'\r', cleaned.origin.raw).is_none();
            let write_text =
                |out: &mut Vec<u8>, text| if plain { write_plain(out, text) } else { write_text(out, text) };
            write_text(out, row.transaction_id);
            for text in [row.customer_id, row.category] {
                out.push(b',');
                write_text(out, text);
            }
            out.push(b',');
            crate::csv::write_text(out, row.item);
            out.push(b',');
            if let Some(price) = row.price_per_unit {
                write_money(out, price);
            }
            out.push(b',');
            if let Some(quantity) = row.quantity {
                write_whole(out, u64::from(quantity.get().unsigned_abs()));
            }
            out.push(b',');
            if let Some(total) = row.total_spent {
                write_money(out, total);
            }
            for text in [row.payment_method, row.location] {
                out.push(b',');
                write_text(out, text);
            }
            out.push(b',');
            if let Some(date) = row.transaction_date {
                out.extend_from_slice(&date.to_bytes());
            }
            out.extend_from_slice(match row.discount_applied {
                Some(true) => b",true,",
                Some(false) => b",false,",
                None => b",,",
            });
            if let Some(date) = row.transaction_date {
                out.extend_from_slice(date.weekday().as_bytes());
                out.push(b',');
                write_whole(out, u64::from(date.month()));
            } else {
                out.push(b',');
            }
            if lineage {
                let mut separator = b',';
                for column in cleaned.applied.columns().iter() {
                    out.push(separator);
                    out.extend_from_slice(column.name().as_bytes());
                    separator = b';';
                }
                if cleaned.applied.is_empty() {
                    out.push(b',');
                }
            }
            out.push(b'\n');
        });
    }
}
