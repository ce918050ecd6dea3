//! Certificates and keys from files into a rustls configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Why a file is of no use; never holds any of its content.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {}", path.display(), reason(source))]
    Unreadable { path: PathBuf, source: pem::Error },
    #[error("{}: holds no certificate", path.display())]
    NoCertificate { path: PathBuf },
    #[error("{}: holds a certificate that cannot be used: {source}", path.display())]
    Certificate {
        path: PathBuf,
        source: rustls::Error,
    },
    #[error("{}: is not the key of {}: {source}", key.display(), cert.display())]
    Identity {
        cert: PathBuf,
        key: PathBuf,
        source: rustls::Error,
    },
    #[error("the TLS provider has no TLS 1.3")]
    Provider(#[source] rustls::Error),
}

/// A client that trusts the authority in `ca` and no other, speaks TLS 1.3 only (every server we
/// connect to is our operator's own), and shows the certificate of `identity` (certificate, key).
pub fn client_config(
    ca: &Path,
    identity: Option<(&Path, &Path)>,
) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let added = roots.add(certificate);
        added.map_err(|source| TlsError::Certificate {
            path: ca.to_owned(),
            source,
        })?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Provider)?
        .with_root_certificates(roots);
    let Some((cert, key)) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Unreadable {
        path: key.to_owned(),
        source,
    })?;
    builder
        .with_client_auth_cert(certificates(cert)?, private_key)
        .map_err(|source| TlsError::Identity {
            cert: cert.to_owned(),
            key: key.to_owned(),
            source,
        })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

/// Some of the parser's messages quote the line at fault, which may be a piece of a key.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "holds no PEM item of the kind that is needed here".into(),
        _ => "is not PEM".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Files {
        folder: PathBuf,
    }

    impl Files {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("dlr-tls-{}", uuid::Uuid::new_v4()));
            fs::create_dir(&folder).unwrap();
            Self { folder }
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.folder.join(name);
            fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn builds_from_authority_and_identity() {
        let files = Files::new();
        let (cert, key) = pair();
        let (cert, key) = (files.write("cert.pem", &cert), files.write("key.pem", &key));
        let without = client_config(&cert, None).unwrap();
        assert!(!without.client_auth_cert_resolver.has_certs());
        let with = client_config(&cert, Some((&cert, &key))).unwrap();
        assert!(with.client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn errors_name_the_file_and_quote_nothing() {
        let files = Files::new();
        let (cert, key) = pair();
        let (cert, key) = (files.write("cert.pem", &cert), files.write("key.pem", &key));
        let empty = files.write("empty.pem", "");
        let broken = files.write("broken.pem", "-----BEGIN CERTIFICATE-----\nsecret!\n");
        let other = files.write("other-key.pem", &pair().1);
        let missing = files.folder.join("missing.pem");

        let refused = |ca: &Path, identity| client_config(ca, identity).unwrap_err().to_string();
        for (error, file) in [
            (refused(&missing, None), "missing.pem"),
            (refused(&empty, None), "empty.pem"),
            (refused(&key, None), "key.pem"),
            (refused(&broken, None), "broken.pem"),
            (refused(&cert, Some((&missing, &key))), "missing.pem"),
            (refused(&cert, Some((&cert, &cert))), "cert.pem"),
            (refused(&cert, Some((&cert, &other))), "other-key.pem"),
        ] {
            assert!(error.contains(file), "{error}");
            assert!(!error.contains("secret!"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
