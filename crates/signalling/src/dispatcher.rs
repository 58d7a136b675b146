//! Bytes and their source in, one owner out.
//!
//! Call [`Dispatcher::receive`] for every datagram. A [`Verdict::Founding`] that is let in is [adopted](Dispatcher::adopt)
//! before the next datagram is read, so that its retransmissions and its CANCEL find their call. What calls put out about
//! their legs and transactions comes back by [`Dispatcher::leg_added`], [`Dispatcher::leg_removed`] and
//! [`Dispatcher::retire`]. Wake it at [`Dispatcher::poll_timeout`].

use crate::auth::{Guard, How, Outcome, Source, Wrong};
use crate::dismissal::dismissal;
use crate::message::{Contact, HeaderName, Message, Method, Printer, Rejection, is_sips, reason_phrase, screen};
use crate::minted::{Minted, Minter};
use crate::outside::stateless_tag;
use crate::table::Table;
use crate::tombstone::{Owner, Tombstone, TransactionTable};
use crate::transaction::{TransactionKey, TransactionKeys};
use crate::wire::{Arrival, ReturnTo, Transmit, response_destination};
use bytes::Bytes;
use tandem_model::{CallId, Challenge, Flow, LegId, Timestamp, Transport};

/// REFERs from outside of any dialog that one call may have to answer at once.
const MAX_REFERRED: usize = 8;

/// Who gets a message.
#[derive(Debug)]
pub enum Verdict {
    /// This call.
    Call(CallId, Box<Arrival>),
    /// An INVITE that nobody owns yet: to be admitted or refused.
    Founding(Box<Arrival>),
    /// Another request outside of any dialog: to be admitted, then answered.
    Exchange(Box<Arrival>),
    /// A finished transaction says its last word again.
    Again(Transmit),
    /// A 2xx to an INVITE whose call is over: ACK and BYE.
    Dismiss(Box<[Transmit; 2]>),
    /// A stateless refusal to somebody who has not been admitted: strangers on a silent listener do not get it.
    Refuse(Transmit),
    /// Nobody.
    Drop(DropReason),
}

/// Why a message went nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// Nothing but line ends: a keep-alive.
    KeepAlive,
    /// Not SIP, or too broken to be answered.
    Garbage,
    /// A response to nothing that we sent.
    StrayResponse,
    /// An ACK for nothing that we said.
    StrayAck,
    /// A retransmission that its transaction absorbs.
    Absorbed,
    /// Malformed, and of a kind that is never answered (a response, an ACK).
    Malformed,
}

/// What is said to who has not proved who they are.
#[derive(Debug)]
pub struct Unproven {
    /// The challenge, or the refusal of who has answered wrong again and again; to be sent.
    pub transmit: Transmit,
    /// What was wrong with the answer to an earlier one, if they gave any.
    pub wrong: Option<Box<Wrong>>,
}

/// Finds the owner of every message. One a node.
#[derive(Debug)]
pub struct Dispatcher {
    minter: Minter,
    keys: TransactionKeys,
    transactions: TransactionTable,
    legs: Table<LegId, CallId>,
    /// The transaction that founded each call: it is forgotten with its call if it was never retired.
    founding: Table<CallId, TransactionKey>,
    /// The REFERs from outside of any dialog that calls have to answer. Hardly any call has such.
    referred: Table<CallId, Vec<TransactionKey>>,
    /// Legs that calls took in, each with the transaction of its unanswered INVITE. Hardly any call has such.
    moved: Table<CallId, Vec<(LegId, Option<TransactionKey>)>>,
    guard: Guard,
}

impl Dispatcher {
    /// A dispatcher that reads what `minter` minted. `secret` keys its tables.
    pub fn new(minter: Minter, secret: [u8; 16]) -> Self {
        Dispatcher {
            minter,
            keys: TransactionKeys::new(secret),
            transactions: TransactionTable::default(),
            legs: Table::default(),
            founding: Table::default(),
            referred: Table::default(),
            moved: Table::default(),
            guard: Guard::new(secret),
        }
    }

    /// Whose is this datagram?
    pub fn receive(&mut self, now: Timestamp, datagram: Bytes, flow: Flow) -> Verdict {
        self.transactions.expire(now);
        if datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Verdict::Drop(DropReason::KeepAlive);
        }
        match Message::parse(datagram) {
            Ok(message) if message.is_request() => self.request(message, flow),
            Ok(message) => self.response(message, flow),
            Err(_) => Verdict::Drop(DropReason::Garbage),
        }
    }

    /// Whether a request that begins something proves what `challenge` asks for (who its sender is, where several could be); if not,
    /// what to answer it (RFC 3261 §22.2). `is_known`: its flow is known to be somebody's.
    ///
    /// # Errors
    /// A stateless 401: nothing is kept of it, its ACK is nobody's, and its nonce proves itself. After two wrong answers on end, 403.
    pub fn authenticate(
        &mut self,
        now: Timestamp,
        challenge: &Challenge,
        arrival: &Arrival,
        is_known: bool,
    ) -> Result<Option<Box<str>>, Unproven> {
        let (request, flow) = (&arrival.message, &arrival.flow);
        let source = flow.remote.ip();
        let (stale, wrong) = match self.guard.check(now, challenge, Source { address: source, is_known }, request) {
            Outcome::Granted(who) => return Ok(who),
            Outcome::Asked { stale, wrong } => (stale, wrong),
            Outcome::Refused(wrong) => {
                return Err(Unproven { transmit: self.reply(request, flow, 403, None, |_| {}), wrong: Some(Box::new(wrong)) });
            }
        };
        let tag = self.stateless_tag(request);
        let mut printer = Printer::response_to(request, flow.remote, 401, reason_phrase(401), Some(tag.as_str()));
        self.guard.ask(now, challenge, source, How::to_ask(request, stale, wrong.as_ref()), &mut printer);
        let destination = response_destination(request, flow);
        let transmit = Transmit { listener: flow.listener, destination, bytes: printer.finish(), trial: false };
        Err(Unproven { transmit, wrong: wrong.map(Box::new) })
    }

    /// The founding INVITE belongs to `call` from now on.
    pub fn adopt(&mut self, arrival: &Arrival, call: CallId) {
        self.transactions.open(arrival.key, self.keys.of_merged(&arrival.message), call);
        self.founding.insert(call, arrival.key);
    }

    /// A transaction is over and leaves this behind.
    pub fn retire(&mut self, now: Timestamp, key: TransactionKey, tombstone: Tombstone) {
        self.transactions.retire(now, key, tombstone);
    }

    /// `call` owns `leg`; any earlier owner does no longer.
    pub fn leg_added(&mut self, leg: LegId, call: CallId) {
        self.legs.insert(leg, call);
    }

    /// `call` owns `leg` no longer. If another call owns it by now, nothing changes.
    pub fn leg_removed(&mut self, leg: LegId, call: CallId) {
        if self.legs.get(&leg) == Some(&call) {
            self.legs.remove(&leg);
            if !self.moved.is_empty() {
                self.forget_moved(call, |(moved, invite)| *moved == leg && invite.is_none());
            }
        }
    }

    /// Which call owns `leg`.
    pub fn owner_of(&self, leg: LegId) -> Option<CallId> {
        self.legs.get(&leg).copied()
    }

    /// `leg` goes to the call `to` in a letter, and with it `invite`, the transaction of its unanswered INVITE: copies of that and its
    /// CANCEL, which name no leg, find the leg there.
    pub fn leg_moved(&mut self, leg: LegId, invite: Option<TransactionKey>, to: CallId) {
        let from = self.legs.insert(leg, to);
        if let Some(from) = from {
            self.forget_moved(from, |(moved, _)| *moved == leg);
            if invite.is_some() && self.founding.get(&from) == invite.as_ref() {
                self.founding.remove(&from);
            }
        }
        let invite = invite.filter(|key| self.transactions.pass_on(*key, to));
        self.moved.entry(to).or_default().push((leg, invite));
    }

    /// Which call has the dialog that `tag` is ours in, if there is room for one more REFER about it.
    ///
    /// # Errors
    /// The status for who sent the REFER.
    pub(crate) fn owner_of_dialog(&mut self, tag: &str) -> Result<CallId, u16> {
        let leg = self.minter.read_tag(tag);
        let call = leg.and_then(|leg| self.owner_of(leg)).ok_or(403_u16)?;
        if let Some(referred) = self.referred.get_mut(&call) {
            let transactions = &self.transactions;
            referred.retain(|key| transactions.owner(*key) == Some(&Owner::Call(call)));
            if referred.len() >= MAX_REFERRED {
                return Err(500);
            }
        }
        Ok(call)
    }

    /// A REFER from outside of any dialog is `call`'s to answer ([`Input::Referred`](crate::Input::Referred)).
    pub fn adopt_refer(&mut self, arrival: &Arrival, call: CallId) {
        self.transactions.open(arrival.key, self.keys.of_merged(&arrival.message), call);
        self.referred.entry(call).or_default().push(arrival.key);
    }

    /// The leg that came to `call` with this transaction.
    fn moved_leg(&self, call: CallId, key: TransactionKey) -> Option<LegId> {
        if self.moved.is_empty() {
            return None;
        }
        self.moved.get(&call)?.iter().find(|(_, invite)| *invite == Some(key)).map(|(leg, _)| *leg)
    }

    fn forget_moved(&mut self, call: CallId, is_it: impl Fn(&(LegId, Option<TransactionKey>)) -> bool) {
        if let Some(moved) = self.moved.get_mut(&call) {
            moved.retain(|entry| !is_it(entry));
            if moved.is_empty() {
                self.moved.remove(&call);
            }
        }
    }

    /// `call` is over (or was never begun): whatever still points to it goes.
    pub fn call_removed(&mut self, call: CallId) {
        if let Some(key) = self.founding.remove(&call)
            && self.transactions.owner(key) == Some(&Owner::Call(call))
        {
            self.transactions.forget(key);
        }
        for key in self.referred.remove(&call).into_iter().flatten() {
            if self.transactions.owner(key) == Some(&Owner::Call(call)) {
                self.transactions.forget(key);
            }
        }
        for (leg, invite) in self.moved.remove(&call).into_iter().flatten() {
            self.leg_removed(leg, call);
            if let Some(key) = invite.filter(|key| self.transactions.owner(*key) == Some(&Owner::Call(call))) {
                self.transactions.forget(key);
            }
        }
    }

    /// When the oldest tombstone goes.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.transactions.next_expiry()
    }

    /// Drops the tombstones that are due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.transactions.expire(now);
    }

    /// What is held: (legs, open transactions, tombstones).
    pub fn counts(&self) -> (usize, usize, usize) {
        let (open, finished) = self.transactions.counts();
        (self.legs.len(), open, finished)
    }

    /// A stateless answer (RFC 3261 §8.2.7): its To tag is computed from the request, and it is never retransmitted.
    /// `extra` adds headers.
    pub fn reply(&self, request: &Message, flow: &Flow, status: u16, reason: Option<&str>, extra: impl FnOnce(&mut Printer)) -> Transmit {
        self.respond(request, flow, status, reason, self.stateless_tag(request).as_str(), extra)
    }

    /// The same to a request that was let in, by the way that its sender has. Where it has credentials the answer is kept for its
    /// retransmissions: they would be replays.
    pub fn answer(&mut self, now: Timestamp, arrival: &Arrival, to: ReturnTo, status: u16, extra: impl FnOnce(&mut Printer)) -> Transmit {
        let mut transmit = self.reply(&arrival.message, &arrival.flow, status, None, extra);
        transmit.destination = to.destination(&arrival.message, &arrival.flow);
        if arrival.message.header(HeaderName::Authorization).is_some() {
            self.retire(now, arrival.key, Tombstone::Repeat(transmit.bytes.to_vec().into_boxed_slice(), to));
        }
        transmit
    }

    fn stateless_tag(&self, request: &Message) -> Minted {
        stateless_tag(&self.minter, request)
    }

    fn respond(
        &self,
        request: &Message,
        flow: &Flow,
        status: u16,
        reason: Option<&str>,
        tag: &str,
        extra: impl FnOnce(&mut Printer),
    ) -> Transmit {
        let phrase = reason.unwrap_or_else(|| reason_phrase(status));
        let mut printer = Printer::response_to(request, flow.remote, status, phrase, Some(tag));
        extra(&mut printer);
        Transmit { listener: flow.listener, destination: response_destination(request, flow), bytes: printer.finish(), trial: false }
    }

    fn request(&mut self, message: Message, flow: Flow) -> Verdict {
        let method = message.method();
        let key = self.keys.of_request(&message);
        let tag = message.to_tag().map(|tag| self.minter.read_tag(tag));
        let arrival = |message, leg| Box::new(Arrival { message, flow, key, leg, serial: 0 });
        let leg = tag.flatten();
        match self.transactions.owner(key) {
            Some(Owner::Call(call)) => {
                let call = *call;
                if method == Method::Refer && tag.is_none() {
                    // §17.2.2: it waits for its answer.
                    return Verdict::Drop(DropReason::Absorbed);
                }
                let leg = leg.or_else(|| self.moved_leg(call, key));
                return self.screened(message, &flow, |message| Verdict::Call(call, arrival(message, leg)));
            }
            // RFC 6026 §7.1: the ACK of a 2xx is the call's, whatever branch its sender gave it.
            Some(Owner::Finished(Tombstone::Absorb(invited))) if method == Method::Ack && leg == Some(*invited) => {}
            Some(Owner::Finished(tombstone)) => return self.again(tombstone, &message, &flow),
            None => {}
        }
        if let Some(call) = leg.and_then(|leg| self.legs.get(&leg).copied()) {
            return self.screened(message, &flow, |message| Verdict::Call(call, arrival(message, leg)));
        }
        match method {
            Method::Ack => Verdict::Drop(DropReason::StrayAck),
            // §9.2, §12.2.2, §15.1.2
            _ if tag.is_some() || matches!(method, Method::Cancel | Method::Bye) => {
                let refusal = screen(&message).err().unwrap_or_else(|| Rejection::new(481, "no such call or transaction"));
                self.refuse(&message, &flow, &refusal)
            }
            // §8.2.2.2
            _ if self.transactions.is_merged(self.keys.of_merged(&message), key) => {
                Verdict::Refuse(self.reply(&message, &flow, 482, None, |_| {}))
            }
            _ => self.screened(message, &flow, |message| match sips_refusal(&message, flow.transport) {
                Some(reason) => self.refuse_sips(&message, &flow, reason),
                None if method == Method::Invite => Verdict::Founding(arrival(message, None)),
                None => Verdict::Exchange(arrival(message, None)),
            }),
        }
    }

    fn screened(&self, message: Message, flow: &Flow, pass: impl FnOnce(Message) -> Verdict) -> Verdict {
        match screen(&message) {
            Ok(()) => pass(message),
            Err(rejection) => self.refuse(&message, flow, &rejection),
        }
    }

    #[cold]
    fn refuse(&self, message: &Message, flow: &Flow, rejection: &Rejection) -> Verdict {
        // §17.1.1.3: an ACK is never answered; §18.1.1: without a Via there is nowhere to answer to by right.
        if message.method() == Method::Ack || message.header(HeaderName::Via).is_none() {
            return Verdict::Drop(DropReason::Malformed);
        }
        let reason = (rejection.status == 400).then_some(rejection.reason.as_ref());
        Verdict::Refuse(self.reply(message, flow, rejection.status, reason, |_| {}))
    }

    #[cold]
    fn refuse_sips(&self, request: &Message, flow: &Flow, reason: &str) -> Verdict {
        // RFC 5630 §5.1.2. RFC 3261's 416 would ask the caller to try again with sip: (§8.1.3.5): the downgrade, made by its own hand.
        Verdict::Refuse(self.reply(request, flow, 480, Some(reason), |printer| {
            printer.header_str(HeaderName::Warning, SIPS_NOT_ALLOWED);
        }))
    }

    #[cold]
    fn again(&self, tombstone: &Tombstone, message: &Message, flow: &Flow) -> Verdict {
        match tombstone {
            // The ACK of a refusal shares its INVITE's key: to answer it would be answered by another ACK, for ever.
            _ if message.method() == Method::Ack => Verdict::Drop(DropReason::Absorbed),
            // §9.2: the INVITE has its final response, so the CANCEL is answered and changes nothing.
            Tombstone::Answer(_, to) | Tombstone::Repeat(_, to) if message.method() == Method::Cancel => {
                Verdict::Again(self.reply_again(message, flow, *to, 200))
            }
            Tombstone::Absorb(leg) if message.method() == Method::Cancel => {
                let tag = self.minter.tag(*leg);
                Verdict::Again(self.respond(message, flow, 200, None, tag.as_str(), |_| {}))
            }
            Tombstone::Answer(status, to) => Verdict::Again(self.reply_again(message, flow, *to, *status)),
            Tombstone::Repeat(bytes, to) => Verdict::Again(Transmit {
                listener: flow.listener,
                destination: to.destination(message, flow),
                bytes: Bytes::copy_from_slice(bytes),
                trial: false,
            }),
            Tombstone::Absorb(_) | Tombstone::Acknowledge(_) | Tombstone::Dismiss(_) => Verdict::Drop(DropReason::Absorbed),
        }
    }

    fn reply_again(&self, request: &Message, flow: &Flow, to: ReturnTo, status: u16) -> Transmit {
        let again = self.reply(request, flow, status, None, |_| {});
        Transmit { destination: to.destination(request, flow), ..again }
    }

    fn response(&mut self, message: Message, flow: Flow) -> Verdict {
        let Some((leg, serial)) = message.branch().and_then(|branch| self.minter.read_branch(branch)) else {
            return Verdict::Drop(DropReason::StrayResponse);
        };
        // §8.1.3.3: with a second Via it was not for us.
        if message.values(HeaderName::Via).nth(1).is_some() {
            return Verdict::Drop(DropReason::StrayResponse);
        }
        if screen(&message).is_err() {
            return Verdict::Drop(DropReason::Malformed);
        }
        let key = self.keys.of_client(leg, serial);
        match self.transactions.owner(key) {
            // The CANCEL of the INVITE has the same branch, and its answer is not acknowledged.
            Some(Owner::Finished(Tombstone::Acknowledge(ack))) if message.status() >= 300 && message.method() == Method::Invite => {
                return Verdict::Again(Transmit::clone(ack));
            }
            Some(Owner::Finished(Tombstone::Dismiss(first))) if is_success(&message) => {
                let dismissal = dismissal(&self.minter, &message, &flow, leg, first.as_deref());
                return dismissal.map_or(Verdict::Drop(DropReason::Absorbed), Verdict::Dismiss);
            }
            Some(_) => return Verdict::Drop(DropReason::Absorbed),
            None => {}
        }
        match self.legs.get(&leg) {
            Some(call) => Verdict::Call(*call, Box::new(Arrival { message, flow, key, leg: Some(leg), serial })),
            None => Verdict::Drop(DropReason::StrayResponse),
        }
    }
}

fn is_success(response: &Message) -> bool {
    (200..300).contains(&response.status()) && response.method() == Method::Invite
}

/// Warning of a refused `sips:` (RFC 5630 §5.1.2); its agent has no name to give to a stranger.
pub(crate) const SIPS_NOT_ALLOWED: &str = "380 - \"SIPS Not Allowed\"";

/// Why a request that would begin something asks for more than its transport has: `sips:` promises TLS on every hop, and what is
/// asked for or wants to be called back by it must not be served with less (RFC 3261 §26.2.2).
fn sips_refusal(request: &Message, transport: Transport) -> Option<&'static str> {
    if transport.is_secure() {
        return None;
    }
    if is_sips(request.uri()) {
        return Some("sips Request-URI without TLS");
    }
    match request.contact() {
        Ok(Some(Contact::Address(address))) if is_sips(address.uri) => Some("sips Contact without TLS"),
        _ => None,
    }
}
