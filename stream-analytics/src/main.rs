//! The `stream-analytics` service: reads the command line and runs the job that it names.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use common::exit::{finish, parse_arguments};
use common::{health, shutdown};
use stream_analytics::config::{Cli, Command, DEFAULT_HTTP};
use stream_analytics::console::numbers;
use stream_analytics::{dashboard, verify};

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = match parse_arguments() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let shutdown = match shutdown::on_signal() {
        Ok(shutdown) => shutdown,
        Err(error) => {
            eprintln!("error: cannot watch for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    match cli.command {
        Some(Command::Console(args)) => {
            args.logging.init("warn");
            finish(numbers::run(args, shutdown).await)
        }
        Some(Command::Verify(args)) => {
            args.logging.init("warn");
            finish(verify::run(args, shutdown).await)
        }
        Some(Command::Dashboard(args)) => {
            args.logging.init("info");
            finish(dashboard::run(args, shutdown).await)
        }
        Some(Command::Health(args)) => finish(health::ask(args, DEFAULT_HTTP).await),
        None => {
            cli.analytics.logging.init("info");
            finish(stream_analytics::run(cli.analytics, shutdown).await.map(|_| ()))
        }
    }
}
