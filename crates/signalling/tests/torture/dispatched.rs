//! What the dispatcher does with every message: it spends nothing on what [`screen`](tandem_signalling::message::screen) refuses.

use crate::corpus::all;
use crate::outcome::{Outcome, outcome};
use tandem_model::{Flow, ListenerId, Timestamp, Transport};
use tandem_signalling::message::{HeaderName, Message, Method};
use tandem_signalling::{Dispatcher, DropReason, Minter, Verdict};

#[derive(Debug, PartialEq, Eq)]
enum Done {
    Founding,
    Exchange,
    Answered(u16),
    Dropped,
}

fn expected(found: Outcome, message: Option<&Message>) -> Done {
    let Some(message) = message else { return Done::Dropped };
    match found {
        Outcome::NotSip(_) | Outcome::Dropped | Outcome::Response(_) => Done::Dropped,
        Outcome::Refused(_) if message.header(HeaderName::Via).is_none() => Done::Dropped,
        Outcome::Refused(status) => Done::Answered(status),
        Outcome::Accepted | Outcome::Unsupported(_) => match message.method() {
            Method::Ack => Done::Dropped,
            Method::Cancel | Method::Bye => Done::Answered(481),
            // RFC 3261 §12.2.2: inside a dialog that is not there.
            _ if message.to().unwrap().tag().is_some() => Done::Answered(481),
            // RFC 5630 §5.1.2: well-formed, but these came over UDP.
            _ if message.uri().starts_with("sips:") => Done::Answered(480),
            Method::Invite => Done::Founding,
            _ => Done::Exchange,
        },
    }
}

#[test]
fn every_message_has_its_outcome_at_the_door() {
    let flow = Flow { listener: ListenerId(0), transport: Transport::Udp, remote: "192.0.2.9:5066".parse().unwrap() };
    for (name, bytes) in all() {
        let mut dispatcher = Dispatcher::new(Minter::new([1; 16]), [2; 16]);
        let (found, message) = outcome(bytes.clone());
        let done = match dispatcher.receive(Timestamp::ZERO, bytes, flow) {
            Verdict::Founding(_) => Done::Founding,
            Verdict::Exchange(_) => Done::Exchange,
            Verdict::Refuse(transmit) => Done::Answered(Message::parse(transmit.bytes).unwrap().status()),
            Verdict::Drop(reason) => {
                assert_ne!(reason, DropReason::Absorbed, "{name}");
                Done::Dropped
            }
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(done, expected(found, message.as_ref()), "{name}");
        assert_eq!(dispatcher.counts(), (0, 0, 0), "{name}");
    }
}
