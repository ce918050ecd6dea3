use proptest::prelude::*;

use super::*;

fn number(base: Base, digits: Digits, width: u8) -> Notation {
    Notation::Number {
        strip: Strip::default(),
        base,
        stored: Stored {
            digits,
            width,
            prefix: "".into(),
            suffix: "".into(),
        },
    }
}

fn verbatim(case: Option<Case>, strip_zeros: bool) -> Notation {
    Notation::Verbatim {
        strip: Strip::default(),
        case,
        strip_zeros,
    }
}

fn strip(prefix: &str, suffix: &str, required: bool) -> Strip {
    Strip {
        prefix: Some(prefix).filter(|it| !it.is_empty()).map(Box::from),
        suffix: Some(suffix).filter(|it| !it.is_empty()).map(Box::from),
        required,
    }
}

fn key(notation: &Notation, written: &str) -> Option<String> {
    notation.key(written).map(Cow::into_owned)
}

fn to_hex(written: &str) -> Option<String> {
    let notation = number(Base::Decimal, Digits::Hex(Case::Lower), 1);
    key(&notation, written)
}

fn to_decimal(written: &str) -> Option<String> {
    key(&number(Base::Hex, Digits::Decimal, 1), written)
}

/// What schoolbook division of digit by digit gives: slow, and nothing like the code it judges.
fn model(digits: &str, from: u32, to: u32) -> String {
    let mut digits: Vec<u32> = digits.chars().map(|d| d.to_digit(from).unwrap()).collect();
    let mut written = Vec::new();
    while digits.iter().any(|&digit| digit > 0) {
        let mut remainder = 0;
        for digit in &mut digits {
            let dividend = remainder * from + *digit;
            *digit = dividend / to;
            remainder = dividend % to;
        }
        written.push(char::from_digit(remainder, to).unwrap());
    }
    if written.is_empty() {
        written.push('0');
    }
    written.into_iter().rev().collect()
}

/// Each is one number that a carrier wrote in two bases, as captured from production.
#[test]
fn the_pairs_that_carriers_really_sent() {
    for (text, tlv) in [
        ("0059113978", "38601fa"),
        ("0416342074", "18d0e03a"),
        ("0000436949", "6aad5"),
        ("0489708364", "1d305b4c"),
    ] {
        assert_eq!(to_hex(text).as_deref(), Some(tlv));
        let padded = number(Base::Hex, Digits::Decimal, 10);
        assert_eq!(key(&padded, tlv).as_deref(), Some(text));
    }
}

#[test]
fn ids_beyond_63_and_64_bits_stay_exact() {
    for (hex, decimal) in [
        ("812fc7470000001b", "9308878062554710043"),
        ("7fffffffffffffff", "9223372036854775807"),
        ("8000000000000000", "9223372036854775808"),
        ("ffffffffffffffff", "18446744073709551615"),
        ("10000000000000000", "18446744073709551616"),
        (
            "ffffffffffffffffffffffffffffffff",
            "340282366920938463463374607431768211455",
        ),
        (
            "c9f2c9cd04674edea3fffffff",
            "999999999999999999999999999999",
        ),
    ] {
        assert_eq!(to_hex(decimal).as_deref(), Some(hex));
        assert_eq!(to_decimal(hex).as_deref(), Some(decimal));
        assert_eq!(to_decimal(&hex.to_uppercase()).as_deref(), Some(decimal));
    }
    let longest = "f".repeat(WRITTEN_MAX);
    assert_eq!(to_decimal(&longest), Some(model(&longest, 16, 10)));
    let longest = "9".repeat(WRITTEN_MAX);
    assert_eq!(to_hex(&longest), Some(model(&longest, 10, 16)));
    assert_eq!(to_hex(&"0".repeat(WRITTEN_MAX)).as_deref(), Some("0"));
}

#[test]
fn what_is_no_number_of_the_base_is_not_converted() {
    let uuid = "0e999f21-3a0c-4a5c-9d5b-0123456789ab";
    for written in [uuid, "", "+5", "-5", "5 ", " 5", "5.", "0x5", "5g", "٥"] {
        assert_eq!(to_hex(written), None, "{written}");
        assert_eq!(to_decimal(written), None, "{written}");
    }
    assert_eq!(to_hex("5f"), None);
    assert_eq!(to_hex(&"1".repeat(WRITTEN_MAX + 1)), None);
}

#[test]
fn a_verbatim_id_is_used_as_it_stands() {
    let plain = Notation::default();
    for written in [
        "0e999f21-3a0c-4a5c-9d5b-0123456789ab",
        "0007",
        "AbC",
        "1479978899.393701",
    ] {
        assert!(matches!(plain.key(written), Some(Cow::Borrowed(key)) if key == written));
    }
}

#[test]
fn zeros_and_case_of_a_verbatim_id_are_the_profiles_say() {
    let zeros = verbatim(Some(Case::Upper), true);
    assert_eq!(key(&zeros, "000aBc0").as_deref(), Some("ABC0"));
    assert_eq!(key(&zeros, "000").as_deref(), Some("0"));
    let lower = verbatim(Some(Case::Lower), false);
    assert_eq!(key(&lower, "00FF").as_deref(), Some("00ff"));
}

#[test]
fn a_prefix_and_a_suffix_come_off_where_they_stand() {
    let with = |strip| Notation::Verbatim {
        strip,
        case: None,
        strip_zeros: false,
    };
    let optional = with(strip("smsc-", "@a", false));
    for written in ["smsc-7@a", "smsc-7", "7@a", "7"] {
        assert_eq!(key(&optional, written).as_deref(), Some("7"), "{written}");
    }
    assert_eq!(key(&optional, "SMSC-7@b").as_deref(), Some("SMSC-7@b"));
    assert_eq!(key(&optional, "smsc-@a"), None);
    let required = with(strip("smsc-", "@a", true));
    assert_eq!(key(&required, "smsc-7@a").as_deref(), Some("7"));
    for written in ["smsc-7", "7@a", "7", "smsc-@a"] {
        assert_eq!(key(&required, written), None, "{written}");
    }
    // Nothing is taken off twice.
    let same = with(strip("aa", "aa", true));
    assert_eq!(key(&same, "aaa"), None);
}

#[test]
fn the_stored_form_has_its_width_case_and_surroundings() {
    let notation = Notation::Number {
        strip: strip("0x", "", false),
        base: Base::Hex,
        stored: Stored {
            digits: Digits::Hex(Case::Upper),
            width: 8,
            prefix: "V-".into(),
            suffix: "!".into(),
        },
    };
    assert_eq!(key(&notation, "0x0001b").as_deref(), Some("V-0000001B!"));
    assert_eq!(
        key(&notation, "123456789a").as_deref(),
        Some("V-123456789A!")
    );
    assert_eq!(key(&Notation::Ignored, "7"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn decimal_to_hex_and_back_is_the_same_number(written in "[0-9]{1,128}") {
        let hex = to_hex(&written).unwrap();
        prop_assert_eq!(&hex, &model(&written, 10, 16));
        let back = to_decimal(&hex).unwrap();
        prop_assert_eq!(&back, without_zeros(&written));
    }

    #[test]
    fn hex_to_decimal_and_back_is_the_same_number(written in "[0-9a-fA-F]{1,128}") {
        let decimal = to_decimal(&written).unwrap();
        prop_assert_eq!(&decimal, &model(&written, 16, 10));
        // 128 hexadecimal digits may be more decimal ones than an id may have.
        if decimal.len() <= WRITTEN_MAX {
            let back = to_hex(&decimal).unwrap();
            prop_assert_eq!(back, without_zeros(&written).to_ascii_lowercase());
        }
    }

    #[test]
    fn what_fits_an_integer_is_written_as_the_integer(value: u128, shift in 0_u32..128) {
        let value = value >> shift;
        prop_assert_eq!(to_hex(&value.to_string()), Some(format!("{value:x}")));
        prop_assert_eq!(to_decimal(&format!("{value:X}")), Some(value.to_string()));
    }

    #[test]
    fn zeros_before_it_and_the_case_of_letters_do_not_count(
        written in "[0-9a-fA-F]{1,100}",
        zeros in 0_usize..28,
        width in 1_u8..=128,
    ) {
        let padded = number(Base::Hex, Digits::Hex(Case::Lower), width);
        let key = key(&padded, &written).unwrap();
        let other = "0".repeat(zeros) + &written.to_ascii_uppercase();
        prop_assert_eq!(padded.key(&other).unwrap(), key.as_str());
        prop_assert_eq!(key.len(), usize::from(width).max(without_zeros(&written).len()));
        // A key is in its own notation.
        prop_assert_eq!(padded.key(&key).unwrap(), key.as_str());
    }

    #[test]
    fn any_id_is_converted_exactly_or_not_at_all(written in "[!-~]{0,140}") {
        let all_digits = |base: Base| {
            (1..=WRITTEN_MAX).contains(&written.len()) && written.bytes().all(|b| base.is_digit(b))
        };
        prop_assert_eq!(to_hex(&written).is_some(), all_digits(Base::Decimal));
        prop_assert_eq!(to_decimal(&written).is_some(), all_digits(Base::Hex));
    }
}
