//! From an admitted INVITE to an invited callee: screen, ask for a route, open media, dial.

use super::early_media::EarlyMedia;
use super::failure::Failure;
use super::leg::{Extra, Invitation, Leg, OptionTags, State, hops_left, too_short};
use super::phase::{Bridge, Dialling, MediaState, Opening, PassedOffer, Phase};
use super::ringback::Ringback;
use super::{Call, CallSetup, NodeFacts, Output, context};
use super::{parties, trail};
use crate::message::{HeaderName, RELIABLE, is_sips, unreadable_body};
use crate::negotiation::{self, LegMedia, Offer, Passage, Refusal};
use crate::wire::Arrival;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    Action, CallId, Codec, Decision, EndReason, EndpointRequest, EventKind, Forward, LegId, LegPlan, LegProfile, LocalEndpoint,
    MediaCommand, Origin, Place, Prack, Question, QuestionId, Random, Route, Timestamp,
};

/// How long policy may think; then the caller gets 500.
pub(super) const DECISION_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the media session may take to open; then the node counts as overloaded.
pub(super) const MEDIA_OPEN_TIMEOUT: Duration = Duration::from_secs(5);

impl Call {
    /// A call from an INVITE that policy let in.
    ///
    /// # Panics
    /// Never: the first leg of a call is within every bound.
    pub fn found(setup: CallSetup, now: Timestamp, arrival: Box<Arrival>, origin: Origin, profile: LegProfile) -> Call {
        let CallSetup { id, seed, node } = setup;
        let (mut outputs, mut random) = (VecDeque::new(), Random::new(seed));
        let endpoint = origin.endpoint();
        let leg = id.leg(0).expect("a call may have a first leg");
        outputs.push_back(Output::LegAdded(leg));
        let media = leg_media(&profile, arrival.flow.remote.ip(), true, &mut random);
        let refusal = screen_invite(&arrival, &profile);
        let uri: Box<str> = arrival.message.uri().into();
        let expires = arrival.message.header(HeaderName::Expires).and_then(|value| value.parse::<u32>().ok());
        let mut context = super::leg::Context { now, call: id, node: &node, outputs: &mut outputs, random: &mut random };
        let caller = Leg::incoming(&mut context, leg, *arrival, endpoint, profile, media);
        let mut call = Call::begun(id, node, now, (outputs, random), caller);
        call.expires = expires.map(|seconds| now + Duration::from_secs(seconds.into()));
        call.notify(now, None, EventKind::CallCreated);
        let names = call.caller.names();
        call.notify(now, Some(leg), EventKind::LegCreated(names));
        match refusal {
            Some((status, extra)) => call.refuse(now, status, None, &extra),
            None if !call.caller.has_dialog() => call.refuse(now, 400, Some("Missing or unusable Contact"), &Extra::none()),
            None if call.caller.profile.replaces && call.caller.asks_for_place() => call.seek_place(now),
            None => call.ask_route(now, origin, uri),
        }
        call.reap();
        call
    }

    /// A call with that caller, of which nothing else is known.
    pub(super) fn begun(
        id: CallId,
        node: Arc<NodeFacts>,
        now: Timestamp,
        (outputs, random): (VecDeque<Output>, Random),
        caller: Leg,
    ) -> Call {
        Call {
            id,
            node,
            random,
            outputs,
            caller,
            callee: None,
            guests: None,
            strays: Vec::new(),
            legs_created: 1,
            phase: Phase::Routing(QuestionId(0), now),
            bridge: None,
            ring: None,
            modify: None,
            transfers: None,
            wanted: None,
            controls: None,
            recordings: None,
            media: MediaState::None,
            questions: 0,
            began: now,
            expires: None,
            rang: None,
            answered: None,
            ended: None,
            route: "".into(),
            codec: None,
            held: [false; 2],
            alone: None,
            announcing: None,
            ringback: None,
            outward: None,
            plays: 0,
            past_legs: Vec::new(),
            stats: Box::default(),
            recorded: false,
        }
    }

    fn ask_route(&mut self, now: Timestamp, origin: Origin, uri: Box<str>) {
        let (invite, shown) = (self.caller.open_invite(), self.caller.profile.shown);
        let called = parties::called_number(invite, shown.called_from, &uri);
        if parties::names_nobody(&called, shown.called_from) {
            return self.refuse(now, 404, None, &Extra::none());
        }
        let caller = invite.filter(|_| shown.caller).map(|invite| parties::caller(invite, shown.caller_id));
        let headers = invite.filter(|_| shown.headers).map(parties::shown_headers).unwrap_or_default();
        let trail = invite.filter(|_| shown.trail).map(|invite| Box::new(trail::trail(invite)));
        let id = self.ask(Question::Route(Route { origin, called, uri, caller, trail, headers }));
        self.phase = Phase::Routing(id, now + DECISION_TIMEOUT);
    }

    pub(super) fn ask(&mut self, question: Question) -> QuestionId {
        let id = QuestionId(self.questions);
        self.questions += 1;
        self.outputs.push_back(Output::Ask(id, Box::new(question)));
        id
    }

    pub(super) fn on_decision(&mut self, now: Timestamp, id: QuestionId, decision: Decision) {
        if self.on_transfer_decision(now, id, &decision) || self.on_guest_decision(now, id, &decision) {
            return;
        }
        self.bring_asker_forward(id);
        match &mut self.phase {
            Phase::Routing(asked, _) if *asked == id && self.outward.is_some() => self.on_planned(now, id, decision),
            Phase::Routing(asked, _) if *asked == id => self.on_routed(now, decision),
            Phase::Seizing(asked, _, offer) if *asked == id => {
                let offer = offer.take();
                self.on_seized(now, decision, offer);
            }
            // An answer that comes after the caller gave up finds another phase.
            _ => {}
        }
    }

    fn on_routed(&mut self, now: Timestamp, decision: Decision) {
        match decision {
            Decision::Route { rule, action, record } => {
                self.route = rule;
                self.want_recording(record);
                self.take_route(now, action);
            }
            Decision::Reject { status, reason } => self.refuse(now, status, reason.as_deref(), &Extra::none()),
            Decision::Admitted { .. } | Decision::Prove(_) | Decision::Ignore | Decision::Consult(_) | Decision::Dial(_) => {
                self.refuse(now, 500, None, &Extra::none())
            }
        }
    }

    fn on_seized(&mut self, now: Timestamp, decision: Decision, offer: Option<Offer>) {
        let Some(bridge) = &mut self.bridge else { return };
        match decision {
            Decision::Dial(_) => {
                bridge.seized = bridge.current().and_then(|plan| plan.trunk);
                self.take_target(now, offer);
            }
            Decision::Reject { status, reason } => {
                bridge.seized = None;
                bridge.failure = Failure { reason, ..Failure::new(status) };
                self.try_next(now, offer);
            }
            Decision::Admitted { .. } | Decision::Prove(_) | Decision::Ignore | Decision::Consult(_) | Decision::Route { .. } => {
                self.out_of_targets(now, &Failure::new(500))
            }
        }
    }

    fn take_route(&mut self, now: Timestamp, action: Action) {
        let offer = match self.caller.offered().map(Offer::read).transpose() {
            Ok(offer) => offer,
            Err(refusal) => return self.fail_refused(now, &refusal),
        };
        match action {
            Action::Bridge { legs, timeout, anchor, ringback } => {
                self.anchor(anchor);
                self.ringback = ringback.map(Ringback::new);
                let deadline = timeout.map(|span| now + span);
                self.bridge = Some(Box::new(Bridge {
                    member: 0,
                    counted: None,
                    seized: legs.first().and_then(|plan| plan.trunk),
                    plans: legs,
                    next: 0,
                    deadline,
                    redirects: 0,
                    anchor,
                    failure: Failure::new(480),
                }));
                self.try_next(now, offer);
            }
            Action::Ring(mut group) => {
                self.anchor(group.anchor);
                self.ringback = group.ringback.take().map(Ringback::new);
                self.ring(now, *group, offer);
            }
            Action::Announce(announce) => self.announce(now, *announce, offer),
            Action::Answer(built_in) => {
                let passage = Passage { anchored: true, ..Passage::default() };
                let screen = |offer: &Offer| negotiation::screen_offer(offer, &self.caller.profile.codecs, &Codec::ALL, passage);
                match offer.as_ref().map_or(Ok(()), screen) {
                    Ok(()) => self.open_media(now, Opening::BuiltIn(built_in), offer),
                    Err(refusal) => self.fail_refused(now, &refusal),
                }
            }
        }
    }

    /// Whether the caller's media passes through here; it does unless the route says otherwise.
    fn anchor(&mut self, anchor: bool) {
        if !anchor {
            let remote = self.caller.remote.map_or(UNKNOWN, |remote| remote.ip());
            self.caller.media = leg_media(&self.caller.profile, remote, anchor, &mut self.random);
            self.caller.media.set_origin(&self.node.listener(self.caller.profile.listener).host);
        }
    }

    /// Turns to the next target that could take the offer, if there is one; with none left the caller gets the last failure.
    pub(super) fn try_next(&mut self, now: Timestamp, offer: Option<Offer>) {
        let agent = self.warn_agent();
        let whose = self.outward.as_ref().map_or_else(|| self.caller.endpoint.clone(), |outward| outward.by().endpoint());
        let asks_for_sips = self.first_invite().is_some_and(|invite| is_sips(invite.uri()));
        let Some(bridge) = &mut self.bridge else { return };
        let anchor = bridge.anchor;
        while let Some(plan) = bridge.plans.get_mut(bridge.next) {
            bridge.next += 1;
            // RFC 5630 §5.1.2: TLS on every hop, or no call.
            if asks_for_sips {
                if !self.node.listener(plan.profile.listener).transport.is_secure() {
                    bridge.failure = Failure::insecure();
                    continue;
                }
                plan.uri = as_sips(&plan.uri);
            }
            let (ours, theirs) = (&self.caller.profile, &plan.profile);
            let passage = Passage { anchored: anchor, fax: ours.t38 && theirs.t38, transcodes: ours.transcode && theirs.transcode };
            let screen = |offer: &Offer| negotiation::screen_offer(offer, &ours.codecs, &theirs.codecs, passage);
            match offer.as_ref().map_or(Ok(()), screen) {
                Ok(()) if plan.trunk == bridge.seized && !plan.forwarded => return self.take_target(now, offer),
                Ok(()) => {
                    let (member, endpoint) = (bridge.member, plan.endpoint.clone());
                    let question = match self.ring.as_ref().map(|_| member) {
                        member if plan.forwarded => Question::Forward(Box::new(forward(&whose, plan, member))),
                        Some(member) => Question::Ring { member, endpoint },
                        None => Question::Dial(endpoint),
                    };
                    let deadline = bridge.deadline;
                    let freed = bridge.counted.take().map(|before| Output::PlaceFree(Place::Target(before)));
                    self.outputs.extend(freed);
                    let id = self.ask(question);
                    let until = deadline.into_iter().chain([now + DECISION_TIMEOUT]).min().unwrap_or(now);
                    self.phase = Phase::Seizing(id, until, offer);
                    return;
                }
                Err(refusal) => bridge.failure = Failure::refused(&refusal, &agent),
            }
        }
        let failure = bridge.failure.clone();
        self.out_of_targets(now, &failure);
    }

    /// There is room for the call at the target under way.
    fn take_target(&mut self, now: Timestamp, offer: Option<Offer>) {
        let Some(bridge) = &self.bridge else { return };
        let Some(leg) = self.id.leg(self.legs_created) else {
            let failure = bridge.failure.clone();
            return self.out_of_targets(now, &failure);
        };
        let anchor = bridge.anchor;
        self.legs_created += 1;
        if anchor { self.open_media(now, Opening::Leg(leg), offer) } else { self.call_target(now, leg, None, offer) }
    }

    /// Asks for ports, once those of an earlier attempt are given back.
    pub(super) fn open_media(&mut self, now: Timestamp, opening: Opening, offer: Option<Offer>) {
        self.phase = Phase::Opening(opening, offer);
        match (self.media, opening) {
            (MediaState::None, _) => self.ask_ports(now, opening),
            // The others of a ring group stay where they are; the first of them brings the session.
            (MediaState::Open, Opening::Leg(leg)) if self.ring.is_some() => self.add_ports(now, leg),
            _ if self.ring.is_some() => {}
            _ => self.close_media(now),
        }
    }

    pub(super) fn ask_ports(&mut self, now: Timestamp, opening: Opening) {
        let caller = Some(&self.caller).filter(|caller| !caller.is_nobody());
        let mut endpoints: Vec<_> =
            caller.map(|caller| EndpointRequest { leg: caller.id, side: caller.profile.media }).into_iter().collect();
        if let (Opening::Leg(leg), Some(plan)) = (opening, self.bridge.as_ref().and_then(|bridge| bridge.current())) {
            endpoints.push(EndpointRequest { leg, side: plan.profile.media });
        }
        self.media = MediaState::Opening(now + MEDIA_OPEN_TIMEOUT);
        self.open_session(endpoints.into());
    }

    pub(super) fn open_session(&mut self, endpoints: Box<[EndpointRequest]>) {
        let (inactivity, hold) = (self.node.terms.inactivity_timeout, self.node.terms.hold_timeout);
        self.media(MediaCommand::Open { call: self.id, endpoints, inactivity, hold });
    }

    pub(super) fn on_media_opened(&mut self, now: Timestamp, locals: &[LocalEndpoint]) {
        match (self.media, locals) {
            (MediaState::Opening(_), _) => {}
            (MediaState::Open, [local]) => return self.on_ports_added(now, local),
            // The call gave up meanwhile, and has asked for the session's end.
            _ => return,
        }
        self.media = MediaState::Open;
        self.forget_told();
        self.forget_plays(now);
        locals.iter().for_each(|local| self.bring_leg_forward(local.leg));
        let Phase::Opening(opening, offer) = &mut self.phase else { return };
        let (opening, offer) = (*opening, offer.take());
        if let Some(local) = locals.iter().find(|local| local.leg == self.caller.id) {
            self.caller.media.set_local(*local);
        }
        match opening {
            Opening::Leg(leg) => {
                self.call_target(now, leg, locals.iter().find(|local| local.leg == leg).copied(), offer);
                self.session_opened(now, leg);
            }
            Opening::BuiltIn(built_in) => self.answer_alone(now, built_in, offer.as_ref()),
            Opening::Caller => self.pick_up(now, offer.as_ref()),
        }
    }

    /// The member of a ring group under way has its ports.
    pub(super) fn dial_opened(&mut self, now: Timestamp, local: LocalEndpoint) {
        let Phase::Opening(_, offer) = &mut self.phase else { return };
        let offer = offer.take();
        self.call_target(now, local.leg, Some(local), offer);
    }

    pub(super) fn on_media_refused(&mut self, now: Timestamp) {
        match self.media {
            MediaState::Opening(_) => {
                self.media = MediaState::None;
                self.refuse_overloaded(now);
            }
            // The call gave up before it heard: there is nothing to close.
            MediaState::Closing(_) => self.on_media_closed(now, Box::default()),
            MediaState::None | MediaState::Open => {}
        }
    }

    /// Invites the target under way as `leg`.
    fn call_target(&mut self, now: Timestamp, leg: LegId, local: Option<LocalEndpoint>, offer: Option<Offer>) {
        let Some(bridge) = &self.bridge else { return };
        let Some(plan) = bridge.current().cloned() else { return };
        let (anchor, deadline) = (bridge.anchor, bridge.deadline);
        let remote = if let tandem_model::Destination::Address(address) = &plan.destination { Some(address.ip()) } else { None };
        let mut media = self.media_with(&plan.profile, remote.unwrap_or(UNKNOWN), anchor, local);
        if let Some(codec) = self.told_codec().filter(|codec| plan.profile.codecs.contains(codec)) {
            media.allow_codecs(&[codec]);
        }
        let passed = match offer.map(|offer| PassedOffer::pass(offer, &mut self.caller.media, &mut media)).transpose() {
            Ok(passed) => passed,
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.out_of_targets(now, &failure);
            }
        };
        let own = match self.member_offer(&mut media) {
            Ok(own) => own,
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.out_of_targets(now, &failure);
            }
        };
        let pending = passed.as_ref().map(|passed| &passed.pending);
        // RFC 3264 §5.1: whoever is offered something may send at once. Behind NAT the host that it will send from is known before its
        // answer is; elsewhere nothing tells its packets from a stranger's until the answer names their address.
        let early = pending
            .filter(|_| plan.profile.nat && self.ring.is_none())
            .and_then(|pending| pending.describe_early(&self.caller.media, &media));
        if let Some(early) = early {
            self.media(MediaCommand::Describe { call: self.id, leg: self.caller.id, description: early.from });
            self.media(MediaCommand::Describe { call: self.id, leg, description: early.to });
        }
        self.outputs.push_back(Output::LegAdded(leg));
        let callee = self.invite(now, leg, &plan, media, pending.map(|pending| pending.sdp()).or(own.as_ref().map(|own| own.sdp())));
        self.notify(now, Some(leg), EventKind::LegCreated(callee.names()));
        self.callee = Some(callee);
        let ring_until = now + plan.profile.ring_timeout;
        self.phase = Phase::Dialling(Box::new(Dialling {
            passed,
            own,
            early: EarlyMedia::default(),
            offers: None,
            trying_until: Some(now + plan.profile.trying_timeout),
            ring_until: deadline.map_or(ring_until, |deadline| deadline.min(ring_until)),
            passed_on: false,
            is_ringing: false,
        }));
    }

    fn invite(&mut self, now: Timestamp, leg: LegId, plan: &LegPlan, media: LegMedia, sdp: Option<&[u8]>) -> Leg {
        let node = Arc::clone(&self.node);
        let presentation = plan.presentation.as_deref();
        let host = parties::our_host(&node, plan);
        let (from, from_uri) = parties::our_from(self.first_invite(), presentation, host);
        let mut identity = parties::identity(self.first_invite(), presentation, host);
        let failure = self.bridge.as_ref().map(|bridge| bridge.failure.status).filter(|status| *status >= 400);
        let failed = failure.filter(|_| self.legs_created > 2);
        trail::write(presentation.and_then(|presentation| presentation.trail.as_deref()), failed, host, &mut identity);
        let call_id = new_call_id(&mut self.random);
        let max_forwards = hops_left(self.first_invite());
        let invitation = Invitation {
            from: &from,
            from_uri: &from_uri,
            call_id: &call_id,
            max_forwards,
            identity,
            far: self.caller.shown_session(&node),
            sdp,
            prack: self.prack_of(plan, sdp.is_some()),
        };
        Leg::outgoing(context!(self, now), leg, plan, media, &invitation)
    }

    /// The media of a leg with that profile, whose ports are there if it needs any.
    pub(super) fn media_with(&mut self, profile: &LegProfile, remote: IpAddr, anchored: bool, local: Option<LocalEndpoint>) -> LegMedia {
        let mut media = leg_media(profile, remote, anchored, &mut self.random);
        match local {
            Some(local) => media.set_local(local),
            None => media.set_origin(&self.node.listener(profile.listener).host),
        }
        media
    }

    /// Who warns, in a Warning header (RFC 3261 §20.43): the listener that the caller came to.
    pub(super) fn warn_agent(&self) -> Box<str> {
        self.node.listener(self.caller.profile.listener).advertise.as_ref().into()
    }

    /// What the caller gets where a description is refused so.
    pub(super) fn failure_of(&self, refusal: &Refusal) -> Failure {
        Failure::refused(refusal, &self.warn_agent())
    }

    /// There is no room for the call's media: 503 with Retry-After, and the end of the call.
    pub(super) fn refuse_overloaded(&mut self, now: Timestamp) {
        self.fail(now, &Failure::overloaded());
    }

    /// Final failure to the caller, and the end of the call.
    pub(super) fn refuse(&mut self, now: Timestamp, status: u16, reason: Option<&str>, extra: &Extra) {
        self.caller.reject(context!(self, now), status, reason, extra);
        self.end(now, EndReason::Failed(status), None);
    }

    /// The same for an offer that cannot be taken.
    pub(super) fn fail_refused(&mut self, now: Timestamp, refusal: &Refusal) {
        self.fail(now, &self.failure_of(refusal));
    }

    /// The same with a failure that may have come from the callee.
    pub(super) fn fail(&mut self, now: Timestamp, failure: &Failure) {
        if self.caller.state == State::Confirmed {
            return self.fail_picked_up(now, failure);
        }
        self.caller.reject(context!(self, now), failure.status, failure.reason.as_deref(), &failure.extra);
        let said = failure.extra.get(HeaderName::Reason);
        self.end(now, failure.end.unwrap_or(EndReason::Failed(failure.status)), said);
    }
}

/// The host of a peer that has only a name so far: nobody's packets come from there.
pub(super) const UNKNOWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// A redirection of `plan`'s endpoint named its target: whoever called is sent there.
fn forward(caller: &str, plan: &LegPlan, member: Option<u8>) -> Forward {
    let by = [caller, &*plan.endpoint].into_iter().filter_map(Origin::of_endpoint);
    let number = parties::number_in(&plan.uri).unwrap_or_default();
    Forward { by: by.collect(), number, endpoint: plan.endpoint.clone(), member }
}

/// What must be refused before anybody is asked (RFC 3261 §8.2.2.3, §8.2.3).
fn screen_invite(arrival: &Arrival, profile: &LegProfile) -> Option<(u16, Extra)> {
    let mut extra = Extra::none();
    let missing: Vec<_> = OptionTags::of(profile).missing(&arrival.message).collect();
    if profile.prack == Prack::Required && !arrival.message.knows_reliable() {
        // RFC 3261 §21.4.16.
        extra.push(HeaderName::Require, RELIABLE);
        return Some((421, extra));
    }
    if !missing.is_empty() {
        extra.push(HeaderName::Unsupported, &missing.join(", "));
        return Some((420, extra));
    }
    if let Some(least) = profile.session_timer.and_then(|terms| too_short(terms.min_s, &arrival.message)) {
        // RFC 4028 §9.
        extra.push(HeaderName::MinSe, &least.to_string());
        return Some((422, extra));
    }
    unreadable_body(&arrival.message).map(|(name, value)| {
        extra.push(name, value);
        (415, extra)
    })
}

fn leg_media(profile: &LegProfile, remote: IpAddr, anchored: bool, random: &mut Random) -> LegMedia {
    // RFC 8866 §5.2: a session id of up to 63 bits is safe with every parser.
    let mut media = LegMedia::new(&profile.codecs, anchored, profile.nat.then_some(remote), random.next_u64() >> 2);
    media.allow_fax(profile.t38);
    media.allow_transcoding(profile.transcode);
    media.allow_keys(profile.dtmf);
    media.ask_for_packets_of(profile.ptime_ms);
    media
}

/// 128 random bits in hexadecimal digits: a Call-ID that nobody has used.
pub(super) fn new_call_id(random: &mut Random) -> String {
    let numbers = [random.next_u64(), random.next_u64()];
    let digits = numbers.iter().flat_map(|number| (0..16).rev().map(move |place| (number >> (4 * place)) as u32 & 15));
    digits.filter_map(|digit| char::from_digit(digit, 16)).collect()
}

/// The same URI, asking for TLS on every hop behind it too (RFC 5630 §5.3 asks that of who passes such a call on).
pub(super) fn as_sips(uri: &str) -> Box<str> {
    match uri.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => {
            // RFC 5630 §3.1.3: beside that scheme the parameter is out of date.
            let (user, place) = rest.split_at(rest.find('@').map_or(0, |at| at + 1));
            let kept: Vec<_> = place.split(';').filter(|piece| !piece.eq_ignore_ascii_case("transport=tls")).collect();
            ["sips:", user, &kept.join(";")].concat().into()
        }
        _ => uri.into(),
    }
}
