//! The records of one piece of the input, ready to be sent.

use std::ops::Range;

use crate::columns::Column;
use crate::output::{write_json_row, write_json_string};
use crate::sink::{Cleaned, Part, Rejected};

/// Records of `sales.cleaned` and `sales.rejected`, in input order.
pub struct PublishPart {
    bytes: Vec<u8>,
    records: Vec<Record>,
    rows: u64,
    /// Nothing is to be published: rows are counted only.
    idle: bool,
}

struct Record {
    /// Which of the piece's rows it is.
    row: u64,
    kept: bool,
    key: Range<usize>,
    value: Range<usize>,
}

/// A record as it is sent.
pub(super) struct Outgoing<'p> {
    pub(super) kept: bool,
    pub(super) key: &'p [u8],
    pub(super) value: &'p [u8],
}

impl PublishPart {
    pub(super) fn new(idle: bool) -> Self {
        PublishPart { bytes: Vec::new(), records: Vec::new(), rows: 0, idle }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The records of rows from the piece's `first` on.
    pub(super) fn records_from(&self, first: u64) -> impl Iterator<Item = Outgoing<'_>> {
        self.records.iter().filter(move |record| record.row >= first).map(|record| Outgoing {
            kept: record.kept,
            key: &self.bytes[record.key.clone()],
            value: &self.bytes[record.value.clone()],
        })
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.rows = 0;
    }

    fn push(&mut self, kept: bool, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.idle {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(key.as_bytes());
            let middle = self.bytes.len();
            write(&mut self.bytes);
            let record = Record { row: self.rows, kept, key: start..middle, value: middle..self.bytes.len() };
            self.records.push(record);
        }
        self.rows += 1;
    }
}

impl Part for PublishPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let row = &cleaned.row;
        self.push(true, row.transaction_id.unwrap_or_default(), |out| {
            write_json_row(out, row, Some(cleaned.applied.columns()));
        });
    }

    fn rejected(&mut self, record: &Rejected<'_>) {
        self.push(false, record.transaction_id().unwrap_or_default(), |out| write_rejected(out, record));
    }
}

fn write_rejected(out: &mut Vec<u8>, record: &Rejected<'_>) {
    let origin = record.origin();
    out.extend_from_slice(b"{\"file\":");
    write_json_string(out, origin.file);
    out.extend_from_slice(format!(",\"line\":{},\"reasons\":[", origin.line).as_bytes());
    for (place, reason) in record.reasons().iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_json_string(out, reason);
    }
    out.extend_from_slice(b"],\"row\":{");
    match record {
        // Which column is which cannot be told: the record goes as a whole.
        Rejected::Unreadable(..) => {
            out.extend_from_slice(b"\"raw\":");
            write_json_string(out, &String::from_utf8_lossy(origin.raw));
        }
        Rejected::Incomplete(cleaned) => {
            for column in Column::ALL {
                if column != Column::ALL[0] {
                    out.push(b',');
                }
                write_json_string(out, column.name());
                out.push(b':');
                write_json_string(out, cleaned.fields[column.index()]);
            }
        }
    }
    out.extend_from_slice(b"}}");
}
