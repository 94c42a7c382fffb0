//! Rates (`100/s`, `max`) and shares (`1%`, `0.01`) on the command line.

use std::fmt;
use std::str::FromStr;

/// How many records a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As fast as it goes.
    Max,
    /// A target above zero.
    PerSecond(f64),
}

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate: write e.g. 100/s, 6000/m, 0.5/s or max")]
pub struct RateError(String);

/// More than any machine sends; keeps the arithmetic of schedules exact.
const MAX_PER_SECOND: f64 = 1e9;
/// One a year.
const MIN_PER_SECOND: f64 = 3e-8;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Rate::Max);
        }
        let refuse = || RateError(text.to_owned());
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(refuse()),
        };
        let rate = parse_decimal(number).ok_or_else(refuse)? / seconds;
        if (MIN_PER_SECOND..=MAX_PER_SECOND).contains(&rate) { Ok(Rate::PerSecond(rate)) } else { Err(refuse()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Max => f.write_str("max"),
            Rate::PerSecond(rate) => write!(f, "{rate}/s"),
        }
    }
}

/// A part of the whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

/// Why a text is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share: write a per cent number from 0% to 100%, or a number from 0 to 1")]
pub struct ShareError(String);

impl Share {
    /// Nothing.
    pub const NONE: Share = Share(0.0);

    /// The part as a number from 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whether it is nothing.
    pub fn is_none(self) -> bool {
        self.0 <= 0.0
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ShareError(text.to_owned());
        let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
        let share = parse_decimal(number).ok_or_else(refuse)? / whole;
        if (0.0..=1.0).contains(&share) { Ok(Share(share)) } else { Err(refuse()) }
    }
}

/// Digits with an optional point: what `f64` reads beyond that (`inf`, `1e3`, a sign) is refused.
fn parse_decimal(text: &str) -> Option<f64> {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_in_any_unit() {
        assert_eq!("100/s".parse(), Ok(Rate::PerSecond(100.0)));
        assert_eq!("100".parse(), Ok(Rate::PerSecond(100.0)));
        assert_eq!("6000/m".parse(), Ok(Rate::PerSecond(100.0)));
        assert_eq!("0.5/s".parse(), Ok(Rate::PerSecond(0.5)));
        assert_eq!("MAX".parse(), Ok(Rate::Max));
        for text in ["", "0/s", "-1/s", "1/y", "inf", "1e3/s", "/s", "NaN/s", "99999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_read_as_per_cent_or_as_a_part() {
        assert_eq!("1%".parse(), Ok(Share(0.01)));
        assert_eq!("0.01".parse(), Ok(Share(0.01)));
        assert_eq!("100%".parse(), Ok(Share(1.0)));
        for text in ["", "%", "101%", "1.5", "-1%", "1e-2", "inf"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
