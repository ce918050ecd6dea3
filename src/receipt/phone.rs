//! Phone numbers: personal data that never shows itself.

use std::fmt;

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
        let digits = self.digits().len();
        if digits == 0 {
            format!("a name of {} characters", self.0.chars().count())
        } else {
            format!("{digits} digits")
        }
    }

    /// Only the digits, as the blind index hashes them; empty for a sender name.
    pub fn digits(self) -> String {
        self.0.chars().filter(char::is_ascii_digit).collect()
    }
}

impl fmt::Debug for PhoneNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(masked)")
    }
}
