//! Cleaned rows as JSON objects, a line each.

use std::io::Write;

use super::number::{write_money, write_whole};
use super::stream::{Packing, Stream, StreamPart};
use crate::columns::Columns;
use crate::error::Error;
use crate::row::Row;
use crate::sink::{Cleaned, Part, Sink};

/// Writes cleaned rows as JSON lines.
pub struct JsonLinesSink<W> {
    stream: Stream<W>,
    lineage: bool,
}

impl<W: Write + Send> JsonLinesSink<W> {
    /// `name` is what an error calls the target; `lineage` adds the member `repairs`.
    pub fn new(name: impl Into<String>, target: W, packing: Packing, lineage: bool) -> Self {
        JsonLinesSink { stream: Stream::new(name, target, packing), lineage }
    }

    /// The target, once all is written.
    pub fn finish(self) -> Result<W, Error> {
        self.stream.finish()
    }
}

impl<W: Write + Send> Sink for JsonLinesSink<W> {
    type Part = JsonLinesPart;

    fn part(&self) -> JsonLinesPart {
        JsonLinesPart { stream: self.stream.part(), lineage: self.lineage }
    }

    fn write(&mut self, part: &mut JsonLinesPart) -> Result<(), Error> {
        self.stream.write(&mut part.stream)
    }
}

/// JSON lines of one piece.
pub struct JsonLinesPart {
    stream: StreamPart,
    lineage: bool,
}

impl Part for JsonLinesPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let repairs = self.lineage.then(|| cleaned.applied.columns());
        self.stream.push(|out| {
            write_row(out, &cleaned.row, repairs);
            out.push(b'\n');
        });
    }
}

/// One row, in the order of the wire contract; `repairs` are the filled columns, left out if `None`.
pub fn write_row(out: &mut Vec<u8>, row: &Row<'_>, repairs: Option<Columns>) {
    text(out, b"{\"transaction_id\":", row.transaction_id);
    text(out, b",\"customer_id\":", row.customer_id);
    text(out, b",\"category\":", row.category);
    text(out, b",\"item\":", row.item);
    value(out, b",\"price_per_unit\":", row.price_per_unit, write_money);
    value(out, b",\"quantity\":", row.quantity, |out, quantity| {
        write_whole(out, u64::from(quantity.get().unsigned_abs()));
    });
    value(out, b",\"total_spent\":", row.total_spent, write_money);
    text(out, b",\"payment_method\":", row.payment_method);
    text(out, b",\"location\":", row.location);
    value(out, b",\"transaction_date\":", row.transaction_date, |out, date| quoted(out, &date.to_bytes()));
    value(out, b",\"discount_applied\":", row.discount_applied, |out, applied| {
        out.extend_from_slice(if applied { b"true" } else { b"false" });
    });
    value(out, b",\"day_of_week\":", row.transaction_date, |out, date| quoted(out, date.weekday().as_bytes()));
    value(out, b",\"transaction_month\":", row.transaction_date, |out, date| {
        write_whole(out, u64::from(date.month()));
    });
    if let Some(repairs) = repairs {
        out.extend_from_slice(b",\"repairs\":[");
        for (place, column) in repairs.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            quoted(out, column.name().as_bytes());
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn value<T>(out: &mut Vec<u8>, name: &[u8], value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.extend_from_slice(name);
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn text(out: &mut Vec<u8>, name: &[u8], text: Option<&str>) {
    value(out, name, text, write_string);
}

/// Text without anything to escape.
fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// A JSON string: `"`, `\` and control characters are escaped, in the short form where there is one.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_the_wire_contract_says() {
        let text: String = (0..0x80).map(char::from).chain("é\u{2028}".chars()).collect();
        let mut out = Vec::new();
        write_string(&mut out, &text);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }
}
