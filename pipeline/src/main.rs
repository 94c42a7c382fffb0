//! The whole pipeline in one process: reads the command line, runs it, says what was done.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use common::exit::{finish, parse_arguments};
use common::shutdown;
use pipeline::args::PipelineArgs;

#[tokio::main]
async fn main() -> ExitCode {
    let args: PipelineArgs = match parse_arguments() {
        Ok(args) => args,
        Err(code) => return code,
    };
    args.logging.init("warn");
    let shutdown = match shutdown::on_signal() {
        Ok(shutdown) => shutdown,
        Err(error) => {
            eprintln!("error: cannot watch for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    finish(pipeline::run(args, shutdown).await.map(|summary| {
        if let Some(summary) = summary {
            if let Some(report) = summary.cleaned.report {
                let (read, kept, rejected) = (report.rows_read(), report.kept(), report.rejected());
                eprintln!("Cleaned: {read} rows read, {kept} kept, {rejected} rejected");
            }
            eprintln!("Sent: {} receipts, {} acknowledged", summary.produced.sent, summary.produced.acknowledged);
            eprintln!("Analysed: {}", summary.analysed);
        }
    }))
}
