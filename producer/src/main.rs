//! `producer`: reads the command line, runs one of the three generators, and ends with the right status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use common::health::HealthArgs;
use common::logging::LoggingArgs;
use common::{exit, health, shutdown};
use producer::args::DEFAULT_HTTP;
use producer::{Error, NumbersArgs, ReceiptsArgs, SalesCsvArgs, Summary};

/// Generates receipts and numbers for Kafka, and dirty sales files
#[derive(Debug, Parser)]
#[command(name = "producer", version, subcommand_required = true, arg_required_else_help = false)]
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
    /// Asks the running producer whether it is alive, or ready; status 0 or 1 (a container's health check)
    Health(HealthArgs),
}

fn main() -> ExitCode {
    let arguments: Arguments = match exit::parse_arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    arguments.logging.init("info");
    match arguments.command {
        Command::Receipts(args) => {
            let to_stdout = args.load.dry_run;
            exit::finish(serve(async move |shutdown| producer::run_receipts(*args, shutdown).await, to_stdout))
        }
        Command::Numbers(args) => {
            let to_stdout = args.load.dry_run;
            exit::finish(serve(async move |shutdown| producer::run_numbers(*args, shutdown).await, to_stdout))
        }
        Command::SalesCsv(args) => exit::finish(producer::sales_csv::write(&args).map(|summary| {
            if args.output.as_os_str() != "-" {
                summary.print();
            }
        })),
        Command::Health(args) => match runtime() {
            Ok(runtime) => exit::finish(runtime.block_on(health::ask(args, DEFAULT_HTTP))),
            Err(error) => exit::finish(Err(error)),
        },
    }
}

/// The sending thread does the work; one more for signals, reports and HTTP is enough.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Error::Runtime)
}

/// Runs until done or stopped; the summary goes to standard output unless the records went there.
fn serve<S>(service: S, stdout_is_taken: bool) -> Result<(), Error>
where
    S: AsyncFnOnce(shutdown::Shutdown) -> Result<Summary, Error>,
{
    let summary = runtime()?.block_on(async {
        let shutdown = shutdown::on_signal().map_err(Error::Runtime)?;
        service(shutdown).await
    })?;
    if !stdout_is_taken {
        summary.print();
    }
    summary.verdict()
}
