//! Numbers as digits.

use common::Money;

/// A whole number ≥ 0.
pub(super) fn write_whole(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; MOST_DIGITS];
    let count = count_digits(number);
    put_digits(&mut digits[..count], number);
    out.extend_from_slice(&digits[..count]);
}

/// An amount ≥ 0 with two decimals.
pub(super) fn write_money(out: &mut Vec<u8>, amount: Money) {
    let (whole, cents) = parts(amount);
    write_whole(out, whole);
    out.extend_from_slice(&cents);
}

const MOST_DIGITS: usize = 20;

fn count_digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or_default() as usize + 1
}

/// Fills `digits` with the last digits of the number.
fn put_digits(digits: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
}

/// Whole units, and the point and two decimals as text.
fn parts(amount: Money) -> (u64, [u8; 3]) {
    let minor = amount.minor().unsigned_abs();
    let cents = (minor % 100).to_le_bytes()[0];
    (minor / 100, [b'.', b'0' + cents / 10, b'0' + cents % 10])
}

/// A few short texts and numbers that go out together. What is added is copied in a fixed size, however short it is, which
/// costs far less than a copy of any size; so there is more space than is needed.
pub(super) struct Short {
    bytes: [u8; 128],
    length: usize,
}

impl Short {
    pub(super) const fn new() -> Self {
        Short { bytes: [0; 128], length: 0 }
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// The first `length` bytes of `text`.
    pub(super) fn push_some<const SIZE: usize>(&mut self, text: &[u8; SIZE], length: usize) {
        self.bytes[self.length..self.length + SIZE].copy_from_slice(text);
        self.length += length;
    }

    pub(super) fn push_whole(&mut self, number: u64) {
        let count = count_digits(number);
        put_digits(&mut self.bytes[self.length..self.length + count], number);
        self.length += count;
    }

    pub(super) fn push_money(&mut self, amount: Money) {
        let (whole, cents) = parts(amount);
        self.push_whole(whole);
        self.push_some(&cents, cents.len());
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for minor in [0, 5, 99, 100, 1850, 999_999_999_999_999_999] {
            let amount = Money::from_minor(minor);
            let (mut out, mut short) = (Vec::new(), Short::new());
            write_money(&mut out, amount);
            short.push_money(amount);
            assert_eq!(String::from_utf8(out).unwrap(), amount.to_string());
            assert_eq!(short.bytes(), amount.to_string().as_bytes());
        }
        let mut out = Vec::new();
        write_whole(&mut out, u64::MAX);
        assert_eq!(out, u64::MAX.to_string().as_bytes());
    }
}
