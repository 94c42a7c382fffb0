//! Exact money: whole minor units (kopecks, cents) in 64 bits, written as a decimal number with two places.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount in minor units. Arithmetic is checked: an amount that does not fit is an error, never another amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a number as JSON spells it.
    #[error("not a number")]
    NotANumber,
    /// Below zero.
    #[error("negative")]
    Negative,
    /// A third decimal that is not zero.
    #[error("more than two decimals")]
    TooPrecise,
    /// More minor units than 64 bits hold.
    #[error("too large")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// From whole minor units: `1234` is 12.34.
    pub const fn from_minor(minor: i64) -> Self {
        Money(minor)
    }

    /// Whole minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// `None` when the sum does not fit.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// `None` when the product does not fit.
    pub fn checked_mul(self, quantity: i64) -> Option<Money> {
        self.0.checked_mul(quantity).map(Money)
    }

    /// Reads an amount ≥ 0 from a JSON number whose *value* has at most two decimals: `14`, `14.0` and `1.4e1` are
    /// equal, `-0` is zero. Exact, also beyond 2^53.
    pub fn from_json_number(text: &str) -> Result<Money, MoneyError> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(MoneyError::NotANumber),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !digits_only(whole) || !digits_only(fraction) {
            return Err(MoneyError::NotANumber);
        }
        let exponent = exponent.map_or(Ok(0), parse_exponent)?;

        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0');
        // Significant digits without the zeros at either end, and the power of ten of the last one, in minor units.
        let mut minor: i128 = 0;
        let mut pending_zeros: u32 = 0;
        for digit in digits {
            if digit == 0 {
                pending_zeros += u32::from(minor != 0);
                continue;
            }
            for _ in 0..=pending_zeros {
                minor = minor.checked_mul(10).filter(|minor| *minor < 1 << 100).ok_or(MoneyError::TooLarge)?;
            }
            pending_zeros = 0;
            minor += i128::from(digit);
        }
        if minor == 0 {
            return Ok(Money::ZERO);
        }
        if negative {
            return Err(MoneyError::Negative);
        }
        let fraction_digits = i64::try_from(fraction.len()).map_err(|_| MoneyError::TooLarge)?;
        let scale = exponent.saturating_add(2 + i64::from(pending_zeros)).saturating_sub(fraction_digits);
        if scale < 0 {
            return Err(MoneyError::TooPrecise);
        }
        for _ in 0..scale {
            minor = minor.checked_mul(10).filter(|minor| *minor <= i128::from(i64::MAX)).ok_or(MoneyError::TooLarge)?;
        }
        i64::try_from(minor).map(Money).map_err(|_| MoneyError::TooLarge)
    }
}

/// An exponent as JSON spells it, cut to where every non-zero amount is too large or too precise anyway.
fn parse_exponent(text: &str) -> Result<i64, MoneyError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MoneyError::NotANumber);
    }
    let size =
        digits.bytes().fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Ok(if negative { -size } else { size })
}

/// Two decimals, always: `129.90`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_minor(i128::from(self.0), f)
    }
}

/// Writes minor units of any width as a decimal with two places; for sums that are wider than [`Money`].
pub(crate) fn format_minor(minor: i128, f: &mut impl fmt::Write) -> fmt::Result {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    write!(f, "{sign}{}.{:02}", minor / 100, minor % 100)
}

/// Serialises `minor` as a JSON number with exactly two decimals (through `serde_json`'s raw values).
pub(crate) fn serialize_minor<S: Serializer>(minor: i128, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(24);
    format_minor(minor, &mut text).map_err(S::Error::custom)?;
    serde_json::from_str::<&RawValue>(&text).map_err(S::Error::custom)?.serialize(serializer)
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_minor(i128::from(self.0), serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Money::from_json_number(raw.get()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minor(text: &str) -> Result<i64, MoneyError> {
        Money::from_json_number(text).map(Money::minor)
    }

    #[test]
    fn equal_values_in_any_spelling_are_one_amount() {
        for text in ["14", "14.0", "14.00", "1.4e1", "140e-1", "0.14E+2", "14.000000000000000000000000000000"] {
            assert_eq!(minor(text), Ok(1400), "{text}");
        }
        assert_eq!(minor("-0"), Ok(0));
        assert_eq!(minor("-0.000e5"), Ok(0));
        assert_eq!(minor("0e999999999999999999999"), Ok(0));
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        assert_eq!(minor("14.005"), Err(MoneyError::TooPrecise));
        assert_eq!(minor("1e-3"), Err(MoneyError::TooPrecise));
        assert_eq!(minor("-0.01"), Err(MoneyError::Negative));
        assert_eq!(minor("1e400"), Err(MoneyError::TooLarge));
        assert_eq!(minor("92233720368547758.08"), Err(MoneyError::TooLarge));
        for text in ["", "-", ".5", "5.", "01", "1e", "1e+", "0x1", "1_0", "\"14\"", "NaN", "null", "+1", " 1"] {
            assert_eq!(minor(text), Err(MoneyError::NotANumber), "{text}");
        }
    }

    #[test]
    fn the_largest_amount_is_exact() {
        assert_eq!(minor("92233720368547758.07"), Ok(i64::MAX));
    }

    proptest! {
        #[test]
        fn an_amount_survives_being_written_and_read(amount in 0..=i64::MAX) {
            let text = serde_json::to_string(&Money::from_minor(amount)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap().minor(), amount);
        }

        #[test]
        fn any_text_gets_a_verdict(text in "[-+0-9.eE]{0,40}") {
            let verdict = Money::from_json_number(&text);
            // What serde_json does not call a number is no amount either.
            if serde_json::from_str::<&RawValue>(&text).is_err() {
                prop_assert_eq!(verdict, Err(MoneyError::NotANumber));
            }
        }
    }
}
