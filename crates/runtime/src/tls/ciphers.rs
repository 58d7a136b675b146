//! Which versions and ciphers are spoken.

use rustls::{
    SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};
use tandem_config::TlsVersion;

/// From that version up.
pub(super) fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::V1_2 => &BOTH,
        TlsVersion::V1_3 => &BOTH[..1],
    }
}

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// The cryptography, with the ciphers of these names alone, best first; none: all that there are.
///
/// # Errors
/// A name that no cipher has, with those that there are; or that none of them is of a version that is spoken.
pub(super) fn provider(names: &[&str], versions: &[&SupportedProtocolVersion]) -> Result<CryptoProvider, String> {
    let mut provider = aws_lc_rs::default_provider();
    if names.is_empty() {
        return Ok(provider);
    }
    let all = provider.cipher_suites;
    let named = |name: &&str| {
        let suite = all.iter().find(|suite| name_of(suite) == plain(name)).copied();
        suite.ok_or_else(|| format!("`{}` is no cipher that is spoken; there are {}", name.escape_debug(), list(&all)))
    };
    provider.cipher_suites = names.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let is_spoken = |suite: &SupportedCipherSuite| versions.iter().any(|version| suite.version().version == version.version);
    if !provider.cipher_suites.iter().any(is_spoken) {
        let spoken: Vec<_> = all.into_iter().filter(is_spoken).collect();
        return Err(format!("none of them is of a version that `tls_min` leaves; {} are", list(&spoken)));
    }
    Ok(provider)
}

/// As IANA has it: rustls writes `TLS13_` where the registry has `TLS_`.
fn plain(name: &str) -> String {
    name.replacen("TLS13_", "TLS_", 1)
}

fn name_of(suite: &SupportedCipherSuite) -> String {
    plain(suite.suite().as_str().unwrap_or_default())
}

fn list(suites: &[SupportedCipherSuite]) -> String {
    suites.iter().map(name_of).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_are_taken_in_the_order_in_which_they_are_named() {
        let names = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS13_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
        let provider = provider(&names, versions(TlsVersion::V1_2)).unwrap();
        let taken: Vec<_> = provider.cipher_suites.iter().map(name_of).collect();
        assert_eq!(taken, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]);
    }

    #[test]
    fn what_nobody_speaks_is_told_with_what_there_is() {
        let error = provider(&["TLS_RSA_WITH_RC4_128_MD5"], versions(TlsVersion::V1_2)).unwrap_err();
        assert!(error.starts_with("`TLS_RSA_WITH_RC4_128_MD5` is no cipher that is spoken; there are TLS_AES_256_GCM_SHA384, "), "{error}");
        let error = provider(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], versions(TlsVersion::V1_3)).unwrap_err();
        assert!(error.contains("`tls_min` leaves; TLS_AES_256_GCM_SHA384, ") && !error.contains("ECDHE"), "{error}");
    }
}
