//! The task that owns a call: takes what is in its mailbox and what its timer says, and does what the call wants done.

use crate::{
    alarm::{Alarm, timer},
    containment::contain,
    flight_recorder::{Dump, Entry, Fault, Founding, Recorded, Trail},
    log::Escaped,
    mailbox::{Glance, Mail, Mailbox},
    masked::mask_view,
    node::Node,
    replay::revive,
};
use bytes::Bytes;
use std::{pin::pin, rc::Rc, time::Duration};
use tandem_model::{
    CallId, CallRecord, CallView, Decision, Dial, EndReason, EndedBy, Event, EventKind, LegEnd, LegProfile, LegRecord, MAX_LEGS,
    MediaCommand, Origin, Place, Question, QuestionId, Timestamp,
};
use tandem_policy::{Begun, Places};
use tandem_signalling::{Arrival, CallSetup, Input, Machine, Output, message::Message};
use tokio::sync::oneshot;

/// Pauses before each time that the last words of a call that failed are said: nobody is left to hear whether they arrived.
static LAST_WORDS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(1)];

/// The Q.850 cause of a call that failed inside.
const TEMPORARY_FAILURE: u8 = 41;

/// A call and what its task keeps beside it.
pub(crate) struct Actor {
    pub(crate) node: Rc<Node>,
    pub(crate) setup: CallSetup,
    /// `None` once it failed inside.
    call: Option<Machine>,
    mailbox: Mailbox,
    trail: Trail,
    /// It failed inside once; what it is now was brought back to be ended.
    failed: bool,
    began: Timestamp,
    answered: Option<Timestamp>,
    /// On the trunks that count it.
    pub(crate) places: Places,
    /// Questions that somebody else was asked, with the route that asks.
    pub(crate) consulting: Vec<(QuestionId, Box<Question>, Box<str>)>,
    /// How many it has added to those of the node.
    legs: i64,
    /// It has ended and no longer counts, though its last transactions may not be over.
    pub(crate) ended: bool,
}

/// Whether the call goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Over,
}

impl Actor {
    /// Founds a call and carries out what it wants first. `None` if it is over already.
    pub(crate) fn found(
        node: Rc<Node>,
        setup: CallSetup,
        calling: Option<Begun>,
        arrival: Box<Arrival>,
        origin: Origin,
        profile: LegProfile,
        mailbox: Mailbox,
    ) -> Option<Actor> {
        let now = node.clock.now();
        let trail = node.recorder.borrow_mut().founded(now, &setup, &arrival, &origin, &profile);
        let begin = |setup| Machine::found(setup, now, arrival, origin, profile);
        Actor::begin(node, now, setup, (calling, trail, mailbox), begin)
    }

    /// Makes a call that somebody told us to make, likewise.
    pub(crate) fn dial(node: Rc<Node>, now: Timestamp, setup: CallSetup, dial: Dial, mailbox: Mailbox) -> Option<Actor> {
        let trail = node.recorder.borrow_mut().dialled(now, &setup, &dial);
        Actor::begin(node, now, setup, (None, trail, mailbox), |setup| Machine::dial(setup, now, dial))
    }

    fn begin(
        node: Rc<Node>,
        now: Timestamp,
        setup: CallSetup,
        (calling, trail, mailbox): (Option<Begun>, Trail, Mailbox),
        begin: impl FnOnce(CallSetup) -> Machine,
    ) -> Option<Actor> {
        let places = Places::new(&node.trunks.borrow(), calling);
        let mut actor = Actor {
            node,
            setup,
            call: None,
            mailbox,
            trail,
            failed: false,
            began: now,
            answered: None,
            places,
            consulting: Vec::new(),
            legs: 0,
            ended: false,
        };
        let setup = actor.setup.clone();
        let going = match contain(|| begin(setup)) {
            Ok(call) => {
                actor.call = Some(call);
                actor.carry_out(now)
            }
            Err(fault) => actor.fail(now, &fault),
        };
        (going == Going::On).then_some(actor)
    }

    /// Runs the call to its end.
    pub(crate) async fn run(mut self) {
        let mut timer = pin!(timer(self.node.clock));
        let mut alarm = Alarm::new(timer.as_mut(), self.node.clock);
        loop {
            let due = self.call.as_ref().and_then(|call| call.poll_timeout()).map(|(at, _)| at);
            let input = match alarm.next(&self.mailbox, due).await {
                Mail::Input(input) => input,
                Mail::Said(id, said) => match self.on_said(self.node.clock.now(), id, said) {
                    Some(input) => input,
                    None => continue,
                },
                Mail::Look(glance) => {
                    self.show(glance);
                    continue;
                }
            };
            let now = self.node.clock.now();
            if self.handle(now, input) == Going::Over || self.carry_out(now) == Going::Over {
                return;
            }
        }
    }

    /// Shows what is to be seen of the call. Whoever asked may have gone.
    fn show(&self, glance: Glance) {
        match glance {
            Glance::View(reply) => self.show_view(reply),
            Glance::Story(reply) => drop(self.node.story(&self.setup, &self.trail).map(|story| reply.send(story))),
        }
    }

    fn show_view(&self, reply: oneshot::Sender<CallView>) {
        match contain(|| self.call.as_ref().and_then(|call| call.view())) {
            Ok(view) => drop(view.map(|mut view| {
                mask_view(&mut view);
                reply.send(view)
            })),
            Err(fault) => {
                let (call, message) = (self.setup.id, Escaped(&fault.message));
                tracing::error!(%call, place = %fault.place, "a call could not be shown: {message}");
            }
        }
    }

    fn handle(&mut self, now: Timestamp, input: Input) -> Going {
        let Some(call) = &mut self.call else { return Going::Over };
        // Should the call die of a letter, the leg in it is in nobody's hands.
        let word = if let Input::Letter(_, letter) = &input { letter.last_word(&self.setup.node) } else { None };
        self.node.recorder.borrow_mut().input(&mut self.trail, now, self.setup.id, &input);
        match contain(|| call.handle(now, input)) {
            Ok(()) => Going::On,
            Err(fault) => {
                word.into_iter().for_each(|word| self.node.send_for(self.setup.id, word));
                self.fail(now, &fault)
            }
        }
    }

    /// Does what the call wants, and tells it what came of it at once, until it wants nothing more.
    fn carry_out(&mut self, now: Timestamp) -> Going {
        loop {
            // A call asks one thing at a time, so this rarely holds more than one.
            let mut answers = Vec::new();
            while let Some(output) = self.call.as_mut().and_then(|call| call.poll_output()) {
                if matches!(output, Output::Ended) {
                    return Going::Over;
                }
                answers.extend(self.do_one(now, output));
            }
            if answers.is_empty() {
                return Going::On;
            }
            for answer in answers {
                if self.handle(now, answer) == Going::Over {
                    return Going::Over;
                }
            }
        }
    }

    fn do_one(&mut self, now: Timestamp, output: Output) -> Option<Input> {
        let (node, call) = (&self.node, self.setup.id);
        match output {
            Output::Send(transmit) => node.send_for(call, *transmit),
            Output::Locate(leg, sought) => return node.locate(leg, *sought),
            Output::HopFailed(hop, span) => node.hop_failed(hop, span),
            Output::NobodyThere(hop) => node.on_flow_lost(hop.listener, hop.address),
            Output::Ask(id, question) => {
                let place = Place::asked(id, &question);
                // It asks when it turns to somebody else.
                node.free_place(&mut self.places, place);
                let decision = node.decide(now, self.setup.seed, &question);
                if let Decision::Consult(consult) = decision {
                    self.consult(now, id, question, *consult);
                    return None;
                }
                self.places.take(&mut node.trunks.borrow_mut(), now, (id, &question), &decision);
                return Some(Input::Decided(id, Box::new(decision)));
            }
            Output::Media(command) => return node.command_media(*command).map(|answer| Input::Media(Box::new(answer))),
            Output::Notify(event) => self.notify(*event),
            Output::LegAdded(leg) => node.dispatcher.borrow_mut().leg_added(leg, call),
            Output::LegRemoved(leg) => node.dispatcher.borrow_mut().leg_removed(leg, call),
            Output::Letter(to, mut letter) => {
                letter.bill(self.places.payers(&node.trunks.borrow()));
                return node.post(call, to, letter);
            }
            Output::Commanded(id, outcome) => node.reply(call, id, outcome),
            Output::Health(news) => node.take_health(&news),
            Output::PlaceFree(place) => node.free_place(&mut self.places, place),
            Output::Joined(leg, endpoint, payers) => {
                self.places.take_over(&mut node.trunks.borrow_mut(), now, (leg, &endpoint), &payers);
            }
            Output::FlowFailed(used) => node.on_flow_failed(now, &used),
            Output::Retire(key, tombstone) => node.dispatcher.borrow_mut().retire(now, key, tombstone),
            Output::Ended => {}
        }
        None
    }

    fn notify(&mut self, event: Event) {
        if matches!(event.kind, EventKind::LegAnswered) && self.answered.is_none() {
            self.answered = Some(event.time);
            self.node.counted.borrow_mut().answered(self.began, event.time);
            self.places.answered(&mut self.node.trunks.borrow_mut(), event.time);
        }
        match event.kind {
            EventKind::LegCreated(_) => self.count_legs(1),
            EventKind::LegEnded(_) | EventKind::LegFailed(_) => self.count_legs(-1),
            _ => {}
        }
        let is_end = matches!(event.kind, EventKind::CallEnded(_) | EventKind::Exchanged(_));
        self.node.notify(event);
        if is_end {
            self.release();
        }
    }

    fn count_legs(&mut self, more: i64) {
        self.legs += more;
        self.node.count_legs(more);
    }

    /// Gives its place back, once.
    fn release(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.count_legs(-self.legs);
            self.node.on_call_ended(&mut self.places);
        }
    }

    /// The call panicked. It is written out for whoever looks into it, and ended: as it stood before what it died of, where the
    /// recorder can bring that back, else with no more than a last word to each peer.
    fn fail(&mut self, now: Timestamp, fault: &Fault) -> Going {
        let (node, id) = (self.node.clone(), self.setup.id);
        tracing::error!(call = %id, place = %fault.place, "a call failed inside and is ended: {}", Escaped(&fault.message));
        let was_founded = self.call.is_some();
        let dead = self.call.take();
        if !self.failed {
            self.failed = true;
            let dump =
                Dump::take(&node.recorder.borrow(), &self.trail, &self.setup, node.clock.unix_ms(Timestamp::ZERO), Some(fault.clone()));
            node.write_dump(id, dump);
            let entries = node.recorder.borrow().recall(&self.trail);
            self.call = entries.and_then(|entries| revive(&self.setup, &entries));
        }
        if self.call.is_some() {
            // Whatever it dies of now, it is no longer needed.
            let _ = contain(|| drop(dead));
            return self.handle(now, Input::End(EndReason::Internal));
        }
        let last_words = contain(|| {
            let words = dead.as_ref().map(|call| call.last_words()).unwrap_or_default();
            drop(dead);
            words
        });
        node.say_last_words(last_words.unwrap_or_default(), &LAST_WORDS);
        node.command_media(MediaCommand::Close { call: id });
        let founding = node.recorder.borrow().recall(&self.trail).and_then(|entries| entries.into_iter().next());
        if let Some(Recorded::Founded(founding)) = founding.as_ref().map(|entry| &entry.recorded).filter(|_| !was_founded) {
            node.refuse_founding(founding);
        }
        let kind = EventKind::CallEnded(Box::new(self.record(now, founding.as_ref())));
        self.notify(Event { time: now, call: id, leg: None, kind });
        let legs = (0..MAX_LEGS).filter_map(|index| id.leg(index));
        legs.for_each(|leg| node.dispatcher.borrow_mut().leg_removed(leg, id));
        Going::Over
    }

    /// What is known of a failed call: from outside of it, and from the INVITE that it was founded on.
    fn record(&self, now: Timestamp, founding: Option<&Entry>) -> CallRecord {
        let leg = founding.and_then(|entry| match &entry.recorded {
            Recorded::Founded(founding) => caller_of(self.setup.id, founding),
            _ => None,
        });
        let metadata = founding.and_then(|entry| match &entry.recorded {
            Recorded::Dialled { dial, .. } => dial.metadata.clone(),
            _ => None,
        });
        CallRecord {
            call: self.setup.id,
            route: Box::default(),
            began: self.began,
            rang: None,
            answered: self.answered,
            ended: now,
            reason: EndReason::Internal,
            metadata,
            legs: leg.into_iter().collect(),
        }
    }
}

/// However a call ends, nothing leads to it any more.
impl Drop for Actor {
    fn drop(&mut self) {
        self.release();
        self.node.remember(&self.setup, self.trail);
        self.node.on_call_over(self.setup.id);
    }
}

fn caller_of(call: CallId, founding: &Founding) -> Option<LegRecord> {
    let invite = Message::parse(Bytes::copy_from_slice(&founding.bytes)).ok()?;
    Some(LegRecord {
        leg: call.leg(0)?,
        endpoint: founding.origin.endpoint(),
        from: invite.from().map(|from| from.uri.into()).unwrap_or_default(),
        to: invite.to().map(|to| to.uri.into()).unwrap_or_default(),
        remote: Some(founding.flow.remote),
        sip_call_id: invite.call_id().into(),
        session_id: Box::default(),
        sip_status: 0,
        codec: None,
        replaced_by: None,
        media: None,
        end: LegEnd { sip_status: 500, reason: EndReason::Internal.words(), q850_cause: TEMPORARY_FAILURE, by: EndedBy::Node },
    })
}
