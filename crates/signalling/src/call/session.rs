//! Who talks with whom, as Session-ID says it (RFC 7989 §7): what one leg's peer says of itself is what the other leg's peer is told.

use super::Call;

impl Call {
    /// Tells each of the two legs who is at the other end now.
    pub(super) fn share_sessions(&mut self) {
        let Some(callee) = &mut self.callee else { return };
        let [caller_is, callee_is] = [&self.caller, &*callee].map(|leg| leg.shown_session(&self.node));
        callee_is.into_iter().for_each(|uuid| self.caller.face(uuid));
        caller_is.into_iter().for_each(|uuid| callee.face(uuid));
    }
}
