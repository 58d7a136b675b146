//! A leg is hung up because the call was told so.

use super::failure::Failure;
use super::{Call, Side, over};
use tandem_model::{CommandError, EndReason, LegId, Timestamp};

/// What becomes of a leg that rings and is hung up.
const TAKEN_BACK: u16 = 487;

impl Call {
    /// Hangs a leg up, which talks or rings.
    pub(super) fn hang_up_leg(&mut self, now: Timestamp, leg: LegId) -> Result<(), CommandError> {
        self.named(leg)?;
        if self.hang_up_target(now, leg) || self.hang_up_guest(now, leg) {
            return Ok(());
        }
        match self.side_of(leg) {
            Some(side) if side == Side::Caller || self.ring.is_none() => self.leave(now, side, EndReason::Commanded, None),
            _ => self.hang_up_member(now, leg),
        }
        Ok(())
    }

    /// A member of the ring group is out; the others go on ringing.
    fn hang_up_member(&mut self, now: Timestamp, leg: LegId) {
        self.bring_leg_forward(leg);
        self.with_leg(Side::Callee, now, |member, context| member.note_end(context, over::unanswered(TAKEN_BACK)));
        self.member_gone(now, &Failure::new(480));
    }
}
