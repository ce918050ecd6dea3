use proptest::prelude::*;

use super::*;

mod properties;

/// The fields in the order of the specification; all `None` when it is no receipt.
fn fields(text: &str) -> [Option<&str>; 8] {
    let it = read(text).unwrap_or_default();
    [
        it.id,
        it.sub,
        it.dlvrd,
        it.submit_date,
        it.done_date,
        it.stat,
        it.err,
        it.text,
    ]
}

fn id_and_stat(text: &str) -> (Option<&str>, Option<&str>) {
    let it = read(text).unwrap_or_default();
    (it.id, it.stat)
}

#[test]
fn the_specifications_own_example_is_read() {
    let text = "id:IIIIIIIIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:E Text: . . .";
    let expected = [
        "IIIIIIIIII",
        "SSS",
        "DDD",
        "YYMMDDhhmm",
        "YYMMDDhhmm",
        "DDDDDDD",
        "E",
        ". . .",
    ];
    assert_eq!(fields(text), expected.map(Some));
}

#[test]
fn ids_of_every_notation_are_verbatim() {
    for id in [
        "7",
        "0000000012345678",
        "123456789012345678901234567890",
        "0x1A2B3C4D",
        "4a38dc46-5125-4969-90be-72104c340d5c",
        "3-mbA7z9wDKY76ag",
        "10.0.0.1.4711",
        "ns:12345",
        "2611:21:12:00",
        "12345@smsc1",
        "id:7",
        "a,b;c|d",
    ] {
        for gap in ["", " ", "\r\n\t"] {
            // A known label behind white space is a label, not an id.
            if id == "id:7" && !gap.is_empty() {
                continue;
            }
            let text = format!("id:{gap}{id} stat:DELIVRD");
            assert_eq!(id_and_stat(&text), (Some(id), Some("DELIVRD")), "{text:?}");
        }
    }
}

#[test]
fn errors_are_digits_words_or_signs() {
    for err in [
        "0",
        "00",
        "069",
        "0000",
        "00A",
        "ESME_RSUBMITFAIL",
        "???",
        "null",
    ] {
        for gap in ["", "\u{a0}"] {
            let text = format!("stat:UNDELIV err:{gap}{err}");
            assert_eq!(fields(&text)[6], Some(err), "{text:?}");
        }
    }
}

#[test]
fn labels_stand_at_token_boundaries_only() {
    for (text, expected) in [
        ("xid:9 id:7 stat:A", (Some("7"), Some("A"))),
        ("msgid:9 id:7 stat:A", (Some("7"), Some("A"))),
        ("id:7 msgid:9 stat:A", (Some("7"), Some("A"))),
        ("msgid:9 stat:A", (Some("9"), Some("A"))),
        ("x-id:9 id:7 stat:A", (Some("7"), Some("A"))),
        ("id:7 laststat:B stat:A", (Some("7"), Some("A"))),
        ("id:7 vendor:stat:B stat:A", (Some("7"), Some("A"))),
        ("id:7,stat:B sub:1 stat:A", (Some("7,stat:B"), Some("A"))),
        ("iD:7 sTaT:A", (Some("7"), Some("A"))),
        ("idé:9 id:7 stat:A", (None, None)),
    ] {
        assert_eq!(id_and_stat(text), expected, "{text}");
    }
}

#[test]
fn addresses_before_the_id_are_not_returned() {
    for prefix in [
        "4700000000SMSAlert^",
        "4700000000 My Shop^",
        "470000000072222#",
        "<msisdn><shortcode>?",
        "4700000000\u{16}",
        "4700000000\u{fffd}",
        "\u{feff}",
    ] {
        let text = format!("{prefix}id:7 stat:DELIVRD");
        assert_eq!(id_and_stat(&text), (Some("7"), Some("DELIVRD")), "{text:?}");
    }
    let text = "stat:DELIVRD err:1 http://example.org/?id:7";
    assert_eq!(id_and_stat(text), (None, Some("DELIVRD")));
}

#[test]
fn an_empty_field_does_not_take_its_neighbours_label() {
    for (text, expected) in [
        ("id: sub:1 stat:A", [None, Some("1"), Some("A"), None]),
        ("id:7 stat:A err: text:", [Some("7"), None, Some("A"), None]),
        (
            "id:7 err: submit \t date:1 stat:A",
            [Some("7"), None, Some("A"), None],
        ),
        (
            "id:7 stat:A err: mccmnc:61202",
            [Some("7"), None, Some("A"), None],
        ),
        (
            "id:7 stat:A err: MCC=270",
            [Some("7"), None, Some("A"), None],
        ),
        ("id:7 stat:A sub: price: 2", [None; 4]),
        ("id: id:7 stat:A", [Some("7"), None, Some("A"), None]),
    ] {
        let [id, sub, _, _, _, stat, err, _] = fields(text);
        assert_eq!([id, sub, stat, err], expected, "{text}");
    }
}

#[test]
fn the_first_value_wins_and_a_second_system_makes_it_nobodys() {
    for (text, expected) in [
        ("id:1 stat:A id:2 stat:B", (Some("1"), Some("A"))),
        ("ID:1 STAT:A id:1 err:0", (Some("1"), Some("A"))),
        ("ID:1 STAT:A id:2 err:0", (None, Some("A"))),
        ("ID:1 STAT:A id:2 ID:1 msgid:3 err:0", (None, Some("A"))),
        ("msgid:1 message_id:2 stat:A err:0", (None, Some("A"))),
    ] {
        assert_eq!(id_and_stat(text), expected, "{text}");
    }
}

#[test]
fn text_takes_all_that_follows() {
    for (text, expected) in [
        ("text:Hi id:9 text:x", (None, Some("Hi id:9 text:x"))),
        ("text: Hi stat:UNDELIV ", (None, Some("Hi stat:UNDELIV"))),
        ("text:stat:UNDELIV", (None, Some("stat:UNDELIV"))),
        ("text: id:9", (None, Some("id:9"))),
        ("text: msgid:9", (None, Some("msgid:9"))),
        ("text: apiMsgId:9", (None, Some("apiMsgId:9"))),
        ("text: stat:UNDELIV", (Some("UNDELIV"), None)),
        ("text: stat:UNDELIV mccmnc:61202", (Some("UNDELIV"), None)),
        ("text: stat:UNDELIV id:9", (None, Some("stat:UNDELIV id:9"))),
        ("text: stat: of the art", (None, Some("stat: of the art"))),
        ("text: stat:", (None, Some("stat:"))),
        ("text: stat:A text:", (None, Some("stat:A text:"))),
        ("text:\0\0\u{3000}\0", (None, None)),
        ("text:\u{4}\u{1a}\0", (None, Some("\u{4}\u{1a}"))),
    ] {
        let text = format!("id:7 sub:1 {text}");
        let [id, sub, _, _, _, stat, _, said] = fields(&text);
        assert_eq!((id, sub), (Some("7"), Some("1")), "{text:?}");
        assert_eq!((stat, said), expected, "{text:?}");
    }
}

#[test]
fn binary_values_are_left_out() {
    let text = "id:\u{1}`\u{17} sub:1 stat:A\0\0 err:\u{fffd}";
    assert_eq!(
        fields(text),
        [None, Some("1"), None, None, None, Some("A"), None, None]
    );
}

/// What people write, and machines to people: none of it is a receipt.
#[test]
fn ordinary_messages_are_no_receipts() {
    for text in [
        "",
        " \0",
        "id:",
        "id:7",
        "stat:DELIVRD",
        "text:id:7 stat:DELIVRD",
        "Your id: 4711 stat: ok?",
        "Your id: 4711 stat: ok",
        "id: 4711 stat: ok?",
        "ID: 4711 Stat: your parcel is on its way",
        "Hi, order id:5512 stat:shipped err:none, call us",
        "Alert: id: 5 stat: down",
        "Submit date: Monday. Done date: Friday. Text: me",
        "submit date:2611211200 done date:2611211201",
        "Re: sub: lunch? text: me back",
        "I'm done date: none, id: please",
        "Meeting at 10:30, room id:12, err:on the side of caution",
        "Your code is 123456. ID:ABC",
        "DLR",
        "id stat err text sub dlvrd",
        "message id 7 stat DELIVRD",
        "https://example.org/?id:7&stat:ok",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
}

#[test]
fn what_stands_among_words_needs_more_fields() {
    assert!(read("DLR: id:7 sub:1 dlvrd:1 stat:DELIVRD").is_some());
    assert!(read("id:7 stat:DELIVRD err:000 delivered to handset").is_some());
    // The limit that the module owns up to.
    assert!(read("id: 4711 stat: fine").is_some());
}

#[test]
fn no_value_shows_in_debug() {
    let shown = format!("{:?}", read("id:447700900123 stat:A text:secret"));
    assert_eq!(shown, r#"Some(SmppText["id", "stat", "text"])"#);
}
