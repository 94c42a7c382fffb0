//! Windows on the time line: aligned to the Unix epoch, `[start, end)`, one every slide.
//!
//! A receipt counts in every window that covers its event time and that its partition's watermark has not closed. Those
//! windows follow one another, so a pair of window ends says which they are: a [`Span`]. Receipts of one span are summed
//! once, however much windows overlap; that is what panes are for.

use std::time::Duration;

use common::EventTime;
use common::results::Window;

/// Window length and slide, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpec {
    window_ms: i64,
    slide_ms: i64,
}

/// Why a window cannot be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowSpecError {
    /// No length.
    #[error("--window and --slide must be longer than nothing")]
    Zero,
    /// Receipts would fall between windows.
    #[error("--slide must not be longer than --window: receipts between two windows would count in none")]
    Gaps,
    /// Too many windows would be open at once.
    #[error("--window may be at most {MAX_OVERLAP} times --slide")]
    TooManyOverlaps,
    /// Longer than all of time.
    #[error("--window is too long")]
    TooLong,
}

/// How many windows may cover one receipt.
pub const MAX_OVERLAP: i64 = 100_000;

/// The windows that a receipt counts in: from the one that ends first to the one that ends last, a slide apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// End of the first window.
    pub first_end_ms: i64,
    /// End of the last window.
    pub last_end_ms: i64,
}

/// Where a receipt stands towards the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// It counts in these.
    In(Span),
    /// Every window of it is closed.
    Late,
    /// One of its windows has a start or an end without a four-digit year.
    OffTheCalendar,
}

impl WindowSpec {
    /// Windows of one length, one every slide.
    pub fn new(window: Duration, slide: Duration) -> Result<Self, WindowSpecError> {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).map_err(|_| WindowSpecError::TooLong);
        let (window_ms, slide_ms) = (ms(window)?, ms(slide)?);
        if window_ms == 0 || slide_ms == 0 {
            Err(WindowSpecError::Zero)
        } else if slide_ms > window_ms {
            Err(WindowSpecError::Gaps)
        } else if window_ms / slide_ms > MAX_OVERLAP {
            Err(WindowSpecError::TooManyOverlaps)
        } else if window_ms > EventTime::MAX.ms() {
            Err(WindowSpecError::TooLong)
        } else {
            Ok(WindowSpec { window_ms, slide_ms })
        }
    }

    /// Length, milliseconds.
    pub fn window_ms(self) -> i64 {
        self.window_ms
    }

    /// Distance from one window's start to the next one's, milliseconds.
    pub fn slide_ms(self) -> i64 {
        self.slide_ms
    }

    /// The largest window start at or before a time.
    fn last_start_ms(self, event_ms: i64) -> i64 {
        event_ms - event_ms.rem_euclid(self.slide_ms)
    }

    /// The smallest window end after a time. A window is closed by a watermark at or after its end, so these are the
    /// ends that `watermark_ms` leaves open.
    pub fn first_end_after_ms(self, watermark_ms: i64) -> i64 {
        self.last_start_ms(watermark_ms - self.window_ms) + self.slide_ms + self.window_ms
    }

    /// The windows that a receipt of this event time counts in, where its partition's watermark stands so.
    pub fn place(self, event_ms: i64, watermark_ms: Option<i64>) -> Placement {
        // A window covers the event exactly if its end is after it and its start is not.
        let mut first_end_ms = self.first_end_after_ms(event_ms);
        let last_end_ms = self.last_start_ms(event_ms) + self.window_ms;
        if first_end_ms - self.window_ms < EventTime::MIN.ms() || last_end_ms > EventTime::MAX.ms() {
            return Placement::OffTheCalendar;
        }
        if let Some(watermark_ms) = watermark_ms
            && watermark_ms >= first_end_ms
        {
            first_end_ms = self.first_end_after_ms(watermark_ms);
        }
        if first_end_ms > last_end_ms { Placement::Late } else { Placement::In(Span { first_end_ms, last_end_ms }) }
    }

    /// The window that ends there.
    ///
    /// # Panics
    /// Never for an end that [`Self::place`] gave: those have four-digit years.
    pub fn window_ending(self, end_ms: i64) -> Window {
        let time = |ms| EventTime::from_ms(ms).expect("placed windows have four-digit years");
        Window { start: time(end_ms - self.window_ms), end: time(end_ms) }
    }

    /// The window ends of a span, first to last.
    pub fn ends(self, span: Span) -> impl Iterator<Item = i64> {
        let step = usize::try_from(self.slide_ms).unwrap_or(usize::MAX);
        (span.first_end_ms..=span.last_end_ms).step_by(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(window_ms: u64, slide_ms: u64) -> WindowSpec {
        WindowSpec::new(Duration::from_millis(window_ms), Duration::from_millis(slide_ms)).unwrap()
    }

    #[test]
    fn a_tumbling_window_holds_its_start_and_not_its_end() {
        let spec = spec(10_000, 10_000);
        let only = |end_ms| Placement::In(Span { first_end_ms: end_ms, last_end_ms: end_ms });
        assert_eq!(spec.place(9_999, None), only(10_000));
        assert_eq!(spec.place(10_000, None), only(20_000));
        assert_eq!(spec.place(-1, None), only(0));
    }

    #[test]
    fn a_window_is_closed_once_the_watermark_reaches_its_end() {
        let spec = spec(10_000, 10_000);
        assert!(matches!(spec.place(9_999, Some(9_999)), Placement::In(_)));
        assert_eq!(spec.place(9_999, Some(10_000)), Placement::Late);
    }

    #[test]
    fn windows_without_a_four_digit_year_are_off_the_calendar() {
        assert_eq!(spec(10_000, 10_000).place(EventTime::MAX.ms(), None), Placement::OffTheCalendar);
        assert_eq!(spec(10_000, 1_000).place(EventTime::MIN.ms(), None), Placement::OffTheCalendar);
        assert!(matches!(spec(10_000, 10_000).place(EventTime::MIN.ms(), None), Placement::In(_)));
    }

    #[test]
    fn windows_that_leave_gaps_are_refused() {
        let seconds = Duration::from_secs;
        assert_eq!(WindowSpec::new(seconds(1), seconds(2)), Err(WindowSpecError::Gaps));
        assert_eq!(WindowSpec::new(seconds(0), seconds(0)), Err(WindowSpecError::Zero));
    }

    proptest! {
        /// By the definition: every window start that is a multiple of the slide, covers the event, and is not closed.
        #[test]
        fn a_span_is_exactly_the_open_windows_that_cover_the_event(
            slide_ms in 1_i64..50, extra_ms in 0_i64..200, event_ms in -500_i64..500, watermark_ms in proptest::option::of(-500_i64..900)
        ) {
            let window_ms = slide_ms + extra_ms;
            let spec = WindowSpec { window_ms, slide_ms };
            let open: Vec<i64> = (-2000..2000)
                .filter(|start| start % slide_ms == 0 && *start <= event_ms && event_ms < start + window_ms)
                .map(|start| start + window_ms)
                .filter(|end| watermark_ms.is_none_or(|watermark| watermark < *end))
                .collect();
            match spec.place(event_ms, watermark_ms) {
                Placement::In(span) => prop_assert_eq!(spec.ends(span).collect::<Vec<_>>(), open),
                placement => { prop_assert_eq!(placement, Placement::Late); prop_assert!(open.is_empty()); }
            }
        }
    }
}
