//! The settings that the results depend on, and the windows that are looked at.

use common::{EventTime, Money};

/// A record's place in the input topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// What the results depend on. Times in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Window length.
    pub window_ms: i64,
    /// Distance from one window to the next.
    pub slide_ms: i64,
    /// Watermark delay.
    pub delay_ms: i64,
    /// Names in a result.
    pub top: usize,
    /// Receipts over it are published one by one.
    pub expensive_over: Money,
    /// Whether idle partitions moved with the clock: then the log alone does not tell every watermark.
    pub idle_by_clock: bool,
    /// Whether receipts ahead of the clock were refused.
    pub ahead_by_clock: bool,
    /// Which windows are looked at.
    pub range: Range,
}

/// Windows that start in `[from, to)`; all of time by default.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// First start, milliseconds.
    pub from_ms: i64,
    /// First start after the last.
    pub to_ms: i64,
}

impl Default for Range {
    fn default() -> Self {
        Range { from_ms: i64::MIN, to_ms: i64::MAX }
    }
}

impl Range {
    /// Whether a window that starts there, or a receipt of that time, is looked at.
    pub fn holds(self, ms: i64) -> bool {
        self.from_ms <= ms && ms < self.to_ms
    }

    /// Whether it is all of time.
    pub fn is_everything(self) -> bool {
        self.from_ms == i64::MIN && self.to_ms == i64::MAX
    }
}

impl Rules {
    /// Starts of the windows that cover an event, latest first, one by one.
    pub fn starts_covering(self, event_ms: i64) -> impl Iterator<Item = i64> {
        let latest_ms = event_ms - event_ms.rem_euclid(self.slide_ms);
        std::iter::successors(Some(latest_ms), move |start_ms| Some(start_ms - self.slide_ms))
            .take_while(move |start_ms| start_ms + self.window_ms > event_ms)
    }

    /// Whether a window that covers the event may be one that is looked at: its start is up to a window's length before it.
    pub fn may_be_looked_at(self, event_ms: i64) -> bool {
        self.range.from_ms <= event_ms && event_ms.saturating_sub(self.window_ms) < self.range.to_ms
    }

    /// Whether every window that covers the event has a start and an end with a four-digit year.
    pub fn is_on_the_calendar(self, event_ms: i64) -> bool {
        self.starts_covering(event_ms)
            .all(|start_ms| start_ms >= EventTime::MIN.ms() && start_ms + self.window_ms <= EventTime::MAX.ms())
    }
}
