//! Who hears whom, and by which path.

use super::Session;
use crate::endpoint::Hears;
use tandem_model::{Hearing, LegId, MAX_ENDPOINTS};

impl Session {
    /// Sets the whole matrix. Whoever hears others than before hears something that does not follow on what it heard last.
    pub(super) fn hear(&mut self, pairs: Box<[Hearing]>) {
        let is_known = |leg: LegId| self.endpoints.iter().any(|endpoint| endpoint.leg == leg);
        let mut pairs: Vec<Hearing> = pairs.into_iter().filter(|pair| is_known(pair.speaker) && is_known(pair.listener)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let before = std::mem::replace(&mut self.hearing, pairs.into());
        for endpoint in &mut self.endpoints {
            let heard = |pairs: &[Hearing]| -> Vec<LegId> {
                pairs.iter().filter(|pair| pair.listener == endpoint.leg).map(|pair| pair.speaker).collect()
            };
            if heard(&before) != heard(&self.hearing) {
                endpoint.outgoing.interrupt();
                endpoint.fall_silent();
            }
        }
        self.arrange();
    }

    /// Works out by which path each is heard.
    pub(super) fn arrange(&mut self) {
        let place = |leg: LegId| self.endpoints.iter().position(|endpoint| endpoint.leg == leg);
        let mut listeners = [None; MAX_ENDPOINTS];
        for pair in &self.hearing {
            let (Some(speaker), Some(listener)) = (place(pair.speaker), place(pair.listener)) else { continue };
            if matches!(self.endpoints[listener].hears, Hears::Peer) {
                listeners[speaker] = u8::try_from(listener).ok();
            }
        }
        self.listeners = listeners;
        for (speaker, listener) in
            listeners.into_iter().enumerate().filter_map(|(speaker, listener)| Some((speaker, usize::from(listener?))))
        {
            let (leg, speech) = (self.endpoints[listener].leg, self.endpoints[listener].speech.clone());
            self.endpoints[speaker].meet(leg, speech.as_ref());
        }
        self.share_reports();
    }
}
