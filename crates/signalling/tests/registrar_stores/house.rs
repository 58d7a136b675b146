//! A registrar with some store behind it, and the REGISTERs of its users.

use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;
use tandem_model::{Binding, Bindings, Fate, Flow, ListenerId, Timestamp, Transport};
use tandem_signalling::transaction::TransactionKeys;
use tandem_signalling::{Barred, Bearings, Dispatcher, ListenerFacts, Minter, NodeFacts, Registrar, RegistrarTerms, Reply, Terms, Verdict};

/// Contacts of one user, and of all.
pub(crate) const CONTACTS: usize = 3;
pub(crate) const BINDINGS: usize = 5;

pub(crate) const ALICE: &str = "192.0.2.1:5060";
pub(crate) const CAROL: &str = "192.0.2.3:5060";

pub(crate) const UDP: ListenerId = ListenerId(0);
pub(crate) const TCP: ListenerId = ListenerId(1);

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds)
}

pub(crate) fn bearings(unix_ms: u64) -> Bearings {
    Bearings { unix_ms, listeners: [("main".into(), Transport::Udp), ("main-tcp".into(), Transport::Tcp)].into() }
}

pub(crate) struct House {
    pub(crate) registrar: Registrar,
    dispatcher: Dispatcher,
    node: NodeFacts,
    pub(crate) now: Timestamp,
    requests: u32,
}

fn terms() -> RegistrarTerms {
    RegistrarTerms {
        expires: Duration::from_secs(600),
        min_expires: Duration::from_secs(60),
        max_expires: Duration::from_secs(3_600),
        contacts: CONTACTS,
        bindings: BINDINGS,
        flow_timer: None,
        domains: ["house.example".into()].into(),
        barred: Barred::default(),
    }
}

impl House {
    pub(crate) fn new(bindings: Box<dyn Bindings>) -> House {
        let listener = |transport| ListenerFacts {
            transport,
            bound: [192, 0, 2, 9].into(),
            advertise: "192.0.2.9:5060".into(),
            host: "192.0.2.9".into(),
        };
        let span = Duration::from_secs(3_600);
        let node = NodeFacts {
            minter: Minter::new([1; 16]),
            keys: TransactionKeys::new([2; 16]),
            listeners: [listener(Transport::Udp), listener(Transport::Tcp)].into(),
            terms: Terms { domain: None, max_duration: span, inactivity_timeout: span, hold_timeout: span },
            fault: None,
        };
        let dispatcher = Dispatcher::new(node.minter.clone(), [2; 16]);
        House { registrar: Registrar::new(terms(), bindings), dispatcher, node, now: at(0), requests: 0 }
    }

    /// A REGISTER with these headers beside the usual ones.
    pub(crate) fn register(&mut self, user: &str, (listener, from): (ListenerId, &str), headers: &[&str]) -> Reply {
        self.requests += 1;
        let number = self.requests;
        let transport = self.node.listeners[usize::from(listener.0)].transport;
        let own = |name: &str| headers.iter().any(|header| header.starts_with(name));
        let mut text = format!(
            "REGISTER sip:house.example SIP/2.0\r\nVia: SIP/2.0/{} {from};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@house.example>;tag={number}\r\nTo: <sip:{user}@house.example>\r\nContent-Length: 0\r\n",
            transport.token()
        );
        if !own("Call-ID") {
            text.push_str(&format!("Call-ID: of-{user}\r\n"));
        }
        if !own("CSeq") {
            text.push_str(&format!("CSeq: {number} REGISTER\r\n"));
        }
        headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
        text.push_str("\r\n");
        let flow = Flow { listener, transport, remote: from.parse::<SocketAddr>().expect("an address") };
        let Verdict::Exchange(arrival) = self.dispatcher.receive(self.now, Bytes::from(text), flow) else { unreachable!("a REGISTER") };
        self.registrar.register(self.now, None, &self.node, user, false, &arrival)
    }

    pub(crate) fn status(&mut self, user: &str, flow: (ListenerId, &str), headers: &[&str]) -> u16 {
        self.register(user, flow, headers).status
    }

    /// One contact of alice, by its user part.
    pub(crate) fn alice(&mut self, contact: &str) -> u16 {
        self.status("alice", (UDP, ALICE), &[&format!("Contact: <sip:{contact}@192.0.2.1>")])
    }

    pub(crate) fn of(&self, user: &str) -> &[Binding] {
        self.registrar.bindings().of(user)
    }

    /// The contacts of a user that hold, each with the seconds that it has left.
    pub(crate) fn told(&self, user: &str) -> Vec<(String, u64)> {
        let left = |binding: &Binding| (binding.contact.to_string(), binding.until.since(self.now).as_secs());
        self.of(user).iter().filter(|binding| binding.until > self.now).map(left).collect()
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.registrar.handle_timeout(self.now);
    }

    /// What changed since this was asked last: who, what, how many they have now.
    pub(crate) fn changes(&mut self) -> Vec<(String, Fate, usize)> {
        std::iter::from_fn(|| self.registrar.poll_change()).map(|change| (change.user.to_string(), change.fate, change.contacts)).collect()
    }
}
