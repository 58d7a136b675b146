//! One leg: a user agent of its own towards one peer (RFC 3261 §8, §9, §12 to §15).
//!
//! A leg does by itself what needs nobody else: retransmissions, ACKs of failures, 2xx of further forks, BYE after a
//! CANCEL that came too late. What concerns the call it returns as a [`LegEvent`]. The call's verbs are its methods.

mod announce;
mod cancel;
mod challenged;
mod client;
mod contact;
mod extensions;
mod forks;
mod held;
mod hops;
mod inside;
mod keys;
mod message;
mod moving;
mod outside;
mod prack;
mod refer;
mod reliable;
mod requests;
mod server;
mod session;
mod timed;
mod update;
mod way;

pub(crate) use announce::Announced;
pub(crate) use client::Invitation;
pub(crate) use extensions::OptionTags;
pub(crate) use held::{HeldId, RETRY_AFTER_RANGE, Reply};
pub use moving::Facing;
pub(crate) use outside::refuse_outside;
pub(crate) use refer::Passed;
pub(crate) use requests::Asked;
pub(crate) use server::Extra;
pub(crate) use timed::too_short;
pub(crate) use way::{LostWay, Way};

use crate::auth::{Answers, Unanswerable};
use crate::call::{NodeFacts, Output};
use crate::dialog::Dialog;
use crate::message::{HeaderName, Message, Method, Printer};
use crate::minted::Minted;
use crate::negotiation::LegMedia;
use crate::session_id::SessionId;
use crate::wire::{Arrival, Transmit};
use bytes::Bytes;
use challenged::Home;
use client::{AckedInvite, InviteClient};
use contact::OurContact;
use held::HeldRequests;
use hops::FormerInvite;
use keys::TellingKeys;
use prack::Acknowledged;
use reliable::ReliableResponses;
use requests::OpenRequest;
use server::{AwaitingAck, InviteServer};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tandem_model::{
    CallId, Delivery, Event, EventKind, Layout, LegEnd, LegId, LegProfile, LegState, NO_TARGET, Privacy, Random, Timestamp, Transport,
};
use way::OurVia;

/// Max-Forwards of a request that no other gave rise to (RFC 3261 §8.1.1.6).
pub(crate) const MAX_FORWARDS: u32 = 70;

/// What a leg works with while it handles something.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// The call that the leg is of now.
    pub(crate) call: CallId,
    pub(crate) node: &'a NodeFacts,
    pub(crate) outputs: &'a mut VecDeque<Output>,
    pub(crate) random: &'a mut Random,
}

impl Context<'_> {
    pub(crate) fn send(&mut self, transmit: Transmit) {
        self.outputs.push_back(Output::Send(Box::new(transmit)));
    }
}

/// What a leg tells its call.
#[derive(Debug)]
pub(crate) enum LegEvent {
    /// The first response to our INVITE: somebody is there.
    Trying,
    /// 101 to 199 to our INVITE.
    Provisional(Box<Message>),
    /// A 2xx to our INVITE, not yet acknowledged: the call does that.
    Accepted(Box<Message>),
    /// A final failure to our INVITE, already acknowledged.
    Rejected(Box<Message>),
    /// No final response to our INVITE in time.
    TimedOut,
    /// Our INVITE goes to another place that speaks for its target, or at last to the first: it is to be waited for anew.
    Turned,
    /// Our INVITE could not be delivered.
    Unreachable,
    /// The peer cancelled its INVITE; the CANCEL is answered, the INVITE is not. Holds what of its Reason may go on.
    Cancelled(Option<Box<str>>),
    /// An INVITE inside the dialog; 100 is sent.
    Reinvited,
    /// The final response to our re-INVITE or UPDATE. A failure is acknowledged, a 2xx to INVITE is not: the call does that.
    Modified(Box<Message>),
    /// Our re-INVITE or UPDATE could not be delivered. That counts as a 503 (§8.1.3.1).
    Unmodified,
    /// The PRACK of a provisional response that made our offer, with its body if it is SDP; it is answered. What waited for it goes on
    /// with [`Leg::ring_on`].
    PrackAnswered(Option<Bytes>),
    /// A PRACK that makes an offer itself: [`Leg::answer_prack`] answers it, then [`Leg::ring_on`].
    PrackOffered(Box<Arrival>, Bytes),
    /// Our 2xx waited for a PRACK, and has gone out.
    Accepting,
    /// There was no PRACK in time.
    PrackMissing,
    /// The ACK of our 2xx, with its body if it is SDP.
    Acknowledged(Option<Bytes>),
    /// That ACK never came.
    AckMissing,
    /// The peer hung up; its BYE is answered. Holds what of its Reason may go on.
    HungUp(Option<Box<str>>),
    /// The peer asks something that the other leg's peer is to answer.
    Asked(HeldId),
    /// The final response to what the other leg's peer asked.
    Replied(Asked, Box<Message>),
    /// There was none in time.
    Unanswered(Asked),
    /// The question could not be delivered.
    Undelivered(Asked, Delivery),
    /// A NOTIFY of ours, for that subscription, was answered with a 2xx, or was not.
    Noticed(u16, bool),
    /// A request of ours found no dialog at the peer, or no peer (481, 408; RFC 3261 §12.2.1.2).
    Lost,
    /// The same of a request that told of a key, and matters only to who still talks.
    KeyLost,
    /// The session is to be refreshed (RFC 4028 §10).
    RefreshDue,
    /// The peer has not refreshed it, or we could not.
    Expired,
}

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The peer's first INVITE has no final response yet.
    Incoming,
    /// Our first INVITE has no final response yet.
    Outgoing,
    /// The dialog is confirmed.
    Confirmed,
    /// Over; only transactions may be left.
    Leaving,
    /// No leg of the conversation: the dialog of a REFER that came outside of any, which tells of the transfer and of nothing else.
    Subscribed,
    /// The same with nothing left to tell; a transaction may be.
    Unsubscribed,
}

/// Whether a peer takes UPDATE (RFC 3311 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Updates {
    /// It has not said so, or says so no longer.
    Unsaid,
    /// Its last Allow header has it.
    Taken,
    /// It refused one.
    Refused,
}

/// A leg with a dialog.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    /// `trunk:carrier`.
    pub(crate) endpoint: Box<str>,
    /// Which of the trunk's targets was called, if one was.
    target: u8,
    pub(crate) profile: LegProfile,
    pub(crate) media: LegMedia,
    pub(crate) state: State,
    /// From and To URIs as in its first INVITE, for the record.
    pub(crate) from: Box<str>,
    pub(crate) to: Box<str>,
    /// Call-ID of its first INVITE, which its dialog has too (§12.1).
    pub(crate) call_id: Box<str>,
    /// How it names the conversation.
    pub(crate) session: SessionId,
    /// The most that its peer has said before it answered.
    pub(crate) progress: LegState,
    /// What its peer asked to be kept private when it called.
    pub(crate) privacy: Privacy,
    /// Final status of its first INVITE, which its peer gave or owes us, or we gave; 0 where there is none.
    pub(crate) status: u16,
    /// How it ended, once that is told: the first word counts.
    pub(crate) end: Option<LegEnd>,
    /// The leg that took its place, if its peer transferred the other one.
    pub(crate) replaced_by: Option<LegId>,
    /// What its next response to an INVITE, or its BYE, says in User-to-User; of one that is hung up, what its peer's BYE said.
    pub(crate) user_to_user: Vec<Box<str>>,
    /// Who pays for the call that takes it in: whoever sends it there, and whoever paid for the call that it leaves. Nobody until it leaves.
    pub(crate) payers: Vec<Box<str>>,
    /// On its way to another call: the one that it leaves is recorded so by its route, and the other is to be.
    pub(crate) record: Option<Layout>,
    /// The peer's signalling address as last seen.
    pub(crate) remote: Option<SocketAddr>,
    home: Home,
    tag: Minted,
    serial: u16,
    dialog: Option<Dialog>,
    /// Dialogs that provisional responses to our INVITE made, the latest last (§12.1). None once one is confirmed.
    early: Vec<Dialog>,
    client: Option<Box<InviteClient>>,
    acked: Option<AckedInvite>,
    /// The first INVITE at places that it went on from.
    former: Vec<FormerInvite>,
    /// The first INVITE, when it was given up while a 2xx to it may yet come.
    given_up: Option<u16>,
    /// Reliable responses to our first INVITE; nothing until one comes.
    acknowledged: Option<Box<Acknowledged>>,
    server: Option<Box<InviteServer>>,
    /// Reliable responses to the peer's first INVITE; nothing until one is sent.
    reliable: Option<Box<ReliableResponses>>,
    awaiting_ack: Option<Box<AwaitingAck>>,
    /// BYE as soon as the ACK is here (§15.1.1); holds a Reason value.
    farewell: Option<Option<Box<str>>>,
    /// Its Contact is a `sips:` URI.
    sips: bool,
    /// The Call-ID is of our making (§14.1).
    pub(crate) owns_call_id: bool,
    update: Updates,
    /// Its peer was handed a REFER, and tells what becomes of it.
    was_referred: bool,
    requests: Vec<OpenRequest>,
    /// What the peer asked the other leg's peer; nothing until it asks.
    held: Option<Box<HeldRequests>>,
    /// Keys that the peer is told of by INFO; nothing until one is pressed.
    telling_keys: Option<Box<TellingKeys>>,
    /// Tags of the other phones that answered our INVITE and were hung up.
    forks: Vec<Box<str>>,
    /// The challenges that the peer has made, once it has.
    answers: Option<Box<Answers>>,
    unanswered: Option<Unanswerable>,
    timer: timed::LegTimer,
}

impl Leg {
    /// A leg with nothing open. `ends` are the URIs of From and To.
    fn new(
        id: LegId,
        state: State,
        endpoint: Box<str>,
        profile: LegProfile,
        media: LegMedia,
        ends: (Box<str>, Box<str>),
        tag: Minted,
    ) -> Leg {
        Leg {
            id,
            endpoint,
            target: NO_TARGET,
            profile,
            media,
            state,
            from: ends.0,
            to: ends.1,
            call_id: Box::default(),
            session: SessionId::default(),
            progress: LegState::Created,
            privacy: Privacy::default(),
            status: 0,
            end: None,
            replaced_by: None,
            user_to_user: Vec::new(),
            payers: Vec::new(),
            record: None,
            remote: None,
            home: Home::default(),
            tag,
            serial: 0,
            dialog: None,
            early: Vec::new(),
            client: None,
            acked: None,
            former: Vec::new(),
            given_up: None,
            acknowledged: None,
            server: None,
            reliable: None,
            awaiting_ack: None,
            farewell: None,
            sips: false,
            owns_call_id: state == State::Outgoing,
            update: Updates::Unsaid,
            was_referred: false,
            requests: Vec::new(),
            held: None,
            telling_keys: None,
            forks: Vec::new(),
            answers: None,
            unanswered: None,
            timer: timed::LegTimer::default(),
        }
    }

    /// Whether the peer's INVITE (the first or a later one) waits for our final response.
    pub(crate) fn has_open_server_invite(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.is_unanswered())
    }

    /// Whether an INVITE of ours waits for its final response or its ACK.
    pub(crate) fn has_open_client_invite(&self) -> bool {
        self.client.is_some()
    }

    /// Whether our 2xx waits for its ACK.
    pub(crate) fn is_awaiting_ack(&self) -> bool {
        self.awaiting_ack.is_some()
    }

    /// Whether an INVITE may be sent inside the dialog now (§14.1): none is open, in either direction, nor any ACK owed.
    pub(crate) fn may_reinvite(&self) -> bool {
        self.state == State::Confirmed && !self.has_open_client_invite() && !self.is_awaiting_ack() && !self.has_open_server_invite()
    }

    /// Whether the peer takes UPDATE, as far as it has said (RFC 3311 §4).
    pub(crate) fn takes_update(&self) -> bool {
        self.update == Updates::Taken
    }

    /// The peer takes no UPDATE, whatever it says.
    pub(crate) fn give_up_update(&mut self) {
        self.update = Updates::Refused;
    }

    /// Notes what the peer's Allow header says, if there is one.
    fn note_allow(&mut self, message: &Message) {
        let mut allowed = message.values(HeaderName::Allow).peekable();
        if self.update != Updates::Refused && allowed.peek().is_some() {
            let is_taken = allowed.any(|method| method == Method::Update.as_str());
            self.update = if is_taken { Updates::Taken } else { Updates::Unsaid };
        }
    }

    /// How long to wait after a 491 before the same is tried again (§14.1): whoever made the Call-ID longer, so that the two do not meet
    /// again.
    pub(crate) fn glare_pause(&self, random: &mut Random) -> Duration {
        glare_pause(self.owns_call_id, random)
    }

    /// Nothing is left: no transaction, no timer, no dialog.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.state, State::Leaving | State::Unsubscribed)
            && self.client.is_none()
            && self.server.is_none()
            && self.awaiting_ack.is_none()
            && self.requests.is_empty()
            && self.former.is_empty()
    }

    /// The body of the peer's open INVITE, if it is SDP.
    pub(crate) fn offered(&self) -> Option<Bytes> {
        self.server.as_ref().and_then(|server| sdp_of(&server.request))
    }

    /// The peer's open INVITE.
    pub(crate) fn open_invite(&self) -> Option<&Message> {
        self.server.as_ref().map(|server| &server.request)
    }

    /// Max-Forwards for what the peer's open INVITE gives rise to.
    pub(crate) fn hops_left(&self) -> u32 {
        hops_left(self.open_invite())
    }

    /// Takes a message that the dispatcher found to be this leg's.
    pub(crate) fn on_message(&mut self, context: &mut Context<'_>, arrival: Box<Arrival>) -> Option<LegEvent> {
        self.hear_session(context.node, &arrival.message);
        if arrival.message.is_request() { self.on_request(context, *arrival) } else { self.on_response(context, *arrival) }
    }

    /// Ends the leg, whatever its state: 487 or `status`, CANCEL, or BYE, each when it may be sent.
    pub(crate) fn hang_up(&mut self, context: &mut Context<'_>, status: u16, reason: Option<&str>) {
        self.end_held(context);
        match self.state {
            State::Incoming => self.reject(context, status, None, &Extra::reason(reason)),
            State::Outgoing => self.cancel(context, reason),
            State::Confirmed => self.leave_dialog(context, reason),
            State::Leaving | State::Subscribed | State::Unsubscribed => {}
        }
    }

    /// Tells how it ended; what is told later is not heard.
    pub(crate) fn note_end(&mut self, context: &mut Context<'_>, end: LegEnd) {
        if self.end.is_some() || self.is_subscription() {
            return;
        }
        self.end = Some(end.clone());
        let kind = if self.status / 100 == 2 { EventKind::LegEnded(end) } else { EventKind::LegFailed(end) };
        let event = Event { time: context.now, call: context.call, leg: Some(self.id), kind };
        context.outputs.push_back(Output::Notify(Box::new(event)));
    }

    /// When it wants to be woken.
    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        let client = self.client.as_ref().and_then(|client| client.poll_timeout());
        let server = self.server.as_ref().and_then(|server| server.poll_timeout());
        let awaiting = self.awaiting_ack.as_ref().map(|awaiting| awaiting.poll_timeout());
        let acked = self.acked.as_ref().map(|acked| acked.until);
        let requests = self.requests.iter().filter_map(OpenRequest::poll_timeout).min();
        let reliable = self.reliable.as_ref().and_then(|reliable| reliable.poll_timeout());
        let former = self.former.iter().map(|former| former.until).min();
        [client, former, server, awaiting, acked, requests, reliable, self.timer_due()].into_iter().flatten().min()
    }

    /// Lets every timer that is due run out. At most one event comes of it; call again until `None`.
    pub(crate) fn on_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        if self.acked.as_ref().is_some_and(|acked| acked.until <= context.now) {
            self.acked = None;
        }
        self.former.retain(|former| former.until > context.now);
        self.timer_timeout(context.now)
            .or_else(|| self.request_timeout(context))
            .or_else(|| self.client_timeout(context))
            .or_else(|| self.reliable_timeout(context))
            .or_else(|| self.server_timeout(context))
    }

    /// What to send should this leg's call die without a word: a 500, a CANCEL or a BYE.
    pub(crate) fn last_word(&self, node: &NodeFacts) -> Option<Transmit> {
        match self.state {
            State::Incoming => self.server.as_ref().map(|server| server.last_word(self.tag, self.session)),
            State::Outgoing => self.client.as_ref().and_then(|client| client.last_word()),
            State::Confirmed => self.last_bye(node),
            State::Leaving | State::Subscribed | State::Unsubscribed => None,
        }
    }

    /// What its requests leave over.
    fn over(&self, node: &NodeFacts) -> Transport {
        node.listener(self.profile.listener).transport
    }

    fn next_serial(&mut self) -> u16 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }
}

/// The pause of [`Leg::glare_pause`].
pub(crate) fn glare_pause(owns_call_id: bool, random: &mut Random) -> Duration {
    let (least, steps) = if owns_call_id { (2_100, 191) } else { (0, 201) };
    Duration::from_millis(least + 10 * random.below(steps))
}

/// Max-Forwards for what that request gives rise to: one less than its own (RFC 7332 §4).
pub(crate) fn hops_left(request: Option<&Message>) -> u32 {
    let hops = request.and_then(|request| request.max_forwards()).and_then(Result::ok);
    hops.map_or(MAX_FORWARDS, u32::from).saturating_sub(1)
}

/// The URIs of From and To, empty where they cannot be read.
pub(crate) fn ends_of(request: &Message) -> (Box<str>, Box<str>) {
    let [from, to] = [request.from(), request.to()].map(|end| end.map_or_else(|_| "".into(), |address| address.uri.into()));
    (from, to)
}

/// The message's body as its own bytes, if it is SDP.
pub(crate) fn sdp_of(message: &Message) -> Option<Bytes> {
    message.sdp_body().filter(|body| !body.is_empty()).map(|body| message.bytes().slice_ref(body))
}

/// Ends a message with or without SDP.
fn finish(printer: Printer, sdp: Option<&[u8]>) -> Bytes {
    match sdp {
        Some(sdp) => printer.finish_with_body("application/sdp", sdp),
        None => printer.finish(),
    }
}
