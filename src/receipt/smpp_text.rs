//! The text of an SMPP receipt (SMPP 3.4 appendix B), as carriers really write it.
//!
//! `id:7 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hi`
//! is what the specification shows, as an example only. Carriers leave fields out, turn them
//! around, write them in any case, part them by any white space, and add labels of their own.
//!
//! # What is read
//!
//! - A label stands at the start, or behind white space; `dfdfsub:` and `xid:` are other words. The
//!   one exception is `id:` behind a prefix that ends in `^`, `?`, `#` or a control
//!   character, before any other label: some carriers put addresses there. They are not returned.
//! - A value goes from its colon to the next white space. With white space behind the colon, it is
//!   the next word, unless that is a label, or `word:…`, which is a vendor's label: then the field is
//!   empty. Ids and states may look like that (`ns:12345`, `RT:0148`), so an empty one of those with
//!   a vendor's field behind it takes that for its value: an id that matches nothing, a word that
//!   means nothing. Words behind a value belong to no field.
//! - `message_id:`, `messageid:` and `msgid:` give the id where no `id:` does.
//! - The first value of a label wins. A second one under the same label *in other letters*
//!   (`ID:1 … id:2`) is the word of another system; which of them is the carrier's nobody can tell
//!   from the text, so the field is left out.
//! - `text:` takes all that follows, labels too: a subscriber may have written them. Only an empty
//!   `text:` with white space behind it may be followed by fields, if nothing but fields follows and
//!   none of them was named before.
//! - A value with control characters is binary (the ten-byte ids of SMGP), and left out.
//! - Misspelt labels (`delivrd:`, `submit dat:`) are not mended: their fields are absent.
//!
//! # What is a receipt
//!
//! It names a well-formed id or state, and as many fields (other than `text`) as it takes to tell it
//! from a message between people:
//!
//! | words that are neither label nor value | fields |
//! |---|---|
//! | none | 2 |
//! | behind the first label | 3 |
//! | before it: `Your id: 4711 stat: ok` | 4 |
//!
//! The limit of this: `id: 4711 stat: fine`, alone, has the form of a receipt and is taken for one, as
//! is a whole receipt that somebody sent as a message. Only the gateway, which saw `esm_class`, knows
//! better. A carrier who writes `id` and `stat` among words of prose is not understood.
//!
//! One pass, a second one at most over what follows an empty `text:`. Nothing is allocated.

mod label;
mod reading;
mod value;

use std::fmt;

use self::reading::Reading;
use self::value::is_padding;

/// What a receipt's text says, each field a slice of it; `None` when it is absent or empty.
///
/// No field is checked against CONTRACT §3, and none has white space around it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SmppText<'a> {
    pub id: Option<&'a str>,
    pub sub: Option<&'a str>,
    pub dlvrd: Option<&'a str>,
    pub submit_date: Option<&'a str>,
    pub done_date: Option<&'a str>,
    pub stat: Option<&'a str>,
    pub err: Option<&'a str>,
    pub text: Option<&'a str>,
}

/// Reads a receipt's text, of any length; `None` when it is no receipt.
pub fn read(text: &str) -> Option<SmppText<'_>> {
    let mut reading = Reading::default();
    if let Some(tail) = reading.fields(text.trim_matches(is_padding)) {
        reading.text(tail);
    }
    reading.receipt()
}

/// Names the fields that are there. Any of them may hold a phone number.
impl fmt::Debug for SmppText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [
            ("id", self.id),
            ("sub", self.sub),
            ("dlvrd", self.dlvrd),
            ("submit date", self.submit_date),
            ("done date", self.done_date),
            ("stat", self.stat),
            ("err", self.err),
            ("text", self.text),
        ];
        let named = fields.iter().filter(|(_, value)| value.is_some());
        f.write_str("SmppText")?;
        f.debug_list().entries(named.map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests;
