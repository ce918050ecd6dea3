//! Envelope to receipt or rejection; the only stage that sees unvalidated input.

use bytes::Bytes;

use crate::receipt::profile::Profiles;
use crate::receipt::{Publisher, Receipt, Rejection};

use super::envelope::{Envelope, Item};

/// `inbound` is the bare subject of the trusted gateway; below it stand the carriers' own.
pub(super) fn decode(envelope: Envelope, inbound: &str, profiles: &Profiles) -> Item {
    let reading = read(
        envelope.payload.clone(),
        &envelope.subject,
        inbound,
        profiles,
    );
    Item {
        envelope,
        reading,
        doubtful: false,
        poison: false,
    }
}

/// Reads a payload as it came in on `subject`.
pub(crate) fn read(
    payload: Bytes,
    subject: &str,
    inbound: &str,
    profiles: &Profiles,
) -> Result<Receipt, Rejection> {
    match publisher(subject, inbound) {
        Some(publisher) => Receipt::read(payload, publisher, profiles),
        None => Err(Rejection::BadSubject),
    }
}

fn publisher<'a>(subject: &'a str, inbound: &str) -> Option<Publisher<'a>> {
    match subject.strip_prefix(inbound)? {
        "" => Some(Publisher::Gateway),
        below => below.strip_prefix('.').map(Publisher::Carrier),
    }
}

/// The carrier that the subject names, if it names a valid one.
pub(super) fn subject_carrier<'a>(subject: &'a str, inbound: &str) -> Option<&'a str> {
    match publisher(subject, inbound)? {
        Publisher::Carrier(carrier) if crate::receipt::is_carrier_id(carrier) => Some(carrier),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_the_gateway_a_carrier_or_nobody() {
        assert_eq!(
            publisher("sms.dlr.inbound", "sms.dlr.inbound"),
            Some(Publisher::Gateway)
        );
        assert_eq!(
            publisher("sms.dlr.inbound.acme", "sms.dlr.inbound"),
            Some(Publisher::Carrier("acme"))
        );
        assert_eq!(publisher("sms.dlr.inbounds", "sms.dlr.inbound"), None);
        assert_eq!(publisher("billing.events", "sms.dlr.inbound"), None);
        assert_eq!(
            subject_carrier("sms.dlr.inbound.a.b", "sms.dlr.inbound"),
            None
        );
    }
}
