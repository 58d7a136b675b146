//! Guests: legs beside the two that a call joins, who are dialled because the call was told so.
//!
//! [`add`] finds out where one is and dials it, with an offer of our own; [`join`] has its answer, from which on all hear each other who talk, and
//! its end. What its peer asks is answered by us alone ([`asked`]), and what that is offered later is nobody else's business ([`offers`]). While a
//! guest talks the same holds for the two ([`beside`]), and if one of them leaves a guest takes its place ([`place`]). A call may be nothing but
//! guests ([`room`]).

mod add;
mod asked;
mod beside;
mod join;
mod offers;
mod place;
mod room;

use super::early_media::EarlyMedia;
use super::leg::{Extra, Leg, LegEvent, LostWay};
use super::{Call, Cause, Reason, context};
use crate::locate::Located;
use crate::negotiation::{PendingAlone, PendingOwn};
use crate::wire::Arrival;
use add::Search;
pub(super) use add::where_is;
use offers::Offers;
use tandem_model::{EndReason, EndpointRequest, LegId, LegPlan, QuestionId, Timestamp, TrunkId};

/// The guests of a call; nothing until its first.
#[derive(Debug, Default)]
pub(super) struct Guests {
    /// At most [`MAX_GUESTS`](tandem_model::MAX_GUESTS).
    list: Vec<Guest>,
    /// What they are there for, until somebody has answered.
    searches: Vec<Search>,
    last_key: u16,
    /// One of the two has settled something with us that the other does not know of.
    is_parted: bool,
}

/// Names a guest, or a search, within its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u16);

/// A guest, or somebody who may become one.
#[derive(Debug)]
struct Guest {
    key: Key,
    search: Key,
    /// What policy was asked about it: a trunk may count it.
    question: Option<QuestionId>,
    /// The trunk that does.
    seized: Option<TrunkId>,
    plans: Box<[LegPlan]>,
    /// Index of the plan after the one under way.
    next: usize,
    /// For all of them together.
    deadline: Option<Timestamp>,
    /// What the last of them failed with.
    failure: u16,
    label: Option<Box<str>>,
    stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    /// Policy has been asked where it is.
    Routing(QuestionId, Timestamp),
    /// Policy has been asked whether the trunk of the next place has room.
    Seizing(QuestionId, Timestamp),
    /// Ports are being opened for it, as this leg.
    Opening(LegId, Timestamp),
    /// It is invited.
    Dialling(Box<Dialling>),
    /// It has answered.
    Talking(Box<Talking>),
    /// On the way from one stage to the next.
    Turning,
}

#[derive(Debug)]
struct Dialling {
    leg: Leg,
    /// What its INVITE offered.
    own: PendingOwn,
    /// The answers that provisional responses brought.
    early: EarlyMedia,
    /// No response at all until then.
    trying_until: Option<Timestamp>,
    /// No answer until then.
    ring_until: Timestamp,
}

#[derive(Debug)]
struct Talking {
    leg: Leg,
    /// It does not want to hear anything.
    holds: bool,
    /// Our offer to an INVITE that brought none; the ACK will answer it.
    late: Option<PendingAlone>,
    offers: Offers,
}

impl Guest {
    fn leg(&self) -> Option<&Leg> {
        match &self.stage {
            Stage::Dialling(dialling) => Some(&dialling.leg),
            Stage::Talking(talking) => Some(&talking.leg),
            _ => None,
        }
    }

    fn leg_mut(&mut self) -> Option<&mut Leg> {
        match &mut self.stage {
            Stage::Dialling(dialling) => Some(&mut dialling.leg),
            Stage::Talking(talking) => Some(&mut talking.leg),
            _ => None,
        }
    }

    /// The ports that it waits for.
    fn wanted_endpoint(&self) -> Option<EndpointRequest> {
        let Stage::Opening(leg, _) = self.stage else { return None };
        self.plan().map(|plan| EndpointRequest { leg, side: plan.profile.media })
    }

    fn talks(&self) -> bool {
        matches!(self.stage, Stage::Talking(_))
    }

    /// The place under way.
    fn plan(&self) -> Option<&LegPlan> {
        self.next.checked_sub(1).and_then(|place| self.plans.get(place))
    }

    /// What it waits for no longer than that.
    fn due(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Routing(_, until) | Stage::Seizing(_, until) | Stage::Opening(_, until) => Some(*until),
            Stage::Dialling(dialling) => dialling.trying_until.into_iter().chain([dialling.ring_until]).min(),
            Stage::Talking(_) | Stage::Turning => None,
        }
    }
}

impl Guests {
    fn next_key(&mut self) -> Key {
        self.last_key = self.last_key.wrapping_add(1);
        Key(self.last_key)
    }

    fn get_mut(&mut self, key: Key) -> Option<&mut Guest> {
        self.list.iter_mut().find(|guest| guest.key == key)
    }

    fn take(&mut self, key: Key) -> Option<Guest> {
        let place = self.list.iter().position(|guest| guest.key == key)?;
        Some(self.list.remove(place))
    }
}

/// A guest of a call that lends its fields one by one.
fn guest(guests: &mut Option<Box<Guests>>, key: Key) -> Option<&mut Guest> {
    guests.as_mut()?.get_mut(key)
}

fn leg_of(guests: &mut Option<Box<Guests>>, key: Key) -> Option<&mut Leg> {
    guest(guests, key)?.leg_mut()
}

fn talking(guests: &mut Option<Box<Guests>>, key: Key) -> Option<&mut Talking> {
    match &mut guest(guests, key)?.stage {
        Stage::Talking(talking) => Some(talking),
        _ => None,
    }
}

impl Call {
    fn guests(&self) -> &[Guest] {
        self.guests.as_deref().map(|guests| guests.list.as_slice()).unwrap_or_default()
    }

    fn guest_of(&self, leg: LegId) -> Option<Key> {
        self.guests().iter().find(|guest| guest.leg().is_some_and(|known| known.id == leg)).map(|guest| guest.key)
    }

    /// What whoever added a guest calls it.
    pub(super) fn label_of(&self, leg: LegId) -> Option<Box<str>> {
        self.guests().iter().find(|guest| guest.leg().is_some_and(|known| known.id == leg)).and_then(|guest| guest.label.clone())
    }

    /// Guests who are invited, or talk.
    pub(super) fn guest_legs(&self) -> impl Iterator<Item = &Leg> {
        self.guests().iter().filter_map(Guest::leg)
    }

    /// Guests who talk.
    pub(super) fn company(&self) -> impl Iterator<Item = &Leg> {
        self.guests().iter().filter(|guest| guest.talks()).filter_map(Guest::leg)
    }

    /// Whether a guest does not want to hear anybody.
    pub(super) fn guest_holds(&self, leg: LegId) -> bool {
        let holds = |guest: &Guest| matches!(&guest.stage, Stage::Talking(talking) if talking.leg.id == leg && talking.holds);
        self.guests().iter().any(holds)
    }

    pub(super) fn has_company(&self) -> bool {
        self.company().next().is_some()
    }

    /// Whether somebody else is here, or is to come.
    pub(super) fn has_guests(&self) -> bool {
        !self.guests().is_empty()
    }

    /// All who talk, or are to when the callee has answered.
    pub(super) fn talkers(&self) -> impl Iterator<Item = &Leg> {
        std::iter::once(&self.caller).chain(&self.callee).chain(self.company())
    }

    /// A message to `leg`; it comes back if that is no guest's.
    pub(super) fn on_guest_message(&mut self, now: Timestamp, leg: LegId, arrival: Box<Arrival>) -> Option<Box<Arrival>> {
        let key = self.guest_of(leg);
        let Some((key, leg)) = key.and_then(|key| Some((key, leg_of(&mut self.guests, key)?))) else { return Some(arrival) };
        let event = leg.on_message(context!(self, now), arrival);
        self.on_guest_event(now, key, event);
        None
    }

    /// What became of the search for the hops of `leg`; it comes back if that is no guest's.
    pub(super) fn on_guest_located(&mut self, now: Timestamp, leg: LegId, located: Located) -> Option<Located> {
        let key = self.guest_of(leg);
        let Some((key, leg)) = key.and_then(|key| Some((key, leg_of(&mut self.guests, key)?))) else { return Some(located) };
        let event = leg.on_located(context!(self, now), located);
        self.on_guest_event(now, key, event);
        None
    }

    pub(super) fn guests_unreachable(&mut self, now: Timestamp, lost: &LostWay<'_>) {
        for key in self.guest_keys() {
            // An event of one may be the end of others.
            let Some(leg) = leg_of(&mut self.guests, key) else { continue };
            let event = leg.on_unreachable(context!(self, now), lost);
            self.on_guest_event(now, key, event);
        }
    }

    /// Timers of the guests.
    pub(super) fn wake_guests(&mut self, now: Timestamp) {
        for key in self.guest_keys() {
            while let Some(leg) = leg_of(&mut self.guests, key).filter(|leg| leg.poll_timeout().is_some_and(|at| at <= now)) {
                let event = leg.on_timeout(context!(self, now));
                self.on_guest_event(now, key, event);
            }
        }
    }

    fn guest_keys(&self) -> Vec<Key> {
        self.guests().iter().map(|guest| guest.key).collect()
    }

    pub(super) fn guest_deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> {
        let offers = self.guests().iter().filter_map(Guest::offer_due);
        self.guests().iter().filter_map(Guest::due).chain(offers).map(|at| (at, Reason::Guest)).chain(self.room_deadline())
    }

    pub(super) fn on_guest_deadline(&mut self, now: Timestamp) {
        self.on_room_deadline(now);
        let is_due = |guest: &&Guest| guest.due().is_some_and(|at| at <= now);
        while let Some(key) = self.guests().iter().find(is_due).map(|guest| guest.key) {
            let Some(guest) = guest(&mut self.guests, key) else { return };
            match &guest.stage {
                Stage::Dialling(dialling) if dialling.ring_until <= now => self.guest_rang_too_long(now, key),
                Stage::Dialling(_) => self.guest_silent(now, key, Cause::Timeout),
                _ => self.guest_out(now, key, 500, None),
            }
        }
    }

    /// Something that a guest's leg has to tell.
    fn on_guest_event(&mut self, now: Timestamp, key: Key, event: Option<LegEvent>) {
        match event {
            None => {}
            Some(LegEvent::Trying) => self.on_guest_trying(now, key),
            Some(LegEvent::Provisional(message)) => self.on_guest_provisional(now, key, &message),
            Some(LegEvent::Accepted(message)) => self.on_guest_answered(now, key, &message),
            Some(LegEvent::Rejected(message)) => self.on_guest_rejected(now, key, &message),
            Some(LegEvent::Turned) => self.on_guest_turned(now, key),
            Some(LegEvent::TimedOut) => self.guest_silent(now, key, Cause::Timeout),
            Some(LegEvent::Unreachable) => self.guest_silent(now, key, Cause::Unreachable),
            Some(LegEvent::HungUp(reason)) => self.guest_leaves(now, key, EndReason::CalleeHungUp, reason.as_deref()),
            Some(LegEvent::Lost | LegEvent::KeyLost) => self.guest_leaves(now, key, EndReason::DialogLost, None),
            Some(LegEvent::Expired) => self.guest_leaves(now, key, EndReason::SessionExpired, None),
            Some(LegEvent::AckMissing) => self.guest_leaves(now, key, EndReason::AckTimeout, None),
            Some(LegEvent::RefreshDue) => self.refresh_guest(now, key),
            Some(LegEvent::Asked(id)) => self.on_guest_asked(now, key, id),
            Some(LegEvent::Reinvited) => self.on_guest_reinvited(now, key),
            // RFC 3261 §9.2.
            Some(LegEvent::Cancelled(_)) => {
                if let Some(leg) = leg_of(&mut self.guests, key) {
                    leg.reject(context!(self, now), 487, None, &Extra::none());
                }
            }
            Some(LegEvent::Acknowledged(sdp)) => self.settle_late_guest(now, key, sdp.as_deref()),
            Some(LegEvent::Modified(message)) => self.on_guest_modified(now, key, &message),
            Some(LegEvent::Unmodified) => self.on_guest_unreached(now, key),
            // It is asked nothing for anybody, and tells of no transfer; its INVITE was ours.
            Some(LegEvent::Noticed(..) | LegEvent::Replied(..) | LegEvent::Unanswered(_) | LegEvent::Undelivered(..)) => {}
            Some(LegEvent::PrackAnswered(_) | LegEvent::PrackOffered(..) | LegEvent::PrackMissing | LegEvent::Accepting) => {}
        }
    }
}

/// One of those who talk, of a call that lends its fields one by one.
pub(super) fn talker<'c>(
    caller: &'c mut Leg,
    callee: &'c mut Option<Leg>,
    guests: &'c mut Option<Box<Guests>>,
    leg: LegId,
) -> Option<&'c mut Leg> {
    let company = guests.iter_mut().flat_map(|guests| &mut guests.list).filter(|guest| guest.talks()).filter_map(Guest::leg_mut);
    std::iter::once(caller).chain(callee).chain(company).find(|known| known.id == leg)
}
