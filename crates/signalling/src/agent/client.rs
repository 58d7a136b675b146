//! The user agent client of one registration or one ping: one request at a time, with its transaction, its credentials, and the places where
//! it can go.

use super::Context;
use super::contact::Contact;
use super::retry_after;
use crate::auth::{Answers, Tried, Unanswerable, again};
use crate::call::Output;
use crate::locate::{Asker, Located, Sought};
use crate::message::{HeaderName, Message, Printer};
use crate::transaction::{Action, Event, Kind, TRANSACTION_TIMEOUT, Transaction};
use crate::wire::{Arrival, Transmit};
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use tandem_model::{Destination, Hop, LegId, ListenerId, Login, NoHop, Timestamp};

/// Max-Forwards of a request that begins here (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u32 = 70;

/// Where requests leave from, and where to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) listener: ListenerId,
    pub(super) destination: Destination,
}

/// Sends requests and tells what came of each.
#[derive(Debug)]
pub(super) struct Client {
    id: LegId,
    /// As it is configured.
    way: Way,
    /// Where the last request went.
    last: Way,
    call_id: Box<str>,
    tag: Box<str>,
    cseq: u32,
    serial: u16,
    login: Option<Arc<Login>>,
    answers: Answers,
    stage: Stage,
    /// Where the request under way can go beside where it is (RFC 3263 §4.3).
    left: VecDeque<Hop>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    /// The places where this can go are looked up, until then.
    Seeking(Box<Request>, Timestamp),
    /// It has no final response yet.
    Asking(Box<Pending>),
}

/// A request under way.
#[derive(Debug)]
struct Pending {
    request: Request,
    bytes: Bytes,
    at: Option<Hop>,
    transaction: Transaction,
    tried: Tried,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Told {
    /// A final response.
    Answered(Message),
    /// A challenge that is not met, and why.
    Challenged(Message, Unanswerable),
    /// Nobody answered in time.
    Silence,
    /// It did not arrive, or the connection that it went over is lost.
    Undelivered,
    /// DNS names no place where it could go.
    Nowhere(NoHop),
}

/// A request: whom it is for, and what it says beside what every request does.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) uri: Box<str>,
    pub(super) route: Option<Box<str>>,
    pub(super) from: Box<str>,
    pub(super) to: Box<str>,
    pub(super) contact: Contact,
    pub(super) headers: Vec<(HeaderName, Cow<'static, str>)>,
}

impl Client {
    pub(super) fn new(context: &mut Context<'_>, id: LegId, way: Way, login: Option<Arc<Login>>) -> Client {
        let mut token = || format!("{:016x}", context.random.next_u64()).into_boxed_str();
        let (call_id, tag) = (token(), token());
        Client {
            id,
            last: way.clone(),
            way,
            call_id,
            tag,
            cseq: 0,
            serial: 0,
            login,
            answers: Answers::default(),
            stage: Stage::Idle,
            left: VecDeque::new(),
        }
    }

    pub(super) fn id(&self) -> LegId {
        self.id
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Where requests leave from, as far as that is known.
    pub(super) fn listener(&self) -> ListenerId {
        self.last.listener
    }

    /// Whether the last request went there.
    pub(super) fn went_to(&self, listener: ListenerId, destination: &Destination) -> bool {
        self.last.is(listener, destination)
    }

    /// Sends a request, as soon as it is known where to. One that was still open is forgotten.
    pub(super) fn ask(&mut self, context: &mut Context<'_>, request: Request) {
        self.left.clear();
        let seed = context.random.next_u64();
        match Sought::of(context.node, self.way.listener, &self.way.destination, seed, Asker::House) {
            Some(sought) => {
                context.outputs.push_back(Output::Locate(self.id, Box::new(sought)));
                self.stage = Stage::Seeking(Box::new(request), context.now + TRANSACTION_TIMEOUT);
            }
            None => self.send(context, request, None),
        }
    }

    /// What came of the search for the places where it can go.
    pub(super) fn on_located(&mut self, context: &mut Context<'_>, located: Located) -> Option<Told> {
        let Stage::Seeking(request, _) = std::mem::replace(&mut self.stage, Stage::Idle) else { return None };
        match located {
            Ok(hops) => {
                self.left = hops.into_vec().into();
                let first = self.left.pop_front();
                self.send(context, *request, first);
                None
            }
            Err(why) => Some(Told::Nowhere(why)),
        }
    }

    /// There is no more time for an answer from there. What is told if there is no other place.
    pub(super) fn give_up(&mut self, context: &mut Context<'_>) -> Option<Told> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => None,
            Stage::Seeking(..) => Some(Told::Nowhere(NoHop::Unanswered)),
            Stage::Asking(pending) => self.turn(context, *pending, Told::Silence),
        }
    }

    /// A message that is this client's.
    pub(super) fn on_message(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<Told> {
        let Arrival { message, serial, .. } = arrival;
        let is_current = serial == self.serial;
        let Stage::Asking(pending) = &mut self.stage else { return None };
        if !is_current {
            return None;
        }
        let event = match message.status() {
            100..200 => Event::Provisional,
            200..300 => Event::Success,
            _ => Event::Failure,
        };
        pending.transaction.on(context.now, event);
        if event == Event::Provisional {
            return None;
        }
        let Stage::Asking(pending) = std::mem::replace(&mut self.stage, Stage::Idle) else { return None };
        match message.status() {
            401 | 407 => self.on_challenge(context, *pending, message),
            // RFC 3263 §4.3.
            503 => self.turn(context, *pending, Told::Answered(message)),
            _ => {
                self.answers.renew(&message);
                Some(Told::Answered(message))
            }
        }
    }

    /// The request once more with credentials, if the challenge can be met (§22.2).
    fn on_challenge(&mut self, context: &mut Context<'_>, mut pending: Pending, response: Message) -> Option<Told> {
        if let Err(why) = self.answers.take(self.login.as_deref(), &mut pending.tried, &response, context.random) {
            return Some(Told::Challenged(response, why));
        }
        let via = self.next_via(context);
        // §8.1.3.5: the same request, under the next number.
        self.cseq += 1;
        let login = self.login.clone()?;
        let renewed = Some((&[&*via][..], self.cseq));
        let Some(bytes) = again(&pending.bytes, renewed, &[], |request, printer| self.answers.write(&login, request, printer)) else {
            return Some(Told::Answered(response));
        };
        pending.transaction = self.transmit(context, &bytes);
        pending.bytes = bytes;
        self.stage = Stage::Asking(Box::new(pending));
        None
    }

    /// The transport could not deliver there, or lost the connection.
    pub(super) fn on_unreachable(&mut self, context: &mut Context<'_>, listener: ListenerId, destination: &Destination) -> Option<Told> {
        if !matches!(self.stage, Stage::Asking(_)) || !self.last.is(listener, destination) {
            return None;
        }
        let Stage::Asking(pending) = std::mem::replace(&mut self.stage, Stage::Idle) else { return None };
        self.turn(context, *pending, Told::Undelivered)
    }

    /// Does what its timers say.
    pub(super) fn on_wake(&mut self, context: &mut Context<'_>) -> Option<Told> {
        let pending = match &mut self.stage {
            Stage::Idle => return None,
            Stage::Seeking(_, until) if *until <= context.now => return self.give_up(context),
            Stage::Seeking(..) => return None,
            Stage::Asking(pending) => pending,
        };
        let (_, timer) = pending.transaction.poll_timeout().filter(|(at, _)| *at <= context.now)?;
        let actions = pending.transaction.on(context.now, Event::Expired(timer));
        if actions.contains(&Action::Resend) {
            context.send(self.last.transmit(pending.bytes.clone()));
        }
        actions.contains(&Action::ReportTimeout).then(|| self.give_up(context)).flatten()
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Seeking(_, until) => Some(*until),
            Stage::Asking(pending) => pending.transaction.poll_timeout().map(|(at, _)| at),
        }
    }

    /// The place where it is has failed: the next one (RFC 3263 §4.3). `told` where there is none.
    fn turn(&mut self, context: &mut Context<'_>, pending: Pending, told: Told) -> Option<Told> {
        if let Some(hop) = pending.at {
            let span = if let Told::Answered(response) = &told { retry_after(response) } else { None };
            context.outputs.push_back(Output::HopFailed(hop, span));
        }
        match self.left.pop_front() {
            Some(next) => {
                self.send(context, pending.request, Some(next));
                None
            }
            None => Some(told),
        }
    }

    fn send(&mut self, context: &mut Context<'_>, request: Request, at: Option<Hop>) {
        self.last = match (at, &self.way.destination) {
            (Some(hop), Destination::Name { host, .. } | Destination::Domain { host, .. }) => {
                Way { listener: hop.listener, destination: Destination::Hop { address: hop.address, domain: host.clone() } }
            }
            _ => self.way.clone(),
        };
        let via = self.next_via(context);
        self.cseq += 1;
        let mut printer = Printer::request(request.method, &request.uri);
        printer.header_str(HeaderName::Via, &via);
        if let Some(route) = &request.route {
            printer.header_str(HeaderName::Route, route);
        }
        printer.header_number(HeaderName::MaxForwards, MAX_FORWARDS);
        printer.header_parts(HeaderName::From, &["<", &request.from, ">;tag=", &self.tag]);
        printer.header_parts(HeaderName::To, &["<", &request.to, ">"]);
        printer.header_str(HeaderName::CallId, &self.call_id);
        printer.header_cseq(self.cseq, request.method);
        printer.header_str(HeaderName::Contact, &request.contact.at(context.node, self.last.listener));
        for (name, value) in &request.headers {
            printer.header_str(*name, value);
        }
        let plain = printer.finish();
        let bytes = match &self.login {
            // RFC 3261 §22.1: what the last challenge asked for is said without being asked again.
            Some(login) if !self.answers.is_empty() => {
                again(&plain, None, &[], |request, printer| self.answers.write(login, request, printer)).unwrap_or(plain)
            }
            _ => plain,
        };
        let transaction = self.transmit(context, &bytes);
        self.stage = Stage::Asking(Box::new(Pending { request, bytes, at, transaction, tried: Tried::default() }));
    }

    fn transmit(&self, context: &mut Context<'_>, bytes: &Bytes) -> Transaction {
        context.send(self.last.transmit(bytes.clone()));
        let transport = context.node.listener(self.last.listener).transport;
        Transaction::client(context.now, Kind::ClientOther, transport)
    }

    fn next_via(&mut self, context: &Context<'_>) -> String {
        self.serial = self.serial.wrapping_add(1);
        let listener = context.node.listener(self.last.listener);
        let branch = context.node.minter.branch(self.id, self.serial);
        // RFC 3581 §3.
        ["SIP/2.0/", listener.transport.token(), " ", &listener.advertise, ";branch=", branch.as_str(), ";rport"].concat()
    }
}

impl Way {
    fn transmit(&self, bytes: Bytes) -> Transmit {
        Transmit { listener: self.listener, destination: self.destination.clone(), bytes, trial: false }
    }

    /// Whether something that was lost there was on this way.
    fn is(&self, listener: ListenerId, destination: &Destination) -> bool {
        let same_place = match (&self.destination, destination) {
            // The network knows nothing of names.
            (Destination::Hop { address, .. }, Destination::Address(lost)) => address == lost,
            (Destination::Name { host, .. } | Destination::Domain { host, .. }, Destination::Hop { domain, .. }) => host == domain,
            (ours, lost) => ours == lost,
        };
        self.listener == listener && same_place
    }
}
