//! Exact decimals: money in minor units, whole quantities, and the arithmetic between them.

use common::Money;

/// The largest amount in minor units: 9,999,999,999,999,999.99, what `decimal(18,2)` holds.
pub const MAX_MINOR: i64 = 999_999_999_999_999_999;

/// How many of an item: 0 … 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i32);

impl Quantity {
    /// `None` below zero.
    pub const fn new(quantity: i32) -> Option<Self> {
        if quantity < 0 { None } else { Some(Quantity(quantity)) }
    }

    /// The bare number, never negative.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// quantity × price, exactly; `None` above [`MAX_MINOR`].
    pub fn times(self, price: Money) -> Option<Money> {
        bounded(i128::from(self.0) * i128::from(price.minor()))
    }

    /// total ÷ price, where that is whole and fits.
    pub fn from_total(total: Money, price: Money) -> Option<Quantity> {
        let (total, price) = (total.minor(), price.minor());
        if price <= 0 || total % price != 0 {
            return None;
        }
        i32::try_from(total / price).ok().and_then(Quantity::new)
    }

    /// total ÷ quantity in whole minor units, half up; `None` for quantity 0.
    pub fn price_from_total(self, total: Money) -> Option<Money> {
        if self.0 == 0 {
            return None;
        }
        bounded(divide_half_up(i128::from(total.minor()), i128::from(self.0)))
    }
}

/// `dividend / divisor` rounded half up; `dividend` ≥ 0 and `divisor` > 0.
pub(crate) const fn divide_half_up(dividend: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    if remainder >= divisor - remainder { quotient + 1 } else { quotient }
}

fn bounded(minor: i128) -> Option<Money> {
    i64::try_from(minor).ok().filter(|minor| (0..=MAX_MINOR).contains(minor)).map(Money::from_minor)
}

/// Optional sign, ASCII digits, optional point and digits; not negative; rounded half up to two decimals; at most
/// [`MAX_MINOR`].
pub fn parse_money(text: &str) -> Option<Money> {
    let decimal = Decimal::parse(text.as_bytes())?;
    let minor = decimal.hundredths + u64::from(decimal.third >= 5);
    i64::try_from(minor).ok().filter(|minor| *minor <= MAX_MINOR).map(Money::from_minor)
}

/// Spelled like money; the value must be whole: `10.0` is 10, `3.5` is nothing.
pub fn parse_quantity(text: &str) -> Option<Quantity> {
    let decimal = Decimal::parse(text.as_bytes())?;
    if decimal.more || !decimal.hundredths.is_multiple_of(100) {
        return None;
    }
    i32::try_from(decimal.hundredths / 100).ok().and_then(Quantity::new)
}

/// A number ≥ 0 below 10^17, cut to hundredths.
struct Decimal {
    hundredths: u64,
    /// The third decimal.
    third: u8,
    /// Whether anything but zeros follows the second decimal.
    more: bool,
}

impl Decimal {
    fn parse(text: &[u8]) -> Option<Decimal> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut whole: u64 = 0;
        let mut at = 0;
        while let Some(digit) = digits.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            // Saturated far above the bound and far below overflow.
            whole = (whole * 10 + u64::from(digit)).min(1 << 57);
            at += 1;
        }
        if at == 0 {
            return None;
        }
        let mut decimal = Decimal { hundredths: whole.checked_mul(100)?, third: 0, more: false };
        match &digits[at..] {
            [] => {}
            [b'.', fraction @ ..] if !fraction.is_empty() => {
                for (place, byte) in fraction.iter().enumerate() {
                    let digit = byte.wrapping_sub(b'0');
                    if digit > 9 {
                        return None;
                    }
                    match place {
                        0 => decimal.hundredths += u64::from(digit) * 10,
                        1 => decimal.hundredths += u64::from(digit),
                        _ => {
                            decimal.more |= digit != 0;
                            if place == 2 {
                                decimal.third = digit;
                            }
                        }
                    }
                }
            }
            _ => return None,
        }
        if negative && (decimal.hundredths != 0 || decimal.more) { None } else { Some(decimal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str) -> Option<i64> {
        parse_money(text).map(Money::minor)
    }

    #[test]
    fn money_is_read_exactly_and_rounds_half_up() {
        for (text, expected) in [
            ("14", 1400),
            ("+14.5", 1450),
            ("-0.00", 0),
            ("-0", 0),
            ("0.005", 1),
            ("0.00499999", 0),
            ("1.999", 200),
            ("000000000000000000000000000007.1", 710),
            ("9999999999999999.99", MAX_MINOR),
            ("9999999999999999.994", MAX_MINOR),
            ("0.10000000000000000000000000000000000001", 10),
        ] {
            assert_eq!(minor(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_money_is_nothing() {
        for text in [
            "",
            "-",
            "+",
            ".",
            ".5",
            "5.",
            "1e3",
            "1,000",
            "$5",
            "0x10",
            "1_0",
            "-1",
            "-0.001",
            "--1",
            "1.2.3",
            "١",
            "9999999999999999.995",
            "10000000000000000",
            "99999999999999999999999999999999999999999",
            "1 ",
            "inf",
        ] {
            assert_eq!(minor(text), None, "{text}");
        }
    }

    #[test]
    fn a_quantity_is_whole_by_value() {
        let read = |text| parse_quantity(text).map(Quantity::get);
        assert_eq!(read("10.0"), Some(10));
        assert_eq!(read("10.000000000"), Some(10));
        assert_eq!(read("2147483647"), Some(i32::MAX));
        for text in ["3.5", "10.001", "2147483648", "-1", "1e1", "10.", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn division_is_decimal_and_half_up() {
        let money = Money::from_minor;
        assert_eq!(Quantity::from_total(money(30), money(10)), Quantity::new(3));
        assert_eq!(Quantity::from_total(money(31), money(10)), None);
        assert_eq!(Quantity::from_total(money(0), money(0)), None);
        assert_eq!(Quantity::from_total(money(MAX_MINOR), money(1)), None);
        assert_eq!(Quantity(3).price_from_total(money(200)), Some(money(67)));
        assert_eq!(Quantity(8).price_from_total(money(4)), Some(money(1)));
        assert_eq!(Quantity(0).price_from_total(money(4)), None);
        assert_eq!(Quantity(i32::MAX).times(money(MAX_MINOR)), None);
        assert_eq!(Quantity(3).times(money(MAX_MINOR / 3)), Some(money(MAX_MINOR)));
    }
}
