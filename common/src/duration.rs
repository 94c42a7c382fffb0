//! Durations on the command line: `10s`, `500ms`, `1m`, `2h`, `1d`.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration: write a whole number and a unit, e.g. 500ms, 10s, 1m, 2h, 1d")]
pub struct DurationError {
    text: String,
}

/// Reads a whole number with a unit (`ms`, `s`, `m`, `h`, `d`).
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let refuse = || DurationError { text: text.to_owned() };
    let unit_at = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(refuse)?;
    let (number, unit) = text.split_at(unit_at);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refuse()),
    };
    let number: u64 = number.parse().map_err(|_| refuse())?;
    // 2^53 milliseconds: event times stay far inside 64 bits whatever is added up.
    let ms = number.checked_mul(unit_ms).filter(|ms| *ms < 1 << 53).ok_or_else(refuse)?;
    Ok(Duration::from_millis(ms))
}

/// Writes a duration as [`parse_duration`] reads it, in its largest whole unit.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let (size, unit) = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(size, _)| ms != 0 && ms.is_multiple_of(*size))
        .unwrap_or((1, "ms"));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{}{unit}", ms / size);
    text
}

/// A duration that can be switched off: `5s` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationOrOff(pub Option<Duration>);

impl FromStr for DurationOrOff {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") { Ok(Self(None)) } else { parse_duration(text).map(|on| Self(Some(on))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for text in ["500ms", "10s", "1m", "2h", "3d", "0ms"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in ["10", "", "s", "1.5s", "-1s", "10 s", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn off_switches_off() {
        assert_eq!("off".parse(), Ok(DurationOrOff(None)));
        assert_eq!("5s".parse(), Ok(DurationOrOff(Some(Duration::from_secs(5)))));
    }
}
