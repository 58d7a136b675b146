//! URLs that may be called at all.

use hyper::Uri;
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The longest URL, in bytes.
const MAX_URL: usize = 2048;

/// `http://…` or `https://…`, with a host, without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(Uri);

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It cannot be read.
    #[error("is not a URL")]
    Unreadable,
    /// Another scheme, or none.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// User or password stand in it, which would be sent nowhere.
    #[error("must not hold a user or a password")]
    User,
}

impl Url {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Url, BadUrl> {
        if text.len() > MAX_URL {
            return Err(BadUrl::Unreadable);
        }
        let uri: Uri = text.parse().map_err(|_| BadUrl::Unreadable)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(BadUrl::Scheme);
        }
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => Err(BadUrl::User),
            Some(authority) if !authority.host().is_empty() => Ok(Url(uri)),
            _ => Err(BadUrl::Unreadable),
        }
    }

    /// Where a redirection leads (RFC 9110 §10.2.2): an absolute URL, or a path on the same host. Not from https to http.
    pub(crate) fn redirected(&self, location: &str) -> Option<Url> {
        let next = match location.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => {
                Url::parse(&format!("{}://{}{location}", self.0.scheme_str()?, self.0.authority()?)).ok()?
            }
            _ => Url::parse(location).ok()?,
        };
        (self.0.scheme_str() == Some("http") || next.0.scheme_str() == Some("https")).then_some(next)
    }

    /// The address, where it has that in place of a name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let host = self.0.host()?;
        match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => host.parse().ok(),
        }
    }

    /// Whether both have the same scheme, host and port.
    pub(crate) fn is_beside(&self, other: &Url) -> bool {
        self.0.scheme() == other.0.scheme() && self.0.authority() == other.0.authority()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for Url {
    /// Without the query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}{}", self.0.scheme_str().unwrap_or_default(), self.0.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_is_called() {
        for text in ["https://example.com/hook?key=1", "http://127.0.0.1:8080", "https://[::1]/x"] {
            assert!(Url::parse(text).is_ok(), "{text}");
        }
        let bad = [
            ("ftp://example.com", BadUrl::Scheme),
            ("file:///etc/passwd", BadUrl::Unreadable),
            ("/path", BadUrl::Scheme),
            ("", BadUrl::Unreadable),
            ("https://user:pw@example.com/", BadUrl::User),
            ("https://", BadUrl::Unreadable),
            ("https://exa mple.com", BadUrl::Unreadable),
        ];
        for (text, error) in bad {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_address_is_known_before_it_is_called() {
        let address = |text| Url::parse(text).unwrap().address();
        assert_eq!(address("http://127.0.0.1:80/"), Some([127, 0, 0, 1].into()));
        assert_eq!(address("http://[::1]:80/"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(address("http://localhost/"), None);
    }

    #[test]
    fn a_redirection_does_not_leave_tls() {
        let from = |text| Url::parse(text).unwrap();
        let to = |url: &Url, location| url.redirected(location).map(|url| url.uri().to_string());
        let secure = from("https://a.example/x");
        assert_eq!(to(&secure, "/y?z=1").as_deref(), Some("https://a.example/y?z=1"));
        assert_eq!(to(&secure, "https://b.example/").as_deref(), Some("https://b.example/"));
        assert_eq!([to(&secure, "http://b.example/"), to(&secure, "//b.example/"), to(&secure, "y"), to(&secure, "")], [const { None }; 4]);
        assert_eq!(to(&from("http://a.example/"), "https://b.example/").as_deref(), Some("https://b.example/"));
    }

    #[test]
    fn a_query_is_not_shown() {
        assert_eq!(Url::parse("https://a.example:8443/x?token=s3cret").unwrap().to_string(), "https://a.example:8443/x");
    }
}
