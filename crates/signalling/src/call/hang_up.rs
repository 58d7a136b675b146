//! A leg is hung up because the call was told so.

use super::failure::Failure;
use super::leg::State;
use super::{Call, Side, over};
use crate::cause::NORMAL_CLEARING;
use tandem_model::{CommandError, EndReason, LegId, Timestamp, is_reason};

/// A Reason header (RFC 3326 §2) with those words.
fn told_in(words: &str, protocol: &str, cause: u16) -> Result<String, CommandError> {
    if !is_reason(words) {
        return Err(CommandError::BadReason(words.into()));
    }
    let text = words.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("{protocol};cause={cause};text=\"{text}\""))
}

/// What becomes of a leg that rings and is hung up.
const TAKEN_BACK: u16 = 487;

impl Call {
    /// Ends the call because it was told to.
    pub(super) fn end_as_told(&mut self, now: Timestamp, words: Option<&str>) -> Result<(), CommandError> {
        let header = words.map(|words| told_in(words, "Q.850", NORMAL_CLEARING.into())).transpose()?;
        self.end_saying(now, EndReason::Commanded, header.as_deref(), words);
        Ok(())
    }

    /// Refuses whoever has called and waits.
    pub(super) fn reject_caller(&mut self, now: Timestamp, leg: LegId, status: u16, words: Option<&str>) -> Result<(), CommandError> {
        if self.named(leg)?.state != State::Incoming || self.side_of(leg) != Some(Side::Caller) {
            return Err(CommandError::NotCalling(leg));
        }
        if !(400..700).contains(&status) {
            return Err(CommandError::BadStatus(status));
        }
        let header = words.map(|words| told_in(words, "SIP", status)).transpose()?;
        self.end_saying(now, EndReason::Failed(status), header.as_deref(), words);
        Ok(())
    }

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
