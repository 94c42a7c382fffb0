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

/// Runs work that blocks on a thread of its own, and waits for it. `None` if shutdown comes first: the thread is left behind,
/// so work that leaves something half done must not be given here.
pub async fn unless_stopped<T: Send + 'static>(
    shutdown: &Shutdown,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || drop(sender.send(work())));
    tokio::select! {
        () = shutdown.cancelled() => None,
        outcome = receiver => match (outcome, thread.join()) {
            (Ok(outcome), Ok(())) => Some(outcome),
            (_, Err(panic)) => std::panic::resume_unwind(panic),
            (Err(_), Ok(())) => unreachable!("the thread sends before it ends"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_blocks_is_not_waited_for_after_shutdown() {
        let shutdown = Shutdown::new();
        assert_eq!(unless_stopped(&shutdown, || 1).await, Some(1));
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        shutdown.cancel();
        assert_eq!(unless_stopped(&shutdown, move || never.recv()).await, None);
    }
}
