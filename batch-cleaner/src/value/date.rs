//! Calendar dates.

use std::fmt;

/// A day of the proleptic Gregorian calendar, in the years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The days of the week, from Monday.
pub(crate) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Date {
    /// `None` for a day that the calendar does not have.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let valid = year <= 9999 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        valid.then_some(Date { year, month, day })
    }

    /// 0000 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Days from 1970-01-01, counted in years that begin in March so that the leap day comes last (Howard Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
    pub const fn days_since_epoch(self) -> i32 {
        // One era, 400 years, is added so that nothing is below zero, and taken off again at the end.
        let year = self.year as i32 + 400 - if self.month <= 2 { 1 } else { 0 };
        let (era, year_of_era) = (year / 400, year % 400);
        let month_from_march = (self.month as i32 + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era - 1) * 146_097 + day_of_era - 719_468
    }

    /// The English name of the day of the week.
    pub const fn weekday(self) -> &'static str {
        WEEKDAYS[self.days_since_monday()]
    }

    /// The day of the week, counted from Monday, 0.
    pub(crate) const fn days_since_monday(self) -> usize {
        // Years begin in March, and a month's days move the weekday on by so many (Tomohiko Sakamoto).
        const BY_MONTH: [usize; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        // Four hundred years are whole weeks, and keep the first year above zero.
        let year = self.year as usize + 400 - if self.month <= 2 { 1 } else { 0 };
        let leap_days = year / 4 - year / 100 + year / 400;
        (year + leap_days + BY_MONTH[self.month as usize - 1] + self.day as usize + 6) % 7
    }

    /// `YYYY-MM-DD`.
    pub fn to_bytes(self) -> [u8; 10] {
        let tens = |number: u16| b'0' + (number / 10 % 10).to_le_bytes()[0];
        let ones = |number: u16| b'0' + (number % 10).to_le_bytes()[0];
        let (year, month, day) = (self.year, u16::from(self.month), u16::from(self.day));
        let century = year / 100;
        [
            tens(century),
            ones(century),
            tens(year),
            ones(year),
            b'-',
            tens(month),
            ones(month),
            b'-',
            tens(day),
            ones(day),
        ]
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `YYYY-MM-DD` that exists, optionally followed by `T` or a blank and a time, which is ignored. Nothing else is
/// guessed.
pub fn parse_date(text: &str) -> Option<Date> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], rest) = text.as_bytes().split_first_chunk()? else {
        return None;
    };
    let year = u16::from(two_digits(y1, y2)?) * 100 + u16::from(two_digits(y3, y4)?);
    let date = Date::new(year, two_digits(m1, m2)?, two_digits(d1, d2)?)?;
    match rest {
        [] => Some(date),
        [b'T' | b' ', time @ ..] if is_time(time) => Some(date),
        _ => None,
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.digits`, with or without `Z` or an offset.
fn is_time(text: &[u8]) -> bool {
    let below = |limit: u8, tens: u8, ones: u8| two_digits(tens, ones).is_some_and(|number| number < limit);
    let (&[h1, h2, b':', m1, m2], mut rest) = (match text.split_first_chunk() {
        Some(parts) => parts,
        None => return false,
    }) else {
        return false;
    };
    if !below(24, h1, h2) || !below(60, m1, m2) {
        return false;
    }
    if let [b':', s1, s2, after @ ..] = rest {
        // 60 is a leap second.
        if !below(61, *s1, *s2) {
            return false;
        }
        rest = after;
        if let [b'.', fraction @ ..] = rest {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            rest = &fraction[digits..];
        }
    }
    match *rest {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2] => below(24, h1, h2),
        [b'+' | b'-', h1, h2, b':', m1, m2] | [b'+' | b'-', h1, h2, m1, m2] => below(24, h1, h2) && below(60, m1, m2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_with_or_without_a_time_is_read() {
        let expected = Date::new(2024, 2, 29);
        for text in [
            "2024-02-29",
            "2024-02-29T10:15",
            "2024-02-29 23:59:60",
            "2024-02-29T10:15:30.123456789Z",
            "2024-02-29 10:15:30+03:00",
            "2024-02-29T00:00:00-0530",
            "2024-02-29T00:00+01",
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_guessed() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "01/02/2024",
            "2024/01/02",
            "20240102",
            "2024-01-02x",
            "2024-01-02T",
            "2024-01-02 ",
            "2024-01-02T24:00",
            "2024-01-02T10:60",
            "2024-01-02T10:00:61",
            "2024-01-02T10:00:00.",
            "2024-01-02 10:00 AM",
            "45292",
            "+024-01-02",
            "2024-04-31",
            "2024-01-02t10:00",
            "",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_weekdays_follow_the_calendar() {
        let date = |year, month, day| Date::new(year, month, day).unwrap();
        assert_eq!(date(1970, 1, 1).days_since_epoch(), 0);
        assert_eq!(date(0, 1, 1).days_since_epoch(), -719_528);
        assert_eq!(date(9999, 12, 31).days_since_epoch(), 2_932_896);
        assert_eq!(date(2024, 4, 8).weekday(), "Monday");
        assert_eq!(date(0, 1, 1).weekday(), "Saturday");
        for (year, month, day) in (0..=2400).flat_map(|year| (1..=12).map(move |month| (year, month, 28))) {
            let date = date(year, month, day);
            // 1970-01-01 was a Thursday.
            let expected = (date.days_since_epoch() + 3).rem_euclid(7);
            assert_eq!(i32::try_from(date.days_since_monday()), Ok(expected), "{date}");
        }
        assert_eq!(date(2024, 4, 8).to_bytes(), *b"2024-04-08");
        assert_eq!(date(7, 4, 8).to_string().as_bytes(), date(7, 4, 8).to_bytes());
    }
}
