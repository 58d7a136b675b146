//! As much of a SIP URI as a configuration needs (RFC 3261 §19.1): where it points, and how to put another user into it.
//! Signalling has its own, whole reading; the two do not know each other.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use tandem_model::{Destination, Transport};

/// The port of `sip:` where none is written (RFC 3261 §19.1.2).
pub(crate) const DEFAULT_PORT: u16 = 5060;

/// The longest URI that is taken, in bytes.
const MAX_URI: usize = 512;

/// A `sip:` or `sips:` URI of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// User part as written (escaped), if it has one.
    pub user: Option<Box<str>>,
    /// What stands behind the user: host, port and parameters, as written.
    pub host_part: Box<str>,
    /// Where a request to it is sent.
    pub destination: Destination,
    /// What its scheme or its `transport` parameter asks for.
    pub transport: Option<Transport>,
    /// It is a `sips:` URI: TLS on every hop.
    pub sips: bool,
}

impl Target {
    /// The URI as written, for a request to the target itself.
    pub fn uri(&self) -> Box<str> {
        match &self.user {
            Some(user) => format!("{}{user}@{}", self.scheme(), self.host_part).into(),
            None => format!("{}{}", self.scheme(), self.host_part).into(),
        }
    }

    /// The URI with `number` as its user part, escaped as RFC 3261 §25.1 asks. An empty number leaves the user out.
    pub fn uri_for(&self, number: &str) -> Box<str> {
        let mut uri = String::with_capacity(number.len() + self.host_part.len() + 6);
        uri.push_str(self.scheme());
        if !number.is_empty() {
            for &byte in number.as_bytes() {
                push_user_byte(&mut uri, byte);
            }
            uri.push('@');
        }
        uri.push_str(&self.host_part);
        uri.into()
    }

    /// The URI without user and parameters: what a REGISTER is sent to (RFC 3261 §10.2).
    pub fn domain(&self) -> Box<str> {
        let host_port = self.host_part.split(';').next().unwrap_or_default();
        format!("{}{host_port}", self.scheme()).into()
    }

    /// The address of record of `user`, escaped, at its host (RFC 3261 §10.2): without port and parameters.
    pub fn aor(&self, user: &str) -> Box<str> {
        let host_port = self.host_part.split(';').next().unwrap_or_default();
        // In an IPv6 address there are colons too.
        let end = host_port.rfind([':', ']']).filter(|place| host_port.as_bytes()[*place] == b':').unwrap_or(host_port.len());
        format!("{}{user}@{}", self.scheme(), &host_port[..end]).into()
    }

    /// `text` as a user part, escaped as RFC 3261 §25.1 asks.
    pub fn escape_user(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for &byte in text.as_bytes() {
            push_user_byte(&mut out, byte);
        }
        out
    }

    /// Whether it has `lr`: a proxy that leaves the Request-URI alone (RFC 3261 §16.12).
    pub fn is_loose(&self) -> bool {
        let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().eq_ignore_ascii_case("lr");
        self.host_part.split(';').skip(1).any(name)
    }

    fn scheme(&self) -> &'static str {
        if self.sips { "sips:" } else { "sip:" }
    }

    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        if text.len() > MAX_URI {
            return Err(format!("a URI has at most {MAX_URI} bytes"));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| format!("`{text}` is not a SIP URI: it does not begin with `sip:`"))?;
        let sips = match scheme.to_ascii_lowercase().as_str() {
            "sip" => false,
            "sips" => true,
            _ => return Err(format!("`{text}` is not a SIP URI: it does not begin with `sip:`")),
        };
        if let Some(odd) = rest.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"')) {
            return Err(format!("`{text}`: {odd:?} cannot stand in a URI"));
        }
        if rest.contains('?') {
            return Err(format!("`{text}`: a URI of the configuration carries no headers (`?…`)"));
        }
        let (user, host_part) = match rest.rsplit_once('@') {
            Some((user, host_part)) => (Some(read_user(text, user)?), host_part),
            None => (None, rest),
        };
        let mut pieces = host_part.split(';');
        let (host, port) = read_host_port(text, pieces.next().unwrap_or_default())?;
        let mut transport = None;
        for parameter in pieces {
            transport = read_parameter(text, parameter)?.or(transport);
        }
        // RFC 3261 §26.2.2: the scheme asks for TLS, and the parameter at most for what is below it.
        let transport = match transport {
            Some(Transport::Udp) if sips => return Err(format!("`{text}`: `sips:` is TLS, which does not go over UDP")),
            _ if sips => Some(Transport::Tls),
            transport => transport,
        };
        let destination = match (host, port, transport) {
            (Host::Address(address), port, transport) => {
                let port = port.unwrap_or(transport.map_or(DEFAULT_PORT, Transport::default_port));
                Destination::Address(SocketAddr::new(address, port))
            }
            // RFC 3263 §4.1: a port or a transport leaves the domain no choice; of `sips:` it may still say where.
            (Host::Name(host), None, None) => Destination::Domain { host, secure: false },
            (Host::Name(host), None, Some(_)) if sips => Destination::Domain { host, secure: true },
            (Host::Name(host), port, _) => Destination::Name { host, port },
        };
        Ok(Target { user, host_part: host_part.into(), destination, transport, sips })
    }
}

/// `user-unreserved` and `unreserved` of RFC 3261 §25.1, less what a number should never bring in unescaped: `;` and
/// `?` begin parameters and headers for careless readers, `/` and `,` end a URI for others.
fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$".contains(&byte)
}

fn push_user_byte(out: &mut String, byte: u8) {
    if is_user_byte(byte) {
        out.push(char::from(byte));
        return;
    }
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
    }
}

fn read_user(text: &str, user: &str) -> Result<Box<str>, String> {
    if user.is_empty() || user.contains(['@', ':']) {
        return Err(format!("`{text}`: a plain user part stands before the `@`, without a password"));
    }
    Ok(user.into())
}

/// What the parameter says of the transport, if it is that one.
fn read_parameter(text: &str, parameter: &str) -> Result<Option<Transport>, String> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name.to_ascii_lowercase().as_str() {
        "" => Err(format!("`{text}` has an empty parameter")),
        "transport" if value.eq_ignore_ascii_case("udp") => Ok(Some(Transport::Udp)),
        "transport" if value.eq_ignore_ascii_case("tcp") => Ok(Some(Transport::Tcp)),
        "transport" if value.eq_ignore_ascii_case("tls") => Ok(Some(Transport::Tls)),
        "transport" if ["ws", "wss", "sctp"].iter().any(|known| value.eq_ignore_ascii_case(known)) => {
            Err(format!("`{text}`: transport `{value}` is not built yet; `udp`, `tcp` and `tls` are"))
        }
        "transport" => Err(format!("`{text}`: unknown transport `{value}`; `udp`, `tcp` and `tls` are built")),
        "maddr" => Err(format!("`{text}`: `maddr` is not built yet")),
        _ => Ok(None),
    }
}

/// A host as written: an address, or a name to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An IP literal.
    Address(IpAddr),
    /// A host name.
    Name(Box<str>),
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn read_host_port<'t>(text: &str, host_port: &'t str) -> Result<(Host, Option<u16>), String> {
    let port = |digits: &'t str| -> Result<Option<u16>, String> {
        let port = digits.parse().ok().filter(|port| *port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        port.map(Some).ok_or_else(|| format!("`{text}`: `{digits}` is not a port"))
    };
    if let Some(rest) = host_port.strip_prefix('[') {
        let (address, behind) = rest.split_once(']').ok_or_else(|| format!("`{text}`: `[` without `]`"))?;
        let address: Ipv6Addr = address.parse().map_err(|_| format!("`{text}`: `{address}` is not an IPv6 address"))?;
        let port = match behind.strip_prefix(':') {
            Some(digits) => port(digits)?,
            None if behind.is_empty() => None,
            None => return Err(format!("`{text}`: only a port may follow `]`")),
        };
        return Ok((Host::Address(address.into()), port));
    }
    if host_port.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("`{text}`: an IPv6 address stands in brackets here: `[{host_port}]`"));
    }
    let (host, port) = match host_port.split_once(':') {
        Some((host, digits)) => (host, port(digits)?),
        None => (host_port, None),
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((Host::Address(address), port));
    }
    if is_host_name(host) { Ok((Host::Name(host.into()), port)) } else { Err(format!("`{text}`: `{host}` is not a host name or address")) }
}

/// A host name or an address, as a URI writes it: IPv6 in brackets.
///
/// # Errors
/// What is neither.
pub fn parse_domain(text: &str) -> Result<Box<str>, String> {
    match text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => Ok(format!("[{address}]").into()),
        Ok(IpAddr::V4(address)) => Ok(address.to_string().into()),
        Err(_) if is_host_name(text) => Ok(text.into()),
        Err(_) => Err(format!("`{text}` is not a host name or address")),
    }
}

/// `hostname` of RFC 3261 §25.1, with the lengths of RFC 1035 §2.3.4. A last label of digits alone would be a mistyped
/// address.
pub(crate) fn is_host_name(name: &str) -> bool {
    let trimmed = name.strip_suffix('.').unwrap_or(name);
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    trimmed.len() <= 253
        && trimmed.split('.').all(label_is_good)
        && trimmed.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}
