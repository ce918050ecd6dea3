//! What may stand in the open: the one place that tells text from personal data.

use serde::{Deserialize, Serialize};

use super::{PhoneNumber, Receipt};

/// Digits in a row that may be a phone number (CONTRACT §5).
const NUMBER_DIGITS: usize = 7;

/// Whether `text` holds seven or more digits in a row.
pub fn has_number(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run >= NUMBER_DIGITS
    })
}

/// Whether `text` could be a number in groups, as people write it: for a text that has no reason to
/// hold so many digits.
fn has_digits(text: &str) -> bool {
    digits(text).count() >= NUMBER_DIGITS
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
#[derive(Default)]
pub struct Parted<'a> {
    pub operator_message_id: Option<&'a str>,
    pub stat: Option<&'a str>,
    pub err: Option<&'a str>,
    pub network_error_code: Option<&'a str>,
    pub submit_date: Option<&'a str>,
    pub done_date: Option<&'a str>,
    pub personal: Personal<'a>,
    /// Whether a text other than the two addresses was withheld.
    pub withheld: bool,
}

impl<'a> Parted<'a> {
    pub fn of(receipt: &'a Receipt) -> Self {
        let own = own_numbers(receipt);
        let mut withheld = false;
        let mut part = |text: Option<&'a str>, seal: bool| {
            withheld |= seal && text.is_some();
            if seal { (None, text) } else { (text, None) }
        };
        let id = receipt.operator_message_id();
        // In another base it would still tell the number.
        let is_number = is_number_of(id, own) || is_number_of(receipt.written_id(), own);
        let (operator_message_id, sealed_id) = part(Some(id), is_number);
        let mut part_text =
            |text: Option<&'a str>| part(text, text.is_some_and(|text| is_personal(text, receipt)));
        let (stat, sealed_stat) = part_text(receipt.stat());
        let (err, sealed_err) = part_text(receipt.err());
        let (network_error_code, sealed_code) = part_text(receipt.network_error_code());
        // Digits are a date's nature, so only a text that reads as a date may stand in the open.
        let mut part_date = |text: Option<&'a str>, readable: bool| {
            let seal =
                text.is_some_and(|text| is_own(text, own) || (!readable && has_digits(text)));
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
    /// The value to seal; `None` when the receipt holds no personal data.
    pub fn to_value(&self) -> Option<Vec<u8>> {
        if *self == Self::default() {
            return None;
        }
        Some(serde_json::to_vec(self).expect("strings serialize into memory"))
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
    let own = own_numbers(receipt);
    has_number(text) || is_own(text, own) || holds_number_of(text, own)
}

fn own_numbers(receipt: &Receipt) -> [Option<&str>; 2] {
    [receipt.source(), receipt.dest()].map(|own| own.map(PhoneNumber::expose))
}

fn is_own(text: &str, own: [Option<&str>; 2]) -> bool {
    own.contains(&Some(text)) || is_number_of(text, own)
}

/// Whether `text` is one of the receipt's own numbers, be it written with `+` or other signs.
pub(super) fn is_number_of(text: &str, own: [Option<&str>; 2]) -> bool {
    let mut own = own.into_iter().flatten();
    own.any(|own| digits(own).eq(digits(text))) && has_digits(text)
}

/// Whether one of the receipt's own numbers stands in `text`, in whatever groups it is written.
fn holds_number_of(text: &str, own: [Option<&str>; 2]) -> bool {
    if !has_digits(text) {
        return false;
    }
    let text: Vec<u8> = digits(text).collect();
    let mut numbers = own.into_iter().flatten().filter(|own| has_digits(own));
    numbers.any(|own| {
        let own: Vec<u8> = digits(own).collect();
        text.windows(own.len()).any(|part| part == own)
    })
}

fn digits(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Publisher;
    use crate::receipt::profile::Profiles;

    fn receipt(json: &'static str) -> Receipt {
        Receipt::read(json.into(), Publisher::Gateway, &Profiles::default()).unwrap()
    }

    #[test]
    fn seven_digits_in_a_row_may_be_a_number() {
        assert!(has_number("DND_4477009"));
        assert!(!has_number("123456-789012"));
    }

    #[test]
    fn an_id_that_is_the_receipts_own_number_is_sealed() {
        let receipt = receipt(
            r#"{"carrierId":"acme","operatorMessageId":"447700900123","stat":"DELIVRD","destAddr":"+447700900123"}"#,
        );
        let parted = Parted::of(&receipt);
        assert_eq!(parted.operator_message_id, None);
        assert!(parted.withheld);
        let value = parted.personal.to_value().unwrap();
        assert_eq!(
            sealed_operator_message_id(&value).as_deref(),
            Some("447700900123")
        );
    }

    #[test]
    fn the_receipts_own_number_is_found_inside_a_text() {
        let receipt = receipt(
            r#"{"carrierId":"acme","operatorMessageId":"7","stat":"UNDELIV","destAddr":"+447700900123","err":"E5 44 7700 900 123 barred"}"#,
        );
        assert_eq!(Parted::of(&receipt).err, None);
    }

    #[test]
    fn an_address_in_a_date_field_is_no_date() {
        let receipt = receipt(
            r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","destAddr":"+441212012345","doneDate":"441212012345","submitDate":"441212012346"}"#,
        );
        assert_eq!(receipt.done_at, None);
        assert_eq!(Parted::of(&receipt).done_date, None);
        assert!(receipt.submitted_at.is_some());
    }

    #[test]
    fn an_unreadable_date_with_a_number_is_sealed_and_a_readable_one_stays() {
        let receipt = receipt(
            r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","submitDate":"447700900123","doneDate":"2611211200"}"#,
        );
        let parted = Parted::of(&receipt);
        assert_eq!(
            (parted.submit_date, parted.done_date),
            (None, Some("2611211200"))
        );
    }

    #[test]
    fn a_receipt_without_personal_data_has_nothing_to_seal() {
        let receipt = receipt(r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD"}"#);
        assert_eq!(Parted::of(&receipt).personal.to_value(), None);
    }
}
