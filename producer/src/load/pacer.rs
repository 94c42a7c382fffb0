//! Open-loop pacing: records are due when the schedule says, whatever the broker does. After a stall the plan is caught
//! up with, at a bounded rate.

use std::str::FromStr;
use std::time::Duration;

use super::Schedule;

/// How many times the target rate may be sent to catch up; at least one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CatchUp(f64);

/// Why a text is not a factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a factor: write a number from 1 to 1000")]
pub struct CatchUpError(String);

impl FromStr for CatchUp {
    type Err = CatchUpError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let factor = text.parse().ok().filter(|factor| (1.0..=1_000.0).contains(factor));
        factor.map(CatchUp).ok_or_else(|| CatchUpError(text.to_owned()))
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the next record.
    Send,
    /// Nothing is due before this time, in nanoseconds after the start.
    WaitUntil(u64),
}

/// What may be sent at once after a pause: this much of the bounded rate.
const BURST_NS: u64 = 10_000_000;
/// Shorter waits are not worth waking up for.
const SHORTEST_WAIT_NS: u64 = 1_000_000;

/// Follows a [`Schedule`]; counts how far behind it ran.
#[derive(Debug)]
pub struct Pacer {
    schedule: Schedule,
    catch_up: CatchUp,
    /// Number of the next record.
    next: u64,
    /// When it is due.
    due_ns: u64,
    /// Records that may be sent at once.
    allowance: f64,
    refilled_ns: u64,
    max_behind_ns: u64,
    total_behind_ns: u128,
}

impl Pacer {
    /// At the start of the schedule.
    pub fn new(schedule: Schedule, catch_up: CatchUp) -> Self {
        let due_ns = schedule.due_ns(0);
        Pacer {
            schedule,
            catch_up,
            next: 0,
            due_ns,
            allowance: 1.0,
            refilled_ns: 0,
            max_behind_ns: 0,
            total_behind_ns: 0,
        }
    }

    /// `now_ns`: nanoseconds since the start, never less than before.
    pub fn step(&mut self, now_ns: u64) -> Step {
        if now_ns < self.due_ns {
            return Step::WaitUntil(self.due_ns.max(now_ns + SHORTEST_WAIT_NS));
        }
        if now_ns > self.refilled_ns {
            self.refill(now_ns);
        }
        if self.allowance < 1.0 {
            return Step::WaitUntil(now_ns + SHORTEST_WAIT_NS);
        }
        self.allowance -= 1.0;
        let behind_ns = now_ns - self.due_ns;
        self.max_behind_ns = self.max_behind_ns.max(behind_ns);
        self.total_behind_ns += u128::from(behind_ns);
        self.next += 1;
        self.due_ns = self.schedule.due_ns(self.next);
        Step::Send
    }

    fn refill(&mut self, now_ns: u64) {
        let bound_per_s = self.catch_up.0 * self.schedule.rate_at(self.next);
        let refill = Duration::from_nanos(now_ns - self.refilled_ns).as_secs_f64() * bound_per_s;
        let most = (Duration::from_nanos(BURST_NS).as_secs_f64() * bound_per_s).max(1.0);
        self.allowance = (self.allowance + refill).min(most);
        self.refilled_ns = now_ns;
    }

    /// The plan that is followed.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// How late the latest record was sent, nanoseconds.
    pub fn max_behind_ns(&self) -> u64 {
        self.max_behind_ns
    }

    /// How late records were sent on average, nanoseconds.
    pub fn mean_behind_ns(&self) -> u64 {
        let mean = self.total_behind_ns.checked_div(u128::from(self.next)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// How many records were due before `now_ns` and were not sent.
    pub fn overdue(&self, now_ns: u64) -> u64 {
        // Doubling, then halving: the first record that is not due yet.
        let is_due = |ahead: u64| self.schedule.due_ns(self.next.saturating_add(ahead)) < now_ns;
        let mut high = 1;
        while high < 1 << 60 && is_due(high) {
            high *= 2;
        }
        let mut low = 0;
        while low < high {
            let middle = low + (high - low) / 2;
            if is_due(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn pacer(rate_per_s: f64, catch_up: f64) -> Pacer {
        Pacer::new(Schedule::steady(rate_per_s), CatchUp(catch_up))
    }

    /// Sends until told to wait, from `from_ns` to `to_ns`; a stalled driver calls again later.
    fn sent_between(pacer: &mut Pacer, from_ns: u64, to_ns: u64) -> u64 {
        let (mut now, mut sent) = (from_ns, 0);
        while now < to_ns {
            match pacer.step(now) {
                Step::Send => sent += 1,
                Step::WaitUntil(until) => now = until,
            }
        }
        sent
    }

    #[test]
    fn each_second_gets_its_records() {
        for rate in [1_u32, 100, 5_000, 250_000] {
            let mut pacer = pacer(rate.into(), 2.0);
            for second in 0..5 {
                let sent = sent_between(&mut pacer, second * 1_000 * MS, (second + 1) * 1_000 * MS);
                // Waking up once a millisecond moves at most that millisecond's records to the next second.
                let slack = u64::from(rate) / 1_000 + 1;
                assert!(sent.abs_diff(rate.into()) <= slack, "{sent} in second {second} at {rate}/s");
            }
            assert!(pacer.max_behind_ns() <= MS + MS / 10, "{}", pacer.max_behind_ns());
        }
    }

    #[test]
    fn after_a_stall_it_catches_up_without_exceeding_the_bound() {
        let mut pacer = pacer(1_000.0, 2.0);
        sent_between(&mut pacer, 0, 1_000 * MS);
        // Three seconds without a call; then every 100 ms at most 200 records, and one burst's worth.
        let mut behind = 3_000 + 1_000;
        for tenth in 40..80 {
            let sent = sent_between(&mut pacer, tenth * 100 * MS, (tenth + 1) * 100 * MS);
            assert!(sent <= 220, "{sent}");
            behind -= i64::try_from(sent).unwrap() - 100;
        }
        assert!(behind <= 1_010, "{behind}");
        assert_eq!(pacer.overdue(8_000 * MS), 0);
        assert!(pacer.max_behind_ns() >= 2_900 * MS);
    }

    #[test]
    fn what_was_due_and_not_sent_is_counted() {
        let mut pacer = pacer(1_000.0, 1.0);
        sent_between(&mut pacer, 0, 1_000 * MS);
        assert_eq!(pacer.overdue(1_000 * MS), 0);
        assert_eq!(pacer.overdue(3_500 * MS), 2_500);
    }

    #[test]
    fn a_factor_below_one_would_never_catch_up() {
        assert!("0.5".parse::<CatchUp>().is_err());
        assert_eq!("1.5".parse(), Ok(CatchUp(1.5)));
    }
}
