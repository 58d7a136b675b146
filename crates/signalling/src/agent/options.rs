//! One target that is asked whether it is there (RFC 3261 §11): any answer but 408 and 503 is life.

use super::Context;
use super::client::{Client, Request, Told, Way};
use super::contact::Contact;
use crate::locate::Located;
use crate::message::{HeaderName, is_sips, reason_phrase};
use std::borrow::Cow;
use std::time::Duration;
use tandem_model::{Destination, LegId, ListenerId, PingPlan, PingTarget, Timestamp};

/// The first question comes within this time, so that those to all targets do not leave at one instant.
const SPREAD: Duration = Duration::from_secs(2);

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Not asked yet, or not answered yet.
    Unknown,
    /// It answers.
    Alive,
    /// It does not; the last try ended so.
    Dead(Cow<'static, str>),
}

/// A target and how it is.
#[derive(Debug)]
pub(super) struct Ping {
    target: PingTarget,
    every: Duration,
    down_after: u32,
    client: Client,
    life: Life,
    /// Questions in a row without an answer.
    missed: u32,
    /// When it is asked next, and from when on no answer to the last question is waited for.
    next: Timestamp,
}

impl Ping {
    pub(super) fn new(context: &mut Context<'_>, id: LegId, plan: &PingPlan, target: &PingTarget) -> Ping {
        let way = Way { listener: target.listener, destination: target.destination.clone() };
        // A question says nothing of us: a challenge is an answer.
        let client = Client::new(context, id, way, None);
        let spread = u64::try_from(plan.every.min(SPREAD).as_millis()).unwrap_or(u64::MAX);
        let next = context.now + Duration::from_millis(context.random.below(spread));
        Ping { target: target.clone(), every: plan.every, down_after: plan.down_after, client, life: Life::Unknown, missed: 0, next }
    }

    pub(super) fn id(&self) -> LegId {
        self.client.id()
    }

    pub(super) fn uri(&self) -> &str {
        &self.target.uri
    }

    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    pub(super) fn poll_timeout(&self) -> Timestamp {
        self.client.poll_timeout().map_or(self.next, |at| at.min(self.next))
    }

    /// Something came for it. True: it is another than before.
    pub(super) fn on_message(&mut self, context: &mut Context<'_>, arrival: crate::wire::Arrival) -> bool {
        let told = self.client.on_message(context, arrival);
        self.on_told(told)
    }

    pub(super) fn on_unreachable(&mut self, context: &mut Context<'_>, listener: ListenerId, destination: &Destination) -> bool {
        let told = self.client.on_unreachable(context, listener, destination);
        self.on_told(told)
    }

    pub(super) fn on_located(&mut self, context: &mut Context<'_>, located: Located) -> bool {
        let told = self.client.on_located(context, located);
        self.on_told(told)
    }

    pub(super) fn on_wake(&mut self, context: &mut Context<'_>) -> bool {
        let told = self.client.on_wake(context);
        let mut is_changed = self.on_told(told);
        if self.next <= context.now {
            // Where there is another place to ask, this time is for that.
            let told = self.client.give_up(context);
            is_changed |= self.on_told(told);
            match self.client.is_idle() {
                true => self.ask(context),
                false => self.next = context.now + self.every,
            }
        }
        is_changed
    }

    fn ask(&mut self, context: &mut Context<'_>) {
        self.next = context.now + self.every;
        let PingTarget { uri, listener, route, .. } = &self.target;
        let host = context.node.terms.domain.as_deref().unwrap_or(&context.node.listener(*listener).host);
        let request = Request {
            method: "OPTIONS",
            uri: uri.clone(),
            route: route.clone(),
            from: ["sip:", host].concat().into(),
            to: uri.clone(),
            contact: Contact { is_secure: is_sips(uri), ..Contact::default() },
            headers: vec![(HeaderName::Accept, Cow::Borrowed("application/sdp"))],
        };
        self.client.ask(context, request);
    }

    fn on_told(&mut self, told: Option<Told>) -> bool {
        let failure = match told {
            None => return false,
            Some(Told::Answered(response)) => match response.status() {
                status @ (408 | 503) => Some(Cow::Owned(format!("{status} {}", reason_phrase(status)))),
                _ => None,
            },
            Some(Told::Challenged(..)) => None,
            Some(Told::Silence) => Some(Cow::Borrowed("no answer to OPTIONS")),
            Some(Told::Undelivered) => Some(Cow::Borrowed("unreachable")),
            Some(Told::Nowhere(why)) => Some(Cow::Borrowed(why.reason())),
        };
        match failure {
            None => {
                self.missed = 0;
                let was = std::mem::replace(&mut self.life, Life::Alive);
                was != Life::Alive
            }
            Some(why) => {
                self.missed = self.missed.saturating_add(1);
                let is_news = self.missed >= self.down_after && !matches!(self.life, Life::Dead(_));
                if is_news {
                    self.life = Life::Dead(why);
                }
                is_news
            }
        }
    }
}
