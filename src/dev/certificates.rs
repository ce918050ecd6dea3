//! A private certificate authority for throw-away servers and their clients.
//!
//! Development and tests speak the TLS that production speaks: both ends verified, every identity in
//! a certificate. So nothing ships that is only there to switch TLS off. The authority's own key
//! stays in memory: when the process ends, nobody can sign with it any more.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// Where the PEM files of one identity are; `ca` is whom it trusts and who signed it.
#[derive(Debug, Clone)]
pub struct CertFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub ca: PathBuf,
}

/// Signs server and client certificates and writes them into its folder.
pub struct Authority {
    folder: PathBuf,
    ca: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: AtomicU32,
}

impl Authority {
    /// Makes a fresh authority, whose certificate is `ca.pem` in `folder` (created if absent).
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("DLR Processor throw-away authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        let ca = folder.join("ca.pem");
        fs::write(&ca, issuer.pem())?;
        Ok(Self {
            folder: folder.to_owned(),
            ca,
            issuer,
            issued: AtomicU32::new(1),
        })
    }

    /// The authority's certificate: what clients and servers trust.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// A server reached as `localhost`, `127.0.0.1` or `::1`.
    pub fn server(&self, name: &str) -> io::Result<CertFiles> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name = common_name(name);
        self.issue(
            &format!("server-{name}"),
            params,
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// The same for one that is also a client of its peers, who know it by `uri`.
    pub fn peer(&self, name: &str, uri: &str) -> io::Result<CertFiles> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name = common_name(name);
        let uri = SanType::URI(uri.try_into().map_err(io::Error::other)?);
        params.subject_alt_names.push(uri);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(
            &format!("peer-{name}"),
            params,
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// A client named by its one URI, as `nats-server` maps it to a user. It carries nothing else
    /// that could be mapped: the server takes the first name that fits, and e-mail and DNS go before
    /// the URI.
    pub fn client_uri(&self, uri: &str) -> io::Result<CertFiles> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(io::Error::other)?)];
        self.issue(
            &format!("client-{uri}"),
            params,
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    /// A client named by its common name, as PostgreSQL's `clientcert=verify-full` wants it.
    pub fn client_cn(&self, name: &str) -> io::Result<CertFiles> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        self.issue(
            &format!("client-{name}"),
            params,
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    fn issue(
        &self,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> io::Result<CertFiles> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages.push(usage);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let cert = params
            .signed_by(&key, &self.issuer)
            .map_err(io::Error::other)?;

        // Numbered, so that issuing twice never exchanges a file under a server that reads it.
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let stem = format!("{number}-{name}")
            .replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
        let files = CertFiles {
            cert: self.folder.join(format!("{stem}.pem")),
            key: self.folder.join(format!("{stem}.key")),
            ca: self.ca.clone(),
        };
        fs::write(&files.cert, cert.pem())?;
        write_private(&files.key, key.serialize_pem().as_bytes())?;
        Ok(files)
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Readable by its owner only from the first byte on; PostgreSQL refuses a key that others can read.
fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(contents)
}
