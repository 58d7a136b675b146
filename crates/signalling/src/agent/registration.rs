//! One registration at one registrar (RFC 3261 §10.2): kept up, refreshed, begun anew and given up as [`table`] says.

use super::backoff::retry_delay;
use super::client::{Client, Request, Told, Way};
use super::contact::Contact as OwnContact;
use super::table::{Action, Event, State, table};
use super::{Context, Identity};
use crate::call::NodeFacts;
use crate::dialog::first_hop;
use crate::locate::Located;
use crate::message::{Contact, HeaderName, Message, NameAddr, Uri, is_sips};
use crate::wire::Arrival;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{Destination, LegId, ListenerId, Login, Random, RegistrarPlan, ServiceRoute, Timestamp};

/// A registration is refreshed no more often than so.
const LEAST_REFRESH: Duration = Duration::from_secs(5);
/// A refresh comes so long before the end, where the registration holds long enough: a lost server takes 32 s to be noticed.
const REFRESH_MARGIN: Duration = Duration::from_secs(40);
/// And no longer than so before it.
const MAX_MARGIN: Duration = Duration::from_secs(600);
/// Connections that break sooner after one another do not make us register each time.
const REST_AFTER_LOSS: Duration = Duration::from_secs(30);
/// The longest that a registrar may ask for (423), in seconds.
const MAX_EXPIRES_S: u32 = 7 * 24 * 3600;
/// The longest that a registrar may send us away for (Retry-After).
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// How long we wait for the answer of a REGISTER that is under way when we are to leave: the rest is for the one that removes the binding.
const PARTING_PATIENCE: Duration = Duration::from_secs(3);
/// How long after one that nobody answered the next one leaves that is to remove the binding.
const PAUSE: Duration = Duration::from_secs(1);
/// How often in a row the time may be found too brief.
const MAX_TOO_BRIEF: u8 = 2;
/// Proxies of a Service-Route, and bytes of all of them together.
const MAX_SERVICE_ROUTES: usize = 8;
const MAX_SERVICE_ROUTE: usize = 1_024;

/// A registration and where it stands.
#[derive(Debug)]
pub(super) struct Registration {
    plan: RegistrarPlan,
    identity: Identity,
    client: Client,
    state: State,
    /// While we wait: until when.
    due: Timestamp,
    /// When the binding ends that the registrar last granted.
    holds_until: Timestamp,
    /// When the last binding ends that it can have, should an answer have been lost.
    may_hold_until: Timestamp,
    expires_s: u32,
    too_brief: u8,
    failures: u32,
    /// When the last REGISTER left.
    asked: Timestamp,
    routes: Option<ServiceRoute>,
    /// Whether there is a binding, as it was told last.
    told: Option<bool>,
    /// Why there is no binding.
    failure: Cow<'static, str>,
}

/// What the agent is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// There is a binding now.
    In,
    /// There was one all along, and calls go through other proxies now.
    Routes,
    /// There is one for the time being, but it could not be refreshed.
    Overdue,
    /// There is none any more, or still none.
    Out,
}

impl Registration {
    pub(super) fn new(
        context: &mut Context<'_>,
        id: LegId,
        plan: &RegistrarPlan,
        identity: Identity,
        login: Option<Arc<Login>>,
    ) -> Registration {
        let way = Way { listener: plan.listener, destination: plan.destination.clone() };
        Registration {
            plan: plan.clone(),
            identity,
            client: Client::new(context, id, way, login),
            state: State::Out,
            due: context.now,
            holds_until: context.now,
            may_hold_until: context.now,
            expires_s: plan.expires_s,
            too_brief: 0,
            failures: 0,
            asked: context.now,
            routes: None,
            told: None,
            failure: Cow::Borrowed(""),
        }
    }

    pub(super) fn id(&self) -> LegId {
        self.client.id()
    }

    pub(super) fn registrar(&self) -> &str {
        &self.plan.registrar
    }

    pub(super) fn at(&self) -> &Destination {
        &self.plan.destination
    }

    pub(super) fn routes(&self) -> Option<&ServiceRoute> {
        self.routes.as_ref()
    }

    /// Why there is no binding; empty where nothing is known of that yet.
    pub(super) fn failure(&self) -> &str {
        &self.failure
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.state, State::In | State::Refreshing | State::Held | State::Regaining)
    }

    /// It was tried in vain, or is lost.
    pub(super) fn has_failed(&self) -> bool {
        self.told == Some(false)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::Out | State::In | State::Lingering => Some(self.due),
            State::Held => Some(self.due.min(self.holds_until)),
            State::Refreshing | State::Regaining => self.client.poll_timeout().into_iter().chain([self.holds_until]).min(),
            State::Parting => self.client.poll_timeout().into_iter().chain([self.due]).min(),
            State::Trying | State::Leaving => self.client.poll_timeout(),
            State::Gone => None,
        }
    }

    /// `another_holds`: another registration of the trunk is in.
    pub(super) fn on_message(&mut self, context: &mut Context<'_>, arrival: Arrival, another_holds: bool) -> Option<News> {
        let told = self.client.on_message(context, arrival);
        self.on_told(context, told, another_holds)
    }

    pub(super) fn on_unreachable(
        &mut self,
        context: &mut Context<'_>,
        (listener, destination): (ListenerId, &Destination),
        another_holds: bool,
    ) -> Option<News> {
        let is_it = self.client.went_to(listener, destination);
        if !self.client.is_idle() {
            let told = self.client.on_unreachable(context, listener, destination);
            return self.on_told(context, told, another_holds);
        }
        if !is_it || !context.node.listener(listener).transport.is_reliable() {
            return None;
        }
        // A connection that does not last is no reason to register without end.
        if self.state == State::In && self.asked + REST_AFTER_LOSS > context.now {
            self.due = self.due.min(self.asked + REST_AFTER_LOSS);
            return None;
        }
        self.step(context, Event::Lost, None, another_holds)
    }

    pub(super) fn on_located(&mut self, context: &mut Context<'_>, located: Located, another_holds: bool) -> Option<News> {
        let told = self.client.on_located(context, located);
        self.on_told(context, told, another_holds)
    }

    pub(super) fn on_wake(&mut self, context: &mut Context<'_>, another_holds: bool) -> Option<News> {
        let now = context.now;
        match self.state {
            State::Held | State::Refreshing | State::Regaining if self.holds_until <= now => {
                if self.failure.is_empty() {
                    self.failure = Cow::Borrowed("not refreshed in time");
                }
                self.step(context, Event::Lapsed, None, another_holds)
            }
            State::Out | State::In | State::Held | State::Lingering => {
                (self.due <= now).then(|| self.step(context, Event::Due, None, another_holds)).flatten()
            }
            // §10.2: it has timed out, as far as we can wait.
            State::Parting if self.due <= now => self.on_told(context, Some(Told::Silence), another_holds),
            _ => {
                let told = self.client.on_wake(context);
                self.on_told(context, told, another_holds)
            }
        }
    }

    /// To be given up.
    pub(super) fn leave(&mut self, context: &mut Context<'_>) -> Option<News> {
        let news = self.step(context, Event::Leave, None, false);
        if self.state == State::Parting {
            self.due = context.now + PARTING_PATIENCE;
        }
        news
    }

    /// There is no more time for giving it up.
    pub(super) fn forsake(&mut self, context: &mut Context<'_>) -> Option<News> {
        if self.failure.is_empty() {
            self.failure = Cow::Borrowed(NO_ANSWER);
        }
        self.step(context, Event::Enough, None, false)
    }

    fn on_told(&mut self, context: &mut Context<'_>, told: Option<Told>, another_holds: bool) -> Option<News> {
        let (event, response) = match told? {
            Told::Answered(response) => (self.judge(context.node, &response), Some(response)),
            Told::Challenged(response, why) => {
                self.failure = Cow::Owned(why.to_string());
                (Event::Refused, Some(response))
            }
            Told::Silence => {
                self.failure = Cow::Borrowed(NO_ANSWER);
                (Event::Unanswered, None)
            }
            Told::Undelivered => {
                self.failure = Cow::Borrowed("unreachable");
                let is_stream = context.node.listener(self.client.listener()).transport.is_reliable();
                (if is_stream { Event::Lost } else { Event::Unanswered }, None)
            }
            Told::Nowhere(why) => {
                self.failure = Cow::Borrowed(why.reason());
                (Event::Unanswered, None)
            }
        };
        self.note_binding(context, event, response.as_ref());
        self.step(context, event, response.as_ref(), another_holds)
    }

    /// What the registrar has of ours after that.
    fn note_binding(&mut self, context: &Context<'_>, event: Event, response: Option<&Message>) {
        let now = context.now;
        match (self.state, event) {
            (State::Leaving, Event::Accepted) => self.may_hold_until = now,
            (State::Leaving, _) => {}
            (_, Event::Accepted) => {
                let granted = response.map_or(self.expires_s, |response| self.granted_s(context.node, response));
                self.holds_until = now + Duration::from_secs(granted.into());
                self.may_hold_until = self.holds_until;
            }
            // Taken, but for no time at all.
            (_, Event::Refused) if response.is_some_and(|response| response.status() < 300) => {
                (self.holds_until, self.may_hold_until) = (now, now);
            }
            // It may have arrived, and the answer been lost.
            (_, Event::Unanswered | Event::Lost) => {
                let asked = now + Duration::from_secs(self.expires_s.into());
                self.may_hold_until = self.may_hold_until.max(asked);
            }
            _ => {}
        }
    }

    /// What a final response to a REGISTER comes to.
    fn judge(&mut self, node: &NodeFacts, response: &Message) -> Event {
        match response.status() {
            200..300 if self.state == State::Leaving || self.granted_s(node, response) > 0 => Event::Accepted,
            200..300 => {
                self.failure = Cow::Borrowed("accepted for no time at all");
                Event::Refused
            }
            // §10.2.8
            423 if self.takes_longer(response) => Event::TooBrief,
            status => {
                self.failure = Cow::Owned(format!("{status} {}", response.reason()));
                Event::Refused
            }
        }
    }

    /// Whether the next REGISTER asks for as long as the registrar wants at least.
    fn takes_longer(&mut self, response: &Message) -> bool {
        let least = response.header(HeaderName::MinExpires).and_then(|value| value.trim().parse::<u32>().ok());
        let Some(least) = least.filter(|least| (self.expires_s + 1..=MAX_EXPIRES_S).contains(least)) else { return false };
        self.too_brief += 1;
        self.expires_s = least;
        self.too_brief <= MAX_TOO_BRIEF
    }

    fn step(&mut self, context: &mut Context<'_>, event: Event, response: Option<&Message>, another_holds: bool) -> Option<News> {
        let (next, actions) = table(self.state, event);
        self.state = next;
        let mut news = None;
        for action in actions {
            match action {
                Action::Register => self.register(context, self.expires_s),
                Action::Unregister if self.may_hold_until > context.now => self.register(context, 0),
                Action::Unregister => return self.step(context, Event::Nothing, None, another_holds),
                Action::Pause => self.due = context.now + PAUSE,
                Action::Keep => {
                    if let Some(response) = response {
                        news = self.keep(context, response);
                    }
                }
                Action::BackOff => self.back_off(context, response, another_holds),
                Action::TellIn => {
                    self.told = Some(true);
                    news = Some(News::In);
                }
                // Once, however often it fails after that.
                Action::TellOverdue => news = (self.failures == 1).then_some(News::Overdue),
                Action::TellOut => {
                    self.routes = None;
                    news = (self.told.replace(false) != Some(false)).then_some(News::Out);
                }
                Action::TellGone => {
                    self.routes = None;
                    news = (self.told.replace(false) == Some(true)).then_some(News::Out);
                }
            }
        }
        news
    }

    fn register(&mut self, context: &mut Context<'_>, expires_s: u32) {
        self.asked = context.now;
        let RegistrarPlan { registrar, aor, route, bulk, .. } = &self.plan;
        let Identity { trunk, instance, reg_id } = &self.identity;
        // RFC 5626 §4.1: who we are stays the same, whatever our Contact is.
        let params = format!(";expires={expires_s};+sip.instance=\"<{instance}>\";reg-id={reg_id}").into();
        let contact = OwnContact { is_secure: is_sips(aor), line: Some(trunk.clone()), is_bulk: *bulk, params };
        let mut headers = vec![
            (HeaderName::Expires, Cow::Owned(expires_s.to_string())),
            // RFC 3327 §5.1.
            (HeaderName::Supported, Cow::Borrowed("path")),
        ];
        if *bulk {
            // RFC 6140 §5.1: it is that, or nothing, for every proxy as well.
            headers.extend([HeaderName::Require, HeaderName::ProxyRequire].map(|name| (name, Cow::Borrowed("gin"))));
        }
        let (from, to) = (aor.clone(), aor.clone());
        let request = Request { method: "REGISTER", uri: registrar.clone(), route: route.clone(), from, to, contact, headers };
        self.client.ask(context, request);
    }

    /// The registrar has the binding: until when, and through which proxies calls go. News if those are others than before.
    fn keep(&mut self, context: &mut Context<'_>, response: &Message) -> Option<News> {
        let was_overdue = self.failures > 0 && self.told == Some(true);
        (self.failures, self.too_brief, self.failure) = (0, 0, Cow::Borrowed(""));
        let granted = self.holds_until.since(context.now);
        self.due = context.now + refresh_after(granted, context.random);
        // What holds for no time that is worth a word counts until we asked for more.
        self.holds_until = self.holds_until.max(self.due + LEAST_REFRESH);
        let routes = self.service_route(context, response);
        let is_news = routes != self.routes;
        self.routes = routes;
        if was_overdue {
            return Some(News::In);
        }
        is_news.then_some(News::Routes)
    }

    fn back_off(&mut self, context: &mut Context<'_>, response: Option<&Message>, another_holds: bool) {
        self.failures = self.failures.saturating_add(1);
        self.too_brief = 0;
        let asked = response.and_then(retry_after).unwrap_or_default().min(MAX_RETRY_AFTER);
        self.due = context.now + retry_delay(self.failures, another_holds, context.random).max(asked);
    }

    /// For how long the binding holds (§10.2.4): as our own Contact says, else as Expires does, else as we asked.
    fn granted_s(&self, node: &NodeFacts, response: &Message) -> u32 {
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let own = response.values(HeaderName::Contact).find_map(|item| match Contact::parse(item) {
            Ok(Contact::Address(address)) if self.is_ours(node, address.uri) => Some(address.params.get("expires").and_then(number)),
            _ => None,
        });
        let general = || response.header(HeaderName::Expires).and_then(number);
        own.flatten().or_else(general).unwrap_or(self.expires_s).min(MAX_EXPIRES_S)
    }

    fn is_ours(&self, node: &NodeFacts, uri: &str) -> bool {
        let token = node.minter.line(&self.identity.trunk, self.client.listener());
        Uri::parse(uri).is_ok_and(|uri| token_of(&uri) == Some(token.as_str()))
    }

    /// RFC 3608 §5: nothing where one of them cannot be used.
    fn service_route(&self, context: &Context<'_>, response: &Message) -> Option<ServiceRoute> {
        let values: Vec<&str> = response.values(HeaderName::ServiceRoute).take(MAX_SERVICE_ROUTES + 1).collect();
        let is_loose = |value: &&str| {
            let uri = NameAddr::parse(value).ok().map(|address| address.uri);
            uri.and_then(|uri| Uri::parse(uri).ok()).is_some_and(|uri| uri.is_loose_router())
        };
        if values.len() > MAX_SERVICE_ROUTES || !values.iter().all(is_loose) {
            return None;
        }
        let route = values.join(", ");
        let first = NameAddr::parse(values.first().filter(|_| route.len() <= MAX_SERVICE_ROUTE)?).ok()?;
        let own = self.client.listener();
        let (hop, transport) = first_hop(first.uri, context.node.listener(own).transport)?;
        let listener = transport.and_then(|transport| context.node.beside(own, transport)).unwrap_or(own);
        Some(ServiceRoute { route: route.into(), hop, listener })
    }
}

const NO_ANSWER: &str = "no answer to REGISTER";

/// The URI parameter that says whose call it is where the user part is somebody's number.
pub(super) const LINE: &str = "line";

/// What names a registration of ours in a URI that somebody calls.
pub(super) fn token_of<'a>(uri: &Uri<'a>) -> Option<&'a str> {
    uri.params.get(LINE).or(uri.user)
}

/// When a binding that holds for so long is refreshed: well before its end, and not all of them at one instant.
fn refresh_after(granted: Duration, random: &mut Random) -> Duration {
    let margin = (granted / 10).max(REFRESH_MARGIN.min(granted / 2)).min(MAX_MARGIN);
    let latest = granted.saturating_sub(margin);
    let jitter = u64::try_from(latest.as_millis() / 10).unwrap_or(u64::MAX);
    latest.saturating_sub(Duration::from_millis(random.below(jitter + 1))).max(LEAST_REFRESH)
}

/// Retry-After (RFC 3261 §20.33): seconds, and whatever else stands behind them.
pub(crate) fn retry_after(response: &Message) -> Option<Duration> {
    let value = response.header(HeaderName::RetryAfter)?;
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}
