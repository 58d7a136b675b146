//! What a phone is.

use super::Registrar;
use crate::{digest::Demand, sdp::Format};
use std::net::SocketAddr;
use tandem_model::Transport;

/// What a phone is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// User part of its own addresses.
    pub name: String,
    /// What its Via and Contact say.
    pub address: SocketAddr,
    /// Where requests outside of dialogs go.
    pub outbound: SocketAddr,
    /// What those requests go over, and what its Contact asks for.
    pub transport: Transport,
    /// Where it wants RTP in its first call; the next calls take the even ports after it.
    pub media: SocketAddr,
    /// What it can speak, in order of preference.
    pub formats: Vec<Format>,
    /// It says that it knows reliable provisional responses (RFC 3262), and sends them where the other side knows them.
    pub reliable: bool,
    /// It takes fax where it is offered (T.38 over UDPTL).
    pub fax: bool,
    /// It takes UPDATE, and says so.
    pub updates: bool,
    /// Proxies that stand before it: Record-Route values as the far end sees them, top first.
    pub record_route: Vec<String>,
    /// Asks for responses to the port it sends from (RFC 3581).
    pub rport: bool,
    /// Requests inside dialogs go to `outbound` too, whatever Contact says: as a phone behind NAT does.
    pub sticky: bool,
    /// Hertz of the tone it sends while media flows; `None` for a phone without sound.
    pub tone: Option<f64>,
    /// What its tags, branches and timers are drawn from.
    pub seed: u64,
    /// User name and password that it answers challenges with.
    pub login: Option<(String, String)>,
    /// The answers to requests outside of dialogs, one after the other; then 200. 0: none at all.
    pub outside: Vec<u16>,
    /// What it asks of others, one after the other.
    pub demands: Vec<Demand>,
    /// It takes registrations; `None`: it answers REGISTER as it does anything outside of dialogs.
    pub registrar: Option<Registrar>,
}

impl Setup {
    /// A phone of G.711 and telephone events, without sound.
    pub fn new(name: &str, address: SocketAddr, outbound: SocketAddr, seed: u64) -> Setup {
        Setup {
            name: name.into(),
            address,
            outbound,
            transport: Transport::Udp,
            media: SocketAddr::new(address.ip(), 4000),
            formats: vec![Format::pcmu(), Format::pcma(), Format::events(101)],
            fax: false,
            updates: true,
            reliable: false,
            record_route: Vec::new(),
            rport: true,
            sticky: false,
            tone: None,
            seed,
            login: None,
            outside: Vec::new(),
            demands: Vec::new(),
            registrar: None,
        }
    }
}
