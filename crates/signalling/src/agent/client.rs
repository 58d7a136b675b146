//! The user agent client of one registration or one ping: one request at a time, with its transaction and its credentials.

use super::Context;
use crate::auth::{Answers, Tried, Unanswerable, again};
use crate::message::{HeaderName, Message, Printer};
use crate::transaction::{Action, Event, Kind, Transaction};
use crate::wire::{Arrival, Transmit};
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{Destination, LegId, ListenerId, Login, Timestamp};

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
    way: Way,
    call_id: Box<str>,
    tag: Box<str>,
    cseq: u32,
    serial: u16,
    login: Option<Arc<Login>>,
    answers: Answers,
    pending: Option<Pending>,
}

/// A request that has no final response yet.
#[derive(Debug)]
struct Pending {
    request: Bytes,
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
}

/// The begin of a request.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) route: Option<&'a str>,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

impl Client {
    pub(super) fn new(context: &mut Context<'_>, id: LegId, way: Way, login: Option<Arc<Login>>) -> Client {
        let mut token = || format!("{:016x}", context.random.next_u64()).into_boxed_str();
        let (call_id, tag) = (token(), token());
        Client { id, way, call_id, tag, cseq: 0, serial: 0, login, answers: Answers::default(), pending: None }
    }

    pub(super) fn id(&self) -> LegId {
        self.id
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    pub(super) fn is_asking(&self) -> bool {
        self.pending.is_some()
    }

    /// Sends a request; `write` adds its own headers. One that was still open is forgotten.
    pub(super) fn ask(&mut self, context: &mut Context<'_>, request: &Request<'_>, write: impl FnOnce(&mut Printer)) {
        let via = self.next_via(context);
        self.cseq += 1;
        let mut printer = Printer::request(request.method, request.uri);
        printer.header_str(HeaderName::Via, &via);
        if let Some(route) = request.route {
            printer.header_str(HeaderName::Route, route);
        }
        printer.header_number(HeaderName::MaxForwards, MAX_FORWARDS);
        printer.header_parts(HeaderName::From, &["<", request.from, ">;tag=", &self.tag]);
        printer.header_parts(HeaderName::To, &["<", request.to, ">"]);
        printer.header_str(HeaderName::CallId, &self.call_id);
        printer.header_cseq(self.cseq, request.method);
        write(&mut printer);
        let request = printer.finish();
        let request = match &self.login {
            // RFC 3261 §22.1: what the last challenge asked for is said without being asked again.
            Some(login) if !self.answers.is_empty() => {
                again(&request, None, &[], |request, printer| self.answers.write(login, request, printer)).unwrap_or(request)
            }
            _ => request,
        };
        self.send(context, request, Tried::default());
    }

    /// Gives up what is under way.
    pub(super) fn forget(&mut self) {
        self.pending = None;
    }

    /// A message that is this client's.
    pub(super) fn on_message(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<Told> {
        let Arrival { message, serial, .. } = arrival;
        let pending = self.pending.as_mut().filter(|_| serial == self.serial)?;
        let event = match message.status() {
            100..200 => Event::Provisional,
            200..300 => Event::Success,
            _ => Event::Failure,
        };
        pending.transaction.on(context.now, event);
        if event == Event::Provisional {
            return None;
        }
        let Pending { request, tried, .. } = self.pending.take()?;
        match message.status() {
            401 | 407 => self.on_challenge(context, &request, tried, message),
            _ => {
                self.answers.renew(&message);
                Some(Told::Answered(message))
            }
        }
    }

    /// The request once more with credentials, if the challenge can be met (§22.2).
    fn on_challenge(&mut self, context: &mut Context<'_>, request: &Bytes, mut tried: Tried, response: Message) -> Option<Told> {
        if let Err(why) = self.answers.take(self.login.as_deref(), &mut tried, &response, context.random) {
            return Some(Told::Challenged(response, why));
        }
        let via = self.next_via(context);
        // §8.1.3.5: the same request, under the next number.
        self.cseq += 1;
        let login = self.login.clone()?;
        let renewed = Some((&[&*via][..], self.cseq));
        match again(request, renewed, &[], |request, printer| self.answers.write(&login, request, printer)) {
            Some(request) => {
                self.send(context, request, tried);
                None
            }
            None => Some(Told::Answered(response)),
        }
    }

    /// The transport could not deliver there, or lost the connection.
    pub(super) fn on_unreachable(&mut self, listener: ListenerId, destination: &Destination) -> Option<Told> {
        let is_ours = self.way.listener == listener && self.way.destination == *destination;
        self.pending.take_if(|_| is_ours).map(|_| Told::Undelivered)
    }

    /// Does what its timers say.
    pub(super) fn on_wake(&mut self, context: &mut Context<'_>) -> Option<Told> {
        let pending = self.pending.as_mut()?;
        let (_, timer) = pending.transaction.poll_timeout().filter(|(at, _)| *at <= context.now)?;
        let actions = pending.transaction.on(context.now, Event::Expired(timer));
        if actions.contains(&Action::Resend) {
            context.send(self.way.transmit(pending.request.clone()));
        }
        if actions.contains(&Action::ReportTimeout) {
            self.pending = None;
            return Some(Told::Silence);
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.pending.as_ref()?.transaction.poll_timeout().map(|(at, _)| at)
    }

    fn send(&mut self, context: &mut Context<'_>, request: Bytes, tried: Tried) {
        let transport = context.node.listener(self.way.listener).transport;
        let transaction = Transaction::client(context.now, Kind::ClientOther, transport);
        context.send(self.way.transmit(request.clone()));
        self.pending = Some(Pending { request, transaction, tried });
    }

    fn next_via(&mut self, context: &Context<'_>) -> String {
        self.serial = self.serial.wrapping_add(1);
        let listener = context.node.listener(self.way.listener);
        let branch = context.node.minter.branch(self.id, self.serial);
        // RFC 3581 §3.
        ["SIP/2.0/", listener.transport.token(), " ", &listener.advertise, ";branch=", branch.as_str(), ";rport"].concat()
    }
}

impl Way {
    fn transmit(&self, bytes: Bytes) -> Transmit {
        Transmit { listener: self.listener, destination: self.destination.clone(), bytes, trial: false }
    }
}
