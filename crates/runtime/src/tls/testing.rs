//! Certificates for tests, made on the spot.

use super::{TlsFiles, TlsSettings, TlsVersion};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

/// Who issues certificates.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(crate) struct Issued {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate with these names: `dns sbc.example.com`, `uri sip:example.com`, `ip 127.0.0.1`.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |_| {})
    }

    pub(crate) fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        params.distinguished_name.push(DnType::CommonName, "common.example.com");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Issued { cert: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    pub(crate) fn issue_for_servers_only(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    pub(crate) fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 3, 4);
        })
    }
}

pub(crate) fn san(name: &str) -> SanType {
    match name.split_once(' ').unwrap() {
        ("uri", uri) => SanType::URI(uri.try_into().unwrap()),
        ("ip", address) => SanType::IpAddress(address.parse().unwrap()),
        (_, name) => SanType::DnsName(name.try_into().unwrap()),
    }
}

impl Issued {
    /// A listener with this certificate, that trusts `ca` when it connects and `client_ca` when it is connected to.
    pub(crate) fn settings(&self, ca: &Authority, client_ca: Option<&Authority>) -> TlsSettings {
        let client_ca = client_ca.map(|authority| authority.pem.as_bytes());
        let files = TlsFiles {
            cert: self.cert.as_bytes(),
            key: self.key.as_bytes(),
            client_ca,
            ca: Some(ca.pem.as_bytes()),
            min: TlsVersion::V1_2,
            ciphers: &[],
        };
        TlsSettings::new(&files).unwrap()
    }
}
