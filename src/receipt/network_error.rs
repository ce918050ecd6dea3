//! `network_error_code` (SMPP 5.0, 4.8.4.42) in the forms it takes on its way through gateways.
//!
//! The TLV has three bytes: the kind of network, and a code of 16 bits. A gateway writes them as
//! hexadecimal digits, with or without something between them. Some carriers put three ASCII digits
//! there instead, which is a code without a network.

use std::fmt;

/// An error as a network gave it. What was written is stored as it stands; this is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkError {
    /// As the TLV has it.
    Coded { network: u8, code: u16 },
    /// Nobody says of which network.
    Number(u32),
}

impl NetworkError {
    /// `None` for what has none of the known forms.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("0x").unwrap_or(text);
        let mut parts = text.split([' ', ':', '-', '.', ',', '/']);
        match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            (all, None, None, None) if all.len() == 6 => bytes(all),
            (number, None, None, None) => decimal(number, 5).map(Self::Number),
            (network, Some(code), None, None) if (network.len(), code.len()) == (2, 4) => {
                bytes(&format!("{network}{code}"))
            }
            (network, Some(code), None, None) => Some(Self::Coded {
                network: u8::try_from(decimal(network, 3)?).ok()?,
                code: u16::try_from(decimal(code, 5)?).ok()?,
            }),
            (network, Some(high), Some(low), None)
                if [network, high, low].iter().all(|it| it.len() == 2) =>
            {
                bytes(&format!("{network}{high}{low}"))
            }
            _ => None,
        }
    }

    /// As SMPP calls it; `None` for one it does not know.
    pub fn network(self) -> Option<&'static str> {
        let Self::Coded { network, .. } = self else {
            return None;
        };
        Some(match network {
            1 => "ANSI-136 access denied",
            2 => "IS-95 access denied",
            3 => "GSM",
            4 => "ANSI-136 cause",
            5 => "IS-95 cause",
            6 => "ANSI-41",
            7 => "SMPP",
            8 => "message centre",
            _ => return None,
        })
    }
}

fn bytes(hex: &str) -> Option<NetworkError> {
    if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let [_, network, high, low] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
    let ascii = [network, high, low];
    // No network has such a number, so these are digits.
    if ascii.iter().all(u8::is_ascii_digit) {
        return decimal(std::str::from_utf8(&ascii).ok()?, 3).map(NetworkError::Number);
    }
    Some(NetworkError::Coded {
        network,
        code: u16::from_be_bytes([high, low]),
    })
}

fn decimal(digits: &str, limit: usize) -> Option<u32> {
    let is_number =
        (1..=limit).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.network()) {
            (Self::Number(number), _) => write!(f, "{number}"),
            (Self::Coded { code, .. }, Some(name)) => write!(f, "{name} 0x{code:04X}"),
            (Self::Coded { network, code }, None) => {
                write!(f, "network {network} 0x{code:04X}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_the_wild() {
        for (text, expected) in [
            ("030045", Some("GSM 0x0045")),
            ("0x030045", Some("GSM 0x0045")),
            ("03 00 45", Some("GSM 0x0045")),
            ("03:00:45", Some("GSM 0x0045")),
            ("03:0045", Some("GSM 0x0045")),
            ("3:69", Some("GSM 0x0045")),
            ("08ff01", Some("message centre 0xFF01")),
            ("01-00-02", Some("ANSI-136 access denied 0x0002")),
            ("090045", Some("network 9 0x0045")),
            ("303639", Some("69")),
            ("069", Some("69")),
            ("69", Some("69")),
            ("0301", Some("301")),
            ("0", Some("0")),
            ("", None),
            ("3:", None),
            ("3:70000", None),
            ("03:00:45:01", None),
            ("ESME_RSUBMITFAIL", None),
            ("+69", None),
            ("1234567", None),
            ("é0é0", None),
        ] {
            let read = NetworkError::read(text).map(|error| error.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn three_bytes_are_read_back_however_they_are_parted(
            network in prop_oneof![0_u8..0x30, 0x3a_u8..=255],
            code: u16,
        ) {
            let [high, low] = code.to_be_bytes();
            let expected = Some(NetworkError::Coded { network, code });
            for text in [
                format!("{network:02x}{code:04x}"),
                format!("{network:02X} {high:02X} {low:02X}"),
                format!("{network:02x}-{code:04X}"),
            ] {
                prop_assert_eq!(NetworkError::read(&text), expected, "{}", text);
            }
        }

        #[test]
        fn any_text_has_a_known_form_or_none(text in "\\PC{0,16}|[0-9a-f: x]{0,16}") {
            drop(NetworkError::read(&text).map(|error| error.to_string()));
        }
    }
}
