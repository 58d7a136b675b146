//! What went wrong with TLS, in words that help whoever runs the node.

use crate::log;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible, pki_types::UnixTime};

/// What `error` means, of the certificate that the other end has shown or of what it says of ours.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => format!("its certificate {}", of_certificate(error)),
        Error::NoCertificatesPresented | Error::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon) => {
            "it has shown no certificate".into()
        }
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(_) => format!("it speaks no version of TLS, or no cipher, that we do ({error})"),
        Error::InvalidMessage(_) => "what it sends is no TLS".into(),
        error => error.to_string(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "comes from an issuer that is not trusted here".into(),
        CertificateError::Expired => "has expired".into(),
        CertificateError::ExpiredContext { not_after, .. } => format!("has expired, on {}", date(*not_after)),
        CertificateError::NotValidYet => "is not valid yet".into(),
        CertificateError::NotValidYetContext { not_before, .. } => format!("is not valid yet, before {}", date(*not_before)),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let has = if presented.is_empty() { "none (a common name does not count)".into() } else { presented.join(", ") };
            format!("is not for {}: the names that it has are {has}", expected.to_str())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "is not for this purpose".into(),
        error => format!("is not good: {error}"),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => "it does not trust the issuer of our certificate".into(),
        AlertDescription::CertificateExpired => "it says that our certificate has expired".into(),
        AlertDescription::CertificateRequired => "it wants a certificate of ours".into(),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::AccessDenied => format!("it refuses our certificate ({alert:?})"),
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            format!("it speaks no version of TLS, or no cipher, that we do ({alert:?})")
        }
        AlertDescription::UnrecognisedName => "it does not know the name that we asked for".into(),
        alert => format!("it says {alert:?}"),
    }
}

/// `2026-11-21`
pub(super) fn date(time: UnixTime) -> String {
    let (year, month, day) = log::date(time.as_secs() / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}
