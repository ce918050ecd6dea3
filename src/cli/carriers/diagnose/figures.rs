//! Figures for people.

/// With thousands set apart.
pub(super) fn number(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut apart = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

/// Whole, but never more than it is, and never 0 or 100 for what is not.
pub(super) fn percent(part: usize, whole: usize) -> String {
    match part * 100 / whole.max(1) {
        0 if part > 0 => "less than 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

pub(super) fn span(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(number(0_usize), "0");
        assert_eq!(number(999_u64), "999");
        assert_eq!(number(12_400_usize), "12,400");
        assert_eq!(number(1_000_000_u64), "1,000,000");
        assert_eq!(percent(12_152, 12_400), "98 %");
        assert_eq!(percent(12_399, 12_400), "99 %");
        assert_eq!(percent(1, 12_400), "less than 1 %");
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(span(7_170), "1 h 59 min");
        assert_eq!(span(7_200), "2 h");
    }
}
