//! `producer sales-csv`: a dirty file of the shape of the public data set, and what a right cleaning makes of it.
//!
//! `rows` draws sales and spoils them, `dirt` knows the ways, `truth` applies the cleaning rules to what can
//! still be read. The rows are drawn twice from one seed: first to learn which items the file teaches, then to write;
//! so memory does not grow with the file.

mod dirt;
mod rows;
mod truth;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::args::SalesCsvArgs;
use crate::error::Error;
use crate::output::Output;
use rows::Rows;
use truth::{CleanRow, Reference};

const HEADER: &str = "Transaction ID,Customer ID,Category,Item,Price Per Unit,Quantity,Total Spent,Payment Method,\
                      Location,Transaction Date,Discount Applied";

/// What was written, and what a right cleaning makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SalesSummary {
    /// Records, without the header.
    pub rows: u64,
    /// Rows that a right cleaning keeps.
    pub kept: u64,
    /// Rows that it rejects.
    pub rejected: u64,
    /// Fields that it fills, in kept and in rejected rows, by column.
    pub filled: BTreeMap<&'static str, u64>,
    /// Rows by what is wrong with them; a row may have several faults.
    pub injected: BTreeMap<&'static str, u64>,
}

impl SalesSummary {
    /// One line of JSON on standard output; a closed pipe is no error.
    pub fn print(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }
}

/// Writes the dirty file, and its truth if wanted.
pub fn write(args: &SalesCsvArgs) -> Result<SalesSummary, Error> {
    let reference = Reference::learn(Rows::new(args).map(|row| row.reading));
    let mut truth = args.truth.as_deref().map(Output::create).transpose()?;
    let summary = if args.output.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        let failed = |source| Error::Output { what: "to standard output".to_owned(), source };
        let summary = write_rows(args, &reference, &mut out, truth.as_mut()).map_err(|fault| fault.name(failed))?;
        out.flush().map_err(failed)?;
        summary
    } else {
        let mut out = Output::create(&args.output)?;
        let summary = write_rows(args, &reference, &mut out, truth.as_mut());
        let summary = summary.map_err(|fault| fault.name(|source| out.error(source)))?;
        out.commit()?;
        summary
    };
    if let Some(truth) = truth {
        truth.commit()?;
    }
    tracing::info!(rows = summary.rows, kept = summary.kept, rejected = summary.rejected, "wrote a dirty sales file");
    Ok(summary)
}

/// Which of the two files could not be written.
enum Fault {
    Rows(io::Error),
    Truth(Error),
}

impl Fault {
    fn name(self, rows: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Fault::Rows(source) => rows(source),
            Fault::Truth(error) => error,
        }
    }
}

fn write_rows(
    args: &SalesCsvArgs,
    reference: &Reference,
    out: &mut impl Write,
    mut truth: Option<&mut Output>,
) -> Result<SalesSummary, Fault> {
    let end_of_line = if args.crlf { "\r\n" } else { "\n" };
    let mut summary = SalesSummary::default();
    let mut line = Vec::new();
    write!(out, "{HEADER}{end_of_line}").map_err(Fault::Rows)?;
    write_truth(&mut truth, truth::HEADER.as_bytes())?;
    let mut rows = Rows::new(args);
    for row in rows.by_ref() {
        if row.after_blank_line {
            out.write_all(end_of_line.as_bytes()).map_err(Fault::Rows)?;
        }
        out.write_all(&row.text).and_then(|()| out.write_all(end_of_line.as_bytes())).map_err(Fault::Rows)?;
        summary.rows += 1;
        let cleaned = row
            .reading
            .and_then(|reading| CleanRow::from_reading(reading, reference, args.strict, &mut summary.filled));
        match cleaned {
            Some(cleaned) => {
                summary.kept += 1;
                line.clear();
                cleaned.write(&mut line);
                write_truth(&mut truth, &line)?;
            }
            None => summary.rejected += 1,
        }
    }
    summary.injected = rows.into_injected();
    Ok(summary)
}

fn write_truth(truth: &mut Option<&mut Output>, line: &[u8]) -> Result<(), Fault> {
    let Some(truth) = truth else { return Ok(()) };
    let written = truth.write_all(line);
    written.map_err(|source| Fault::Truth(truth.error(source)))
}
