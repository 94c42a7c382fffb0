//! Turns dirty sales files into typed, repaired, validated rows.
//!
//! The way of a row: [`csv`] splits the input into records, [`Header`] finds the columns, [`Row::read`] types the values,
//! [`repair`] fills what follows from the rest, and a [`Sink`] takes what is complete. [`clean`] does this in two passes,
//! both parallel: the first learns the item [`Reference`] from all rows, the second cleans.
//!
//! ```
//! use std::io::Cursor;
//!
//! use batch_cleaner::{CsvSink, Options, Packing, Steps, clean};
//!
//! let dirty = "Transaction ID,Customer ID,Category,Item,Price Per Unit,Quantity,Total Spent,Payment Method,Location,\
//!              Transaction Date,Discount Applied\n\
//!              T1,C1,Food,Item_1_FOOD,5.0,2.0,10.0,Cash,Online,2024-04-08,True\n\
//!              T2,C2,Food,,,3.0,15.0,Cash,ERROR,2024-04-09,\n\
//!              T3,C3,Food,Item_1_FOOD,5.0,,,Cash,Online,2024-04-10,\n";
//! let mut sink = CsvSink::new("memory", Vec::new(), Packing::Plain, false);
//! let report = clean(Cursor::new(dirty), &Options::new(Steps::Full), &mut sink)?;
//!
//! assert_eq!((report.rows_read(), report.kept(), report.rejected()), (3, 2, 1));
//! let cleaned = String::from_utf8(sink.finish()?)?;
//! assert!(cleaned.ends_with("T2,C2,Food,Item_1_FOOD,5.00,3,15.00,Cash,,2024-04-09,,Tuesday,4\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`run`] is the service around it: files, tables, Kafka.
#![forbid(unsafe_code)]

mod args;
mod columns;
pub mod csv;
mod demonstrations;
mod duplicates;
mod engine;
mod error;
mod header;
mod input;
mod output;
mod progress;
mod publish;
mod reference;
mod repair;
mod report;
mod row;
mod run;
mod samples;
mod sink;
mod tally;
mod value;

pub use args::Args;
pub use columns::{Column, Columns};
pub use duplicates::Duplicates;
pub use engine::{Observer, Options, clean_all};
pub use error::{Error, InputProblem};
pub use header::{Header, HeaderError};
pub use input::{Input, ReadSeek};
pub use output::{CsvSink, HEADER, JsonLinesSink, Packing, ParquetSink, RejectsSink, RepairsSink, Restartable};
pub use publish::{Publication, PublishError, PublishSettings, Publisher};
pub use reference::{Reference, ReferenceBuilder};
pub use repair::{Applied, Rule, Steps, disagrees, repair};
pub use report::{Mean, Report};
pub use row::Row;
pub use run::{Summary, run};
pub use samples::{Samples, Texts};
pub use sink::{Cleaned, Origin, Part, Rejected, Sink, Survey, Unreadable};
pub use value::{Date, MAX_MINOR, Quantity, parse_boolean, parse_date, parse_money, parse_quantity};

/// Cleans what `reader` gives, from its start; gzip is told by its first bytes. It is read twice.
pub fn clean<S: Sink>(reader: impl ReadSeek, options: &Options, sink: &mut S) -> Result<Report, Error> {
    clean_all(&mut [Input::new("input", reader)], options, &(), sink)
}
