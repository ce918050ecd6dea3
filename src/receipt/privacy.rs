//! What may stand in the open: the one place that tells text from personal data.

mod own_numbers;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use self::own_numbers::OwnNumbers;
pub(super) use self::own_numbers::is_number_of;
use super::{PhoneNumber, Receipt};

/// Digits in a row that may be a phone number (CONTRACT §5).
const NUMBER_DIGITS: usize = 7;

/// Whether `text` holds seven or more digits in a row, of whatever script.
pub fn has_number(text: &str) -> bool {
    has_run(text, |_| false)
}

/// The same, with whatever people group numbers by between the digits: for a text that people wrote.
pub fn has_grouped_number(text: &str) -> bool {
    has_run(text, |c| c.is_whitespace() || "-./()+".contains(c))
}

fn has_run(text: &str, groups: fn(char) -> bool) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        match c {
            c if is_digit(c) => run += 1,
            c if groups(c) => {}
            _ => run = 0,
        }
        run >= NUMBER_DIGITS
    })
}

/// Whether `text` could be a number in groups, as people write it: for a text that has no reason to
/// hold so many digits.
fn has_digits(text: &str) -> bool {
    text.chars().filter(|c| is_digit(*c)).count() >= NUMBER_DIGITS
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}

/// A receipt's personal data, as it is sealed into one value. A text that is withheld from the
/// open columns stands here instead, so that nothing the carrier said is lost.
#[derive(Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Personal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submit_date: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_date: Option<&'a str>,
}

/// A receipt's text, parted into what may stand in the open and what is sealed.
pub struct Parted<'a> {
    pub operator_message_id: Option<&'a str>,
    pub stat: Option<&'a str>,
    pub err: Option<&'a str>,
    pub network_error_code: Option<&'a str>,
    pub submit_date: Option<&'a str>,
    pub done_date: Option<&'a str>,
    /// The carrier's word in upper case where it says what was decided and may stand in the open, else
    /// the SMPP word of the state.
    pub status_word: Cow<'a, str>,
    pub personal: Personal<'a>,
    /// Whether a text other than the two addresses was withheld.
    pub withheld: bool,
}

impl<'a> Parted<'a> {
    pub fn of(receipt: &'a Receipt) -> Self {
        let own = OwnNumbers::of(receipt);
        let mut withheld = false;
        let mut part = |text: Option<&'a str>, seal: bool| {
            withheld |= seal && text.is_some();
            if seal { (None, text) } else { (text, None) }
        };
        let id = receipt.operator_message_id();
        // Converted it would still tell the number.
        let written = Some(receipt.written_id()).filter(|written| *written != id);
        let mut ids = [Some(id), written].into_iter().flatten();
        let is_number = ids.any(|id| own.are_told_by(id));
        let (operator_message_id, sealed_id) = part(Some(id), is_number);
        let mut part_text =
            |text: Option<&'a str>| part(text, text.is_some_and(|text| may_be_number(text, &own)));
        let (stat, sealed_stat) = part_text(receipt.stat());
        let (err, sealed_err) = part_text(receipt.err());
        let (network_error_code, sealed_code) = part_text(receipt.network_error_code());
        let word = receipt.word().filter(|word| !may_be_number(word, &own));
        let status_word = word.map(in_upper_case);
        let status_word = status_word.unwrap_or_else(|| Cow::Borrowed(receipt.smpp_word()));
        // Digits are a date's nature, so only a text that reads as a date may stand in the open, and
        // the zeros that mean none.
        let mut part_date = |text: Option<&'a str>, readable: bool| {
            let has_number =
                |text: &str| has_digits(text) && text.chars().any(|c| is_digit(c) && c != '0');
            let seal =
                text.is_some_and(|text| own.are_said_by(text) || (!readable && has_number(text)));
            part(text, seal)
        };
        let (submit_date, sealed_submit) =
            part_date(receipt.submit_date(), receipt.submitted_at.is_some());
        let (done_date, sealed_done) = part_date(receipt.done_date(), receipt.done_at.is_some());
        Self {
            operator_message_id,
            stat,
            err,
            network_error_code,
            submit_date,
            done_date,
            status_word,
            personal: Personal {
                source: receipt.source().map(PhoneNumber::expose),
                dest: receipt.dest().map(PhoneNumber::expose),
                operator_message_id: sealed_id,
                stat: sealed_stat,
                err: sealed_err,
                network_error_code: sealed_code,
                submit_date: sealed_submit,
                done_date: sealed_done,
            },
            withheld,
        }
    }
}

impl Personal<'_> {
    /// Writes the value to seal into an empty buffer; nothing when the receipt holds no personal data.
    pub fn write(&self, value: &mut Vec<u8>) {
        if *self != Self::default() {
            serde_json::to_writer(value, self).expect("strings serialize into memory");
        }
    }
}

/// The operator message id of an unsealed value, for a row that does not show it.
pub fn sealed_operator_message_id(value: &[u8]) -> Option<String> {
    Unsealed::of(value)?.operator_message_id
}

/// The carrier's word of an unsealed value, likewise.
pub fn sealed_stat(value: &[u8]) -> Option<String> {
    Unsealed::of(value)?.stat
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsealed {
    operator_message_id: Option<String>,
    stat: Option<String>,
}

impl Unsealed {
    fn of(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }
}

/// Whether `text` may hold a phone number, or says one of the receipt's own addresses.
pub(super) fn is_personal(text: &str, receipt: &Receipt) -> bool {
    may_be_number(text, &OwnNumbers::of(receipt))
}

fn in_upper_case(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Cow::Owned(word.to_ascii_uppercase())
    } else {
        Cow::Borrowed(word)
    }
}

fn may_be_number(text: &str, own: &OwnNumbers<'_>) -> bool {
    has_number(text) || own.are_said_by(text)
}

/// Whether an id tells one of the receipt's own numbers, the one thing that seals an id.
pub(super) fn tells_own_number(id: &str, receipt: &Receipt) -> bool {
    OwnNumbers::of(receipt).are_told_by(id)
}

#[cfg(test)]
mod tests;
