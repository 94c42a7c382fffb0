//! Event time: milliseconds since the Unix epoch, read from and written as RFC 3339.

use std::fmt;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in whole milliseconds since the Unix epoch, UTC, in a year of four digits (0000 to 9999).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventTimeError {
    /// Not RFC 3339 with `T`, seconds below 60 and at most nine decimals.
    #[error("not an RFC 3339 time")]
    NotRfc3339,
    /// The year has no four digits once the offset is taken off.
    #[error("outside the years 0000 to 9999")]
    OutOfRange,
}

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00.000Z.
const MIN_MS: i64 = -719_528 * DAY_MS;
/// 9999-12-31T23:59:59.999Z.
const MAX_MS: i64 = 2_932_897 * DAY_MS - 1;

impl EventTime {
    /// The first millisecond that has a four-digit year.
    pub const MIN: EventTime = EventTime(MIN_MS);
    /// The last millisecond that has a four-digit year.
    pub const MAX: EventTime = EventTime(MAX_MS);

    /// `None` outside the years 0000 to 9999.
    pub const fn from_ms(ms: i64) -> Option<Self> {
        if ms < MIN_MS || ms > MAX_MS { None } else { Some(EventTime(ms)) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Reads any RFC 3339 time with any offset; what is finer than a millisecond is cut off.
    ///
    /// Stricter than the RFC where the RFC leaves room: `T` is required, second 60 is refused, and at most nine
    /// decimals are read.
    pub fn parse(text: &str) -> Result<Self, EventTimeError> {
        let bytes = text.as_bytes();
        let (&[y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't', h1, h2, b':', mi1, mi2, b':', s1, s2], rest) =
            bytes.split_first_chunk().ok_or(EventTimeError::NotRfc3339)?
        else {
            return Err(EventTimeError::NotRfc3339);
        };
        let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
        let (month, day) = (two_digits(mo1, mo2)?, two_digits(d1, d2)?);
        let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(mi1, mi2)?, two_digits(s1, s2)?);
        let valid_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        if !valid_date || hour > 23 || minute > 59 || second > 59 {
            return Err(EventTimeError::NotRfc3339);
        }
        let (fraction_ms, zone) = parse_fraction(rest)?;
        let offset_ms = parse_offset(zone)?;
        let clock_ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction_ms;
        let ms = days_since_epoch(year, month, day) * DAY_MS + clock_ms - offset_ms;
        EventTime::from_ms(ms).ok_or(EventTimeError::OutOfRange)
    }
}

fn two_digits(tens: u8, ones: u8) -> Result<i64, EventTimeError> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    } else {
        Err(EventTimeError::NotRfc3339)
    }
}

/// Milliseconds of an optional `.digits`, and what follows it.
fn parse_fraction(bytes: &[u8]) -> Result<(i64, &[u8]), EventTimeError> {
    let Some(decimals) = bytes.strip_prefix(b".") else { return Ok((0, bytes)) };
    let count = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 9 {
        return Err(EventTimeError::NotRfc3339);
    }
    let (digits, rest) = decimals.split_at(count);
    let ms = (0..3).fold(0, |ms, place| ms * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0')));
    Ok((ms, rest))
}

fn parse_offset(bytes: &[u8]) -> Result<i64, EventTimeError> {
    match *bytes {
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two_digits(h1, h2)?, two_digits(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return Err(EventTimeError::NotRfc3339);
            }
            let ms = (hours * 60 + minutes) * 60_000;
            Ok(if sign == b'-' { -ms } else { ms })
        }
        _ => Err(EventTimeError::NotRfc3339),
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March so that the leap
/// day comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T10:15:30.123Z`.
impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time: DateTime<Utc> = DateTime::from_timestamp_millis(self.0).ok_or(fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.0.rem_euclid(1000)
        )
    }
}

impl std::str::FromStr for EventTime {
    type Err = EventTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EventTime::parse(text)
    }
}

impl Serialize for EventTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rfc3339;
        impl Visitor<'_> for Rfc3339 {
            type Value = EventTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EventTime, E> {
                EventTime::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Rfc3339).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_offset_is_taken_off_and_finer_decimals_are_cut() {
        let expected = EventTime::parse("2026-11-22T10:15:30.123Z").unwrap();
        for text in
            ["2026-11-22T13:15:30.123999999+03:00", "2026-11-22t10:15:30.1239z", "2026-11-21T23:45:30.123-10:30"]
        {
            assert_eq!(EventTime::parse(text), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "2026-11-22T10:15:30.123Z");
        assert_eq!(EventTime::parse("2026-11-22T10:15:30Z").unwrap().ms() % 1000, 0);
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "2026-11-22 10:15:30Z",
            "2026-11-22T10:15:60Z",
            "2026-11-22T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-22T10:15:30",
            "2026-11-22T10:15:30.Z",
            "2026-11-22T10:15:30.1234567890Z",
            "2026-11-22T10:15:30+24:00",
            "2026-11-22T10:15:30+0300",
            "2026-11-22T10:15Z",
            "",
            "+2026-11-22T10:15:30Z",
            "2026-11-22T10:15:30ZZ",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
        ] {
            assert_eq!(EventTime::parse(text), Err(EventTimeError::NotRfc3339), "{text}");
        }
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(EventTime::parse(text), Err(EventTimeError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn the_bounds_are_the_first_and_last_millisecond_of_four_digit_years() {
        assert_eq!(EventTime::MIN.to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(EventTime::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn a_time_survives_being_written_and_read(ms in MIN_MS..=MAX_MS) {
            let time = EventTime::from_ms(ms).unwrap();
            prop_assert_eq!(EventTime::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn chrono_agrees(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])") {
            let ours = EventTime::parse(&text);
            if let Ok(theirs) = DateTime::parse_from_rfc3339(&text) { if let Some(time) = EventTime::from_ms(theirs.timestamp_millis()) { prop_assert_eq!(ours, Ok(time)) } else { prop_assert_eq!(ours, Err(EventTimeError::OutOfRange)) } } else { prop_assert_eq!(ours, Err(EventTimeError::NotRfc3339)) }
        }
    }
}
