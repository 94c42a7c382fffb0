//! The load flags as one plan: when to send, what time to stamp, when to end.

use std::time::Duration;

use common::EventTime;

use super::{Pacer, Schedule};
use crate::args::LoadArgs;
use crate::error::Error;
use crate::rate::Rate;

/// What event time a record gets.
#[derive(Debug, Clone)]
pub enum Stamping {
    /// Start and schedule: the same in every run.
    Planned(Schedule),
    /// The time of sending.
    WallClock,
}

/// When to send, what time to stamp, when to end.
#[derive(Debug)]
pub struct Plan {
    /// Follows the rate; none sends as fast as it goes.
    pub pacer: Option<Pacer>,
    /// What event time a record gets.
    pub stamping: Stamping,
    /// Event time of the start.
    pub start: EventTime,
    /// End after so many records.
    pub count: Option<u64>,
    /// End at this event time after the start, where it is planned.
    pub end_event_ns: Option<u64>,
    /// End at this wall time after the start, even if the plan is not done.
    pub end_wall_ns: Option<u64>,
}

/// The rate where none is given.
pub const DEFAULT_RATE_PER_S: f64 = 100.0;
/// Event time at `--rate max --start`.
const DEFAULT_EVENT_RATE_PER_S: f64 = 1_000.0;
/// A plan that is behind at its end may take this part of its duration longer, at least [`LEAST_GRACE`].
const GRACE_PART: u32 = 10;
const LEAST_GRACE: Duration = Duration::from_secs(1);

impl Plan {
    /// `rate` where the flag is not given; `now` is the start where none is given.
    pub fn new(args: &LoadArgs, default_rate_per_s: f64, now: EventTime) -> Result<Plan, Error> {
        let start = args.start.unwrap_or(now);
        let period = args.period.unwrap_or(args.profile.default_period());
        if period.is_zero() {
            return Err(Error::Usage("--period 0 is no cycle: give a duration above zero".to_owned()));
        }
        // A period is below 2^53 ms, so the remainder fits.
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        let phase = Duration::from_millis(start.ms().rem_euclid(period_ms).unsigned_abs());
        let shaped = |rate_per_s| Schedule::new(rate_per_s, args.profile, period, phase);

        let pace = match args.rate {
            Some(Rate::Max) => None,
            Some(Rate::PerSecond(rate)) => Some(shaped(rate)),
            None if args.dry_run => None,
            None => Some(shaped(default_rate_per_s)),
        };
        let stamping = match (args.event_rate, &pace) {
            (Some(Rate::PerSecond(rate)), _) => Stamping::Planned(shaped(rate)),
            (Some(Rate::Max), _) => {
                return Err(Error::Usage("--event-rate max is no time: give a number, e.g. 1000/s".to_owned()));
            }
            (None, Some(pace)) => Stamping::Planned(pace.clone()),
            (None, None) if args.rate.is_none() => Stamping::Planned(shaped(default_rate_per_s)),
            (None, None) if args.start.is_some() => Stamping::Planned(shaped(DEFAULT_EVENT_RATE_PER_S)),
            (None, None) => Stamping::WallClock,
        };
        let is_planned = matches!(stamping, Stamping::Planned(_));
        let live = pace.is_some() && args.event_rate.is_none();
        let grace = |duration: Duration| duration + (duration / GRACE_PART).max(LEAST_GRACE);
        Ok(Plan {
            pacer: pace.map(|schedule| Pacer::new(schedule, args.max_catch_up)),
            stamping,
            start,
            count: args.count,
            end_event_ns: args.duration.filter(|_| is_planned).map(to_ns),
            end_wall_ns: match args.duration {
                Some(duration) if live => Some(to_ns(grace(duration))),
                Some(duration) if !is_planned => Some(to_ns(duration)),
                _ => None,
            },
        })
    }

    /// The event time of record `number`, sent `now_ns` after the start; `None` once the plan is done, or has left the
    /// years that have four digits.
    pub fn event_time(&self, number: u64, now_ns: u64) -> Option<EventTime> {
        if self.count.is_some_and(|count| number >= count) {
            return None;
        }
        let offset_ns = match &self.stamping {
            Stamping::Planned(schedule) => schedule.due_ns(number),
            Stamping::WallClock => now_ns,
        };
        if self.end_event_ns.is_some_and(|end_ns| offset_ns >= end_ns) {
            return None;
        }
        let after_ms = i64::try_from(offset_ns / 1_000_000).ok()?;
        self.start.ms().checked_add(after_ms).and_then(EventTime::from_ms)
    }
}

fn to_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ReceiptsArgs;

    const NOW: EventTime = EventTime::MIN;
    const START: &str = "2026-11-22T10:00:00Z";

    fn plan(flags: &[&str]) -> Result<Plan, Error> {
        Plan::new(&ReceiptsArgs::from_flags(flags.iter().copied()).unwrap().load, DEFAULT_RATE_PER_S, NOW)
    }

    fn time(text: &str) -> EventTime {
        EventTime::parse(text).unwrap()
    }

    #[test]
    fn a_live_run_stamps_what_was_planned_not_when_it_was_sent() {
        let plan = plan(&["--rate", "10/s", "--start", START, "--duration", "1s"]).unwrap();
        assert_eq!(plan.event_time(3, 77_000_000_000), Some(time("2026-11-22T10:00:00.300Z")));
        assert_eq!(plan.event_time(10, 0), None);
        assert_eq!(plan.end_wall_ns, Some(2_000_000_000));
    }

    #[test]
    fn at_full_speed_time_is_the_clocks_unless_a_start_fixes_it() {
        let live = plan(&["--rate", "max", "--duration", "1s"]).unwrap();
        assert!(matches!(live.stamping, Stamping::WallClock) && live.pacer.is_none());
        assert_eq!(live.end_wall_ns, Some(1_000_000_000));
        let fixed = plan(&["--rate", "max", "--start", START, "--duration", "1s"]).unwrap();
        assert_eq!(fixed.event_time(999, 5), Some(time("2026-11-22T10:00:00.999Z")));
        assert_eq!(fixed.event_time(1_000, 5), None);
        assert_eq!(fixed.end_wall_ns, None);
    }

    #[test]
    fn a_dry_run_does_not_wait_unless_a_rate_is_given() {
        let dry = plan(&["--dry-run", "--start", START]).unwrap();
        assert!(dry.pacer.is_none());
        assert_eq!(dry.event_time(100, 0), Some(time("2026-11-22T10:00:01Z")));
        assert!(plan(&["--dry-run", "--rate", "5/s"]).unwrap().pacer.is_some());
    }

    #[test]
    fn event_time_may_run_at_a_rate_of_its_own() {
        let replay = plan(&["--rate", "max", "--event-rate", "1/m", "--start", START]).unwrap();
        assert_eq!(replay.event_time(2, 0), Some(time("2026-11-22T10:02:00Z")));
        assert!(plan(&["--event-rate", "max"]).is_err());
        assert!(plan(&["--period", "0s"]).is_err());
    }

    #[test]
    fn a_plan_ends_where_years_have_no_four_digits() {
        let plan = plan(&["--event-rate", "1/d", "--rate", "max", "--start", "9999-12-31T00:00:00Z"]).unwrap();
        assert!(plan.event_time(0, 0).is_some());
        assert_eq!(plan.event_time(1, 0), None);
    }
}
