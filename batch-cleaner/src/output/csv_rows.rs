//! Cleaned rows as CSV.

use std::io::Write;

use super::number::{MOST_TEXT, Short};
use super::stream::{Packing, Stream, StreamPart};
use crate::columns::Column;
use crate::csv::write_text;
use crate::error::Error;
use crate::row::Row;
use crate::sink::{Cleaned, Part, Sink, Survey};
use crate::value::WEEKDAYS;

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
        CsvPart { stream: self.stream.part(), lineage: self.lineage, short: Box::new(Short::new()) }
    }

    fn start(&mut self, _: &Survey) -> Result<(), Error> {
        let repairs = if self.lineage { ",repairs" } else { "" };
        self.stream.write_whole(format!("{HEADER}{repairs}\n").as_bytes())
    }

    fn write(&mut self, part: &mut CsvPart) -> Result<(), Error> {
        self.stream.write(&mut part.stream)
    }
}

/// CSV lines of one piece.
pub struct CsvPart {
    stream: StreamPart,
    lineage: bool,
    /// Scratch space.
    short: Box<Short>,
}

impl Part for CsvPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let CsvPart { stream, lineage, short } = self;
        stream.push(|out| {
            let row = &cleaned.row;
            let names = [row.transaction_id, row.customer_id, row.category, row.item];
            match as_they_came(cleaned, Column::TransactionId, names.map(length_of)) {
                Some(run) => out.extend_from_slice(run),
                None => write_texts(out, names),
            }
            // The rest is put together apart and goes out at once.
            short.clear();
            push_numbers(short, row);
            let (method, location) = (row.payment_method, row.location);
            let date_length = row.transaction_date.map_or(0, |_| DATE_BYTES);
            let lengths = [length_of(method), length_of(location), date_length];
            match as_they_came(cleaned, Column::PaymentMethod, lengths) {
                Some(run) if run.len() <= MOST_TEXT => short.push_text(run),
                _ => {
                    out.extend_from_slice(short.bytes());
                    short.clear();
                    write_texts(out, [method, location]);
                    short.push(b',');
                    if let Some(date) = row.transaction_date {
                        short.push_text(&date.to_bytes());
                    }
                }
            }
            push_end(short, row);
            out.extend_from_slice(short.bytes());
            if *lineage {
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

/// Price, quantity and total, with the commas around them.
fn push_numbers(out: &mut Short, row: &Row<'_>) {
    out.push(b',');
    if let Some(price) = row.price_per_unit {
        out.push_money(price);
    }
    out.push(b',');
    if let Some(quantity) = row.quantity {
        out.push_whole(u64::from(quantity.get().unsigned_abs()));
    }
    out.push(b',');
    if let Some(total) = row.total_spent {
        out.push_money(total);
    }
    out.push(b',');
}

fn write_texts<const N: usize>(out: &mut Vec<u8>, texts: [Option<&str>; N]) {
    for (place, text) in texts.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_text(out, text);
    }
}

/// `YYYY-MM-DD`.
const DATE_BYTES: usize = 10;

fn length_of(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

/// The part of a record with the values of neighbouring columns, if they stand in it as they are to be written; most do.
/// A value is its field or a part of it, so its length tells.
fn as_they_came<'a, const N: usize>(cleaned: &Cleaned<'a>, first: Column, lengths: [usize; N]) -> Option<&'a [u8]> {
    if !cleaned.origin.is_plain || cleaned.applied.fills_item() {
        return None;
    }
    let (before, fields) = cleaned.fields.split_at(first.index());
    if !lengths.iter().zip(fields).all(|(length, field)| *length == field.len()) {
        return None;
    }
    let start: usize = before.iter().map(|field| field.len() + 1).sum();
    let length = lengths.iter().sum::<usize>() + N - 1;
    let run = cleaned.origin.raw.get(start..start + length)?;
    memchr::memchr(b'\r', run).is_none().then_some(run)
}

const fn padded(text: &str) -> ([u8; 16], usize) {
    let mut bytes = [0; 16];
    let mut place = 0;
    while place < text.len() {
        bytes[place] = text.as_bytes()[place];
        place += 1;
    }
    (bytes, text.len())
}

const PADDED_WEEKDAYS: [([u8; 16], usize); 7] = {
    let mut weekdays = [([0; 16], 0); 7];
    let mut day = 0;
    while day < 7 {
        weekdays[day] = padded(WEEKDAYS[day]);
        day += 1;
    }
    weekdays
};

/// Discount, day of the week and month.
fn push_end(out: &mut Short, row: &Row<'_>) {
    match row.discount_applied {
        Some(true) => out.push_text(b",true,"),
        Some(false) => out.push_text(b",false,"),
        None => out.push_text(b",,"),
    }
    if let Some(date) = row.transaction_date {
        let (weekday, length) = &PADDED_WEEKDAYS[date.days_since_monday()];
        out.push_some(weekday, *length);
        out.push(b',');
        out.push_whole(u64::from(date.month()));
    } else {
        out.push(b',');
    }
}
