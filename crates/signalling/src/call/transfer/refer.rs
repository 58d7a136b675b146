//! A REFER: what is refused, and the question where it leads.

use super::super::leg::{HeldId, MAX_FORWARDS, Reply, State, hops_left};
use super::super::parties::{number_in, referrer, who_is};
use super::super::phase::Phase;
use super::super::setup::DECISION_TIMEOUT;
use super::super::{Call, Side, user_to_user};
use super::{MAX_TRANSFERS, Stage, Transfer};
use crate::message::{HeaderName, Message, Method, NameAddr, ReferTo, Replaces, Scheme, Uri, declines_subscription, is_sips};
use crate::outside::LATER;
use tandem_model::{Origin, Question, ReferRule, Route, Timestamp};

/// What a REFER asks for.
pub(super) struct Asked {
    to: Box<str>,
    user: Box<str>,
    pub(super) replaces: Option<Box<str>>,
    /// The user part of Referred-By.
    by: Option<Box<str>>,
    /// What its target is to be told in User-to-User.
    user_to_user: Vec<Box<str>>,
    cseq: u32,
    max_forwards: u32,
    silent: bool,
}

impl Call {
    /// A peer's REFER waits for its answer.
    pub(in super::super) fn on_refer(&mut self, now: Timestamp, side: Side, id: HeldId) {
        let Some(leg) = self.leg(side) else { return };
        if leg.profile.refer == ReferRule::Refuse {
            return self.answer_refer(now, side, id, &Reply::new(403, &[]));
        }
        let Some(request) = leg.held(id) else { return };
        let asked = match read(request) {
            Ok(asked) => asked,
            Err(status) => return self.answer_refer(now, side, id, &Reply::new(status, &[])),
        };
        let replaces = asked.replaces.as_deref().and_then(Replaces::parse);
        if leg.profile.refer == ReferRule::Pass {
            // What names the dialog of another peer with us goes on as it is: that peer is to read it.
            return match replaces.and_then(|replaces| self.node.minter.read_tag(replaces.to_tag)).zip(asked.replaces) {
                Some((named, replaces)) => self.ask_who_faces(now, side, id, named, replaces),
                None => self.pass_refer(now, side, id, None),
            };
        }
        let named = replaces.and_then(|replaces| self.named_leg(&replaces));
        self.part_with_the_last(now);
        match self.why_not(side) {
            Some(500) => self.answer_refer(now, side, id, &Reply::new(500, &LATER)),
            Some(status) => self.answer_refer(now, side, id, &Reply::new(status, &[])),
            None => match named {
                Some(named) => self.send_over(now, side, id, asked, named),
                None => self.begin_transfer(now, side, id, asked),
            },
        }
    }

    pub(super) fn answer_refer(&mut self, now: Timestamp, side: Side, id: HeldId, reply: &Reply<'_>) {
        self.with_leg(side, now, |leg, context| leg.reply(context, id, reply));
    }

    /// The status of a REFER that cannot be carried out now.
    pub(super) fn why_not(&self, side: Side) -> Option<u16> {
        if self.alone.is_some() {
            // There is nobody to be joined to the target.
            return Some(403);
        }
        // The answer of a caller may wait for a PRACK yet.
        let is_up = |side: Side| self.leg(side).is_some_and(|leg| leg.state == State::Confirmed);
        if !matches!(self.phase, Phase::Talking) || !is_up(side) || !is_up(side.other()) {
            return Some(500);
        }
        let Some(transfers) = &self.transfers else { return None };
        if transfers.under_way.is_some() {
            // Both ask at once, or one asks twice: the first is carried out.
            return Some(491);
        }
        if transfers.count == MAX_TRANSFERS {
            return Some(403);
        }
        (!self.has_room_for_notice()).then_some(500)
    }

    fn begin_transfer(&mut self, now: Timestamp, side: Side, id: HeldId, asked: Asked) {
        let Some(endpoint) = self.leg(side).map(|leg| leg.endpoint.clone()) else { return };
        let Some(stays) = self.leg(side.other()) else { return };
        let caller = who_is(stays);
        let by = self.leg(side).and_then(|leg| referrer(leg, asked.by.clone()));
        // A leg to a bare URI is nobody's whose rules could be asked.
        let Some(origin) = Origin::of_endpoint(&endpoint) else { return self.answer_refer(now, side, id, &Reply::new(403, &[])) };
        self.accept_refer(now, side, id, &asked);
        let sips = is_sips(&asked.to);
        // RFC 7433 §4.1: by the rules for headers of whoever transfers and whoever is called.
        let headers = asked.user_to_user.into_iter().map(|value| (HeaderName::UserToUser.canonical().into(), value)).collect();
        let route = Route { origin, called: asked.user, uri: asked.to, caller: Some(caller), trail: None, headers };
        let question = self.ask(Question::Transfer(route));
        self.under_way(side, Stage::Routing(question, now + DECISION_TIMEOUT), |transfer| {
            (transfer.question, transfer.sips) = (Some(question), sips);
            (transfer.referred_by, transfer.replaces, transfer.max_forwards) = (by, asked.replaces, asked.max_forwards);
        });
    }

    /// 202, and the subscription that comes with it.
    pub(super) fn accept_refer(&mut self, now: Timestamp, side: Side, id: HeldId, asked: &Asked) {
        let Some(transferor) = self.leg(side).map(|leg| leg.id) else { return };
        let is_outside = self.is_from_outside(side, id);
        let aside = if is_outside && !asked.silent { self.open_aside(transferor, id, None) } else { None };
        // RFC 4488 §4: the one who sends the 2xx says whether there is a subscription.
        let silent = [(HeaderName::ReferSub, "false")];
        self.answer_refer(now, side, id, &Reply::new(202, if asked.silent { &silent } else { &[] }));
        self.transfers.get_or_insert_default().count += 1;
        if !asked.silent {
            self.subscribe(now, transferor, aside, asked.cseq);
        }
        if let Some(transfers) = self.transfers.as_mut().filter(|transfers| !is_outside && !transfers.referred.contains(&transferor)) {
            transfers.referred.push(transferor);
        }
    }

    /// A transfer begins by which the leg of that side is to be replaced.
    pub(super) fn under_way(&mut self, by: Side, stage: Stage, with: impl FnOnce(&mut Transfer)) {
        let Some(transferor) = self.leg(by).map(|leg| leg.id) else { return };
        let mut transfer = Transfer {
            by,
            transferor,
            question: None,
            seized: None,
            plans: Box::default(),
            next: 0,
            deadline: None,
            group: None,
            referred_by: None,
            replaces: None,
            sips: false,
            max_forwards: MAX_FORWARDS,
            failure: 480,
            stage,
        };
        with(&mut transfer);
        self.transfers.get_or_insert_default().under_way = Some(Box::new(transfer));
    }
}

/// Reads a REFER. `Err` with its status if it cannot be.
fn read(request: &Message) -> Result<Asked, u16> {
    let mut values = request.values(HeaderName::ReferTo);
    // RFC 3515 §2.4.2: exactly one.
    let (Some(value), None) = (values.next(), values.next()) else { return Err(400) };
    let address = NameAddr::parse(value).map_err(|_| 400_u16)?;
    let uri = Uri::parse(address.uri).map_err(|_| 400_u16)?;
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
        // RFC 5057 §5.1: 416 would be about the REFER's own Request-URI, and the end of its dialog.
        return Err(603);
    }
    let to = ReferTo::parse(value).ok_or(400_u16)?;
    if to.method != Method::Invite {
        return Err(403);
    }
    let by = request.header(HeaderName::ReferredBy).and_then(|value| NameAddr::parse(value).ok());
    Ok(Asked {
        to: to.uri.as_ref().into(),
        user: to.user.as_ref().into(),
        replaces: to.replaces,
        by: by.and_then(|by| number_in(by.uri)).filter(|user| !user.is_empty()),
        user_to_user: user_to_user::asked(uri.headers),
        cseq: request.cseq().map_or(0, |cseq| cseq.number),
        max_forwards: hops_left(Some(request)),
        silent: declines_subscription(request),
    })
}
