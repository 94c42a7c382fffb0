//! Results on a terminal. [`numbers`] is the first job; [`results`] shows windows and expensive receipts: [`latest`] keeps
//! them, [`tables`] draws them, and they are printed in the micro-batches of Spark's console sink ([`batch`]) or, where
//! standard output is a terminal, painted in one place ([`screen`]).

pub mod batch;
pub mod latest;
pub mod numbers;
pub mod results;
pub mod screen;
pub mod tables;
mod tail;

use std::time::Duration;

use common::shutdown::Shutdown;
use tokio::sync::oneshot;

/// How long a console may take to end: a batch, and a last look.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a console on a thread of its own and waits for its end, after `stop` not for long: an output that nobody reads
/// holds up its thread, and must not hold up the process. `None`: it did not end.
pub async fn on_its_thread<T: Send + 'static>(
    console: impl FnOnce() -> T + Send + 'static,
    stop: &Shutdown,
) -> std::io::Result<Option<T>> {
    let (done, mut outcome) = oneshot::channel();
    std::thread::Builder::new().name("console".to_owned()).spawn(move || {
        // Nobody waits any more only after the timeout below.
        let _ = done.send(console());
    })?;
    tokio::select! {
        outcome = &mut outcome => return Ok(outcome.ok()),
        () = stop.cancelled() => {}
    }
    Ok(tokio::time::timeout(END_TIMEOUT, outcome).await.ok().and_then(Result::ok))
}
