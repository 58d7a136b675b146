//! Whatever plausible things happen to a call in whatever order: left alone it ends by itself, once, and leaves nothing behind.

use crate::bench::{ALICE, BOB, Bench, SDP, bobs_sdp, bridge, cancel, from_bob, inside, invite, response, with_sdp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tandem_model::{Action, BuiltIn, Decision, Destination, EndReason, ListenerId, MediaCommand, MediaEvent, Timestamp};
use tandem_signalling::Input;
use tandem_signalling::message::{HeaderName, Message, Method};

const CAROL: &str = "192.0.2.3:5060";

/// Far beyond every timer of a call.
const LONG: Duration = Duration::from_secs(5 * 3600);

/// One thing that happens. The numbers choose among what is there to be chosen from.
#[derive(Clone, Copy, Debug)]
enum Step {
    Release,
    Wait(u16),
    NextTimer,
    Respond { request: u8, status: u16, sdp: u8, tag: u8 },
    FromAlice { method: &'static str, cseq: u8, sdp: u8, to: u8 },
    FromBob { method: &'static str, cseq: u8, sdp: u8 },
    Cancel,
    CancelAgain(u8),
    Again(u8),
    Media(u8),
    Unreachable(u8),
    Shutdown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Release),
        2 => (0..40_000u16).prop_map(Step::Wait),
        3 => Just(Step::NextTimer),
        12 => (0..4u8, prop::sample::select(&STATUSES[..]), 0..4u8, 0..8u8).prop_map(|(request, status, sdp, tag)| Step::Respond { request, status, sdp, tag }),
        10 => (prop::sample::select(&METHODS[..]), 0..4u8, 0..4u8, 0..12u8).prop_map(|(method, cseq, sdp, to)| Step::FromAlice { method, cseq, sdp, to }),
        8 => (prop::sample::select(&METHODS[..]), 0..4u8, 0..4u8).prop_map(|(method, cseq, sdp)| Step::FromBob { method, cseq, sdp }),
        1 => Just(Step::Cancel),
        1 => any::<u8>().prop_map(Step::CancelAgain),
        3 => any::<u8>().prop_map(Step::Again),
        1 => (0..8u8).prop_map(Step::Media),
        1 => (0..3u8).prop_map(Step::Unreachable),
        1 => Just(Step::Shutdown),
    ]
}

fn decision(choice: u8) -> Decision {
    let route = |action| Decision::Route { rule: "any".into(), action, record: None };
    match choice {
        0..4 => bridge(&[BOB]),
        4..6 => bridge(&[BOB, CAROL]),
        6 => match bridge(&[BOB, CAROL]) {
            Decision::Route { action: Action::Bridge { legs, .. }, .. } => {
                route(Action::Bridge { legs, timeout: Some(Duration::from_secs(10)), anchor: false, ringback: None })
            }
            other => other,
        },
        7 => route(Action::Answer(BuiltIn::Echo)),
        8 => route(Action::Answer(BuiltIn::Tone)),
        9 => Decision::Reject { status: 403, reason: None },
        10 => bridge(&[]),
        _ => Decision::Ignore,
    }
}

struct Script {
    bench: Bench,
    /// Every datagram that came, with its source, and when.
    came: Vec<(&'static str, String, Timestamp)>,
    /// The requests that went out.
    requests: Vec<(&'static str, Message)>,
    /// How we are called in Alice's dialog, once she can know.
    to: String,
    sequence: u32,
    /// By branch and method, what requests of the peers were answered with in the end.
    answers: BTreeMap<(String, String), BTreeSet<u16>>,
}

const METHODS: [&str; 17] = [
    "ACK",
    "ACK",
    "ACK",
    "ACK",
    "INVITE",
    "INVITE",
    "INVITE",
    "INVITE",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "INFO",
    "MESSAGE",
    "UPDATE",
    "PRACK",
    "REFER",
    "FROBNICATE",
];
const STATUSES: [u16; 24] =
    [100, 180, 183, 199, 200, 200, 200, 200, 202, 302, 401, 404, 408, 481, 486, 487, 488, 491, 500, 503, 603, 699, 99, 700];

/// How most calls begin, for scripts that go on from there.
const BEGINNING: [Step; 6] = [
    Step::Release,
    Step::Release,
    Step::Respond { request: 0, status: 180, sdp: 3, tag: 7 },
    Step::Respond { request: 0, status: 200, sdp: 0, tag: 7 },
    Step::Release,
    Step::FromAlice { method: "ACK", cseq: 2, sdp: 0, to: 1 },
];

fn transaction(message: &Message) -> (String, String) {
    let branch = message.via().expect("Via").branch().expect("a branch").to_owned();
    (branch, message.method_token().to_owned())
}

impl Script {
    fn new(choice: u8, pace: u8, refuses_media: bool, offers: bool) -> Script {
        let mut bench = Bench::new();
        (bench.decision, bench.refuses_media) = (decision(choice), refuses_media);
        (bench.prompt, bench.mail_waits) = (pace < 4, pace > 4);
        let mut script = Script {
            bench,
            came: Vec::new(),
            requests: Vec::new(),
            to: "<sip:bob@192.0.2.9>".into(),
            sequence: 1,
            answers: BTreeMap::new(),
        };
        let invite = invite();
        let bare = format!("{}Content-Length: 0\r\n\r\n", invite.split("Content-Type").next().expect("headers"));
        script.receive(ALICE, if offers { invite } else { bare });
        script
    }

    fn receive(&mut self, from: &'static str, text: String) {
        self.came.push((from, text.clone(), self.bench.now));
        let message = Message::parse(text.clone().into()).expect("what the script sends is well-formed");
        if message.is_request() && message.method() != Method::Ack {
            self.answers.entry(transaction(&message)).or_default();
        }
        self.bench.receive(from, text);
        self.note();
    }

    fn note(&mut self) {
        for (to, message) in self.bench.sent.drain(..) {
            if message.is_request() {
                let place = [ALICE, BOB, CAROL].into_iter().find(|place| **place == to).expect("a place of the script");
                if message.method() != Method::Ack {
                    self.requests.push((place, message));
                }
                continue;
            }
            if message.status() >= 200 {
                self.answers.entry(transaction(&message)).or_default().insert(message.status());
            }
            if let (ALICE, 200..300, Some(tagged)) = (&*to, message.status(), message.header(HeaderName::To)) {
                self.to = tagged.to_owned();
            }
        }
    }

    fn sdp(&self, choice: u8) -> String {
        match choice {
            0 | 1 => bobs_sdp(),
            2 => bobs_sdp().replace("audio 4000 RTP/AVP 0 101", "audio 4000 RTP/AVP 96").replace("a=rtpmap:0 PCMU/8000\r\n", ""),
            _ => String::new(),
        }
    }

    fn happen(&mut self, step: Step) {
        match step {
            Step::Release => {
                self.bench.release();
            }
            Step::Wait(millis) => {
                let until = self.bench.now + Duration::from_millis(millis.into());
                self.bench.sleep_until(until);
            }
            Step::NextTimer => {
                if let Some((at, _)) = self.bench.call.as_ref().and_then(tandem_signalling::Call::poll_timeout) {
                    self.bench.sleep_until(at.min(self.bench.now + Duration::from_secs(40)));
                }
            }
            Step::Respond { request, status, sdp, tag } => self.respond(request, status, sdp, tag),
            Step::FromAlice { method, cseq, sdp, to } => self.alice(method, cseq, sdp, to),
            Step::FromBob { method, cseq, sdp } => self.bob(method, cseq, sdp),
            Step::Cancel if self.bench.now < Timestamp::from_millis(15_000) => self.receive(ALICE, cancel()),
            Step::Cancel => {}
            Step::CancelAgain(which) => self.cancel_latest(which),
            Step::Again(which) => {
                let (from, text, at) = self.came[usize::from(which) % self.came.len()].clone();
                // Much later it would be a request of its own.
                if self.bench.now.since(at) < Duration::from_secs(15) {
                    self.receive(from, text);
                    self.came.pop();
                }
            }
            Step::Media(which) => self.media(which),
            Step::Unreachable(which) => {
                let place = [ALICE, BOB, CAROL][usize::from(which)].parse().expect("an address");
                self.bench.input(Input::Unreachable(ListenerId(0), Destination::Address(place), tandem_model::Delivery::Never));
            }
            Step::Shutdown => self.bench.input(Input::End(EndReason::Shutdown)),
        }
        self.note();
    }

    fn respond(&mut self, request: u8, status: u16, sdp: u8, tag: u8) {
        let Some(place) = self.requests.len().checked_sub(1 + usize::from(request)) else { return };
        let (from, request) = self.requests[place].clone();
        let text = response(&request, status, &self.sdp(sdp));
        let text = match (tag, request.to().is_ok_and(|to| to.tag().is_some())) {
            (_, true) => text.replace(";tag=bo\r\n", "\r\n"),
            (0, _) => text.replace("tag=bo", "tag=other"),
            (1, _) => text.replace("Contact: <sip:bob@192.0.2.2>\r\n", ""),
            _ => text,
        };
        self.receive(from, text.replace("sip:bob@192.0.2.2", &format!("sip:bob@{}", from.split(':').next().expect("a host"))));
    }

    fn next_cseq(&mut self, choice: u8) -> u32 {
        if choice < 2 {
            self.sequence += 1;
        }
        if choice == 3 { self.sequence.saturating_sub(1) } else { self.sequence }
    }

    fn alice(&mut self, method: &str, cseq: u8, sdp: u8, to: u8) {
        let number = self.next_cseq(if method == "ACK" { 2 } else { cseq });
        let to = match to {
            0 => "<sip:bob@192.0.2.9>;tag=forged".to_owned(),
            _ => self.to.clone(),
        };
        // Without a tag it would be a request outside of any dialog.
        if !to.contains("tag=") {
            return;
        }
        let request = inside(method, number, &format!("z9hG4bKal{}", self.came.len()), &to);
        let request = if sdp < 3 { with_sdp(&request, "sip:alice@192.0.2.1", SDP) } else { request };
        self.receive(ALICE, request);
    }

    fn bob(&mut self, method: &str, cseq: u8, sdp: u8) {
        let Some((_, to_bob)) = self.requests.iter().find(|(place, message)| *place == BOB && message.method() == Method::Invite) else {
            return;
        };
        let to_bob = to_bob.clone();
        let number = self.next_cseq(if method == "ACK" { 2 } else { cseq });
        let request = from_bob(&to_bob, method, number, &format!("z9hG4bKbo{}", self.came.len()));
        let request = if sdp < 3 { with_sdp(&request, "sip:bob@192.0.2.2", &bobs_sdp()) } else { request };
        self.receive(BOB, request);
    }

    /// The CANCEL of the latest INVITE but `which`.
    fn cancel_latest(&mut self, which: u8) {
        let invites: Vec<_> = self.came.iter().filter(|(_, text, _)| text.starts_with("INVITE")).cloned().collect();
        let (from, text, at) = invites[usize::from(which) % invites.len()].clone();
        if self.bench.now.since(at) > Duration::from_secs(15) {
            return;
        }
        let text = text.replace("INVITE", "CANCEL");
        let headers = text.split("Contact").next().expect("headers");
        let headers = headers.split("Content-Length").next().expect("headers");
        self.receive(from, format!("{headers}Content-Length: 0\r\n\r\n"));
    }

    fn media(&mut self, which: u8) {
        let Some(leg) = self.bench.legs.first().copied() else { return };
        let event = match which {
            0 => MediaEvent::Inactive { leg, held: false },
            1 => MediaEvent::Failed,
            2 => MediaEvent::Closed(Box::default()),
            3 if !self.bench.mail_waits => {
                // The media session keeps silent.
                self.bench.held.pop_front();
                return;
            }
            _ => return,
        };
        self.bench.input(Input::Media(Box::new(event)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_call_left_alone_ends_and_leaves_nothing(
        choice in 0..12u8, pace in 0..6u8, begun in 0..=BEGINNING.len() as u8, refuses in prop::bool::weighted(0.05), offers in prop::bool::weighted(0.75),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut script = Script::new(choice, pace, refuses, offers);
        let mut failed = false;
        for step in BEGINNING[..usize::from(begun)].iter().copied().chain(steps) {
            if script.bench.call.is_none() {
                break;
            }
            failed |= matches!(step, Step::Media(1));
            script.happen(step);
        }
        let began = script.bench.now;
        prop_assert!(script.bench.sleep_until(began + LONG), "it is still there: {:?}", script.bench.call);
        script.note();
        for (transaction, finals) in &script.answers {
            // In a mailbox copies of a request can lie one behind the other, and be left there at the end. What the other peer does
            // not answer is not answered (RFC 4320 §4.2).
            let unanswered = finals.is_empty() && matches!(transaction.1.as_str(), "INFO" | "MESSAGE" | "OPTIONS" | "UPDATE");
            prop_assert!(finals.len() == 1 || unanswered || pace > 4, "{:?} was answered with {:?}", transaction, finals);
        }
        prop_assert!(!script.answers.iter().any(|((branch, method), finals)| branch == "z9hG4bKa" && method == "CANCEL" && finals.contains(&481)));
        let mut bench = script.bench;
        prop_assert!(bench.wakes < 300, "woken {} times", bench.wakes);
        prop_assert_eq!(bench.records.len(), 1);
        let count = |name: &str| bench.events.iter().filter(|kind| kind.name() == name).count();
        prop_assert_eq!(count("leg.created"), count("leg.failed") + count("leg.ended"), "{:?}", bench.events);
        let mut open = false;
        for command in &bench.media {
            match command {
                MediaCommand::Open { .. } => prop_assert!(!std::mem::replace(&mut open, true), "opened twice"),
                MediaCommand::Close { .. } => prop_assert!(std::mem::take(&mut open), "closed twice"),
                _ => prop_assert!(open, "{command:?} for no session"),
            }
        }
        prop_assert!(!open || bench.refuses_media || failed, "a session is left");
        let (legs, open, _) = bench.dispatcher.counts();
        prop_assert_eq!((legs, open), (0, 0));
        bench.dispatcher.handle_timeout(bench.now + Duration::from_secs(33));
        prop_assert_eq!(bench.dispatcher.counts(), (0, 0, 0));
        prop_assert_eq!(bench.dispatcher.poll_timeout(), None);
    }
}
