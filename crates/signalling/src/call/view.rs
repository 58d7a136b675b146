//! A call as it is now, for whoever watches it.

use super::Call;
use super::leg::{Leg, State};
use tandem_model::{CallState, CallView, LegDirection, LegState, LegView};

impl Call {
    /// The call as it is now; `None` once it has ended. Nothing comes of looking.
    pub fn view(&self) -> Option<CallView> {
        if self.ended.is_some() {
            return None;
        }
        let mut legs: Vec<_> = self.present().filter(|leg| !leg.is_husk()).map(|leg| self.leg_view(leg)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let rings = |leg: &LegView| matches!(leg.state, LegState::Ringing | LegState::EarlyMedia);
        let state = match self.answered {
            Some(_) => CallState::Answered,
            None if legs.iter().any(rings) => CallState::Ringing,
            None => CallState::Created,
        };
        let (route, answered) = (self.route.clone(), self.answered);
        Some(CallView {
            call: self.id,
            route,
            state,
            began: self.began,
            answered,
            metadata: self.metadata(),
            legs: legs.into_boxed_slice(),
        })
    }

    /// The legs that are part of the call, or may become so: they talk, ring, or are being called.
    pub(super) fn present(&self) -> impl Iterator<Item = &Leg> {
        let rivals = self.ring.iter().flat_map(|ring| ring.legs());
        std::iter::once(&self.caller).chain(&self.callee).chain(rivals).chain(self.targets()).chain(self.guest_legs())
    }

    fn leg_view(&self, leg: &Leg) -> LegView {
        let asked = self.controls.as_ref().and_then(|controls| controls.of(leg.id));
        let holds = self.side_of(leg.id).map_or_else(|| self.guest_holds(leg.id), |side| self.held[side as usize]);
        LegView {
            leg: leg.id,
            endpoint: leg.endpoint.clone(),
            from: leg.from.clone(),
            to: leg.to.clone(),
            remote: leg.remote,
            direction: if leg.owns_call_id { LegDirection::Out } else { LegDirection::In },
            state: leg.seen_state(),
            sip_call_id: leg.call_id.clone(),
            session_id: leg.session_id(),
            codec: leg.media.codec(),
            sip_status: leg.status,
            muted: asked.is_some_and(|asked| asked.muted),
            deaf: asked.is_some_and(|asked| asked.deaf),
            held: asked.is_some_and(|asked| asked.held),
            holds,
            label: self.label_of(leg.id),
        }
    }
}

impl Leg {
    fn seen_state(&self) -> LegState {
        match self.state {
            State::Incoming | State::Outgoing => self.progress,
            State::Confirmed => LegState::Answered,
            State::Leaving | State::Subscribed | State::Unsubscribed => LegState::Ended,
        }
    }
}
