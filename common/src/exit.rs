//! How a service ends: its exit status, and an error as one last line on standard error.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::logging;

/// Whose fault an error is, and so the exit status.
pub trait ExitStatus {
    /// 1: failed while running; 2: unusable arguments or input.
    fn exit_status(&self) -> u8;
}

/// Reads the command line. A mistake is one line and status 2; `--help` and `--version` are answered here.
///
/// # Errors
/// The exit code to end with.
pub fn parse_arguments<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        if error.use_stderr() {
            eprintln!("{}", usage_line(&error.to_string()));
            ExitCode::from(2)
        } else {
            // `--help` into a closed pipe is no error.
            let _ = error.print();
            ExitCode::SUCCESS
        }
    })
}

/// clap's message, which takes several lines, as one: what is wrong, tips, and where to look.
fn usage_line(message: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for line in message.lines().map(str::trim) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if !line.is_empty() {
            parts.push(line);
        }
    }
    format!("{} (see --help)", parts.join(" "))
}

/// Turns a service's outcome into its exit code; an error is printed, with its causes, as one last line.
pub fn finish<E: Error + ExitStatus + 'static>(outcome: Result<(), E>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let mut line = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        // Many messages tell their cause already.
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    logging::last_word(&line.split_whitespace().collect::<Vec<_>>().join(" "));
    ExitCode::from(error.exit_status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[arg(long)]
        _rate: Option<u32>,
    }

    #[test]
    fn a_usage_error_is_one_line_that_says_where_to_look() {
        let error = Arguments::try_parse_from(["x", "--rtae", "5"]).unwrap_err();
        let line = usage_line(&error.to_string());
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with("error: unexpected argument '--rtae'") && line.ends_with("(see --help)"), "{line}");
    }
}
