//! The receipt's own numbers, and whether a text tells one of them.
//!
//! Every text of every receipt is asked, so the numbers are prepared once: asked of the bare
//! addresses, it took a twentieth of the processor's time.

use super::{NUMBER_DIGITS, has_digits};
use crate::receipt::Receipt;
use crate::receipt::phone::ADDRESS_MAX;

/// Hexadecimal digits of the largest number of so many decimal ones.
const HEX_MAX: usize = 18;

#[derive(Clone, Copy)]
pub(super) struct OwnNumbers<'a>([Option<Own<'a>>; 2]);

#[derive(Clone, Copy)]
struct Own<'a> {
    address: &'a str,
    /// Without the zeros that some write before it; `None` if too short to be a number.
    number: Option<Number>,
}

/// A number's digits as others might write them.
#[derive(Clone, Copy)]
struct Number {
    decimal: [u8; ADDRESS_MAX],
    decimal_start: usize,
    hex: [u8; HEX_MAX],
    hex_start: usize,
}

impl<'a> OwnNumbers<'a> {
    pub(super) fn of(receipt: &'a Receipt) -> Self {
        let addresses = [receipt.source(), receipt.dest()];
        Self(addresses.map(|address| {
            let address = address?.expose();
            let number = Number::of(address);
            Some(Own { address, number })
        }))
    }

    /// Whether `text` says one of the addresses, or tells one of the numbers.
    pub(super) fn are_said_by(&self, text: &str) -> bool {
        self.iter().any(|own| own.address == text) || self.are_told_by(text)
    }

    /// Whether `text` tells one of the numbers: in whatever groups it is written, with whatever around
    /// it, without the zeros that some write before it, or in hexadecimal digits.
    pub(super) fn are_told_by(&self, text: &str) -> bool {
        let mut numbers = self.iter().filter_map(|own| own.number.as_ref());
        numbers.any(|number| number.is_told_by(text))
            || is_number_of(text, self.0.map(|own| Some(own?.address)))
    }

    fn iter(&self) -> impl Iterator<Item = &Own<'a>> {
        self.0.iter().flatten()
    }
}

/// Whether `text` is one of these numbers, be it written with `+` or other signs.
pub(in crate::receipt) fn is_number_of(text: &str, own: [Option<&str>; 2]) -> bool {
    let mut own = own.into_iter().flatten();
    text.len() >= NUMBER_DIGITS && own.any(|own| digits(own).eq(digits(text))) && has_digits(text)
}

impl Number {
    fn of(address: &str) -> Option<Self> {
        let mut decimal = [0; ADDRESS_MAX];
        let length = digits(address).skip_while(|digit| *digit == b'0').count();
        // Longer than an address may be: told to nobody, and rejected.
        if !(NUMBER_DIGITS..=ADDRESS_MAX).contains(&length) {
            return None;
        }
        let decimal_start = ADDRESS_MAX - length;
        let number = digits(address).skip_while(|digit| *digit == b'0');
        let mut value = 0;
        for (place, digit) in decimal[decimal_start..].iter_mut().zip(number) {
            *place = digit;
            value = value * 10 + u128::from(digit - b'0');
        }
        let mut hex = [0; HEX_MAX];
        let mut hex_start = HEX_MAX;
        while value > 0 {
            hex_start -= 1;
            hex[hex_start] = b"0123456789abcdef"[(value % 16) as usize];
            value /= 16;
        }
        Some(Self {
            decimal,
            decimal_start,
            hex,
            hex_start,
        })
    }

    fn is_told_by(&self, text: &str) -> bool {
        let decimal = &self.decimal[self.decimal_start..];
        let hex = &self.hex[self.hex_start..];
        // No number has more hexadecimal digits than decimal ones.
        if text.len() < hex.len() {
            return false;
        }
        let mut parts = text.as_bytes().windows(hex.len());
        parts.any(|part| part.eq_ignore_ascii_case(hex)) || holds(text, decimal)
    }
}

fn holds(text: &str, number: &[u8]) -> bool {
    let is_long_enough = digits(text).count() >= number.len();
    is_long_enough
        && (0..text.len()).any(|at| {
            let rest = text.as_bytes()[at..].iter().copied();
            let rest = rest.filter(u8::is_ascii_digit).take(number.len());
            rest.eq(number.iter().copied())
        })
}

fn digits(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_digit)
}
