//! `producer`: reads the command line, runs one of the three generators, and ends with the right status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::logging::LoggingArgs;
use common::{exit, shutdown};
use producer::{Error, NumbersArgs, ReceiptsArgs, SalesCsvArgs, Summary};

/// Generates receipts and numbers for Kafka, and dirty sales files
#[derive(Debug, Parser)]
#[command(name = "producer", version)]
struct Arguments {
    #[command(flatten)]
    logging: LoggingArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends receipts of shops, as orderly or disorderly as wanted
    Receipts(Box<ReceiptsArgs>),
    /// Sends {"value":1}, {"value":2}, …
    Numbers(Box<NumbersArgs>),
    /// Writes a dirty sales file for the cleaner, and the clean answer
    SalesCsv(Box<SalesCsvArgs>),
}

fn main() -> ExitCode {
    let arguments: Arguments = match exit::parse_arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    arguments.logging.init("info");
    exit::finish(run(arguments.command))
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Receipts(args) => {
            let to_stdout = args.load.dry_run;
            serve(async move |shutdown| producer::run_receipts(*args, shutdown).await, to_stdout)
        }
        Command::Numbers(args) => {
            let to_stdout = args.load.dry_run;
            serve(async move |shutdown| producer::run_numbers(*args, shutdown).await, to_stdout)
        }
        Command::SalesCsv(args) => {
            let summary = producer::sales_csv::write(&args)?;
            if args.output.as_os_str() != "-" {
                summary.print();
            }
            Ok(())
        }
    }
}

/// Runs until done or stopped; the summary goes to standard output unless the records went there.
fn serve<S>(service: S, stdout_is_taken: bool) -> Result<(), Error>
where
    S: AsyncFnOnce(shutdown::Shutdown) -> Result<Summary, Error>,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Error::Runtime)?;
    let summary = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(Error::Runtime)?;
        service(shutdown).await
    })?;
    if !stdout_is_taken {
        summary.print();
    }
    summary.verdict()
}
