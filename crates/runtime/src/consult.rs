//! Routes that ask somebody else where a call goes. The question leaves by a channel, for whoever speaks HTTP; what is said, or that nobody
//! said anything in time, comes back into the call's mailbox, and policy reads it there.

use crate::{actor::Actor, log::Escaped, node::Node};
use std::{rc::Rc, time::Duration};
use tandem_model::{CallId, Consult, Question, QuestionId, Timestamp};
use tandem_policy::read_said;
use tandem_signalling::Input;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Questions that may wait to be put.
pub const MAX_CONSULTATIONS: usize = 1024;

/// A question that is to be put to somebody.
#[derive(Debug)]
pub struct Consultation {
    /// Whose call.
    pub call: CallId,
    /// When, in microseconds since the epoch.
    pub unix_us: i64,
    /// To whom, and how long an answer may take.
    pub consult: Consult,
    /// [`Question::Route`] or [`Question::Transfer`].
    pub asked: Question,
    /// Takes the body of the answer; dropped where there is none.
    pub reply: oneshot::Sender<Box<str>>,
}

/// Where questions leave.
pub type Consultations = mpsc::Sender<Consultation>;

impl Node {
    /// Has that one asked.
    pub(crate) fn consult(self: &Rc<Self>, now: Timestamp, call: CallId, id: QuestionId, asked: &Question, consult: Consult) {
        let (reply, answer) = oneshot::channel();
        let (span, rule) = (consult.timeout, consult.rule.clone());
        let unix_us = i64::try_from(self.clock.unix_ms(now)).unwrap_or(i64::MAX).saturating_mul(1000);
        let consultation = Consultation { call, unix_us, consult, asked: asked.clone(), reply };
        let is_sent = self.consultations.as_ref().is_some_and(|consultations| consultations.try_send(consultation).is_ok());
        let node = self.clone();
        tokio::task::spawn_local(async move {
            // Without anybody to put it to, there is nothing to wait for.
            let said = timeout(if is_sent { span } else { Duration::ZERO }, answer).await.ok().and_then(Result::ok);
            if said.is_none() {
                node.note_silence(call, &rule);
            }
            // A call that has ended meanwhile does not mind.
            let _ = node.routes.say(call, id, said);
        });
    }

    /// Silence comes in crowds, and the log is no place for one.
    fn note_silence(&self, call: CallId, rule: &str) {
        let count = self.silences.get() + 1;
        self.silences.set(count);
        if count.is_power_of_two() {
            tracing::warn!(%call, route = %Escaped(rule), count, "nobody said where a call goes: the route does what it does by default");
        }
    }
}

impl Actor {
    /// What was said to a question of the call's route: the decision that comes of it.
    pub(crate) fn on_said(&mut self, now: Timestamp, id: QuestionId, said: Option<Box<str>>) -> Option<Input> {
        let place = self.consulting.iter().position(|(asked, ..)| *asked == id)?;
        let (_, asked, rule) = self.consulting.swap_remove(place);
        if self.ended {
            return None;
        }
        let node = &self.node;
        if let Some(Err(why)) = said.as_deref().map(|said| read_said(&node.rules.borrow(), said)) {
            let (call, why) = (self.setup.id, Escaped(&why));
            tracing::warn!(%call, route = %Escaped(&rule), %why, "what was said of a call cannot be done: the route does what it does by default");
        }
        let consulted = Question::Consulted { asked, rule, said };
        let decision = node.decide(now, self.setup.seed, &consulted);
        let Question::Consulted { asked, .. } = consulted else { return None };
        self.places.take(&mut node.trunks.borrow_mut(), now, (id, &asked), &decision);
        Some(Input::Decided(id, Box::new(decision)))
    }

    /// Puts the question of a call, which waits for [`Actor::on_said`].
    pub(crate) fn consult(&mut self, now: Timestamp, id: QuestionId, asked: Box<Question>, consult: Consult) {
        self.node.consult(now, self.setup.id, id, &asked, consult.clone());
        self.consulting.push((id, asked, consult.rule));
    }
}
