//! Session timers (RFC 4028): each leg has its own, and counts by itself ([`super::leg`]); here is what the call does for it.

use super::reoffer::Purpose;
use super::{Call, Side, context};
use tandem_model::{LegId, Timestamp};

impl Call {
    /// The session of that side is to be refreshed: by UPDATE where its peer takes it, for that touches no offer and answer (RFC 4028 §7.4),
    /// else by a re-INVITE with what it was last told.
    pub(super) fn on_refresh_due(&mut self, now: Timestamp, side: Side) {
        let leg = side.of(&mut self.caller, &mut self.callee);
        let Some(leg) = leg else { return };
        if !leg.refreshes_by_update() {
            return self.reoffer(now, side, Purpose::Refresh);
        }
        if !leg.may_refresh() || !leg.refresh(context!(self, now)) {
            leg.refresh_later(now);
        }
    }

    /// Whether a leg has a session timer: its silence ends no call, for the refreshes show whether its peer is there.
    pub(super) fn has_session_timer(&self, leg: LegId) -> bool {
        self.talkers().any(|one| one.id == leg && one.has_session_timer())
    }
}
