//! A call: a set of legs in one conversation, as one value.
//!
//! [`Call::found`] makes it from an admitted INVITE, [`Call::dial`] because somebody told us to call. Then [`Call::handle`] every input and drain [`Call::poll_output`] to `None`
//! each time; wake it with [`Input::Wake`] at [`Call::poll_timeout`]. After [`Output::Ended`] nothing more comes.
//!
//! This file only dispatches. What the legs do to each other is one verb a file.

mod announce;
mod answer;
mod best_failure;
mod command;
mod early;
mod early_media;
mod exchange;
mod failure;
mod guest;
mod hang_up;
mod hearing;
mod hold_by_us;
mod invite;
mod keys;
mod leg;
mod letter;
mod modify;
mod outward;
mod over;
mod parties;
mod phase;
mod plays;
mod record;
mod recording;
mod redirect;
mod relay;
mod reliable;
mod reoffer;
mod restore;
mod ring;
mod ringback;
mod session;
mod setup;
mod teardown;
mod timers;
mod trail;
mod transfer;
mod usage;
pub(crate) mod user_to_user;
mod view;

pub use exchange::MessageExchange;
pub use failure::relayed_status;
pub(crate) use leg::Announced;
pub use leg::Facing;
pub use letter::{Addressee, Letter, MovingLeg};
pub use parties::number_called;

use crate::locate::{Located, Sought};
use crate::message::HeaderName;
use crate::minted::Minter;
use crate::tombstone::Tombstone;
use crate::transaction::{TransactionKey, TransactionKeys};
use crate::wire::{Arrival, Transmit};
use announce::Announcing;
use command::Controls;
use failure::{Cause, Failure};
use guest::Guests;
use leg::{Context, Leg, LegEvent, LostWay};
use modify::Modify;
use outward::Outward;
use phase::{Bridge, MediaState, Phase};
use recording::Recordings;
use reoffer::Wanted;
use ring::Ring;
use ringback::Ringback;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    BindingUsed, BuiltIn, CallCommand, CallId, Codec, CommandError, CommandId, CommandOutcome, Decision, Delivery, Destination, EndReason,
    EndpointStats, Event, EventKind, HealthNews, Hop, KeyPress, LegId, LegRecord, ListenerId, LocalEndpoint, MediaCommand, MediaEvent,
    MediaFailure, Origin, Place, Question, QuestionId, Random, RecordingDone, Timestamp, Transport,
};
use transfer::Transfers;

/// What every call of a node shares. A call keeps those that it began with.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// Makes tags, branches and Contacts.
    pub minter: Minter,
    /// Names transactions, as the dispatcher does.
    pub keys: TransactionKeys,
    /// By [`ListenerId`].
    pub listeners: Box<[ListenerFacts]>,
    /// What a reload of the configuration changes.
    pub terms: Terms,
    /// For tests of panic isolation, never set by configuration: a message whose `X-Tandem-Fault` header has this value makes
    /// the call panic.
    pub fault: Option<Box<str>>,
}

/// What holds for all calls that begin from now on.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Host part of From where a trunk has none of its own; `None`: the listener's.
    pub domain: Option<Box<str>>,
    /// Any call is ended then.
    pub max_duration: Duration,
    /// No packet from a leg that should send.
    pub inactivity_timeout: Duration,
    /// The same while held.
    pub hold_timeout: Duration,
}

/// A listener as messages name it.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// Its transport.
    pub transport: Transport,
    /// The address that it is bound to: listeners of one address stand beside each other.
    pub bound: IpAddr,
    /// `host:port` for Via and Contact.
    pub advertise: Arc<str>,
    /// The host alone, for From.
    pub host: Arc<str>,
}

impl NodeFacts {
    pub(crate) fn listener(&self, id: ListenerId) -> &ListenerFacts {
        self.listeners.get(usize::from(id.0)).unwrap_or(&self.listeners[0])
    }

    /// The listener of `transport` at the address of `id`: itself if it is one.
    pub(crate) fn beside(&self, id: ListenerId, transport: Transport) -> Option<ListenerId> {
        let own = self.listener(id);
        if own.transport == transport {
            return Some(id);
        }
        let mut listeners = self.listeners.iter();
        let place = listeners.position(|listener| listener.transport == transport && listener.bound == own.bound)?;
        u16::try_from(place).ok().map(ListenerId)
    }
}

/// What a call is made from beside its INVITE.
#[derive(Clone, Debug)]
pub struct CallSetup {
    /// Its id.
    pub id: CallId,
    /// Decides every random choice of the call.
    pub seed: u64,
    /// What it shares with the others.
    pub node: Arc<NodeFacts>,
}

/// What can happen to a call.
#[derive(Debug)]
pub enum Input {
    /// A message that the dispatcher found to be this call's.
    Message(Box<Arrival>),
    /// Policy's answer.
    Decided(QuestionId, Box<Decision>),
    /// News of the media session.
    Media(Box<MediaEvent>),
    /// The transport could not deliver there from that listener, or lost the connection.
    Unreachable(ListenerId, Destination, Delivery),
    /// What came of the search for the hops of that leg's target.
    Located(LegId, Located),
    /// A REFER outside of any dialog whose sender is let in as that, and which names our tag in a dialog of this call (RFC 4538). It is
    /// [adopted](crate::Dispatcher::adopt_refer).
    Referred(Box<Arrival>, Origin),
    /// A letter from that call, or one of its own that came back.
    Letter(CallId, Box<Letter>),
    /// Somebody tells the call to do something; [`Output::Commanded`] says what came of it.
    Command(CommandId, Box<CallCommand>),
    /// Somebody ends the call.
    End(EndReason),
    /// A timer is due.
    Wake,
}

/// What a call wants done.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Send(Box<Transmit>),
    /// Find the hops of that leg's target; [`Input::Located`] tells.
    Locate(LegId, Box<Sought>),
    /// Nobody answered there, or not to the point; and for how long it wants to be left alone (Retry-After).
    HopFailed(Hop, Option<Duration>),
    /// Nobody is at that port any more: it did not take what was sent there.
    NobodyThere(Hop),
    /// Ask policy.
    Ask(QuestionId, Box<Question>),
    /// Tell the media session.
    Media(Box<MediaCommand>),
    /// Tell whoever listens.
    Notify(Box<Event>),
    /// This leg's messages are this call's.
    LegAdded(LegId),
    /// They are nobody's.
    LegRemoved(LegId),
    /// A trunk no longer counts the call for that.
    PlaceFree(Place),
    /// This leg of another call has its place here, and that endpoint's trunk counts it from now on, full or not: until now the other did.
    /// With the endpoints of whoever pays for it.
    Joined(LegId, Box<str>, Box<[Box<str>]>),
    /// What came of that command. Each gets one, unless the call is gone before it is read.
    Commanded(CommandId, Result<CommandOutcome, CommandError>),
    /// Policy keeps this of a trunk or of one of its targets.
    Health(Box<HealthNews>),
    /// The flow of that binding is gone (RFC 5626 §5.3).
    FlowFailed(Box<BindingUsed>),
    /// A transaction is over.
    Retire(TransactionKey, Tombstone),
    /// Put this into the mailbox of another call as [`Input::Letter`]. If a leg [travels](Letter::travels) in it, that leg and the
    /// transaction of its INVITE are that call's from then on ([`Dispatcher::leg_moved`](crate::Dispatcher::leg_moved)). What cannot be
    /// delivered, now or because the other call ends before it is read, comes back as [`Letter::Undelivered`]. Who pays for this call is
    /// to be written [into it](Letter::bill) first.
    Letter(Addressee, Box<Letter>),
    /// The call is over: drop it.
    Ended,
}

/// Why a call wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Policy did not answer.
    Decision,
    /// A prompt was not read, or what plays has not come to its end.
    Prompt,
    /// The media session did not say that it opened.
    MediaOpen,
    /// A transaction's timer, or a 2xx to repeat.
    Transaction,
    /// No response at all.
    Trying,
    /// No answer.
    Ringing,
    /// The caller's own limit for an answer.
    Expires,
    /// The longest a call may last.
    MaxDuration,
    /// The media session did not say that it closed.
    MediaClose,
    /// A transfer waits for somebody, or its subscription runs out.
    Transfer,
    /// Somebody who is to come into the call is waited for, or an offer to a guest may be tried again.
    Guest,
    /// Another call did not answer a letter.
    Letter,
    /// An UPDATE has waited too long for the other side's answer to a re-INVITE.
    Update,
    /// An offer of ours may be tried again.
    Reoffer,
    /// The call is over, and its last recordings are not.
    Recording,
}

/// One of the two legs that a call joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Caller,
    Callee,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Caller => Side::Callee,
            Side::Callee => Side::Caller,
        }
    }

    /// The leg there, of a call that lends its fields one by one.
    fn of<'l>(self, caller: &'l mut Leg, callee: &'l mut Option<Leg>) -> Option<&'l mut Leg> {
        match self {
            Side::Caller => Some(caller),
            Side::Callee => callee.as_mut(),
        }
    }
}

/// A call.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    node: Arc<NodeFacts>,
    random: Random,
    outputs: VecDeque<Output>,
    caller: Leg,
    callee: Option<Leg>,
    /// Legs beside the two; nothing until the first is asked for.
    guests: Option<Box<Guests>>,
    /// Legs that were tried and given up: they only see their transactions to the end; and dialogs that tell of a transfer alone.
    strays: Vec<Leg>,
    legs_created: u8,
    phase: Phase,
    bridge: Option<Box<Bridge>>,
    /// The group that rings, until somebody answers.
    ring: Option<Box<Ring>>,
    modify: Option<Box<Modify>>,
    /// Nothing until somebody asks for a transfer.
    transfers: Option<Box<Transfers>>,
    /// Offers of ours that wait until they may be made.
    wanted: Option<Vec<Wanted>>,
    /// What it was told to do; nothing until somebody tells it.
    controls: Option<Box<Controls>>,
    /// Nothing until something is to be recorded.
    recordings: Option<Box<Recordings>>,
    media: MediaState,
    questions: u16,
    began: Timestamp,
    /// The caller waits no longer for an answer (RFC 3261 §13.3.1).
    expires: Option<Timestamp>,
    rang: Option<Timestamp>,
    answered: Option<Timestamp>,
    ended: Option<(Timestamp, EndReason)>,
    route: Box<str>,
    codec: Option<Codec>,
    held: [bool; 2],
    /// What answers, when the call has one leg.
    alone: Option<BuiltIn>,
    /// What is still to be played to the caller.
    announcing: Option<Box<Announcing>>,
    /// What the caller hears while others ring.
    ringback: Option<Box<Ringback>>,
    /// What a call is to become that begins here.
    outward: Option<Box<Outward>>,
    /// Sounds that were played: the number of the next.
    plays: u16,
    past_legs: Vec<LegRecord>,
    stats: Box<[EndpointStats]>,
    recorded: bool,
}

/// Lends a leg what it works with, field by field, so that the legs themselves stay free to borrow.
macro_rules! context {
    ($call:expr, $now:expr) => {
        &mut $crate::call::leg::Context {
            now: $now,
            call: $call.id,
            node: &$call.node,
            outputs: &mut $call.outputs,
            random: &mut $call.random,
        }
    };
}
use context;

impl Call {
    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        if self.recorded && matches!(self.phase, Phase::Over) {
            return;
        }
        match input {
            Input::Message(arrival) => self.on_message(now, arrival),
            Input::Decided(id, decision) => self.on_decision(now, id, *decision),
            Input::Media(event) => self.on_media(now, *event),
            Input::Unreachable(listener, destination, delivery) => {
                self.on_unreachable(now, &LostWay { call: self.id, listener, destination: &destination, delivery });
            }
            Input::Located(leg, located) => self.on_located(now, leg, located),
            Input::Referred(arrival, origin) => self.on_referred(now, *arrival, &origin),
            Input::Letter(from, letter) => self.on_letter(now, from, *letter),
            Input::Command(id, command) => self.on_command(now, id, *command),
            Input::End(reason) => self.end(now, reason, None),
            Input::Wake => self.on_wake(now),
        }
        self.share_sessions();
        if self.ring.is_some() {
            self.hear_again(now);
        }
        if self.ringback.is_some() {
            self.look_after_ringback();
        }
        if self.wanted.is_some() {
            self.send_reoffers(now);
        }
        if self.guests.is_some() {
            self.send_guest_offers(now);
        }
        if self.controls.is_some() {
            self.tend_controls();
        }
        if self.recordings.is_some() {
            self.begin_wanted_recording();
        }
        self.reap();
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake the call, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        let legs = std::iter::once(&self.caller).chain(&self.callee).chain(&self.strays).chain(self.targets()).chain(self.guest_legs());
        let transactions = legs.filter_map(Leg::poll_timeout).map(|at| (at, Reason::Transaction));
        transactions.chain(self.deadlines()).min_by_key(|(at, _)| *at)
    }

    /// What to send to its peers should it be given up without a word: BYE, CANCEL or a final failure. Meant for a call that
    /// panicked: it reads little and changes nothing, yet whoever asks must be ready for another panic.
    pub fn last_words(&self) -> Vec<Transmit> {
        let others = self.ring.iter().flat_map(|ring| ring.legs()).chain(self.targets()).chain(self.guest_legs());
        std::iter::once(&self.caller).chain(&self.callee).chain(others).filter_map(|leg| leg.last_word(&self.node)).collect()
    }

    /// Its id.
    pub fn id(&self) -> CallId {
        self.id
    }

    fn on_message(&mut self, now: Timestamp, arrival: Box<Arrival>) {
        self.fault_hook(&arrival);
        // What names no leg is about the INVITE that began the call.
        let leg = arrival.leg.or_else(|| self.id.leg(0)).unwrap_or(self.caller.id);
        if leg == self.caller.id {
            let event = self.caller.on_message(context!(self, now), arrival);
            return self.on_leg_event(now, Side::Caller, event);
        }
        if let Some(callee) = self.callee.as_mut().filter(|callee| callee.id == leg) {
            let event = callee.on_message(context!(self, now), arrival);
            return self.on_leg_event(now, Side::Callee, event);
        }
        let Some(arrival) = self.on_rival_message(now, leg, arrival) else { return };
        let Some(arrival) = self.on_guest_message(now, leg, arrival) else { return };
        if let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == leg) {
            let event = stray.on_message(context!(self, now), arrival);
            return self.on_stray_event(now, leg, event);
        }
        if let Some(target) = self.transfers.as_deref_mut().and_then(|transfers| transfers.bring_forward(leg)) {
            let event = target.on_message(context!(self, now), arrival);
            self.on_target_event(now, event);
        }
    }

    /// A leg that no longer looks for its target takes no notice.
    fn on_located(&mut self, now: Timestamp, leg: LegId, located: Located) {
        if let Some(callee) = self.callee.as_mut().filter(|callee| callee.id == leg) {
            let event = callee.on_located(context!(self, now), located);
            return self.on_leg_event(now, Side::Callee, event);
        }
        if let Some(target) = self.transfers.as_deref_mut().and_then(|transfers| transfers.bring_forward(leg)) {
            let event = target.on_located(context!(self, now), located);
            return self.on_target_event(now, event);
        }
        if let Some(located) = self.on_guest_located(now, leg, located) {
            self.on_rival_located(now, leg, located);
        }
    }

    fn on_leg_event(&mut self, now: Timestamp, side: Side, event: Option<LegEvent>) {
        let Some(event) = event else { return };
        self.share_sessions();
        self.hear_user_to_user(&event);
        match event {
            LegEvent::Trying => self.on_trying(now),
            LegEvent::Provisional(message) => self.on_provisional(now, &message),
            LegEvent::Accepted(message) => self.on_answer(now, &message),
            LegEvent::Rejected(message) => self.on_rejected(now, &message),
            LegEvent::Turned => self.on_turned(now),
            LegEvent::TimedOut => self.on_unanswered(now, Cause::Timeout),
            LegEvent::Unreachable => self.on_unanswered(now, Cause::Unreachable),
            LegEvent::Cancelled(reason) => self.on_cancelled(now, side, reason.as_deref()),
            LegEvent::Reinvited => self.on_reinvited(now, side),
            LegEvent::Modified(message) => self.on_modified(now, side, &message),
            LegEvent::Unmodified => self.on_unmodified(now),
            LegEvent::Acknowledged(sdp) => self.on_acknowledged(now, side, sdp),
            LegEvent::PrackAnswered(sdp) => self.on_prack_answered(now, sdp),
            LegEvent::PrackOffered(prack, offer) => self.on_prack_offered(now, &prack, offer),
            LegEvent::Accepting => self.notify(now, self.leg(side).map(|leg| leg.id), EventKind::LegAnswered),
            LegEvent::PrackMissing => self.on_prack_missing(now),
            LegEvent::AckMissing => self.leave(now, side, EndReason::AckTimeout, None),
            LegEvent::HungUp(reason) => self.on_hung_up(now, side, reason.as_deref()),
            LegEvent::Asked(id) => self.on_asked(now, side, id),
            LegEvent::Replied(asked, message) => self.on_replied(now, side, asked, &message),
            LegEvent::Unanswered(asked) => self.on_no_reply(now, side, asked),
            LegEvent::Undelivered(asked, delivery) => self.on_undelivered(now, side, asked, delivery),
            LegEvent::Noticed(id, accepted) => self.on_noticed(now, id, accepted),
            LegEvent::RefreshDue => self.on_refresh_due(now, side),
            LegEvent::Expired => self.leave(now, side, EndReason::SessionExpired, None),
            LegEvent::KeyLost if self.outlives(side) => {}
            LegEvent::Lost | LegEvent::KeyLost if side == Side::Callee && self.ring.is_some() => self.member_gone(now, &Failure::new(480)),
            LegEvent::Lost | LegEvent::KeyLost => self.leave(now, side, EndReason::DialogLost, None),
        }
    }

    fn on_media(&mut self, now: Timestamp, event: MediaEvent) {
        match event {
            MediaEvent::Opened(locals) => self.on_opened(now, &locals),
            // Of a leg that has its place here already.
            MediaEvent::NotAdded { failure: MediaFailure::Gone, .. } => self.end(now, EndReason::Internal, None),
            MediaEvent::NotAdded { leg, .. } if self.on_guest_refused_ports(now, leg) => {}
            MediaEvent::NotAdded { leg, .. } if self.ring.is_some() && self.target().is_none_or(|target| target.id != leg) => {
                self.on_ports_refused(now, leg)
            }
            MediaEvent::NotAdded { leg, .. } => self.on_target_refused_ports(now, leg),
            MediaEvent::Refused(_) if matches!(self.media, MediaState::Opening(_)) && self.on_room_refused(now) => {}
            MediaEvent::Refused(_) => self.on_media_refused(now),
            // Whether its peer is there the refreshes show.
            MediaEvent::Inactive { leg, .. } if self.has_session_timer(leg) => {}
            // While it rings nobody need send anything; who talks is looked at again.
            MediaEvent::Inactive { .. } if self.answered.is_none() => {}
            MediaEvent::Inactive { leg, .. } => self.on_inactive(now, leg),
            MediaEvent::Recorded { recording, file, ms, end } => self.on_recorded(now, RecordingDone { recording, file, ms, end }),
            MediaEvent::Key { leg, key, ms } => self.on_key(now, leg, KeyPress { key, ms }),
            MediaEvent::Prepared { file, length } => self.on_prepared(now, &file, length),
            MediaEvent::Played { play, end, .. } => self.on_played(now, play, end),
            MediaEvent::Closed(stats) => self.on_media_closed(now, stats),
            MediaEvent::Failed => self.on_media_failed(now),
        }
    }

    fn on_opened(&mut self, now: Timestamp, locals: &[LocalEndpoint]) {
        self.on_room_opened(locals);
        if !self.on_target_ports(now, locals) && !self.on_guest_ports(now, locals) {
            self.on_media_opened(now, locals);
        }
    }

    fn on_unreachable(&mut self, now: Timestamp, lost: &LostWay<'_>) {
        if let Some(callee) = &mut self.callee {
            let event = callee.on_unreachable(context!(self, now), lost);
            self.on_leg_event(now, Side::Callee, event);
        }
        self.rivals_unreachable(now, lost);
        self.guests_unreachable(now, lost);
        let event = self.caller.on_unreachable(context!(self, now), lost);
        self.on_leg_event(now, Side::Caller, event);
        for stray in &mut self.strays {
            stray.on_unreachable(context!(self, now), lost);
        }
        for leg in self.target_ids() {
            if let Some(target) = self.transfers.as_deref_mut().and_then(|transfers| transfers.bring_forward(leg)) {
                let event = target.on_unreachable(context!(self, now), lost);
                self.on_target_event(now, event);
            }
        }
    }

    fn on_wake(&mut self, now: Timestamp) {
        while self.caller.poll_timeout().is_some_and(|at| at <= now) {
            let event = self.caller.on_timeout(context!(self, now));
            self.on_leg_event(now, Side::Caller, event);
        }
        while let Some(callee) = self.callee.as_mut().filter(|callee| callee.poll_timeout().is_some_and(|at| at <= now)) {
            let event = callee.on_timeout(context!(self, now));
            self.on_leg_event(now, Side::Callee, event);
        }
        self.wake_rivals(now);
        self.wake_guests(now);
        for place in 0..self.strays.len() {
            while let Some(stray) = self.strays.get_mut(place).filter(|stray| stray.poll_timeout().is_some_and(|at| at <= now)) {
                let (id, event) = (stray.id, stray.on_timeout(context!(self, now)));
                self.on_stray_event(now, id, event);
            }
        }
        for leg in self.target_ids() {
            while let Some(target) = self.transfers.as_deref_mut().and_then(|transfers| transfers.bring_forward(leg)) {
                if target.poll_timeout().is_none_or(|at| at > now) {
                    break;
                }
                let event = target.on_timeout(context!(self, now));
                self.on_target_event(now, event);
            }
        }
        self.on_deadline(now);
    }

    fn leg(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::Caller => Some(&self.caller),
            Side::Callee => self.callee.as_ref(),
        }
    }

    /// Both legs: the one on `near`, then the other.
    fn pair(&mut self, near: Side) -> Option<(&mut Leg, &mut Leg)> {
        let callee = self.callee.as_mut()?;
        Some(match near {
            Side::Caller => (&mut self.caller, callee),
            Side::Callee => (callee, &mut self.caller),
        })
    }

    fn with_leg(&mut self, side: Side, now: Timestamp, act: impl FnOnce(&mut Leg, &mut Context<'_>)) {
        let leg = side.of(&mut self.caller, &mut self.callee);
        if let Some(leg) = leg {
            act(leg, context!(self, now));
        }
    }

    fn notify(&mut self, now: Timestamp, leg: Option<LegId>, kind: EventKind) {
        self.outputs.push_back(Output::Notify(Box::new(Event { time: now, call: self.id, leg, kind })));
    }

    fn media(&mut self, command: MediaCommand) {
        self.outputs.push_back(Output::Media(Box::new(command)));
    }

    #[allow(clippy::panic, reason = "the fault that tests of panic isolation inject; no configuration can enable it")]
    fn fault_hook(&self, arrival: &Arrival) {
        if let Some(fault) = self.node.fault.as_deref() {
            let wanted =
                |header: &crate::message::Header<'_>| header.raw_name.eq_ignore_ascii_case("X-Tandem-Fault") && header.value == fault;
            if arrival.message.headers().filter(|header| header.name == HeaderName::Other).any(|header| wanted(&header)) {
                panic!("injected fault");
            }
        }
    }
}
