//! Lets calls in: policy first, then the limits of the node, then a task of its own for each.

use crate::{actor::Actor, flight_recorder::Founding, log::Escaped, mailbox::Mailbox, node::Node, plain_text::PlainText};
use bytes::Bytes;
use std::rc::Rc;
use tandem_model::{Accounts, Admit, CallId, Challenge, Decision, Flow, LegProfile, Origin, Proved, Question, Timestamp};
use tandem_policy::{Begun, Offence};
use tandem_signalling::{
    Arrival, CallSetup, Input, Lines, RETRY_WHEN_DRAINING_S, ReturnTo, answer_destination, is_behind_nat,
    message::{Host, Message, Method, Uri},
    number_called,
};

/// When a call may have room again for what it is told.
const RETRY_WHEN_BUSY_S: u32 = 2;

/// What has no room for a call.
enum Full {
    /// The node: 503.
    Node { retry_after_s: u32 },
    /// The trunk or user that it comes from: its own status.
    Origin { status: u16 },
}

impl Node {
    /// An INVITE that nobody owns.
    pub(crate) fn on_founding(self: &Rc<Self>, now: Timestamp, arrival: Box<Arrival>, names: &[Box<str>]) {
        // Whether or not it is let in, so that the log can name what it says of it.
        let id = self.next_call_id(now);
        self.log_message("received", arrival.flow.remote, Some(id), arrival.message.bytes());
        let Some(who) = self.admitted(now, &arrival, names) else { return };
        self.found(now, id, arrival, who);
    }

    /// Begins what that request begins, where there is room for it.
    fn found(self: &Rc<Self>, now: Timestamp, id: CallId, arrival: Box<Arrival>, (origin, profile): (Origin, LegProfile)) {
        let begun = match self.begin(now, &arrival, &origin, &profile) {
            Ok(begun) => begun,
            Err(full) => return self.refuse_for_want_of_room(now, &arrival, &profile, &full),
        };
        self.dispatcher.borrow_mut().adopt(&arrival, id);
        let mailbox = Mailbox::new();
        self.routes.insert(id, mailbox.clone());
        let setup = CallSetup { id, seed: self.random.borrow_mut().next_u64(), node: self.facts.borrow().clone() };
        if let Some(actor) = Actor::found(self.clone(), setup, begun, arrival, origin, profile, mailbox) {
            tokio::task::spawn_local(actor.run());
        }
    }

    /// Another request outside of any dialog.
    pub(crate) fn on_exchange(self: &Rc<Self>, now: Timestamp, arrival: Box<Arrival>, names: &[Box<str>]) {
        let Some(who) = self.admitted(now, &arrival, names) else { return };
        if arrival.message.method() == Method::Message {
            return self.found(now, self.next_call_id(now), arrival, who);
        }
        if arrival.message.method() == Method::Refer {
            return self.on_refer(now, arrival, who);
        }
        if let (Method::Register, (Origin::User { name }, profile)) = (arrival.message.method(), &who) {
            return self.on_register(now, &arrival, name, profile);
        }
        let answer = self.dispatcher.borrow_mut().answer_outside(now, &arrival, &who.1, self.draining.get());
        self.send(answer, None);
    }

    /// A REFER outside of any dialog: it is for the call with the dialog that it names.
    fn on_refer(self: &Rc<Self>, now: Timestamp, arrival: Box<Arrival>, (origin, profile): (Origin, LegProfile)) {
        let named = self.dispatcher.borrow_mut().referred_call(now, &arrival, &profile);
        let call = match named {
            Ok(call) if self.routes.has_room(call) => call,
            Ok(_) => {
                let answer = self.dispatcher.borrow_mut().refuse_for_now(now, &arrival, ReturnTo::of(profile.nat), RETRY_WHEN_BUSY_S);
                return self.send(answer, None);
            }
            Err(answer) => return self.send(answer, None),
        };
        self.dispatcher.borrow_mut().adopt_refer(&arrival, call);
        self.uses(call, &arrival.flow);
        // There is room: that was asked first, and nothing has run in between.
        let _ = self.routes.deliver(call, Input::Referred(arrival, origin));
    }

    /// Whether what came over `flow` is from a stranger to a listener that strangers get no answer from.
    pub(crate) fn is_stranger_to_silence(&self, now: Timestamp, flow: &Flow, names: &[Box<str>]) -> bool {
        let (domain, to) = (Box::default(), Box::default());
        let admit =
            Admit { listener: flow.listener, source: flow.remote, domain, to, tls_names: names.into(), registered: None, registers: false };
        self.decide(now, 0, &Question::Admit(admit)) == Decision::Ignore
    }

    /// Who sent this, if they may speak to us; else they have been told, or not, as policy says.
    fn admitted(self: &Rc<Self>, now: Timestamp, arrival: &Arrival, names: &[Box<str>]) -> Option<(Origin, LegProfile)> {
        match self.decide(now, 0, &Question::Admit(admit(&arrival.message, &arrival.flow, names, &self.lines.borrow()))) {
            Decision::Admitted { origin, profile, challenge } => {
                let proven = challenge.as_ref().is_none_or(|challenge| self.prove(now, challenge, arrival).is_ok());
                if proven {
                    self.abuse.borrow_mut().let_in(now, &arrival.flow, challenge.is_some());
                }
                proven.then_some((origin, profile))
            }
            Decision::Prove(challenge) => {
                let name = self.prove(now, &challenge, arrival).ok()??;
                let behind_nat = is_behind_nat(&arrival.message, &arrival.flow);
                let proved = Proved { name, listener: arrival.flow.listener, behind_nat };
                match self.decide(now, 0, &Question::User(Box::new(proved))) {
                    Decision::Admitted { origin, profile, .. } => {
                        self.abuse.borrow_mut().let_in(now, &arrival.flow, true);
                        Some((origin, profile))
                    }
                    _ => None,
                }
            }
            Decision::Reject { status, reason } => {
                self.counted.borrow_mut().strangers_refused += 1;
                let transmit = self.dispatcher.borrow().reply(&arrival.message, &arrival.flow, status, reason.as_deref(), |_| {});
                self.answer_stranger(now, &arrival.flow, arrival.message.bytes().len(), transmit);
                self.on_offence_over(now, &arrival.flow, Offence::Stranger);
                None
            }
            Decision::Ignore => {
                self.counted.borrow_mut().strangers_refused += 1;
                self.on_offence_over(now, &arrival.flow, Offence::Stranger);
                None
            }
            Decision::Route { .. } | Decision::Consult(_) | Decision::Dial(_) => None,
        }
    }

    /// Who they are, where they could be several; if they are not who they should be, they have been asked.
    fn prove(self: &Rc<Self>, now: Timestamp, challenge: &Challenge, arrival: &Arrival) -> Result<Option<Box<str>>, ()> {
        let is_known = self.abuse.borrow().is_trusted(now, arrival.flow.remote);
        let mut unproven = match self.dispatcher.borrow_mut().authenticate(now, challenge, arrival, is_known) {
            Ok(who) => return Ok(who),
            Err(unproven) => unproven,
        };
        if matches!(challenge.accounts, Accounts::Any(_)) {
            unproven.transmit.destination = answer_destination(&arrival.message, &arrival.flow, false);
        }
        self.counted.borrow_mut().wrong_credentials += u64::from(unproven.wrong.is_some());
        if let Some(holder) = unproven.wrong.as_ref().filter(|wrong| !wrong.is_unheard).and_then(|wrong| wrong.holder) {
            self.abuse.borrow_mut().answered_wrong(now, arrival.flow.remote, holder);
            self.on_offence(now, holder, Offence::Credentials);
        }
        // Wrong answers come in crowds, and the log is no place for one.
        if let Some(wrong) = unproven.wrong.filter(|wrong| wrong.count.is_power_of_two()) {
            let (source, why, count) = (arrival.flow.remote, wrong.why, wrong.count);
            tracing::warn!(%source, trunk = %challenge.trunk, user = %Escaped(&wrong.username), why, count, "wrong credentials");
        }
        self.answer_stranger(now, &arrival.flow, arrival.message.bytes().len(), unproven.transmit);
        Err(())
    }

    /// Counts a call of `origin`, where there is room for it.
    fn begin(&self, now: Timestamp, arrival: &Arrival, origin: &Origin, profile: &LegProfile) -> Result<Option<Begun>, Full> {
        if self.draining.get() {
            return Err(Full::Node { retry_after_s: RETRY_WHEN_DRAINING_S });
        }
        let is_emergency = || self.rules.borrow().is_emergency(origin, &number_called(&arrival.message, profile.shown.called_from));
        let mut limits = self.limits.borrow_mut();
        let node = limits.try_begin(now).or_else(|full| if is_emergency() { limits.try_begin_emergency(now) } else { Err(full) });
        node.map_err(|full| Full::Node { retry_after_s: full.retry_after_s })?;
        let mut trunks = self.trunks.borrow_mut();
        trunks.try_call(origin, now).or_else(|status| {
            if is_emergency() {
                return Ok(trunks.call_anyway(origin, now));
            }
            limits.end();
            Err(Full::Origin { status })
        })
    }

    fn refuse_for_want_of_room(self: &Rc<Self>, now: Timestamp, arrival: &Arrival, profile: &LegProfile, full: &Full) {
        let to = ReturnTo::of(profile.nat);
        self.counted.borrow_mut().calls_refused += 1;
        let mut dispatcher = self.dispatcher.borrow_mut();
        let answer = match *full {
            Full::Node { retry_after_s } => dispatcher.refuse_for_now(now, arrival, to, retry_after_s),
            Full::Origin { status } => dispatcher.answer(now, arrival, to, status, |_| {}),
        };
        drop(dispatcher);
        self.send(answer, None);
    }

    /// An INVITE whose call failed before it was one.
    pub(crate) fn refuse_founding(self: &Rc<Self>, founding: &Founding) {
        if let Ok(invite) = Message::parse(Bytes::copy_from_slice(&founding.bytes)) {
            let transmit = self.dispatcher.borrow().reply(&invite, &founding.flow, 500, None, |_| {});
            self.send(transmit, None);
        }
    }

    /// Ids differ for as long as fewer than 65 536 calls begin in one millisecond.
    pub(crate) fn next_call_id(&self, now: Timestamp) -> CallId {
        let counter = self.counter.get().wrapping_add(1);
        self.counter.set(counter);
        CallId::new(self.clock.unix_ms(now), counter)
    }
}

/// What a request shows before anything is spent on it.
fn admit(request: &Message, flow: &Flow, names: &[Box<str>], lines: &Lines) -> Admit {
    let uri = Uri::parse(request.uri()).ok();
    let domain = uri.map(|uri| as_written(uri.host)).unwrap_or_default();
    let registered = uri.and_then(|uri| lines.trunk_of(&uri, flow.listener)).map(Into::into);
    let to = request.to().ok().and_then(|to| Uri::parse(to.uri).ok().map(|uri| uri.user_unescaped().as_ref().into()));
    let registers = request.method() == Method::Register;
    Admit {
        listener: flow.listener,
        source: flow.remote,
        domain,
        to: to.unwrap_or_default(),
        tls_names: names.into(),
        registered,
        registers,
    }
}

fn as_written(host: Host<'_>) -> Box<str> {
    match host {
        Host::Name(name) => name.into(),
        Host::V4(address) => PlainText::v4(address).as_str().into(),
        Host::V6(_) => host.to_string().into(),
    }
}
