//! How a rate changes over time.

use std::time::Duration;

use clap::ValueEnum;

/// How a rate changes over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Profile {
    /// Not at all.
    #[default]
    Steady,
    /// From nothing up to the rate over one period, then steady.
    Ramp,
    /// A shop's day: closed at night, busiest before supper.
    Diurnal,
    /// A tenth of each period at 5.5 times the rate, the rest at half.
    Burst,
}

/// Weight of each hour of a shop's day; they add up to 24, so the mean is one.
const HOURS: [f64; 24] = [
    0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 1.2, 1.4, 1.5, 1.6, 1.8, 1.6, 1.4, 1.5, 1.8, 2.2, 2.1, 1.6, 1.2, 0.7, 0.3,
    0.2,
];
const BURST: [f64; 10] = [5.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
const STEADY: [f64; 1] = [1.0];

impl Profile {
    /// Weights of the equal parts of a cycle (their mean is one).
    pub(super) fn weights(self) -> &'static [f64] {
        match self {
            Profile::Steady | Profile::Ramp => &STEADY,
            Profile::Diurnal => &HOURS,
            Profile::Burst => &BURST,
        }
    }

    /// A cycle's length where none is given.
    pub fn default_period(self) -> Duration {
        match self {
            Profile::Diurnal => Duration::from_hours(24),
            _ => Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_has_the_mean_that_was_asked_for() {
        for profile in [Profile::Steady, Profile::Diurnal, Profile::Burst] {
            let weights = profile.weights();
            let parts = f64::from(u32::try_from(weights.len()).unwrap());
            assert!((weights.iter().sum::<f64>() / parts - 1.0).abs() < 1e-9, "{profile:?}");
        }
    }
}
