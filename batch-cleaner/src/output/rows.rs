//! Cleaned rows in the format that a file's ending names.

use std::path::Path;

use super::csv_rows::{CsvPart, CsvSink};
use super::file::Target;
use super::json::{JsonLinesPart, JsonLinesSink};
use super::parquet_rows::{ParquetPart, ParquetSink};
use super::stream::Packing;
use crate::error::Error;
use crate::sink::{Cleaned, Part, Sink, Survey};

/// A format of cleaned rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.csv`, `.csv.gz`, and standard output.
    Csv(Packing),
    /// `.jsonl`, `.jsonl.gz`.
    JsonLines(Packing),
    /// `.parquet`.
    Parquet,
}

impl Format {
    /// What a file's name asks for. A name without an ending is CSV.
    pub fn of(path: &Path) -> Result<Format, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let (stem, packing) = match name.strip_suffix(".gz") {
            Some(stem) => (stem, Packing::Gzip),
            None => (name.as_str(), Packing::Plain),
        };
        match stem.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv") | None => Ok(Format::Csv(packing)),
            Some("parquet") if packing == Packing::Plain => Ok(Format::Parquet),
            Some("jsonl" | "ndjson") => Ok(Format::JsonLines(packing)),
            // Devices and pipes have no ending that says anything.
            _ if path.metadata().is_ok_and(|metadata| !metadata.is_file()) => Ok(Format::Csv(Packing::Plain)),
            Some(ending) => Err(Error::Arguments(format!(
                "{}: there is no format for the ending .{ending}: use .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet",
                path.display()
            ))),
        }
    }
}

/// Writes cleaned rows in one of the formats.
pub enum RowsSink {
    /// CSV.
    Csv(CsvSink<Target>),
    /// JSON lines.
    JsonLines(JsonLinesSink<Target>),
    /// Parquet.
    Parquet(Box<ParquetSink<Target>>),
}

/// The rows of one piece.
pub enum RowsPart {
    /// CSV.
    Csv(CsvPart),
    /// JSON lines.
    JsonLines(JsonLinesPart),
    /// Parquet.
    Parquet(Box<ParquetPart>),
}

impl RowsSink {
    /// Opens the target and writes in the format of its name.
    pub fn open(path: &Path, lineage: bool) -> Result<RowsSink, Error> {
        let name = path.display().to_string();
        Ok(match Format::of(path)? {
            Format::Csv(packing) => RowsSink::Csv(CsvSink::new(name, Target::open(path)?, packing, lineage)),
            Format::JsonLines(packing) => {
                RowsSink::JsonLines(JsonLinesSink::new(name, Target::open(path)?, packing, lineage))
            }
            Format::Parquet => RowsSink::Parquet(Box::new(ParquetSink::new(name, Target::open(path)?, lineage)?)),
        })
    }

    /// The target, once all is written.
    pub fn finish(self) -> Result<Target, Error> {
        match self {
            RowsSink::Csv(sink) => sink.finish(),
            RowsSink::JsonLines(sink) => sink.finish(),
            RowsSink::Parquet(sink) => sink.finish(),
        }
    }
}

impl Sink for RowsSink {
    type Part = RowsPart;

    fn part(&self) -> RowsPart {
        match self {
            RowsSink::Csv(sink) => RowsPart::Csv(sink.part()),
            RowsSink::JsonLines(sink) => RowsPart::JsonLines(sink.part()),
            RowsSink::Parquet(sink) => RowsPart::Parquet(Box::new(sink.part())),
        }
    }

    fn start(&mut self, survey: &Survey) -> Result<(), Error> {
        match self {
            RowsSink::Csv(sink) => sink.start(survey),
            RowsSink::JsonLines(sink) => sink.start(survey),
            RowsSink::Parquet(sink) => sink.start(survey),
        }
    }

    fn write(&mut self, part: &mut RowsPart) -> Result<(), Error> {
        match (self, part) {
            (RowsSink::Csv(sink), RowsPart::Csv(part)) => sink.write(part),
            (RowsSink::JsonLines(sink), RowsPart::JsonLines(part)) => sink.write(part),
            (RowsSink::Parquet(sink), RowsPart::Parquet(part)) => sink.write(part),
            _ => Err(Error::Died),
        }
    }
}

impl Part for RowsPart {
    fn kept(&mut self, row: &Cleaned<'_>) {
        match self {
            RowsPart::Csv(part) => part.kept(row),
            RowsPart::JsonLines(part) => part.kept(row),
            RowsPart::Parquet(part) => part.kept(row),
        }
    }
}
