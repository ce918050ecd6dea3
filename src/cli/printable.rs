//! Lines for a terminal, whatever others wrote into them.

/// A carrier's text may hold what a terminal obeys, or what turns one line into two.
pub(super) fn printable(line: &str) -> String {
    let obeyed =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut printable = String::with_capacity(line.len());
    for c in line.chars() {
        if obeyed(c) {
            printable.extend(c.escape_unicode());
        } else {
            printable.push(c);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_stays() {
        assert_eq!(
            printable("grün\u{1b}[2J\r\n\u{202e}x"),
            "grün\\u{1b}[2J\\u{d}\\u{a}\\u{202e}x"
        );
    }
}
