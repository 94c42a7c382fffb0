//! Prometheus' own checker.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs it with a text on its standard input, and demands that it is content. Says so if it is not installed.
///
/// # Panics
/// It is not content.
#[track_caller]
pub(crate) fn run(arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("not tested: promtool is not installed (apt-get install prometheus)");
        return;
    };
    // Dropped at the end of the statement, which is the end of the input.
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}
