//! Watching a run: the progress bar, and the signal to stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::Observer;

/// Shows bytes, rows a second and the time left on a terminal; stops the run when asked to.
pub(crate) struct Watch {
    bar: ProgressBar,
    rows: AtomicU64,
    shutdown: Shutdown,
}

impl Watch {
    /// `bytes` are those of both passes; nothing is shown without a terminal, or when `quiet`.
    pub(crate) fn new(bytes: u64, quiet: bool, shutdown: Shutdown) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(bytes) };
        let style = ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {msg} {elapsed} (left: {eta})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Watch { bar, rows: AtomicU64::new(0), shutdown }
    }

    /// Takes the bar off the terminal.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Watch {
    fn advanced(&self, bytes: u64, rows: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if self.bar.is_hidden() {
            return;
        }
        self.bar.inc(bytes);
        let seconds = self.bar.elapsed().as_secs().max(1);
        self.bar.set_message(format!("{} rows/s", rows / seconds));
    }

    fn stop(&self) -> bool {
        self.shutdown.is_cancelled()
    }
}
