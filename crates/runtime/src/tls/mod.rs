//! What a listener of TLS is made from: its certificate and key, and whom it trusts.
//!
//! [`TlsSettings`] are made from the contents of files, which whoever starts the node reads. They never change: a reload makes others.

mod ciphers;
mod names;
mod verify;
mod words;

pub(crate) use names::{CertificateNames, Host};
pub(crate) use words::explain;

use rustls::{
    CertificateError, ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tandem_config::TlsVersion;
use verify::{Clients, Servers};

/// A certificate of ours that ends within this time is warned of.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What a listener's files hold, as PEM.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'a> {
    /// Our certificate, and behind it those up to a root, which may be left out.
    pub cert: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
    /// Who issues the certificates of those that may connect to us; absent, none is asked for.
    pub client_ca: Option<&'a [u8]>,
    /// Who issues the certificates of those that we connect to; absent, nobody that we connect to is trusted.
    pub ca: Option<&'a [u8]>,
    /// The lowest version that is spoken.
    pub min: TlsVersion,
    /// Names of the ciphers that are spoken, best first; none: all that there are.
    pub ciphers: &'a [&'a str],
}

/// Which of the files something is wrong with, or what else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// `cert`
    Cert,
    /// `key`
    Key,
    /// `client_ca`
    ClientCa,
    /// `ca`
    Ca,
    /// No file: `ciphers`
    Ciphers,
}

/// What is wrong with it, in words that fit behind its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TlsProblem {
    /// Which.
    pub file: TlsFile,
    /// What.
    pub message: String,
}

/// Where systems keep the issuers that they trust: Debian, Fedora, SUSE, the BSDs. `SSL_CERT_FILE` goes before.
const SYSTEM_ISSUERS: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// The issuers that the system trusts, as PEM: what `ca` is where nothing is written. Blocks on the file.
pub fn system_issuers() -> Option<Vec<u8>> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named.into_iter().chain(SYSTEM_ISSUERS.map(PathBuf::from)).find_map(|path| std::fs::read(path).ok())
}

/// How a listener speaks TLS, in both directions.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
    warnings: Box<[String]>,
    trusts_somebody: bool,
}

impl TlsSettings {
    /// # Errors
    /// The first thing that is wrong. A certificate that has expired is not: see [`TlsSettings::warnings`].
    pub fn new(files: &TlsFiles<'_>) -> Result<TlsSettings, TlsProblem> {
        let of = |file| move |message: String| TlsProblem { file, message };
        let versions = ciphers::versions(files.min);
        let provider = Arc::new(ciphers::provider(files.ciphers, versions).map_err(of(TlsFile::Ciphers))?);
        let chain = certificates(files.cert).map_err(of(TlsFile::Cert))?;
        let key = PrivateKeyDer::from_pem_slice(files.key).map_err(|_| {
            of(TlsFile::Key)("holds no private key that can be read (PEM; PKCS #8, PKCS #1 or SEC 1; without a passphrase)".into())
        })?;
        let roots = files.ca.map_or(Ok(RootCertStore::empty()), trusted).map_err(of(TlsFile::Ca))?;
        let clients = match files.client_ca {
            Some(issuers) => {
                let issuers = trusted(issuers).map_err(of(TlsFile::ClientCa))?;
                Some(clients(issuers, &provider).map_err(of(TlsFile::ClientCa))?)
            }
            None => None,
        };
        let of_key = |error: Error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                of(TlsFile::Key)("is not the key of the certificate in `cert`".into())
            }
            Error::InvalidCertificate(error) => of(TlsFile::Cert)(format!("holds a certificate that cannot be used: {error}")),
            error => of(TlsFile::Key)(format!("holds a key that cannot be used: {error}")),
        };
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).map_err(of_key)?;
        let builder = match clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
            None => builder.with_no_client_auth(),
        };
        let server = builder.with_single_cert(chain.clone(), key.clone_key()).map_err(of_key)?;
        let trusts_somebody = !roots.is_empty();
        let servers = Servers { roots: Arc::new(roots), algorithms: provider.signature_verification_algorithms };
        let client = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).map_err(of_key)?;
        // Our own verifier, which is stricter with names than rustls' own: RFC 5922 §7.
        let client = client.dangerous().with_custom_certificate_verifier(Arc::new(servers));
        // RFC 5923 §9: shown to servers that ask for it.
        let client = client.with_client_auth_cert(chain.clone(), key).map_err(of_key)?;
        Ok(TlsSettings { server: Arc::new(server), client: Arc::new(client), warnings: warnings(&chain, &provider), trusts_somebody })
    }

    /// How those are answered that connect to us.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// Whether there is any issuer whose servers are believed.
    pub fn trusts_somebody(&self) -> bool {
        self.trusts_somebody
    }

    /// What is odd about our certificate and does not keep the node from using it, in words that fit behind the name of the file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn clients(issuers: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Clients, String> {
    let roots = Arc::new(issuers);
    let as_clients =
        WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().map_err(|error| error.to_string())?;
    Ok(Clients { as_clients, as_servers: Servers { roots, algorithms: provider.signature_verification_algorithms } })
}

/// The certificates of a PEM file, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| format!("is no PEM that can be read: {error}"))?;
    if all.is_empty() { Err("holds no certificate (`-----BEGIN CERTIFICATE-----`)".into()) } else { Ok(all) }
}

/// Those among the certificates of a PEM file that can be trusted, at least one.
fn trusted(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    // The system's bundle has some that are too old to be read.
    let (good, bad) = store.add_parsable_certificates(certificates(pem)?);
    if good == 0 { Err(format!("holds no certificate that can be used: {bad} cannot be read")) } else { Ok(store) }
}

fn warnings(chain: &[CertificateDer<'static>], provider: &CryptoProvider) -> Box<[String]> {
    let Some(certificate) = chain.first() else { return Box::default() };
    let mut warnings = Vec::new();
    let now = UnixTime::now();
    let validity = |at: UnixTime| {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        // Without anybody to trust it always fails, by the dates before all else.
        let algorithms = provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], at, algorithms) {
            Err(Error::InvalidCertificate(error)) => Some(error),
            _ => None,
        }
    };
    match (validity(now), validity(UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SOON))) {
        (Some(CertificateError::ExpiredContext { not_after, .. }), _) => {
            warnings.push(format!("has expired, on {}: nobody will trust it", words::date(not_after)));
        }
        (Some(CertificateError::NotValidYetContext { not_before, .. }), _) => {
            warnings.push(format!("is not valid before {}: nobody will trust it", words::date(not_before)));
        }
        (_, Some(CertificateError::ExpiredContext { not_after, .. })) => {
            warnings.push(format!("expires on {}", words::date(not_after)));
        }
        _ => {}
    }
    if CertificateNames::of(certificate).is_some_and(|names| names.identities().is_empty()) {
        warnings.push("names no host (by subjectAltName; a common name does not count): whoever checks names will refuse it".into());
    }
    warnings.into()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
