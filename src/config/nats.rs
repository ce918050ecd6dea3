use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use validator::Validate;

use super::bounds;

/// The way to the NATS server. Who we are is said by the client certificate.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// Servers, separated by commas: `tls://nats-1:4222,tls://nats-2:4222`. Without TLS on
    /// loopback addresses only; without a user or password, which would end up in logs.
    /// No default. `DLR__NATS__URL`, or `NATS_URL`
    pub url: String,

    /// Certificates (PEM) of the authority that the servers are checked against, and no other.
    /// Given, TLS is required, even of a `nats://` address.
    /// Default none; needed for `tls://`. `DLR__NATS__CA_FILE`
    pub ca_file: Option<PathBuf>,

    /// Our certificate (PEM, with its chain). Default none; goes with `nats.key_file`.
    /// `DLR__NATS__CERT_FILE`
    pub cert_file: Option<PathBuf>,

    /// Its private key (PEM); refused when everybody may read it. Default none; goes with
    /// `nats.cert_file`. `DLR__NATS__KEY_FILE`
    pub key_file: Option<PathBuf>,

    /// Where replies to our requests go; the account's permissions name it.
    /// Default `_INBOX_dlrproc`; a subject without wildcards. `DLR__NATS__INBOX_PREFIX`
    #[validate(custom(function = bounds::plain_subject))]
    pub inbox_prefix: String,

    /// Prefix of the JetStream API as our account sees it: `JSAPI.dlr` for the processor,
    /// `$JS.API` for the provisioner.
    /// Default `JSAPI.dlr`; a subject without wildcards. `DLR__NATS__API_PREFIX`
    #[validate(custom(function = bounds::plain_subject))]
    pub api_prefix: String,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            cert_file: None,
            key_file: None,
            inbox_prefix: "_INBOX_dlrproc".into(),
            api_prefix: "JSAPI.dlr".into(),
        }
    }
}
