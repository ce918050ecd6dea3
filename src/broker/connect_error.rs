//! Why there is no connection, in the words of whoever has to mend it.

use std::{error::Error, io};

use async_nats::ConnectErrorKind;
use rustls::AlertDescription;

use crate::tls::TlsError;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("nats.url: {url:?} is no list of NATS servers")]
    Url { url: String, source: io::Error },
    #[error(transparent)]
    Files(#[from] TlsError),
    #[error("no NATS server at {url} could be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the server at {url} does not speak TLS, and we speak nothing else to it")]
    NoTls { url: String },
    #[error(
        "the server at {url} shows a certificate that nats.ca_file does not vouch for: {reason}"
    )]
    ServerCertificate { url: String, reason: String },
    #[error("the server at {url} refuses our certificate (nats.cert_file): {reason}")]
    ClientCertificate { url: String, reason: String },
    #[error(
        "the server at {url} knows no user for our certificate (nats.cert_file); \
         its URI must be one that deploy/nats/accounts.conf names"
    )]
    UnknownUser { url: String },
}

impl ConnectError {
    pub(super) fn new(url: &str, error: &async_nats::ConnectError) -> Self {
        let url = url.to_owned();
        if matches!(
            error.kind(),
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication
        ) {
            return Self::UnknownUser { url };
        }
        match tls_failure(error) {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::ServerCertificate {
                url,
                reason: reason.to_string(),
            },
            Some(rustls::Error::AlertReceived(alert)) if is_about_certificate(*alert) => {
                Self::ClientCertificate {
                    url,
                    reason: format!("{alert:?}"),
                }
            }
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls { url },
            _ => Self::Unreachable {
                url,
                reason: error.to_string(),
            },
        }
    }

    /// Whether an operator has to act, so that trying again soon is in vain.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

fn is_about_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
            | A::AccessDenied
    )
}

/// The TLS error among the causes. An I/O error does not count the error it wraps among its
/// causes, so that one is looked into.
fn tls_failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let found = match wrapped {
            Some(wrapped) => wrapped.downcast_ref(),
            None => error.downcast_ref(),
        };
        if found.is_some() {
            return found;
        }
        cause = error.source();
    }
    None
}
