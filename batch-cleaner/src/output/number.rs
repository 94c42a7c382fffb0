//! Numbers as digits.

use common::Money;

/// A whole number ≥ 0.
pub(super) fn write_whole(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// An amount ≥ 0 with two decimals.
pub(super) fn write_money(out: &mut Vec<u8>, amount: Money) {
    let minor = amount.minor().unsigned_abs();
    write_whole(out, minor / 100);
    let cents = (minor % 100).to_le_bytes()[0];
    out.extend_from_slice(&[b'.', b'0' + cents / 10, b'0' + cents % 10]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for minor in [0, 5, 99, 100, 1850, 999_999_999_999_999_999] {
            let mut out = Vec::new();
            write_money(&mut out, Money::from_minor(minor));
            assert_eq!(String::from_utf8(out).unwrap(), Money::from_minor(minor).to_string());
        }
    }
}
