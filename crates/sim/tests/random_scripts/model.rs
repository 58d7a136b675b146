//! A small model of a bridged call: from what the phones of a call said, and when that reached the node, it says how the call must have
//! gone. It knows no dialogs, transactions or timers, only who spoke first; so it holds where every message arrives, and arrives after
//! the same time.

use crate::{forgiven::Forgiven, world::PHONES};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tandem_model::{CallId, CallRecord, EndReason, Timestamp};
use tandem_phone::{Call, Message, Phone, Role};
use tandem_sim::Sim;

/// How long the node waits for a first word: `trying_timeout`.
const TRYING_TIMEOUT: Duration = Duration::from_secs(4);

/// The route that rings one after the other, and how long each.
const IN_TURN: (&str, Duration) = ("one after the other", Duration::from_secs(10));

/// The shortest `timeout` of a group.
const SHORTEST_GROUP: Duration = Duration::from_secs(25);

/// Routes that may answer before anybody has.
const AT_ONCE: [&str; 2] = ["all at once", IN_TURN.0];

/// The route that rings on when somebody declines.
const ENDS_ON_NONE: &str = "all at once, unheard";

/// One phone's part in a call.
struct Part<'a> {
    phone: &'a Phone,
    call: &'a Call,
    delay: Duration,
    /// What of the time for its answer is left when it is called: the node asks policy for its place before.
    turn: Option<Duration>,
}

impl Part<'_> {
    /// When the first such message of this phone reached the node.
    fn said(&self, what: impl Fn(&Message) -> bool) -> Option<Timestamp> {
        let own = self.phone.trace().iter().filter(|traced| traced.sent && traced.message.call_id() == self.call.call_id);
        own.filter(|traced| what(&traced.message)).map(|traced| traced.at + self.delay).min()
    }

    fn asked(&self, method: &str) -> Option<Timestamp> {
        self.said(|message| message.is_request() && message.method() == method)
    }

    /// When the node asked it first.
    fn was_asked(&self, method: &str) -> Option<Timestamp> {
        let heard = self.phone.trace().iter().filter(|traced| !traced.sent && traced.message.call_id() == self.call.call_id);
        let requests = heard.filter(|traced| traced.message.is_request() && traced.message.method() == method);
        requests.map(|traced| Timestamp::ZERO + traced.at.since(Timestamp::ZERO + self.delay)).min()
    }

    /// It heard a reliable provisional response, whose PRACK a 2xx may have to wait for.
    fn hears_reliably(&self) -> bool {
        let heard = self.phone.trace().iter().filter(|traced| !traced.sent && traced.message.call_id() == self.call.call_id);
        heard.into_iter().any(|traced| traced.message.header("RSeq").is_some())
    }

    /// When the node gave it up: by its CANCEL, or without a word as it said none in time, or its turn was over.
    fn given_up(&self) -> Option<Timestamp> {
        let spoke = self.call.statuses.first().map(|(at, _)| *at + self.delay);
        let patience = self.was_asked("INVITE").map(|at| at + self.turn.unwrap_or(TRYING_TIMEOUT).min(TRYING_TIMEOUT));
        [patience.filter(|until| spoke.is_none_or(|at| at > *until)), self.was_asked("CANCEL")].into_iter().flatten().min()
    }

    /// Its first word came so close to the end of patience that either may have been first: a connection takes a while to be made.
    fn is_at_the_limit(&self) -> bool {
        let (asked, spoke) = (self.was_asked("INVITE"), self.call.statuses.first());
        asked.zip(spoke).is_some_and(|(asked, (at, _))| (*at + self.delay).since(asked).abs_diff(TRYING_TIMEOUT) <= self.delay * 3)
    }

    /// When its 2xx to the first INVITE reached the node, if anybody there still waited for it.
    fn answered(&self) -> Option<Timestamp> {
        let said = self.call.statuses.iter().find(|(_, status)| (200..300).contains(status));
        said.map(|(at, _)| *at + self.delay).filter(|at| self.given_up().is_none_or(|given_up| *at < given_up))
    }
}

/// When the first 6xx reached the node, which ends a whole group (RFC 3261 §16.7).
fn declined(callees: &[Part<'_>]) -> Option<Timestamp> {
    let said = callees.iter().filter_map(|part| {
        let last = part.call.statuses.iter().find(|(_, status)| *status >= 200);
        let at = last.filter(|(_, status)| *status >= 600).map(|(at, _)| *at + part.delay);
        at.filter(|at| part.given_up().is_none_or(|given_up| *at < given_up))
    });
    said.min()
}

/// A call with all its phones.
struct Story<'a> {
    record: &'a CallRecord,
    caller: Part<'a>,
    callees: Vec<Part<'a>>,
}

/// Every call of the world went as the model says; tells how many it could say something of. `well_behaved`: nobody has a bad habit.
pub(crate) fn check(sim: &Sim, forgiven: &Forgiven, well_behaved: bool) -> u64 {
    let (mut judged, mixed) = (0, mixed(sim, forgiven.places_are_taken));
    let (delay, waits) = (forgiven.delay, sim.core().policy_delay + sim.core().shard.delay);
    let mut parts: BTreeMap<CallId, (Vec<Part<'_>>, Vec<Part<'_>>)> = BTreeMap::new();
    for address in PHONES {
        let phone = sim.phone(address);
        for call in phone.calls() {
            let Some(id) = sim.core().call_of(&call.call_id) else { continue };
            let (callers, callees) = parts.entry(id).or_default();
            if call.role == Role::Caller { callers } else { callees }.push(Part { phone, call, delay, turn: None });
        }
    }
    for record in sim.core().records() {
        let Some((mut callers, mut callees)) = parts.remove(&record.call) else { continue };
        let Some(caller) = callers.pop() else { continue };
        if record.route.as_ref() == IN_TURN.0 {
            callees.iter_mut().for_each(|part| part.turn = Some(IN_TURN.1.saturating_sub(waits)));
        }
        let is_answered_early = forgiven.at_once && AT_ONCE.contains(&record.route.as_ref());
        let is_open = is_answered_early || mixed.contains(&record.call);
        let story = Story { record, caller, callees };
        if !is_open && !story.cancels_in_vain() && !story.callees.iter().any(Part::is_at_the_limit) {
            story.check(well_behaved);
            judged += 1;
        }
    }
    judged
}

/// Calls that somebody transferred, or whose places somebody asked for, with those that asked: more phones took part in them than were there
/// in the beginning, or fewer.
fn mixed(sim: &Sim, places_are_taken: bool) -> BTreeSet<CallId> {
    let sent = PHONES.into_iter().flat_map(|phone| sim.phone(phone).trace()).filter(|traced| traced.sent);
    let asks = |message: &Message| message.method() == "REFER" || places_are_taken && message.header("Replaces").is_some();
    let asked = sent.map(|traced| &traced.message).filter(|message| message.is_request() && asks(message));
    let ids = asked.flat_map(|message| {
        let named = [message.header("Replaces"), message.header("Target-Dialog")].into_iter().flatten().map(str::to_owned);
        let refer = message.header("Refer-To").and_then(|value| value.split_once("Replaces=")).map(|(_, value)| value.replace("%40", "@"));
        named.chain(refer).chain([message.call_id().to_owned()])
    });
    ids.filter_map(|named| sim.core().call_of(named.split([';', '%', '>']).next().unwrap_or_default())).collect()
}

impl Story<'_> {
    /// It took back the INVITE that was told to come again (422), and came again.
    fn cancels_in_vain(&self) -> bool {
        let told = self.caller.call.statuses.iter().any(|(_, status)| *status == 422);
        told && self.caller.asked("CANCEL").is_some()
    }

    fn check(&self, well_behaved: bool) {
        let record = self.record;
        // Each INVITE to somebody is a leg. More may have been in the making when the call ended: one, or as many as ring at once.
        let invited = 1 + self.callees.len();
        let more = if record.route.starts_with("all") { 3 } else { 1 };
        assert!((invited..=invited + more).contains(&record.legs.len()), "{invited} phones, {record:?}");
        let heard = self.caller.call.final_status();
        let gave_up = [self.caller.asked("CANCEL"), self.caller.asked("BYE")].into_iter().flatten().min();
        let declined = declined(&self.callees).filter(|_| record.route.as_ref() != ENDS_ON_NONE);
        let answered = self.callees.iter().filter_map(Part::answered).filter(|answer| !self.rang_out(*answer)).min();
        if declined.zip(answered).is_some_and(|(end, answer)| self.is_open(answer, end)) {
            return;
        }
        let answered = answered.filter(|answer| declined.is_none_or(|end| *answer < end));
        match (answered, gave_up) {
            (Some(answer), Some(end)) if self.is_open(answer, end) => {}
            // The 2xx waited for a PRACK that did not come before the call was over.
            (Some(_), _) if record.answered.is_none() && self.caller.hears_reliably() => {
                assert!(heard.is_none_or(|status| status >= 300), "the caller heard {heard:?}: {record:?}");
            }
            (Some(answer), end) if end.is_none_or(|end| answer < end) => {
                assert_eq!(record.answered, Some(answer), "answered when the first 2xx comes: {record:?}");
                assert!(heard.is_some_and(|status| status / 100 == 2), "the caller heard {heard:?}: {record:?}");
                self.check_end(answer, well_behaved);
            }
            (_, Some(_)) if record.answered.is_none() => {
                assert!(heard.is_none_or(|status| status >= 300), "the caller heard {heard:?}: {record:?}");
                let cancelled = matches!(record.reason, EndReason::Cancelled);
                assert_eq!(cancelled, heard == Some(487), "the caller took it back and heard {heard:?}: {record:?}");
            }
            _ if self.callees.is_empty() => {}
            _ => {
                assert_eq!(record.answered, None, "nobody answered: {record:?}");
                let ends = matches!(record.reason, EndReason::Failed(_) | EndReason::RingTimeout | EndReason::Cancelled);
                assert!(ends && heard.is_none_or(|status| status >= 300), "the caller heard {heard:?}: {record:?}");
            }
        }
    }

    /// The time for an answer had run out by then. Who has said nothing yet is not told: a CANCEL waits for a first word.
    fn rang_out(&self, answer: Timestamp) -> bool {
        let refused = self.caller.call.statuses.iter().find(|(_, status)| *status >= 300);
        let is_up = match self.record.reason {
            EndReason::RingTimeout => true,
            // Of those before one has failed with something better.
            EndReason::Failed(_) => self.record.ended.since(self.record.began) >= SHORTEST_GROUP,
            _ => false,
        };
        is_up && refused.is_some_and(|(at, _)| *at <= answer + self.caller.delay)
    }

    /// Either may have been first: in one instant, or closer than the time that a new connection takes.
    fn is_open(&self, one: Timestamp, other: Timestamp) -> bool {
        let uncertain = if self.uses_streams() { self.caller.delay * 3 } else { Duration::ZERO };
        one.max(other).since(one.min(other)) <= uncertain
    }

    fn uses_streams(&self) -> bool {
        std::iter::once(&self.caller).chain(&self.callees).any(|part| part.phone.setup().transport.is_reliable())
    }

    /// Who hangs up first ends an answered call, unless it ended by itself before.
    fn check_end(&self, answer: Timestamp, well_behaved: bool) {
        // An offer in a 2xx that cannot be accepted is the end (RFC 3261 §13.2.2.4), and so is an ACK without the answer that was due.
        if self.record.reason == EndReason::Failed(488) {
            return;
        }
        // Others talk at the end than those that the model knows of.
        if self.record.legs.iter().any(|leg| leg.replaced_by.is_some()) {
            return;
        }
        let by_itself =
            matches!(self.record.reason, EndReason::AckTimeout | EndReason::DialogLost | EndReason::Inactivity | EndReason::SessionExpired);
        // A 481 over one connection may overtake the BYE over another that it is due to.
        assert!(!by_itself || !well_behaved || self.uses_streams(), "nobody did anything wrong: {:?}", self.record);
        let later = |at: &Timestamp| *at > answer;
        let caller = self.caller.asked("BYE").filter(later);
        // Who answered when nobody waited any more has a dialog of its own, and may say BYE in it.
        let talks = |part: &&Part<'_>| part.answered() == Some(answer);
        if self.callees.iter().filter(talks).count() > 1 {
            // In one instant: the record does not say which of them it was.
            return;
        }
        let callee = self.callees.iter().filter(talks).filter_map(|part| part.asked("BYE")).filter(later).min();
        let first = match (caller, callee) {
            _ if by_itself => return,
            (Some(caller), Some(callee)) if self.is_open(caller, callee) => return,
            (Some(caller), callee) if callee.is_none_or(|callee| caller < callee) => EndReason::CallerHungUp,
            (_, Some(_)) => EndReason::CalleeHungUp,
            _ => unreachable!("nobody hung up: {:?}", self.record),
        };
        assert_eq!(self.record.reason, first, "the first BYE ends it: {:?}", self.record);
    }
}
