//! Who hears whom, and by which path: the cheapest that does.

use super::Session;
use crate::endpoint::{Hears, Plain};
use tandem_model::{Hearing, LegId, MAX_ENDPOINTS};

/// Who hears whom of those that are there: the places of a speaker and of a listener.
pub(super) type Pair = (usize, usize);

impl Session {
    /// Sets the whole matrix. Whoever hears others than before by the direct way hears something that does not follow on what it heard
    /// last.
    pub(super) fn hear(&mut self, pairs: Box<[Hearing]>) {
        let is_known = |leg: LegId| self.endpoints.iter().any(|endpoint| endpoint.leg == leg);
        let mut pairs: Vec<Hearing> = pairs.into_iter().filter(|pair| is_known(pair.speaker) && is_known(pair.listener)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let before = std::mem::replace(&mut self.hearing, pairs.into());
        if self.mix.is_none() && !self.is_to_be_mixed(&self.pairs()) {
            for endpoint in &mut self.endpoints {
                let heard = |pairs: &[Hearing]| -> Vec<LegId> {
                    pairs.iter().filter(|pair| pair.listener == endpoint.leg).map(|pair| pair.speaker).collect()
                };
                if heard(&before) != heard(&self.hearing) {
                    endpoint.outgoing.interrupt();
                    endpoint.fall_silent();
                }
            }
        }
        self.arrange();
        self.let_go_unheard();
    }

    /// Works out by which path each is heard.
    pub(super) fn arrange(&mut self) {
        let pairs = self.pairs();
        if self.is_to_be_mixed(&pairs) {
            self.mix(&pairs);
        } else if self.mix.is_some() {
            self.mix_until_a_pause(&pairs);
        } else {
            self.listen_directly(&pairs);
        }
        self.share_reports();
    }

    /// Who hears whom now: who hears a tone hears nobody.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let place = |leg: LegId| self.endpoints.iter().position(|endpoint| endpoint.leg == leg);
        let places = self.hearing.iter().filter_map(|pair| Some((place(pair.speaker)?, place(pair.listener)?)));
        places.filter(|(_, listener)| matches!(self.endpoints[*listener].hears, Hears::Peer)).collect()
    }

    /// One who hears several, one who is heard by several, and whatever asks for sound itself: packets cannot just go on.
    fn is_to_be_mixed(&self, pairs: &[Pair]) -> bool {
        let is_once = |of: fn(&Pair) -> usize| {
            let mut seen = [false; MAX_ENDPOINTS];
            pairs.iter().map(of).all(|place| !std::mem::replace(&mut seen[place], true))
        };
        self.wants_mix() || !is_once(|pair| pair.0) || !is_once(|pair| pair.1)
    }

    /// Something is to be added to what legs hear, or taken from it.
    pub(super) fn wants_mix(&self) -> bool {
        self.recordings.is_some() || self.endpoints.iter().any(|endpoint| endpoint.over.is_some())
    }

    /// Every packet goes to the one who hears it.
    pub(super) fn listen_directly(&mut self, pairs: &[Pair]) {
        self.listeners = [None; MAX_ENDPOINTS];
        for (speaker, listener) in pairs.iter().copied() {
            self.listeners[speaker] = u8::try_from(listener).ok();
            let Plain { leg, speech, keys, .. } = &self.endpoints[listener];
            let (leg, speech, keys, noise) = (*leg, speech.clone(), *keys, self.endpoints[listener].noise());
            self.endpoints[speaker].meet(leg, speech.as_ref(), keys, noise);
            self.endpoints[listener].listens = self.listens(speaker, listener);
        }
    }
}
