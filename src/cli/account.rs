//! Whose NATS account a command works in.

use crate::config::Nats;

/// An account other than the processor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Provisioner,
    /// Checks the books: may look at streams and fetch messages.
    Reconcile,
}

impl Account {
    /// Prefix of the JetStream API and of inboxes, as the accounts have them.
    fn prefixes(self) -> (&'static str, &'static str) {
        match self {
            Self::Provisioner => ("$JS.API", "_INBOX_provision"),
            Self::Reconcile => ("JSAPI.reconcile", "_INBOX_reconcile"),
        }
    }

    /// An account has a prefix and inbox of its own. A configuration shared with the processor has
    /// the processor's, which would only time out.
    pub(super) fn adapt(self, nats: &Nats) -> Nats {
        let processor = Nats::default();
        let (api, inbox) = self.prefixes();
        let mut nats = nats.clone();
        if nats.api_prefix == processor.api_prefix {
            api.clone_into(&mut nats.api_prefix);
        }
        if nats.inbox_prefix == processor.inbox_prefix {
            inbox.clone_into(&mut nats.inbox_prefix);
        }
        nats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_on_purpose_stays() {
        let own = Nats {
            inbox_prefix: "_INBOX_mine".to_owned(),
            ..Nats::default()
        };
        let adapted = Account::Reconcile.adapt(&own);
        assert_eq!(
            (&*adapted.api_prefix, &*adapted.inbox_prefix),
            ("JSAPI.reconcile", "_INBOX_mine")
        );
    }
}
