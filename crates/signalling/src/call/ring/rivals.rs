//! What happens to the members that are not the one under way.

use super::super::leg::{Leg, LegEvent, LostWay};
use super::super::phase::{Bridge, Phase};
use super::super::{Call, Reason, Side, context};
use crate::locate::Located;
use crate::wire::Arrival;
use tandem_model::{LegId, QuestionId, Timestamp};

/// A member that is not the one under way.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) bridge: Box<Bridge>,
    pub(super) callee: Option<Leg>,
    pub(super) phase: Phase,
}

impl Rival {
    pub(super) fn leg(&self) -> Option<&Leg> {
        self.callee.as_ref()
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> {
        self.phase.deadlines()
    }

    fn is(&self, leg: LegId) -> bool {
        self.callee.as_ref().is_some_and(|callee| callee.id == leg) || self.phase.opens() == Some(leg)
    }

    fn asks(&self, id: QuestionId) -> bool {
        matches!(self.phase, Phase::Seizing(asked, ..) if asked == id)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.deadlines().any(|(at, _)| at <= now)
    }
}

impl Call {
    /// The member under way becomes a rival, if there is one.
    pub(super) fn step_back(&mut self) {
        let (Some(ring), Some(bridge)) = (&mut self.ring, self.bridge.take()) else { return };
        let phase = std::mem::replace(&mut self.phase, Phase::Between);
        ring.rivals.push(Rival { bridge, callee: self.callee.take(), phase });
    }

    /// A rival becomes the member under way.
    pub(super) fn bring_forward(&mut self, place: usize) {
        let Some(rival) = self.ring.as_mut().map(|ring| ring.rivals.remove(place)) else { return };
        self.step_back();
        (self.bridge, self.callee, self.phase) = (Some(rival.bridge), rival.callee, rival.phase);
    }

    fn bring_forward_whom(&mut self, is_it: impl Fn(&Rival) -> bool) -> bool {
        let place = self.ring.as_ref().and_then(|ring| ring.rivals.iter().position(is_it));
        place.map(|place| self.bring_forward(place)).is_some()
    }

    /// The rival whose leg that is, or will be, becomes the member under way.
    pub(in super::super) fn bring_leg_forward(&mut self, leg: LegId) {
        self.bring_forward_whom(|rival| rival.is(leg));
    }

    /// The same for the rival that waits for this decision.
    pub(in super::super) fn bring_asker_forward(&mut self, id: QuestionId) {
        self.bring_forward_whom(|rival| rival.asks(id));
    }

    fn rival(&mut self, leg: LegId) -> Option<&mut Leg> {
        let ring = self.ring.as_mut()?;
        ring.rivals.iter_mut().filter_map(|rival| rival.callee.as_mut()).find(|callee| callee.id == leg)
    }

    /// A message to `leg`; it comes back if that is no rival's.
    pub(in super::super) fn on_rival_message(&mut self, now: Timestamp, leg: LegId, arrival: Box<Arrival>) -> Option<Box<Arrival>> {
        let Some(ring) = self.ring.as_mut() else { return Some(arrival) };
        let mut legs = ring.rivals.iter_mut().filter_map(|rival| rival.callee.as_mut());
        let Some(rival) = legs.find(|callee| callee.id == leg) else { return Some(arrival) };
        let event = rival.on_message(context!(self, now), arrival);
        self.on_rival_event(now, leg, event);
        None
    }

    /// What became of the search for a rival's places.
    pub(in super::super) fn on_rival_located(&mut self, now: Timestamp, leg: LegId, located: Located) {
        let Some(ring) = self.ring.as_mut() else { return };
        let mut legs = ring.rivals.iter_mut().filter_map(|rival| rival.callee.as_mut());
        let Some(rival) = legs.find(|callee| callee.id == leg) else { return };
        let event = rival.on_located(context!(self, now), located);
        self.on_rival_event(now, leg, event);
    }

    fn on_rival_event(&mut self, now: Timestamp, leg: LegId, event: Option<LegEvent>) {
        if event.is_some() {
            self.bring_leg_forward(leg);
            self.on_leg_event(now, Side::Callee, event);
        }
    }

    fn rival_legs(&self) -> Vec<LegId> {
        self.ring.iter().flat_map(|ring| ring.legs()).map(|leg| leg.id).collect()
    }

    pub(in super::super) fn rivals_unreachable(&mut self, now: Timestamp, lost: &LostWay<'_>) {
        for leg in self.rival_legs() {
            // An event of one may be the end of others.
            let Some(ring) = self.ring.as_mut() else { return };
            let mut legs = ring.rivals.iter_mut().filter_map(|rival| rival.callee.as_mut());
            let Some(rival) = legs.find(|callee| callee.id == leg) else { continue };
            let event = rival.on_unreachable(context!(self, now), lost);
            self.on_rival_event(now, leg, event);
        }
    }

    /// Timers of the rivals.
    pub(in super::super) fn wake_rivals(&mut self, now: Timestamp) {
        for leg in self.rival_legs() {
            while self.rival(leg).is_some_and(|rival| rival.poll_timeout().is_some_and(|at| at <= now)) {
                let Some(ring) = self.ring.as_mut() else { return };
                let mut legs = ring.rivals.iter_mut().filter_map(|rival| rival.callee.as_mut());
                let Some(rival) = legs.find(|callee| callee.id == leg) else { break };
                let event = rival.on_timeout(context!(self, now));
                self.on_rival_event(now, leg, event);
            }
        }
        while self.bring_forward_whom(|rival| rival.is_due(now)) {
            self.on_phase_deadline(now);
        }
        if self.ring.as_ref().is_some_and(|ring| ring.ports_until.is_some_and(|at| at <= now)) {
            self.stop_waiting_for_ports(now);
        }
    }

    /// The media session did not say what became of the ports that were asked for.
    fn stop_waiting_for_ports(&mut self, now: Timestamp) {
        if let Some(ring) = &mut self.ring {
            ring.ports_until = None;
        }
        let rivals = self.ring.iter().flat_map(|ring| &ring.rivals).map(|rival| &rival.phase);
        let waiting: Vec<LegId> = rivals.chain([&self.phase]).filter_map(Phase::opens).collect();
        for leg in waiting {
            self.remove_ports(leg);
            self.on_ports_refused(now, leg);
        }
    }
}
