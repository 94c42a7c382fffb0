//! When topics are looked for, and when the past has been read. Pure: times are passed in.

use std::time::{Duration, Instant};

/// How soon a topic or a partition that is new is seen.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How soon that is tried again after no answer: until then the page is empty.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// When there is less to read than could be read for this long, the past has been read.
const QUIET: Duration = Duration::from_millis(400);

/// How far the reader has come to know the past.
#[derive(Debug)]
pub(super) struct Past {
    look_at: Instant,
    /// Since when less has come than could be read; `None` before there was anything to read from.
    quiet_since: Option<Instant>,
}

impl Past {
    /// Nothing is known; topics are to be looked for at once.
    pub(super) fn new(now: Instant) -> Self {
        Past { look_at: now, quiet_since: None }
    }

    /// Whether topics are to be looked for.
    pub(super) fn wants_a_look(&self, now: Instant) -> bool {
        now >= self.look_at
    }

    /// They have been looked for, and a broker has answered or not.
    pub(super) fn looked(&mut self, now: Instant, answered: bool) {
        self.look_at = now + if answered { LOOK_EVERY } else { RETRY_EVERY };
        if answered && self.quiet_since.is_none() {
            self.quiet_since = Some(now);
        }
    }

    /// Some has been read; there may have been more than was taken.
    pub(super) fn read(&mut self, now: Instant, as_much_as_is_taken: bool) {
        if as_much_as_is_taken {
            self.quiet_since = self.quiet_since.map(|_| now);
        }
    }

    /// Whether what comes now is new.
    pub(super) fn is_read(&self, now: Instant) -> bool {
        self.quiet_since.is_some_and(|since| now.duration_since(since) >= QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    #[test]
    fn without_an_answer_topics_are_looked_for_again_in_half_a_second_and_nothing_counts_as_read() {
        let start = Instant::now();
        let mut past = Past::new(start);
        assert!(past.wants_a_look(start));
        past.looked(start, false);
        assert!(!past.wants_a_look(start + 4 * STEP) && past.wants_a_look(start + 5 * STEP));
        past.read(start + 50 * STEP, false);
        assert!(!past.is_read(start + 50 * STEP));

        past.looked(start + 50 * STEP, true);
        assert!(!past.wants_a_look(start + 79 * STEP) && past.wants_a_look(start + 80 * STEP));
        assert!(past.is_read(start + 54 * STEP));
    }

    #[test]
    fn a_steady_flow_of_less_than_can_be_taken_does_not_keep_the_past_unread() {
        let start = Instant::now();
        let mut past = Past::new(start);
        past.looked(start, true);
        let read_after = (1_u32..50).find(|&step| {
            past.read(start + step * STEP, false);
            past.is_read(start + step * STEP)
        });
        assert_eq!(read_after, Some(4));
    }

    #[test]
    fn as_long_as_all_that_is_taken_comes_the_past_is_unread() {
        let start = Instant::now();
        let mut past = Past::new(start);
        past.looked(start, true);
        for step in 1..=100 {
            past.read(start + step * STEP, true);
            past.looked(start + step * STEP, true);
            assert!(!past.is_read(start + step * STEP), "{step}");
        }
        past.read(start + 103 * STEP, false);
        assert!(!past.is_read(start + 103 * STEP) && past.is_read(start + 104 * STEP));
    }
}
