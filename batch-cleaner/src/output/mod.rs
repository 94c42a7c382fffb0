//! Cleaned rows as bytes: CSV and JSON lines, and the lists of rejects and repairs.

mod csv_rows;
mod file;
mod json;
mod lists;
mod number;
mod rows;
mod stream;

pub use csv_rows::{CsvSink, HEADER};
pub use file::Target;
pub use json::{JsonLinesSink, write_row as write_json_row, write_string as write_json_string};
pub use lists::{RejectsSink, RepairsSink};
pub use rows::{Format, RowsSink};
pub use stream::Packing;
