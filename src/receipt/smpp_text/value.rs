//! Characters and words of receipt texts.

/// White space of every kind, U+0085 and U+00A0 among it. The one predicate: where two disagree, a
/// reader stands still or glues fields together.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// What stands around a text without being part of it: the NULs of fixed fields, a byte order mark.
pub(super) fn is_padding(c: char) -> bool {
    is_space(c) || matches!(c, '\0' | '\u{feff}')
}

/// The signs seen between a carrier's prefix and `id:`, and those that stand for an unreadable one.
pub(super) fn ends_prefix(c: char) -> bool {
    matches!(c, '^' | '?' | '#') || is_binary(c)
}

fn is_binary(c: char) -> bool {
    c.is_control() || c == char::REPLACEMENT_CHARACTER
}

/// The text up to its first white space, and the rest.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(is_space).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A word as a value; `None` when it is empty or binary.
pub(super) fn readable(word: &str) -> Option<&str> {
    let word = word.trim_end_matches('\0');
    (!word.is_empty() && !word.contains(is_binary)).then_some(word)
}

/// Whether a word looks like a vendor's own label with its value: `mccmnc:61202`, `MNC=1`.
pub(super) fn is_pair(word: &str) -> bool {
    let Some((name, value)) = word.split_once([':', '=']) else {
        return false;
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    !value.is_empty()
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(is_name)
}

/// What CONTRACT §3 takes for an operator message id.
pub(super) fn is_id(word: &str) -> bool {
    word.len() <= 128 && word.bytes().all(|b| b.is_ascii_graphic())
}

/// What CONTRACT §3 takes for a state's word.
pub(super) fn is_stat(word: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-');
    word.len() <= 32 && word.bytes().all(allowed)
}
