//! Phone numbers: personal data that never shows itself.

use std::fmt;

/// Most characters of an address (CONTRACT §3), and so most digits of a number.
pub(super) const ADDRESS_MAX: usize = 21;

/// A phone number or sender name as the carrier wrote it, at most 21 bytes (CONTRACT §3).
///
/// `Debug` is masked and there is no `Display`; [`PhoneNumber::expose`] is the one, greppable way
/// to the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PhoneNumber<'a>(&'a str);

impl<'a> PhoneNumber<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub fn expose(self) -> &'a str {
        self.0
    }

    /// What it is, without what it says.
    pub fn masked(self) -> String {
        let digits = self.digits().as_str().len();
        if digits == 0 {
            format!("a name of {} characters", self.0.chars().count())
        } else {
            format!("{digits} digits")
        }
    }

    /// Only the digits, as the blind index hashes them; empty for a sender name.
    pub fn digits(self) -> Digits {
        let mut digits = Digits {
            ascii: [0; ADDRESS_MAX],
            length: 0,
        };
        let theirs = self.0.bytes().filter(u8::is_ascii_digit);
        for (place, digit) in digits.ascii.iter_mut().zip(theirs) {
            *place = digit;
            digits.length += 1;
        }
        digits
    }
}

/// The digits of one number; as personal as the number.
pub struct Digits {
    ascii: [u8; ADDRESS_MAX],
    length: usize,
}

impl Digits {
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.ascii[..self.length]).expect("digits are ASCII")
    }
}

impl fmt::Debug for PhoneNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(masked)")
    }
}
