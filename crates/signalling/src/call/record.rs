//! What is told of a call once it is over.

use super::leg::Leg;
use super::over;
use super::{Call, EventKind};
use tandem_model::{CallRecord, LegRecord, Timestamp};

impl Call {
    /// Writes the call's record: once, when it has ended and its media session has told its last figures.
    pub(super) fn record(&mut self, now: Timestamp) {
        let Some((ended, reason)) = self.ended.filter(|_| !self.recorded) else { return };
        if self.transfer().is_some() {
            // A leg is still to come back, or to be given back.
            return;
        }
        if self.awaits_recordings(now) {
            return;
        }
        self.recorded = true;
        let both = std::iter::once(&self.caller).chain(&self.callee).filter(|leg| !leg.is_husk());
        let mut legs: Vec<_> = both.map(|leg| self.leg_record(leg)).collect();
        // Their figures are known only now.
        let figures = |leg| self.stats.iter().find(|stats| stats.leg == leg).copied();
        legs.extend(std::mem::take(&mut self.past_legs).into_iter().map(|leg| LegRecord { media: figures(leg.leg), ..leg }));
        legs.extend(self.strays.iter().filter(|leg| !leg.is_subscription()).map(|leg| self.leg_record(leg)));
        legs.sort_by_key(|leg| leg.leg);
        let record = CallRecord {
            call: self.id,
            route: std::mem::take(&mut self.route),
            began: self.began,
            rang: self.rang,
            answered: self.answered,
            ended,
            reason,
            metadata: self.metadata(),
            legs: legs.into_boxed_slice(),
        };
        self.notify(now, None, EventKind::CallEnded(Box::new(record)));
    }

    pub(super) fn leg_record(&self, leg: &Leg) -> LegRecord {
        LegRecord {
            leg: leg.id,
            endpoint: leg.endpoint.clone(),
            from: leg.from.clone(),
            to: leg.to.clone(),
            remote: leg.remote,
            sip_call_id: leg.call_id.clone(),
            session_id: leg.session_id(),
            sip_status: leg.status,
            codec: leg.media.codec().or(self.codec).filter(|_| leg.status / 100 == 2),
            replaced_by: leg.replaced_by,
            media: self.stats.iter().find(|stats| stats.leg == leg.id).copied(),
            end: leg.end.clone().unwrap_or_else(|| over::untold(leg)),
        }
    }
}
