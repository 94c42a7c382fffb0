//! The lists of rejects and of repairs, as CSV.

use std::io::Write;

use super::number::write_whole;
use super::stream::{Packing, Stream, StreamPart};
use crate::csv::{write_field, write_text};
use crate::error::Error;
use crate::sink::{Cleaned, Origin, Part, Rejected, Sink, Survey};

/// Writes a line for each rejected record: line, transaction id, reasons, the record as it came, file.
pub struct RejectsSink<W>(Stream<W>);

/// Writes a line for each repair: line, transaction id, column, before, after, rule, file. Repairs of rows that are
/// rejected in the end are among them.
pub struct RepairsSink<W>(Stream<W>);

macro_rules! list {
    ($sink:ident, $part:ident, $header:literal) => {
        impl<W: Write + Send> $sink<W> {
            /// `name` is what an error calls the target.
            pub fn new(name: impl Into<String>, target: W, packing: Packing) -> Self {
                $sink(Stream::new(name, target, packing))
            }

            /// The target, once all is written.
            pub fn finish(self) -> Result<W, Error> {
                self.0.finish()
            }
        }

        impl<W: Write + Send> Sink for $sink<W> {
            type Part = $part;

            fn part(&self) -> $part {
                $part(self.0.part())
            }

            fn start(&mut self, _: &Survey) -> Result<(), Error> {
                self.0.write_whole(concat!($header, "\n").as_bytes())
            }

            fn write(&mut self, part: &mut $part) -> Result<(), Error> {
                self.0.write(&mut part.0)
            }
        }

        /// Lines of one piece.
        pub struct $part(StreamPart);
    };
}

list!(RejectsSink, RejectsPart, "line,transaction_id,reasons,row,file");
list!(RepairsSink, RepairsPart, "line,transaction_id,column,before,after,rule,file");

impl Part for RejectsPart {
    fn kept(&mut self, _: &Cleaned<'_>) {}

    fn rejected(&mut self, record: &Rejected<'_>) {
        let origin = record.origin();
        self.0.push(|out| {
            begin(out, &origin, record.transaction_id());
            out.push(b',');
            write_field(out, record.reasons().join("; ").as_bytes());
            out.push(b',');
            write_field(out, origin.raw);
            end(out, &origin);
        });
    }
}

impl Part for RepairsPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        if !cleaned.applied.is_empty() {
            self.repairs(cleaned);
        }
    }

    fn rejected(&mut self, record: &Rejected<'_>) {
        if let Rejected::Incomplete(cleaned) = record {
            self.kept(cleaned);
        }
    }
}

impl RepairsPart {
    fn repairs(&mut self, cleaned: &Cleaned<'_>) {
        for rule in cleaned.applied.iter() {
            let column = rule.column();
            self.0.push(|out| {
                begin(out, &cleaned.origin, cleaned.row.transaction_id);
                out.push(b',');
                out.extend_from_slice(column.name().as_bytes());
                out.push(b',');
                write_field(out, cleaned.fields[column.index()].as_bytes());
                out.push(b',');
                write_text(out, cleaned.row.display(column).as_deref());
                out.push(b',');
                write_text(out, Some(rule.name()));
                end(out, &cleaned.origin);
            });
        }
    }
}

fn begin(out: &mut Vec<u8>, origin: &Origin<'_>, transaction_id: Option<&str>) {
    write_whole(out, origin.line);
    out.push(b',');
    write_text(out, transaction_id);
}

fn end(out: &mut Vec<u8>, origin: &Origin<'_>) {
    out.push(b',');
    write_text(out, Some(origin.file));
    out.push(b'\n');
}
