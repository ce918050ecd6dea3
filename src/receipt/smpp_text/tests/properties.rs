//! What holds for any text, and that any receipt reads back as it was written.

use super::*;
use crate::receipt::smpp_text::value::is_space;

/// Pieces that make receipts, and nearly receipts, when thrown together.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "id:",
        "ID:",
        "msgid:",
        "xid:",
        "sub:",
        "dlvrd:",
        "submit",
        "submit date:",
        "date:",
        "done",
        "done_date:",
        "stat:",
        "stat:DELIVRD",
        "err:",
        "text:",
        "text",
        "TEXT: ",
        ":",
        "^id:",
        "7",
        "a:b",
        "=",
        "\0",
        "\u{85}",
        "\u{a0}",
        "\u{3000}",
        " ",
        " ",
        " ",
        "\r\n",
        "\t",
        "\u{feff}",
    ];
    prop_oneof![
        4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "\\PC{0,4}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

/// White space of at least `least` characters.
fn gap(least: usize) -> impl Strategy<Value = String> {
    let spaces = [
        ' ', ' ', ' ', '\t', '\r', '\n', '\u{b}', '\u{85}', '\u{a0}', '\u{2003}', '\u{2028}',
        '\u{3000}',
    ];
    proptest::collection::vec(proptest::sample::select(spaces.to_vec()), least..least + 3)
        .prop_map(String::from_iter)
}

/// A name in any mixture of cases, with its colon.
fn label(name: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (name, any::<u32>()).prop_map(|(name, upper)| {
        let letters = name.char_indices().map(|(at, c)| match upper >> at & 1 {
            1 => c.to_ascii_uppercase(),
            _ => c,
        });
        letters.chain([':']).collect()
    })
}

fn date_label(word: &'static str) -> impl Strategy<Value = String> {
    let between = prop_oneof![2 => Just(" ".to_owned()), 1 => gap(1), 1 => "_?"];
    label(between.prop_map(move |between| format!("{word}{between}date")))
}

/// One field as it is written, and its value.
type Written = (String, Option<String>);

fn field(
    label: impl Strategy<Value = String>,
    value: &'static str,
) -> impl Strategy<Value = Option<Written>> {
    let value = prop_oneof![9 => value.prop_map(Some), 1 => Just(None)];
    let written = (label, gap(0), value)
        .prop_map(|(label, gap, value)| (label + &gap + value.as_deref().unwrap_or(""), value));
    proptest::option::weighted(0.8, written)
}

/// The seven fields but `text`, in the order of [`fields`]; `None` where one is not written.
fn seven() -> impl Strategy<Value = [Option<Written>; 7]> {
    let id = "[0-9]{1,30}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{1,8}(\\.[0-9]{1,5}){1,3}|ns:[0-9]{1,9}|[0-9]{2}(:[0-9]{2}){1,3}|[0-9]{6,12}@[a-z.]{1,8}|0x[0-9A-F]{1,16}|[A-Z]{2,4}-[0-9]{1,8}";
    let count = "[0-9]{1,3}|\\.\\.\\.|null";
    let date = "[0-9]{10}|[0-9]{12}|[0-9]{14}|0{10}|null|2026-11-21T12:00:00Z";
    let stat = "[A-Za-z]{1,12}|DND_REJECTED|[0-9]{1,2}|RT:[0-9]{4}";
    let err = "[0-9]{1,4}|[0-9]{2}[A-F]|ESME_R[A-Z]{3,9}|\\?\\?\\?";
    [
        field(label("id|msgid|messageid|message_id".boxed()), id).boxed(),
        field(label("sub".boxed()), count).boxed(),
        field(label("dlvrd".boxed()), count).boxed(),
        field(date_label("submit"), date).boxed(),
        field(date_label("done"), date).boxed(),
        field(label("stat".boxed()), stat).boxed(),
        field(label("err".boxed()), err).boxed(),
    ]
}

/// A receipt, and the fields that it was written from.
fn receipt() -> impl Strategy<Value = (String, [Option<String>; 8])> {
    let order = Just([0_usize, 1, 2, 3, 4, 5, 6]).prop_shuffle();
    let vendor = proptest::option::weighted(
        0.2,
        "(xid|mccmnc|vendorRef|IMSI):[0-9a-z]{1,9}|MNC=[0-9]{1,2}",
    );
    let vendors = proptest::collection::vec(vendor, 7);
    let gaps = proptest::collection::vec(gap(1), 16);
    // Begins with no label, but may hold some.
    let text = field(label("text".boxed()), "T(\\PC|[\t\n]| id:9| stat:X){0,30}");
    let around = ("[ \t\n\u{85}\u{feff}\0]{0,3}", "[ \r\n\u{a0}\0]{0,5}");
    (seven(), order, vendors, gaps, text, around).prop_map(
        |(seven, order, vendors, gaps, text, (before, after))| {
            let mut gaps = gaps.into_iter();
            let mut written = before;
            for (at, vendor) in order.into_iter().zip(vendors) {
                if let Some((field, _)) = &seven[at] {
                    written += field;
                    written += &gaps.next().unwrap();
                }
                // Behind an empty `id:` or `stat:` it would be taken for its value.
                let before = written.trim_end().to_ascii_lowercase();
                if let Some(vendor) = vendor
                    && !["id:", "stat:"].iter().any(|label| before.ends_with(label))
                {
                    written += &vendor;
                    written += &gaps.next().unwrap();
                }
            }
            let mut values = seven
                .map(|field| field.and_then(|(_, value)| value))
                .to_vec();
            let (text, value) = text.unwrap_or_default();
            values.push(value);
            written += &text;
            written += &after;
            (written, values.try_into().expect("seven and one"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_field_is_a_bare_piece_of_the_text(text in prop_oneof![any_text(), any::<String>()]) {
        let range = text.as_bytes().as_ptr_range();
        let all = fields(&text);
        for field in all.into_iter().flatten() {
            let piece = field.as_bytes().as_ptr_range();
            prop_assert!(range.start <= piece.start && piece.end <= range.end);
            prop_assert!(!field.is_empty());
            prop_assert!(!field.starts_with(is_space) && !field.ends_with(is_space));
        }
        for word in all.into_iter().take(7).flatten() {
            prop_assert!(!word.contains(|c: char| is_space(c) || c.is_control()));
        }
    }

    #[test]
    fn a_receipt_in_any_order_case_and_spacing_reads_back((text, written) in receipt()) {
        let named = written.iter().take(7).flatten().count();
        let expected = if named >= 2 && (written[0].is_some() || written[5].is_some()) {
            written.each_ref().map(|value| value.as_deref().map(|it| it.trim_end_matches(is_padding)))
        } else {
            [None; 8]
        };
        let expected = expected.map(|value| value.filter(|it| !it.is_empty()));
        prop_assert_eq!(fields(&text), expected);
    }
}
