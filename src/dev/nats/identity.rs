//! Whom the shipped accounts know, by the names they are known by.

/// Whom the shipped accounts know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    Processor,
    Provisioner,
    Ingest,
    /// The example carrier, `acme`.
    Carrier,
    Billing,
    Webhook,
    Unmatched,
    Admin,
    AuditWriter,
    Reconcile,
    /// A leaf node; no client.
    Leaf,
}

impl Identity {
    pub const ALL: [Self; 11] = [
        Self::Processor,
        Self::Provisioner,
        Self::Ingest,
        Self::Carrier,
        Self::Billing,
        Self::Webhook,
        Self::Unmatched,
        Self::Admin,
        Self::AuditWriter,
        Self::Reconcile,
        Self::Leaf,
    ];

    /// The user's name: the URI in the certificate.
    pub fn uri(self) -> &'static str {
        self.names().0
    }

    /// URI, inbox prefix and API prefix, as the accounts have them.
    pub(super) fn names(self) -> (&'static str, &'static str, &'static str) {
        // Those who have no use for the API keep the server's own prefix, where nobody answers them.
        const NONE: &str = "$JS.API";
        match self {
            Self::Processor => (
                "spiffe://sms-gateway/dlr-processor",
                "_INBOX_dlrproc",
                "JSAPI.dlr",
            ),
            Self::Provisioner => (
                "spiffe://sms-gateway/provisioner",
                "_INBOX_provision",
                "$JS.API",
            ),
            Self::Ingest => ("spiffe://sms-gateway/carrier-ingest", "_INBOX_ingest", NONE),
            Self::Carrier => ("spiffe://sms-gateway/carrier/acme", "_INBOX_acme", NONE),
            Self::Billing => (
                "spiffe://sms-gateway/billing-system",
                "_INBOX_billing",
                "JSAPI.billing",
            ),
            Self::Webhook => (
                "spiffe://sms-gateway/webhook-dispatcher",
                "_INBOX_webhook",
                "JSAPI.webhook",
            ),
            Self::Unmatched => (
                "spiffe://sms-gateway/unmatched-reader",
                "_INBOX_unmatched",
                "JSAPI.unmatched",
            ),
            Self::Admin => ("spiffe://sms-gateway/admin-api", "_INBOX_admin", NONE),
            Self::AuditWriter => (
                "spiffe://sms-gateway/audit-writer",
                "_INBOX_audit",
                "JSAPI.audit",
            ),
            Self::Reconcile => (
                "spiffe://sms-gateway/reconcile",
                "_INBOX_reconcile",
                "JSAPI.reconcile",
            ),
            Self::Leaf => (
                "spiffe://sms-gateway/dlr-leaf",
                "_INBOX_dlrproc",
                "JSAPI.dlr",
            ),
        }
    }
}
