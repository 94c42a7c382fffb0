//! One input partition's watermark, and whether the partition is idle.
//!
//! The watermark is the largest event time seen, less the delay. An idle partition (caught up *and* silent for
//! `idle_after`) moves with the clock, so that in a live stream it stays level with the busy ones.

/// A partition's watermark with its idleness timer. Clock readings are monotonic milliseconds and passed in.
#[derive(Debug, Clone)]
pub struct InputWatermark {
    delay_ms: i64,
    idle_after_ms: Option<i64>,
    watermark_ms: Option<i64>,
    idle: bool,
    caught_up: bool,
    /// When the silence began, and where the watermark stood then.
    silent_since_ms: i64,
    stood_at_ms: Option<i64>,
    last_tick_ms: i64,
}

impl InputWatermark {
    /// A newly assigned partition that goes on at the committed watermark.
    pub fn new(delay_ms: i64, idle_after_ms: Option<i64>, committed_ms: Option<i64>, now_ms: i64) -> Self {
        InputWatermark {
            delay_ms,
            idle_after_ms,
            watermark_ms: committed_ms,
            idle: false,
            caught_up: false,
            silent_since_ms: now_ms,
            stood_at_ms: committed_ms,
            last_tick_ms: now_ms,
        }
    }

    /// The watermark that the next record is judged by.
    pub fn get(&self) -> Option<i64> {
        self.watermark_ms
    }

    /// Whether the partition was idle at the last tick and no receipt that counts has come since.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// A receipt that counts was seen.
    pub fn observe(&mut self, event_ms: i64, now_ms: i64) {
        self.watermark_ms = self.watermark_ms.max(Some(event_ms - self.delay_ms));
        self.restart_silence(now_ms);
    }

    /// Looks at the clock. `caught_up`: everything the broker holds has been read, open transactions included.
    pub fn tick(&mut self, caught_up: bool, now_ms: i64) {
        let Some(idle_after_ms) = self.idle_after_ms else { return };
        // Who was not polling (a stopped or starved process) cannot tell silence from records not yet fetched.
        let was_polling = now_ms - self.last_tick_ms < idle_after_ms;
        self.last_tick_ms = now_ms;
        if !caught_up || !was_polling || !self.caught_up {
            self.caught_up = caught_up;
            self.restart_silence(now_ms);
            return;
        }
        let silent_ms = now_ms - self.silent_since_ms;
        self.idle = silent_ms >= idle_after_ms;
        if self.idle {
            self.watermark_ms = self.watermark_ms.max(self.stood_at_ms.map(|stood_at_ms| stood_at_ms + silent_ms));
        }
    }

    fn restart_silence(&mut self, now_ms: i64) {
        self.idle = false;
        self.silent_since_ms = now_ms;
        self.stood_at_ms = self.watermark_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticked_until(watermark: &mut InputWatermark, from_ms: i64, until_ms: i64) {
        for now_ms in (from_ms..=until_ms).step_by(100) {
            watermark.tick(true, now_ms);
        }
    }

    #[test]
    fn it_follows_the_largest_event_time_and_never_goes_back() {
        let mut watermark = InputWatermark::new(10, None, None, 0);
        watermark.observe(100, 0);
        watermark.observe(50, 0);
        assert_eq!(watermark.get(), Some(90));
    }

    #[test]
    fn silence_makes_a_caught_up_partition_idle_and_moves_it_with_the_clock() {
        let mut watermark = InputWatermark::new(0, Some(5_000), None, 0);
        watermark.observe(1_000, 0);
        ticked_until(&mut watermark, 0, 4_900);
        assert!(!watermark.is_idle());
        ticked_until(&mut watermark, 5_000, 7_000);
        assert!(watermark.is_idle());
        assert_eq!(watermark.get(), Some(8_000), "silence began with the first tick that found it caught up, at 0");
        watermark.observe(1_500, 7_100);
        assert!(!watermark.is_idle());
        assert_eq!(watermark.get(), Some(8_000), "awake, it judges by the watermark that it had announced");
    }

    #[test]
    fn a_partition_that_is_not_caught_up_is_not_idle() {
        let mut watermark = InputWatermark::new(0, Some(5_000), Some(1_000), 0);
        for now_ms in (0..20_000).step_by(100) {
            watermark.tick(false, now_ms);
        }
        assert!(!watermark.is_idle());
        ticked_until(&mut watermark, 20_000, 24_900);
        assert!(!watermark.is_idle(), "silence counts from catching up");
        ticked_until(&mut watermark, 25_000, 25_000);
        assert!(watermark.is_idle());
    }

    #[test]
    fn an_owner_that_did_not_poll_cannot_call_a_partition_idle() {
        let mut watermark = InputWatermark::new(0, Some(5_000), Some(1_000), 0);
        ticked_until(&mut watermark, 0, 1_000);
        watermark.tick(true, 60_000);
        assert!(!watermark.is_idle());
        assert_eq!(watermark.get(), Some(1_000));
    }

    #[test]
    fn a_partition_that_never_had_a_record_is_idle_without_a_watermark() {
        let mut watermark = InputWatermark::new(0, Some(5_000), None, 0);
        ticked_until(&mut watermark, 0, 6_000);
        assert!(watermark.is_idle());
        assert_eq!(watermark.get(), None);
    }
}
