//! Watching a run: the progress bar, and the signal to stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::Observer;

/// Shows bytes, rows a second and the time left on a terminal; stops the run when asked to.
pub(crate) struct Watch {
    bar: ProgressBar,
    /// The inputs' size.
    bytes: u64,
    /// Rows of the pass.
    rows: AtomicU64,
    /// When the pass began, after the run's beginning.
    begun_after_ms: AtomicU64,
    shutdown: Shutdown,
}

impl Watch {
    /// `bytes` are the inputs' size; nothing is shown without a terminal, or when `quiet`.
    pub(crate) fn new(bytes: u64, quiet: bool, shutdown: Shutdown) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(bytes) };
        let style = ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {msg} {elapsed} (left: {eta})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Watch { bar, bytes, rows: AtomicU64::new(0), begun_after_ms: AtomicU64::new(0), shutdown }
    }

    /// Takes the bar off the terminal.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.bar.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Observer for Watch {
    fn begins(&self, passes: u64) {
        self.bar.set_length(self.bar.position() + passes * self.bytes);
        self.rows.store(0, Ordering::Relaxed);
        self.begun_after_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    fn advanced(&self, bytes: u64, rows: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        self.bar.inc(bytes);
        let pass_ms = self.elapsed_ms().saturating_sub(self.begun_after_ms.load(Ordering::Relaxed));
        self.bar.set_message(format!("{} rows/s", rows * 1000 / pass_ms.max(1)));
    }

    fn stop(&self) -> bool {
        self.shutdown.is_cancelled()
    }
}
