//! When the n-th record is due, from the rate's integral: no error adds up however long a run is.

use std::time::Duration;

use super::Profile;

/// A rate over time; tells when the n-th record is due.
#[derive(Debug, Clone)]
pub struct Schedule {
    rate_per_s: f64,
    profile: Profile,
    /// Length of a cycle, seconds.
    period_s: f64,
    /// Where in its cycle the schedule begins, seconds.
    phase_s: f64,
    /// Records between the cycle's beginning and `phase_s`.
    phase_records: f64,
    /// Records up to the end of each part of a cycle.
    parts: Vec<f64>,
}

const NS_PER_S: f64 = 1e9;

impl Schedule {
    /// `phase` is how far into its cycle the profile is at the start; a ramp always begins at its foot.
    pub fn new(rate_per_s: f64, profile: Profile, period: Duration, phase: Duration) -> Self {
        let weights = profile.weights();
        let period_s = period.as_secs_f64();
        let share_s = period_s / len(weights);
        let mut records = 0.0;
        let parts: Vec<f64> = weights
            .iter()
            .map(|weight| {
                records += weight * share_s * rate_per_s;
                records
            })
            .collect();
        let cyclic = matches!(profile, Profile::Diurnal | Profile::Burst);
        let phase_s = if cyclic { phase.as_secs_f64() % period_s } else { 0.0 };
        let mut schedule = Schedule { rate_per_s, profile, period_s, phase_s, phase_records: 0.0, parts };
        schedule.phase_records = schedule.records_of_cycle(phase_s);
        schedule
    }

    /// A constant rate.
    pub fn steady(rate_per_s: f64) -> Self {
        Schedule::new(rate_per_s, Profile::Steady, Profile::Steady.default_period(), Duration::ZERO)
    }

    /// The mean rate from the start to `after`, a second.
    pub fn mean_rate_per_s(&self, after: Duration) -> f64 {
        let seconds = after.as_secs_f64();
        if self.profile == Profile::Steady || seconds <= 0.0 {
            return self.rate_per_s;
        }
        let records = match self.profile {
            Profile::Ramp if seconds < self.period_s => self.rate_per_s * seconds.powi(2) / (2.0 * self.period_s),
            Profile::Ramp | Profile::Steady => self.rate_per_s * (seconds - self.period_s / 2.0),
            Profile::Diurnal | Profile::Burst => {
                let end_s = self.phase_s + seconds;
                let cycles = (end_s / self.period_s).floor();
                cycles * self.records_a_cycle() + self.records_of_cycle(end_s - cycles * self.period_s)
                    - self.phase_records
            }
        };
        records / seconds
    }

    /// When record `number` (from 0) is due, in nanoseconds after the start.
    pub fn due_ns(&self, number: u64) -> u64 {
        let number = to_f64(number);
        let due_s = match self.profile {
            Profile::Steady => number / self.rate_per_s,
            Profile::Ramp => {
                let on_ramp = self.rate_per_s * self.period_s / 2.0;
                if number < on_ramp {
                    (2.0 * number * self.period_s / self.rate_per_s).sqrt()
                } else {
                    self.period_s + (number - on_ramp) / self.rate_per_s
                }
            }
            Profile::Diurnal | Profile::Burst => self.time_of_record(number + self.phase_records) - self.phase_s,
        };
        to_ns(due_s)
    }

    /// The rate around record `number`, a second; at least a hundredth of the mean, so that a ramp's foot can be paced.
    pub fn rate_at(&self, number: u64) -> f64 {
        let rate = match self.profile {
            Profile::Steady => self.rate_per_s,
            Profile::Ramp => {
                let on_ramp = self.rate_per_s * self.period_s / 2.0;
                self.rate_per_s * (to_f64(number) / on_ramp).sqrt().min(1.0)
            }
            Profile::Diurnal | Profile::Burst => {
                let within = (to_f64(number) + self.phase_records) % self.records_a_cycle();
                self.rate_per_s * self.profile.weights()[self.part_of(within)]
            }
        };
        rate.max(self.rate_per_s / 100.0)
    }

    fn records_a_cycle(&self) -> f64 {
        self.parts.last().copied().unwrap_or(f64::INFINITY)
    }

    /// Which part of the cycle the record falls into.
    fn part_of(&self, within: f64) -> usize {
        self.parts.partition_point(|end| *end <= within).min(self.parts.len() - 1)
    }

    /// Seconds from the beginning of the cycle that holds the schedule's start.
    fn time_of_record(&self, record: f64) -> f64 {
        let cycles = (record / self.records_a_cycle()).floor();
        let within = record - cycles * self.records_a_cycle();
        let part = self.part_of(within);
        let before = part.checked_sub(1).map_or(0.0, |previous| self.parts[previous]);
        let part_s = self.period_s / len(&self.parts);
        let share = (within - before) / (self.parts[part] - before);
        cycles * self.period_s + (index(part) + share) * part_s
    }

    /// Records from a cycle's beginning to `time_s` in it.
    fn records_of_cycle(&self, time_s: f64) -> f64 {
        let part_s = self.period_s / len(&self.parts);
        let mut before = (0.0, 0.0);
        for (part, end_records) in self.parts.iter().enumerate() {
            let end_s = (index(part) + 1.0) * part_s;
            if time_s < end_s {
                return before.1 + (time_s - before.0) / part_s * (end_records - before.1);
            }
            before = (end_s, *end_records);
        }
        before.1
    }
}

fn len(parts: &[f64]) -> f64 {
    index(parts.len())
}

#[allow(clippy::cast_precision_loss, reason = "a handful of parts")]
fn index(part: usize) -> f64 {
    part as f64
}

#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 records")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn to_ns(seconds: f64) -> u64 {
    (seconds * NS_PER_S).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn records_before(schedule: &Schedule, second: u64) -> u64 {
        (0..100_000).take_while(|number| schedule.due_ns(*number) < second * 1_000_000_000).count() as u64
    }

    #[test]
    fn a_steady_schedule_does_not_drift() {
        let schedule = Schedule::steady(3.0);
        assert_eq!(schedule.due_ns(0), 0);
        assert_eq!(schedule.due_ns(3_000_000_000), 1_000_000_000_000_000_000);
    }

    #[test]
    fn a_ramp_sends_half_in_its_period_and_then_all() {
        let schedule = Schedule::new(100.0, Profile::Ramp, MINUTE, Duration::from_secs(17));
        assert_eq!(records_before(&schedule, 60), 3_000);
        assert_eq!(records_before(&schedule, 61), 3_100);
        assert_eq!(records_before(&schedule, 30), 750);
    }

    #[test]
    fn a_burst_sends_more_than_half_in_a_tenth_of_its_period() {
        let schedule = Schedule::new(100.0, Profile::Burst, MINUTE, Duration::ZERO);
        assert_eq!(records_before(&schedule, 6), 3_300);
        assert_eq!(records_before(&schedule, 60), 6_000);
        assert_eq!(records_before(&schedule, 66), 9_300);
    }

    #[test]
    fn a_day_begins_at_the_hour_of_its_start() {
        let day = Duration::from_hours(24);
        let noon = Schedule::new(1.0, Profile::Diurnal, day, Duration::from_hours(12));
        assert_eq!(records_before(&noon, 3_600), 6_480);
        let night = Schedule::new(1.0, Profile::Diurnal, day, Duration::from_hours(48));
        assert_eq!(records_before(&night, 3_600), 360);
    }

    proptest! {
        #[test]
        fn the_mean_rate_is_that_of_the_records_that_are_due(
            profile in prop::sample::select(vec![Profile::Steady, Profile::Ramp, Profile::Diurnal, Profile::Burst]),
            period_s in 1_u64..100, phase_s in 0_u64..1_000, after_s in 1_u64..100,
        ) {
            let schedule = Schedule::new(50.0, profile, Duration::from_secs(period_s), Duration::from_secs(phase_s));
            let mean = schedule.mean_rate_per_s(Duration::from_secs(after_s));
            let records = to_f64(records_before(&schedule, after_s));
            prop_assert!((mean * to_f64(after_s) - records).abs() <= 1.5, "{mean}/s for {after_s} s, {records} records");
        }

        #[test]
        fn time_never_goes_back(
            profile in prop::sample::select(vec![Profile::Steady, Profile::Ramp, Profile::Diurnal, Profile::Burst]),
            rate in 0.01_f64..1e6, period_s in 1_u64..100_000, phase_s in 0_u64..1_000_000, number in 0_u64..1 << 40,
        ) {
            let schedule = Schedule::new(rate, profile, Duration::from_secs(period_s), Duration::from_secs(phase_s));
            prop_assert!(schedule.due_ns(number) <= schedule.due_ns(number + 1));
            prop_assert!(schedule.rate_at(number) > 0.0);
        }
    }
}
