//! Whom the caller of a ring group hears, what it is told, and the ports of the members.

use super::super::failure::Failure;
use super::super::phase::{MediaState, Phase};
use super::super::setup::MEDIA_OPEN_TIMEOUT;
use super::super::{Call, context};
use super::Ring;
use crate::message::reason_phrase;
use std::sync::Arc;
use tandem_model::{Codec, EndpointRequest, EventKind, Hears, LegId, LocalEndpoint, MediaCommand, Timestamp};

/// What the caller hears of a group.
#[derive(Debug, Default)]
pub(super) struct Sound {
    /// Legs with early media, as they began; the last of them is heard (RFC 3960 §3.2: one at a time).
    sources: Vec<LegId>,
    /// The leg that is joined with the caller's.
    pub(super) joined: Option<LegId>,
    /// A source has just begun, or has new media.
    has_news: bool,
    /// The caller has had an answer.
    pub(super) has_told: bool,
    /// Provisional statuses that the caller has been told; bit 80 is 180.
    told: u128,
}

impl Sound {
    pub(super) fn is_heard(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether a provisional response says what the caller has not been told: several phones ring, and it hears of one ringing.
    fn is_new(&mut self, status: u16) -> bool {
        let bit = 1u128.checked_shl(u32::from(status.saturating_sub(100))).unwrap_or(0);
        let is_first = self.told & bit == 0;
        self.told |= bit;
        std::mem::take(&mut self.has_news) || is_first
    }
}

impl Call {
    /// 101 to 198 from the member under way, with the answer for the caller that it brought, or that is ours.
    pub(in super::super) fn pass_ringing(
        &mut self,
        now: Timestamp,
        (status, reason): (u16, &str),
        answer: Option<&Arc<[u8]>>,
        ours: Option<&Arc<[u8]>>,
    ) {
        let (Some(ring), Some(leg)) = (&mut self.ring, self.callee.as_ref().map(|callee| callee.id)) else { return };
        // What a phone repeats that is not heard is for nobody.
        let answer = answer.filter(|_| ring.sound.sources.last() == Some(&leg));
        let began = ring.sound.has_news;
        let (told, words) = match ours {
            Some(_) => (183, reason_phrase(183)),
            None if ring.terms.hears == Hears::Ringing => (180, reason_phrase(180)),
            None => (status, reason),
        };
        let answer = answer.or(ours);
        if ring.sound.is_new(told) {
            ring.sound.has_told |= answer.is_some() && ring.picked_up.is_none();
            self.caller.provisional(context!(self, now), told, words, answer.map(|answer| &**answer));
        }
        if status == 180 {
            self.rang = self.rang.or(Some(now));
            self.notify(now, Some(leg), EventKind::LegRinging);
        }
        if began {
            self.notify(now, Some(leg), EventKind::LegEarlyMedia);
        }
    }

    /// The codec that the caller was told before anybody answered: whoever is called from then on should speak it.
    pub(in super::super) fn told_codec(&self) -> Option<Codec> {
        self.ring.as_ref().filter(|ring| ring.has_told() && ring.anchor).and_then(|_| self.caller.media.codec())
    }

    /// Whether the caller is to hear what the members bring. A description that it does not hear is kept: a 2xx may mean it.
    pub(in super::super) fn keeps_early_media(&mut self, now: Timestamp, tag: &str, sdp: &[u8]) -> bool {
        let is_without_offer = |ring: &Ring| ring.offer.is_none() && ring.picked_up.is_none();
        let is_kept = self.ring.as_ref().is_some_and(|ring| ring.terms.hears == Hears::Ringing || is_without_offer(ring));
        if let (true, Phase::Dialling(dialling)) = (is_kept, &mut self.phase) {
            let is_first = dialling.early.of(tag).is_none();
            dialling.early.keep(tag, sdp);
            if is_first && self.caller.is_nobody() {
                self.notify(now, self.callee.as_ref().map(|callee| callee.id), EventKind::LegEarlyMedia);
            }
        }
        is_kept
    }

    /// The leg under way has new early media: it is heard from now on.
    pub(in super::super) fn source_began(&mut self) {
        if let (Some(ring), Some(leg)) = (&mut self.ring, self.callee.as_ref().map(|callee| callee.id)) {
            ring.sound.sources.retain(|source| *source != leg);
            ring.sound.sources.push(leg);
            ring.sound.has_news = true;
        }
    }

    /// Whoever the caller hears becomes the one under way.
    pub(in super::super) fn bring_heard_forward(&mut self) {
        if let Some(source) = self.ring.as_ref().and_then(|ring| ring.sound.sources.last().copied()) {
            self.bring_leg_forward(source);
        }
    }

    /// Whether the caller hears the leg under way, if it hears any.
    pub(in super::super) fn is_heard(&self) -> bool {
        let leg = self.callee.as_ref().map(|callee| callee.id);
        self.ring.as_ref().is_none_or(|ring| ring.sound.sources.last().copied() == leg)
    }

    /// The leg has no early media any more.
    pub(in super::super) fn silence(&mut self, leg: LegId) {
        if let Some(ring) = &mut self.ring {
            ring.sound.sources.retain(|source| *source != leg);
        }
    }

    /// If whoever was heard is gone, the one that began before it is heard again.
    pub(in super::super) fn hear_again(&mut self, now: Timestamp) {
        let Some(ring) = &self.ring else { return };
        let Some(source) = ring.sound.sources.last().copied().filter(|source| ring.sound.joined != Some(*source)) else { return };
        self.bring_leg_forward(source);
        let Phase::Dialling(dialling) = &self.phase else { return self.silence(source) };
        let sdp = dialling.early.heard().map(Box::<[u8]>::from);
        match sdp.and_then(|sdp| Some((self.hear_early(now, &sdp)?, sdp))) {
            Some((answer, sdp)) => {
                if let Phase::Dialling(dialling) = &mut self.phase {
                    dialling.early.hear_again(&sdp, &answer);
                }
            }
            None => self.silence(source),
        }
    }

    /// The caller hears this leg and is heard by it, and no other.
    pub(in super::super) fn join(&mut self, leg: LegId) {
        let Some(ring) = self.ring.as_mut().filter(|ring| ring.sound.joined != Some(leg)) else { return };
        ring.sound.joined = Some(leg);
        if self.media == MediaState::Open {
            self.tell_hearing();
        }
    }

    /// Asks for the ports of one more leg.
    pub(in super::super) fn add_ports(&mut self, now: Timestamp, leg: LegId) {
        let side = self.bridge.as_ref().and_then(|bridge| bridge.current()).map(|plan| plan.profile.media);
        let (Some(ring), Some(side)) = (&mut self.ring, side) else { return };
        ring.ports_until = Some(now + MEDIA_OPEN_TIMEOUT);
        self.media(MediaCommand::Add { call: self.id, endpoint: EndpointRequest { leg, side } });
    }

    /// The session is there: those that waited for it ask for their ports.
    pub(in super::super) fn session_opened(&mut self, now: Timestamp, first: LegId) {
        let Some(ring) = &mut self.ring else { return };
        ring.sound.joined = Some(first);
        let waiting: Vec<LegId> = ring.rivals.iter().filter_map(|rival| rival.phase.opens()).collect();
        for leg in waiting {
            self.bring_leg_forward(leg);
            self.add_ports(now, leg);
        }
    }

    /// The ports of one more leg are there.
    pub(in super::super) fn on_ports_added(&mut self, now: Timestamp, local: &LocalEndpoint) {
        self.bring_leg_forward(local.leg);
        if self.phase.opens() == Some(local.leg) {
            self.ports_came();
            self.dial_opened(now, *local);
        }
    }

    /// They are not to be had.
    pub(in super::super) fn on_ports_refused(&mut self, now: Timestamp, leg: LegId) {
        self.bring_leg_forward(leg);
        if self.phase.opens() == Some(leg) {
            self.ports_came();
            self.out_of_targets(now, &Failure::overloaded());
        }
    }

    /// Nothing is awaited from the session once nobody but the one under way waits.
    fn ports_came(&mut self) {
        if let Some(ring) = self.ring.as_mut().filter(|ring| ring.rivals.iter().all(|rival| rival.phase.opens().is_none())) {
            ring.ports_until = None;
        }
    }

    /// A leg of the group gives its ports back.
    pub(in super::super) fn remove_ports(&mut self, leg: LegId) {
        if self.ring.as_ref().is_some_and(|ring| ring.anchor) && self.media == MediaState::Open && self.ended.is_none() {
            self.media(MediaCommand::Remove { call: self.id, leg });
        }
    }
}
