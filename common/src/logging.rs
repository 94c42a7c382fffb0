//! Logs: to standard error, as text or JSON lines, filtered by `RUST_LOG`.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How a log event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging flags, the same in every service.
#[derive(Debug, Clone, clap::Args)]
pub struct LoggingArgs {
    /// How log lines are written; which ones is set by `RUST_LOG` (e.g. `info`, `stream_analytics=debug`)
    #[arg(long, env = "RETAIL_LOG_FORMAT", value_enum, default_value_t, global = true, help_heading = "Logging")]
    pub log_format: LogFormat,
}

impl LoggingArgs {
    /// Installs the process-wide logger. `default_filter` holds where `RUST_LOG` is not set.
    pub fn init(&self, default_filter: &str) {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        let installed = match self.log_format {
            LogFormat::Text => builder.with_target(false).try_init(),
            LogFormat::Json => {
                builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
            }
        };
        if installed.is_err() {
            tracing::debug!("a logger is already installed");
        }
    }
}
