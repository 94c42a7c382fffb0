//! Cleaned rows as bytes: CSV, JSON lines and Parquet, and the lists of rejects and repairs.

mod csv_rows;
mod file;
mod json;
mod lists;
mod number;
mod parquet_rows;
mod restart;
mod rows;
mod stream;

pub use csv_rows::{CsvSink, HEADER};
pub use file::Target;
pub use json::{JsonLinesSink, write_row as write_json_row, write_string as write_json_string};
pub use lists::{RejectsSink, RepairsSink};
pub use parquet_rows::ParquetSink;
pub use restart::Restartable;
pub use rows::{Format, RowsSink};
pub use stream::Packing;
