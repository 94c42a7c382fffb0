//! Logs: to standard error, as text or JSON lines, filtered by `RUST_LOG`.

use std::io::IsTerminal;
use std::sync::OnceLock;

use chrono::{SecondsFormat, Utc};
use clap::ValueEnum;
use serde_json::json;
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

/// The process's, once it is known.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

impl LoggingArgs {
    /// Installs the process-wide logger. `default_filter` holds where `RUST_LOG` is not set.
    pub fn init(&self, default_filter: &str) {
        let _ = FORMAT.set(self.log_format);
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

/// Why the process ends, as its last line on standard error: whatever `RUST_LOG` leaves out, in the format of the log.
pub fn last_word(reason: &str) {
    eprintln!("{}", last_line(FORMAT.get().copied().unwrap_or_default(), reason));
}

fn last_line(format: LogFormat, reason: &str) -> String {
    match format {
        LogFormat::Text => format!("error: {reason}"),
        LogFormat::Json => {
            let timestamp = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
            json!({ "timestamp": timestamp, "level": "ERROR", "message": reason, "target": "exit" }).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_of_the_same_format_as_the_others() {
        assert_eq!(last_line(LogFormat::Text, "no \"x\""), "error: no \"x\"");
        let line: serde_json::Value = serde_json::from_str(&last_line(LogFormat::Json, "no \"x\"")).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &"no \"x\"".into()));
    }
}
