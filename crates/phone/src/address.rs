//! Addresses as headers write them: name-addr, the few parts of a URI that routing needs, and Via.

use std::net::{IpAddr, SocketAddr};

/// The port of a SIP URI that names none.
pub(crate) const DEFAULT_PORT: u16 = 5060;

/// `"Name" <uri>;params`, or a bare URI whose parameters are the header's (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// Between the brackets.
    pub uri: &'a str,
    params: &'a str,
}

impl<'a> NameAddr<'a> {
    /// Reads one header value. What has no URI gives an empty one.
    pub fn parse(value: &'a str) -> NameAddr<'a> {
        let open = angle(value);
        match open.and_then(|open| Some((open, open + value[open..].find('>')?))) {
            Some((open, close)) => NameAddr { uri: value[open + 1..close].trim(), params: &value[close + 1..] },
            None => {
                let end = value.find(';').unwrap_or(value.len());
                NameAddr { uri: value[..end].trim(), params: &value[end..] }
            }
        }
    }

    /// A header parameter's value; empty for one without a value.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        param(self.params, name)
    }

    /// The tag of From or To.
    pub fn tag(&self) -> Option<&'a str> {
        self.param("tag").filter(|tag| !tag.is_empty())
    }
}

/// Where the URI's opening bracket is, past a quoted display name.
fn angle(value: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}

fn param<'a>(params: &'a str, name: &str) -> Option<&'a str> {
    params.split(';').skip(1).find_map(|param| {
        let (key, value) = param.split_once('=').unwrap_or((param, ""));
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// `host:port` of a URI, if it is a literal address.
pub fn socket_of(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split(['?', ';']).next().unwrap_or(rest);
    host_port(rest.rsplit_once('@').map_or(rest, |(_, host)| host))
}

/// Whether a route's URI says `lr` (RFC 3261 §19.1.1).
pub(crate) fn is_loose(uri: &str) -> bool {
    param(uri, "lr").is_some()
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; names give `None`.
fn host_port(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').map_or(Some(DEFAULT_PORT), |port| port.parse().ok())?;
        return Some(SocketAddr::new(IpAddr::V6(host.parse().ok()?), port));
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let port = if port.is_empty() { DEFAULT_PORT } else { port.trim().parse().ok()? };
    Some(SocketAddr::new(IpAddr::V4(host.trim().parse().ok()?), port))
}

/// One Via value (RFC 3261 §20.42).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `SIP/2.0/UDP`.
    pub protocol: &'a str,
    /// Host and port as written.
    pub sent_by: &'a str,
    params: &'a str,
}

impl<'a> Via<'a> {
    /// Reads one value.
    pub fn parse(value: &'a str) -> Option<Via<'a>> {
        let (protocol, rest) = value.split_once([' ', '\t'])?;
        let end = rest.find(';').unwrap_or(rest.len());
        Some(Via { protocol, sent_by: rest[..end].trim(), params: &rest[end..] })
    }

    /// The branch; empty if there is none.
    pub fn branch(&self) -> &'a str {
        self.param("branch").unwrap_or_default()
    }

    /// A parameter.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        param(self.params, name)
    }

    /// Where a response goes that answers a request from `source` (RFC 3261 §18.2.2, RFC 3581 §4).
    pub fn response_address(&self, source: SocketAddr) -> SocketAddr {
        if self.param("rport").is_some() {
            return source;
        }
        let port = host_port(self.sent_by).map_or_else(
            || self.sent_by.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(DEFAULT_PORT),
            |address| address.port(),
        );
        SocketAddr::new(source.ip(), port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_outside_the_brackets_only() {
        let address = NameAddr::parse("\"a <b>;tag=no\" <sip:x@y;tag=inside>;tag=right");
        assert_eq!((address.uri, address.tag()), ("sip:x@y;tag=inside", Some("right")));
        assert_eq!(NameAddr::parse("sip:a@b;tag=t").tag(), Some("t"));
    }

    #[test]
    fn uris_give_literal_addresses() {
        assert_eq!(socket_of("sip:a@10.0.0.1:5070;lr"), "10.0.0.1:5070".parse().ok());
        assert_eq!(socket_of("sip:[2001:db8::1]"), "[2001:db8::1]:5060".parse().ok());
        assert_eq!(socket_of("sip:a@example.com"), None);
        assert!(is_loose("sip:p;lr") && !is_loose("sip:lr"));
    }

    #[test]
    fn responses_go_to_the_source_port_only_with_rport() {
        let source = "192.0.2.1:9999".parse().unwrap();
        let via = Via::parse("SIP/2.0/UDP host.example;branch=z9hG4bKx;rport").unwrap();
        assert_eq!((via.branch(), via.response_address(source)), ("z9hG4bKx", source));
        let plain = Via::parse("SIP/2.0/UDP 10.1.1.1:5070;branch=z").unwrap();
        assert_eq!(plain.response_address(source), "192.0.2.1:5070".parse().unwrap());
    }
}
