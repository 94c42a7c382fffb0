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

/// The digits of a number below 10^8, a byte each, the first in the lowest byte. Halves are parted three times, all lanes
/// of a word at once, so there is no branch that depends on how many digits there are.
fn eight_digits(number: u32) -> u64 {
    let (first, second) = (u64::from(number / 10_000), u64::from(number % 10_000));
    let fours = first | second << 32;
    // 5243 / 2^19 is a hundredth and 103 / 2^10 a tenth, closely enough for numbers of four and two digits.
    let hundredths = ((fours * 5243) >> 19) & 0x0000_007f_0000_007f;
    let twos = hundredths | (fours - hundredths * 100) << 16;
    let tenths = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tenths | (twos - tenths * 10) << 8
}

/// Whole units, and the point and two decimals as text.
fn parts(amount: Money) -> (u64, [u8; 3]) {
    let minor = amount.minor().unsigned_abs();
    let cents = (minor % 100).to_le_bytes()[0];
    (minor / 100, [b'.', b'0' + cents / 10, b'0' + cents % 10])
}

/// Far more than two amounts, a number and a text of [`MOST_TEXT`] bytes need.
const SHORT_BYTES: usize = 512;
/// The longest text for which there is room.
pub(super) const MOST_TEXT: usize = 256;

/// A few short texts and numbers that go out together. What is added is copied in a fixed size, however short it is, which
/// costs far less than a copy of any size; so there is more space than is needed.
pub(super) struct Short {
    bytes: [u8; SHORT_BYTES],
    length: usize,
}

impl Short {
    pub(super) const fn new() -> Self {
        Short { bytes: [0; SHORT_BYTES], length: 0 }
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
        if let Ok(number @ 0..=99_999_999) = u32::try_from(number) {
            let digits = eight_digits(number);
            // The first digit is in the lowest byte; of zero one digit stays.
            let zeros = (digits.trailing_zeros() / 8).min(7);
            let digits = (digits | 0x3030_3030_3030_3030) >> (zeros * 8);
            self.push_some(&digits.to_le_bytes(), 8 - zeros as usize);
        } else {
            let count = count_digits(number);
            put_digits(&mut self.bytes[self.length..self.length + count], number);
            self.length += count;
        }
    }

    pub(super) fn push_money(&mut self, amount: Money) {
        let (whole, cents) = parts(amount);
        self.push_whole(whole);
        self.push_some(&cents, cents.len());
    }

    /// `text` must be shorter than what is left.
    pub(super) fn push_text(&mut self, text: &[u8]) {
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text);
        self.length += text.len();
    }

    pub(super) const fn clear(&mut self) {
        self.length = 0;
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
        let around = |power: u32| [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1];
        for number in (0..20).flat_map(around).chain(0..30_000).chain((0..100_000_000).step_by(9_973)).chain([u64::MAX])
        {
            let (mut out, mut short) = (Vec::new(), Short::new());
            write_whole(&mut out, number);
            short.push_whole(number);
            assert_eq!(out, number.to_string().as_bytes());
            assert_eq!(short.bytes(), number.to_string().as_bytes());
        }
    }
}
