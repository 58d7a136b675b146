//! A dialog of the phone (RFC 3261 §12), with the state of its session.

use crate::{
    Message, Setup,
    address::{NameAddr, is_loose, socket_of},
    sdp::Sdp,
    transaction::Retransmission,
};
use std::{collections::VecDeque, net::SocketAddr};

/// Where a dialog stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
    /// Ended.
    Over,
}

/// A 2xx that is sent until its ACK comes (RFC 3261 §13.3.1.4).
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// Of the INVITE.
    pub cseq: u32,
    /// The response.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub destination: SocketAddr,
    /// When.
    pub timer: Retransmission,
    /// The INVITE had another phone's 2xx more than 64×T1 before: whoever sent it waits for no more (RFC 3261 §13.2.2.4).
    pub is_late: bool,
}

/// ACKs that a dialog keeps.
pub(crate) const MAX_ACKS: usize = 8;

/// One dialog.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    /// Ours.
    pub local_tag: String,
    /// Theirs.
    pub remote_tag: String,
    /// Their Contact.
    pub remote_target: String,
    /// As Route values, first hop first.
    pub routes: Vec<String>,
    /// Our Contact URI.
    pub contact: String,
    /// Those before it: a request that was sent before the other side heard of the move comes to one of them.
    pub past_contacts: Vec<String>,
    /// Of the last request that we sent in it.
    pub local_seq: u32,
    /// Of the last request that came in it.
    pub remote_seq: Option<u32>,
    /// Where it stands.
    pub stage: Stage,
    /// The 2xx that waits for its ACK.
    pub accepted: Option<Accepted>,
    /// The CSeq of the last 2xx that was acknowledged to us.
    pub acknowledged: Option<u32>,
    /// Our last ACKs, for when their 2xx comes again: the CSeq, its bytes and where they go.
    pub acks: VecDeque<(u32, Vec<u8>, SocketAddr)>,
    /// Offers and answers.
    pub session: Session,
    /// Reliable provisional responses.
    pub reliable: Reliable,
}

/// A reliable provisional response of ours (RFC 3262 §3).
#[derive(Clone, Debug)]
pub(crate) struct Outstanding {
    /// Its RSeq.
    pub rseq: u32,
    /// Of its INVITE.
    pub cseq: u32,
    /// The response.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub destination: SocketAddr,
    /// When.
    pub timer: Retransmission,
    /// It has a description.
    pub is_described: bool,
    /// Its PRACK has come, or is waited for no more.
    pub is_acknowledged: bool,
}

/// Reliable provisional responses in a dialog.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reliable {
    /// The RSeq that was last heard in order.
    pub heard: Option<u32>,
    /// Its PRACK is not sent yet; whether it has a description.
    pub owed: Option<bool>,
    /// The RSeq that was last said; 0 before.
    pub said: u32,
    /// What was last said.
    pub out: Option<Outstanding>,
    /// Replies that wait for its PRACK.
    pub waiting: Vec<crate::Reply>,
    /// Offer and answer are complete.
    pub is_settled: bool,
}

/// What was offered and answered in a dialog.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// The last description that we sent, and stand by.
    pub local: Option<Sdp>,
    /// The last that came, and counts.
    pub remote: Option<Sdp>,
    /// Ours that waits for its answer.
    pub local_offer: Option<Sdp>,
    /// Theirs that waits for ours.
    pub remote_offer: Option<Sdp>,
    /// Theirs as last written, counted or not: what the version is measured against.
    pub remote_written: Option<Sdp>,
    /// Their answer in a provisional response: the 2xx must repeat it.
    pub early_answer: Option<Sdp>,
}

impl Session {
    /// Whether no offer waits for its answer, in either direction.
    pub(crate) fn is_quiet(&self) -> bool {
        self.local_offer.is_none() && self.remote_offer.is_none()
    }

    /// Whether an exchange of offer and answer has been completed.
    pub(crate) fn is_settled(&self) -> bool {
        self.local.is_some() && self.remote.is_some()
    }
}

impl Dialog {
    /// Has another Contact from now on.
    pub(crate) fn move_to(&mut self, contact: &str) {
        let past = std::mem::replace(&mut self.contact, contact.to_owned());
        self.past_contacts.push(past);
    }

    /// A request in the dialog, without Via and CSeq, and where it is sent (RFC 3261 §12.2.1.1).
    pub(crate) fn request(&self, setup: &Setup, method: &str) -> (Message, SocketAddr) {
        let (uri, routes) = routed(&self.remote_target, &self.routes);
        let mut request = Message::request(method, &uri);
        for route in &routes {
            request.push("Route", route.as_str());
        }
        let hop = self.routes.first().map_or(self.remote_target.as_str(), |route| NameAddr::parse(route).uri);
        let destination = if setup.sticky { None } else { socket_of(hop) };
        (request, destination.unwrap_or(setup.outbound))
    }
}

/// Request-URI and Route values towards a target over a route set.
pub(crate) fn routed(target: &str, routes: &[String]) -> (String, Vec<String>) {
    match routes.first().map(|route| NameAddr::parse(route).uri) {
        Some(first) if !is_loose(first) => {
            let rest = routes[1..].iter().cloned().chain([format!("<{target}>")]);
            (first.to_owned(), rest.collect())
        }
        _ => (target.to_owned(), routes.to_vec()),
    }
}
