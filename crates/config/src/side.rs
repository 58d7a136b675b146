//! `[[listen]]` and `[[media]]`: our addresses.

use crate::{
    At,
    node::one_of,
    reader::{Reader, Table, check_line},
    uri::{Host, read_host_port},
    value::PortRange,
};
use std::net::{IpAddr, SocketAddr};
use tandem_model::Transport;

/// `[[listen]]`: where SIP comes in, and leaves from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: Box<str>,
    /// Its transport.
    pub transport: Transport,
    /// Address and port to bind; port 0 takes any free one.
    pub bind: At<SocketAddr>,
    /// What Via and Contact say instead of `bind`.
    pub advertise: Option<Advertised>,
    /// Strangers get no answer at all.
    pub silent: bool,
    /// Of a listener of TLS.
    pub tls: Option<TlsPaths>,
}

/// The files that a listener of TLS needs, as written (PEM), and how it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPaths {
    /// Our certificate, and behind it those of its issuers.
    pub cert: At<Box<str>>,
    /// Its key.
    pub key: At<Box<str>>,
    /// Who issues the certificates of those that connect to us; then they must have one.
    pub client_ca: Option<At<Box<str>>>,
    /// Who issues the certificates of those that we connect to; absent, whom the system trusts.
    pub ca: Option<At<Box<str>>>,
    /// The lowest version that is spoken, in both directions.
    pub min: TlsVersion,
    /// The ciphers that are spoken, best first; none written: all that are any good.
    pub ciphers: Vec<At<Box<str>>>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246
    #[default]
    V1_2,
    /// RFC 8446
    V1_3,
}

/// A host and port that others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// Address or name.
    pub host: Host,
    /// The port; absent, the bound one.
    pub port: Option<u16>,
}

impl Listener {
    /// `host:port` for Via and Contact, once bound to `bound` (which tells the port where `bind` says 0).
    pub fn advertised(&self, bound: SocketAddr) -> String {
        let Some(advertise) = &self.advertise else { return bound.to_string() };
        let port = advertise.port.unwrap_or(bound.port());
        match &advertise.host {
            Host::Address(address) => SocketAddr::new(*address, port).to_string(),
            Host::Name(name) => format!("{name}:{port}"),
        }
    }

    /// Whether a request can leave from here to `target`: same address family, and nothing leaves the machine from a
    /// loopback address.
    pub fn reaches(&self, target: IpAddr) -> bool {
        let bind = self.bind.ip();
        bind.is_ipv4() == target.is_ipv4() && (!bind.is_loopback() || target.is_loopback())
    }

    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Listener> {
        let name = table.name(reader, "name");
        table.missing(reader, "name", "\"…\"");
        table.missing(reader, "bind", "\"127.0.0.1:5060\"");
        let transport = table.parsed(reader, "transport", |text| match text {
            "ws" | "wss" => Err(format!("transport \"{text}\" is not built yet; \"udp\", \"tcp\" and \"tls\" are")),
            _ => one_of(text, &[("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls)]),
        });
        let tls = read_tls(reader, table, transport.map(|transport| *transport));
        let transport = transport.map_or(Transport::Udp, |transport| *transport);
        let bind = table.parsed(reader, "bind", |text| parse_bind(text, transport));
        let advertise = table.parsed(reader, "advertise", |text| {
            let (host, port) = read_host_port(text, text)?;
            Ok(Advertised { host, port })
        });
        let silent = table.boolean(reader, "silent");
        if let (Some(advertise), Some(bind)) = (&advertise, bind)
            && let Host::Address(address) = advertise.host
            && let Err(message) = check_advertised(address, bind.ip())
        {
            reader.report(advertise.place, format!("{}: {message}", table.what("advertise")));
        }
        if let Some(bind) = bind.filter(|bind| bind.ip().is_unspecified() && !table.has("advertise")) {
            let message =
                "stands for every address, but Via and Contact must name one: add `advertise = \"ADDRESS\"`, or bind that address";
            reader.report(bind.place, format!("{}: `{}` {message}", table.what("bind"), bind.ip()));
        }
        Some(Listener {
            name: name?.value,
            transport,
            bind: bind?,
            advertise: advertise.map(|advertise| advertise.value),
            silent: silent.unwrap_or(false),
            tls,
        })
    }
}

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// The longest name of a cipher, in bytes, and the most of them.
const MAX_CIPHER: usize = 64;
const MAX_CIPHERS: usize = 32;

/// `transport` is `None` where it cannot be read: then nothing is said of what should stand beside it.
fn read_tls(reader: &mut Reader<'_>, table: &Table<'_, '_>, transport: Option<Transport>) -> Option<TlsPaths> {
    let mut path = |key| table.parsed(reader, key, |text| check_line(text, MAX_PATH));
    let (cert, key, client_ca, ca) = (path("cert"), path("key"), path("client_ca"), path("ca"));
    let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
    let min = table.parsed(reader, "tls_min", |text| one_of(text, &versions)).map_or(TlsVersion::default(), |min| *min);
    let ciphers = read_ciphers(reader, table);
    if transport == Some(Transport::Tls) {
        table.missing(reader, "cert", "\"cert.pem\"");
        table.missing(reader, "key", "\"key.pem\"");
        let is_unread = client_ca.is_none() && table.has("client_ca");
        return (!is_unread).then_some(TlsPaths { cert: cert?, key: key?, client_ca, ca, min, ciphers });
    }
    if transport.is_some() || !table.has("transport") {
        for key in ["cert", "key", "client_ca", "ca", "tls_min", "ciphers"] {
            if let Some(value) = table.value(key) {
                let place = reader.place_of(value);
                reader.report(place, format!("{} goes only with `transport = \"tls\"`", table.what(key)));
            }
        }
    }
    None
}

fn read_ciphers(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<At<Box<str>>> {
    let Some(value) = table.value("ciphers") else { return Vec::new() };
    let what = table.what("ciphers");
    let Some(list) = reader.list(&what, value, MAX_CIPHERS) else { return Vec::new() };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what}: with no cipher nobody could connect"));
    }
    list.iter().filter_map(|entry| reader.parsed(&what, entry, |text| check_line(text, MAX_CIPHER))).collect()
}

/// `[[media]]`: where audio comes in, and leaves from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its name.
    pub name: Box<str>,
    /// Address to bind.
    pub bind: At<IpAddr>,
    /// What SDP says instead of `bind`.
    pub advertise: Option<IpAddr>,
    /// Ports to take pairs from.
    pub ports: At<PortRange>,
    /// Differentiated services code point of its packets (RFC 2474).
    pub dscp: u8,
}

/// What networks that tell packets apart expect of telephony (RFC 3246, RFC 4594 §4.1).
const EXPEDITED_FORWARDING: u8 = 46;

impl Media {
    /// The address for SDP.
    pub fn advertised(&self) -> IpAddr {
        self.advertise.unwrap_or(*self.bind)
    }

    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Media> {
        let name = table.name(reader, "name");
        table.missing(reader, "name", "\"…\"");
        table.missing(reader, "bind", "\"127.0.0.1\"");
        table.missing(reader, "ports", "\"20000-29999\"");
        let bind = table.parsed(reader, "bind", parse_ip);
        let advertise = table.parsed(reader, "advertise", parse_ip);
        let ports = table.parsed(reader, "ports", PortRange::parse);
        if let (Some(advertise), Some(bind)) = (advertise, bind)
            && let Err(message) = check_advertised(*advertise, *bind)
        {
            reader.report(advertise.place, format!("{}: {message}", table.what("advertise")));
        }
        if let Some(bind) = bind.filter(|bind| bind.is_unspecified() && !table.has("advertise")) {
            let message = "stands for every address, but SDP must name one: add `advertise = \"ADDRESS\"`, or bind that address";
            reader.report(bind.place, format!("{}: `{}` {message}", table.what("bind"), *bind));
        }
        if let Some(bind) = bind.filter(|bind| bind.is_multicast()) {
            reader.report(bind.place, format!("{}: `{}` is a multicast address", table.what("bind"), *bind));
        }
        let dscp = table.number(reader, "dscp", 0..=63).and_then(|dscp| u8::try_from(*dscp).ok());
        Some(Media {
            name: name?.value,
            bind: bind?,
            advertise: advertise.map(|address| *address),
            ports: ports?,
            dscp: dscp.unwrap_or(EXPEDITED_FORWARDING),
        })
    }
}

fn parse_bind(text: &str, transport: Transport) -> Result<SocketAddr, String> {
    let bind = match text.parse::<SocketAddr>() {
        Ok(bind) => bind,
        Err(_) => match read_host_port(text, text)? {
            (Host::Address(address), port) => SocketAddr::new(address, port.unwrap_or(transport.default_port())),
            (Host::Name(_), _) => return Err(format!("`{text}` is not an address; a name can stand in `advertise`")),
        },
    };
    if bind.ip().is_multicast() {
        return Err(format!("`{text}` is a multicast address"));
    }
    Ok(bind)
}

fn parse_ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an IP address"))
}

fn check_advertised(advertise: IpAddr, bind: IpAddr) -> Result<(), String> {
    if advertise.is_unspecified() || advertise.is_multicast() {
        return Err(format!("nobody can send to `{advertise}`"));
    }
    if advertise.is_ipv4() != bind.is_ipv4() {
        return Err(format!("`{advertise}` and `bind` (`{bind}`) are of different address families"));
    }
    Ok(())
}
