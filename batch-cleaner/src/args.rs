//! The command line.

use std::num::NonZero;
use std::path::PathBuf;

use common::kafka::KafkaArgs;
use common::logging::LoggingArgs;

/// Cleans sales files: types, repairs and checks every row, writes what is complete and says what is not.
///
/// Rows go to --output, to Kafka (with --brokers), or to both. A file appears under its name only when complete. A run
/// that was cut off while it published goes on where it stopped when it is started again with the same input.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "batch-cleaner", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct Args {
    /// Files to clean, as if they were one; patterns such as 'sales/*.csv' too; gzip is read; - is standard input
    #[arg(value_name = "FILE", env = "RETAIL_FILES", required = true)]
    pub files: Vec<String>,

    /// Cleaned instead where the patterns among FILE match nothing
    #[arg(long, env = "RETAIL_FALLBACK", value_name = "FILE")]
    pub fallback: Option<PathBuf>,

    /// Where cleaned rows go, by the ending: .csv, .csv.gz, .jsonl, .jsonl.gz, .parquet; - is standard output (CSV)
    #[arg(long, short, env = "RETAIL_OUTPUT", value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Where rejected records are listed, with line, reasons and the record as it came: .csv or .csv.gz
    #[arg(long, env = "RETAIL_REJECTS", value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Where repairs are listed, a line each: .csv or .csv.gz
    #[arg(long, env = "RETAIL_REPAIRS", value_name = "FILE")]
    pub repairs: Option<PathBuf>,

    /// Where all the numbers go, as JSON
    #[arg(long, env = "RETAIL_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Do not restore items again once prices are filled: the source document's own order of steps
    #[arg(long, env = "RETAIL_STRICT")]
    pub strict: bool,

    /// Add a column with the names of the columns that were filled
    #[arg(long, env = "RETAIL_LINEAGE")]
    pub lineage: bool,

    /// Show no tables and no progress
    #[arg(long, short, env = "RETAIL_QUIET")]
    pub quiet: bool,

    /// Publish anew what is published already
    #[arg(long, env = "RETAIL_FORCE")]
    pub force: bool,

    /// Records in a transaction, about; it ends after two seconds in any case
    #[arg(long, env = "RETAIL_TRANSACTION_RECORDS", value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub transaction_records: u64,

    /// Workers [default: one for each processor]
    #[arg(long, env = "RETAIL_THREADS", value_name = "N")]
    pub threads: Option<NonZero<usize>>,

    /// Most distinct items, and most values of a grouping column; more is an error, for they are kept in memory
    #[arg(long, env = "RETAIL_MAX_DISTINCT", value_name = "N", default_value_t = 1_000_000)]
    pub max_distinct: usize,

    /// Where temporary files go [default: the system's folder for them]
    #[arg(long, env = "RETAIL_SCRATCH_FOLDER", value_name = "FOLDER")]
    pub scratch_folder: Option<PathBuf>,

    /// Where and how to publish; without --brokers nothing is
    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// How log lines look
    #[command(flatten)]
    pub logging: LoggingArgs,
}
