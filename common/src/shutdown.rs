//! Graceful end: one token that signals cancel and everybody watches, and a deadline after which the process goes.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

use crate::logging;

/// How long a service may take to end after a signal, before it is ended.
pub const DEADLINE: Duration = Duration::from_secs(9);

/// A token that SIGINT or SIGTERM cancels. A second signal, or [`DEADLINE`] after the first, ends the process.
///
/// # Errors
/// The signal handlers cannot be installed.
pub fn on_signal() -> std::io::Result<Shutdown> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = Shutdown::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping");
        token.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, () = tokio::time::sleep(DEADLINE) => {} }
        logging::last_word("not stopped in time; what was not committed is done again at the next start");
        std::process::exit(1);
    });
    Ok(shutdown)
}
