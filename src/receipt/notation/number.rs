//! Natural numbers of any size that an id can have.

use super::{Base, Case, Digits, WRITTEN_MAX};

/// 512 bits, which 128 hexadecimal digits fill.
const LIMBS: usize = 16;

/// Digits of the largest number, in whole chunks: 155 decimal ones are 18 chunks of 9.
pub(super) const DIGITS_MAX: usize = 162;

/// Read and written a chunk of digits at a time, so that 128 digits take a few hundred steps.
#[derive(Clone, Copy)]
struct Radix {
    base: u32,
    /// As many digits as fit a limb.
    chunk: usize,
}

impl Radix {
    const DECIMAL: Self = Self { base: 10, chunk: 9 };
    const HEX: Self = Self { base: 16, chunk: 8 };

    fn power(self, digits: usize) -> u64 {
        (0..digits).fold(1, |power, _| power * u64::from(self.base))
    }
}

pub(super) struct Number {
    /// The least significant first.
    limbs: [u32; LIMBS],
    /// Those from here on are zero.
    used: usize,
}

impl Number {
    /// `None` unless there are 1 to 128 digits of the base and nothing else.
    pub(super) fn read(digits: &str, base: Base) -> Option<Self> {
        if digits.is_empty() || digits.len() > WRITTEN_MAX {
            return None;
        }
        let radix = match base {
            Base::Decimal => Radix::DECIMAL,
            Base::Hex => Radix::HEX,
        };
        let mut number = Self {
            limbs: [0; LIMBS],
            used: 0,
        };
        for chunk in digits.as_bytes().chunks(radix.chunk) {
            let mut value = 0;
            for &digit in chunk {
                let digit = char::from(digit).to_digit(radix.base)?;
                value = value * u64::from(radix.base) + u64::from(digit);
            }
            number.multiply_and_add(radix.power(chunk.len()), value);
        }
        Some(number)
    }

    /// Without zeros before it; zero is one digit.
    pub(super) fn write(mut self, digits: Digits, room: &mut [u8; DIGITS_MAX]) -> &str {
        let radix = match digits {
            Digits::Decimal => Radix::DECIMAL,
            Digits::Hex(_) => Radix::HEX,
        };
        let mut start = DIGITS_MAX;
        while self.used > 0 {
            let mut chunk = self.divide(radix.power(radix.chunk));
            for _ in 0..radix.chunk {
                start -= 1;
                room[start] = digit(chunk % u64::from(radix.base), digits);
                chunk /= u64::from(radix.base);
            }
        }
        let zeros = room[start..].iter().take_while(|&&d| d == b'0').count();
        start += zeros;
        if start == DIGITS_MAX {
            start -= 1;
            room[start] = b'0';
        }
        std::str::from_utf8(&room[start..]).expect("digits are ASCII")
    }

    fn multiply_and_add(&mut self, factor: u64, summand: u64) {
        let mut carry = summand;
        for limb in &mut self.limbs[..self.used] {
            let product = u64::from(*limb) * factor + carry;
            *limb = low(product);
            carry = product >> u32::BITS;
        }
        if carry > 0 {
            self.limbs[self.used] = low(carry);
            self.used += 1;
        }
    }

    /// Leaves the quotient and returns the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0;
        for limb in self.limbs[..self.used].iter_mut().rev() {
            let dividend = (remainder << u32::BITS) | u64::from(*limb);
            *limb = low(dividend / divisor);
            remainder = dividend % divisor;
        }
        while self.used > 0 && self.limbs[self.used - 1] == 0 {
            self.used -= 1;
        }
        remainder
    }
}

fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).expect("32 bits")
}

fn digit(value: u64, digits: Digits) -> u8 {
    let value = u8::try_from(value).expect("less than the base");
    match (value, digits) {
        (0..10, _) => b'0' + value,
        (_, Digits::Hex(Case::Upper)) => b'A' + (value - 10),
        _ => b'a' + (value - 10),
    }
}
