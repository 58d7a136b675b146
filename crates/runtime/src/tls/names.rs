//! Whom a certificate speaks for (RFC 5922 §7).

use rustls::{
    CertificateError, Error,
    pki_types::{CertificateDer, ServerName},
};
use std::{fmt, net::IpAddr};
use tandem_signalling::message::{Host as UriHost, Scheme, Uri};
use webpki::EndEntityCert;

/// Names of one certificate that are looked at.
const MAX_NAMES: usize = 64;

/// The host of a URI that a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name, as written.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(address) => address.fmt(f),
        }
    }
}

impl Host {
    /// As TLS has it: with this as its target a connection is made. `None` for a name that no certificate could have.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Host::Name(name) => ServerName::try_from(undotted(name).to_owned()).ok().filter(|name| matches!(name, ServerName::DnsName(_))),
            Host::Address(address) => Some(ServerName::IpAddress((*address).into())),
        }
    }
}

/// What a verified certificate says of who has it.
#[derive(Debug)]
pub(crate) struct CertificateNames {
    certificate: CertificateDer<'static>,
    identities: Box<[Box<str>]>,
}

impl CertificateNames {
    /// `None` if the certificate cannot be read, which one that was verified can.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<CertificateNames> {
        let identities = identities(&EndEntityCert::try_from(certificate).ok()?);
        Some(CertificateNames { certificate: certificate.clone().into_owned(), identities })
    }

    /// Its SIP domain identities (RFC 5922 §7.1), at most 64.
    pub(crate) fn identities(&self) -> &[Box<str>] {
        &self.identities
    }

    /// Whether it speaks for `host`.
    pub(crate) fn is_for(&self, host: &Host) -> bool {
        host.server_name().is_some_and(|name| check(&self.certificate, &name).is_ok())
    }
}

/// Whether `certificate`, whose chain is verified, speaks for `host`.
///
/// # Errors
/// What is wrong, with the names that it does speak for.
pub(super) fn check(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let identities = identities(&parsed);
    let (fits, addresses) = match host {
        // RFC 5922 §7.2: the whole name, without case and without wildcards.
        ServerName::DnsName(name) => (identities.iter().any(|identity| identity.eq_ignore_ascii_case(undotted(name.as_ref()))), Vec::new()),
        // RFC 5922 says nothing of addresses. A certificate names them by iPAddress (RFC 5280 §4.2.1.6).
        ServerName::IpAddress(_) => match parsed.verify_is_valid_for_subject_name(host) {
            Ok(()) => (true, Vec::new()),
            Err(webpki::Error::CertNotValidForName(context)) => (false, context.presented),
            Err(_) => (false, Vec::new()),
        },
        _ => (false, Vec::new()),
    };
    if fits {
        return Ok(());
    }
    let addresses = addresses.iter().filter_map(|name| name.strip_prefix("IpAddress(")?.strip_suffix(')').map(str::to_owned));
    let presented = identities.iter().map(|name| name.to_string()).chain(addresses).collect();
    Err(CertificateError::NotValidForNameContext { expected: host.to_owned(), presented }.into())
}

/// RFC 5922 §7.1: the hosts of `sip:` URIs without a user part; where there is none, the DNS names. The common name is not looked at.
fn identities(certificate: &EndEntityCert<'_>) -> Box<[Box<str>]> {
    let sip: Box<[Box<str>]> = certificate.valid_uri_names().filter_map(domain_of).take(MAX_NAMES).collect();
    if !sip.is_empty() {
        return sip;
    }
    certificate.valid_dns_names().filter(|name| !name.contains('*')).map(|name| undotted(name).into()).take(MAX_NAMES).collect()
}

fn domain_of(uri: &str) -> Option<Box<str>> {
    let uri = Uri::parse(uri).ok().filter(|uri| matches!(uri.scheme, Scheme::Sip) && uri.user.is_none())?;
    match uri.host {
        UriHost::Name(name) => Some(undotted(name).into()),
        UriHost::V4(_) | UriHost::V6(_) => None,
    }
}

/// Without the dot that says that a name is whole.
fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Authority;
    use rustls::pki_types::pem::PemObject;

    fn certificate(names: &[&str]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(Authority::new("ca").issue(names).cert.as_bytes()).unwrap()
    }

    fn names(names: &[&str]) -> CertificateNames {
        CertificateNames::of(&certificate(names)).unwrap()
    }

    fn is_for(all: &[&str], host: &str) -> bool {
        let host = host.parse().map_or_else(|_| Host::Name(host.into()), Host::Address);
        names(all).is_for(&host)
    }

    #[test]
    fn sip_uris_decide_where_there_are_any() {
        let mixed = ["dns sbc.example.com", "uri sip:example.com", "uri sip:Other.Example.net:5061;lr"];
        assert_eq!(*names(&mixed).identities(), ["example.com".into(), "Other.Example.net".into()]);
        assert!(is_for(&mixed, "EXAMPLE.com") && is_for(&mixed, "example.com.") && is_for(&mixed, "other.example.net"));
        assert!(!is_for(&mixed, "sbc.example.com"));
    }

    #[test]
    fn uris_of_users_or_of_other_schemes_are_no_domains() {
        let odd = ["uri sip:alice@users.example.com", "uri sips:secure.example.com", "uri https://web.example.com", "dns sbc.example.com"];
        assert_eq!(*names(&odd).identities(), ["sbc.example.com".into()]);
    }

    #[test]
    fn dns_names_are_compared_whole() {
        let wild = ["dns *.example.com", "dns sbc.example.net"];
        assert!(is_for(&wild, "SBC.example.net"));
        for host in ["sbc.example.com", "*.example.com", "example.net", "a.sbc.example.net", "common.example.com", "192.0.2.1"] {
            assert!(!is_for(&wild, host), "{host}");
        }
    }

    #[test]
    fn an_address_is_named_as_one() {
        let both = ["ip 192.0.2.1", "ip 2001:db8::1", "dns sbc.example.com"];
        assert!(is_for(&both, "192.0.2.1") && is_for(&both, "2001:db8::1"));
        assert!(!is_for(&both, "192.0.2.2"));
        let error = check(&certificate(&both), &Host::Address("192.0.2.2".parse().unwrap()).server_name().unwrap()).unwrap_err();
        let Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) = error else { panic!("{error}") };
        assert_eq!(presented, ["sbc.example.com", "192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn the_common_name_counts_for_nothing() {
        assert!(names(&[]).identities().is_empty() && !is_for(&[], "common.example.com"));
    }
}
