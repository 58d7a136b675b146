//! A transfer that the call was told to make: as if a leg's peer had asked for it by REFER, but that nobody is told of it by NOTIFY.

use super::super::Call;
use super::super::guest::where_is;
use super::super::parties::who_is;
use super::super::setup::DECISION_TIMEOUT;
use super::{MAX_TRANSFERS, Stage};
use crate::message::is_sips;
use tandem_model::{CommandError, CommandId, CommandOutcome, DialLeg, LegId, Timestamp};

impl Call {
    /// Whoever talks with that leg is to be joined to somebody else, and the leg hung up; told once that has answered, or has not.
    pub(in super::super) fn transfer_to(
        &mut self,
        now: Timestamp,
        command: CommandId,
        leg: LegId,
        mut to: DialLeg,
    ) -> Result<Option<CommandOutcome>, CommandError> {
        self.named(leg)?;
        if self.guest_legs().any(|guest| guest.id == leg) {
            return Err(CommandError::IsGuest(leg));
        }
        let side = self.side_of(leg).ok_or(CommandError::NotAnswered(leg))?;
        if self.alone.is_some() {
            return Err(CommandError::IsAlone(leg));
        }
        self.part_with_the_last(now);
        match self.why_not(side) {
            Some(491) => return Err(CommandError::UnderWay(leg)),
            Some(403) => return Err(CommandError::TooManyTransfers(usize::from(MAX_TRANSFERS))),
            Some(_) => return Err(CommandError::NotAnswered(leg)),
            None => {}
        }
        if to.from.is_none() {
            to.from = self.leg(side.other()).map(who_is);
        }
        let sips = is_sips(&to.to);
        let question = self.ask(where_is(to));
        self.under_way(side, Stage::Routing(question, now + DECISION_TIMEOUT), |transfer| {
            (transfer.question, transfer.sips) = (Some(question), sips);
        });
        if let Some(transfers) = &mut self.transfers {
            (transfers.count, transfers.commander) = (transfers.count + 1, Some((leg, command)));
        }
        Ok(None)
    }

    /// Tells whoever told us to transfer what came of it; false if nobody did.
    pub(super) fn tell_commander(&mut self, leg: LegId, status: u16) -> bool {
        let commander = self.transfers.as_mut().and_then(|transfers| transfers.commander.take_if(|(of, _)| *of == leg));
        let Some((_, command)) = commander else { return false };
        let outcome = match (self.ended, status) {
            (None, 200..300) => Ok(CommandOutcome::Done),
            (None, _) => Err(CommandError::Refused { leg, status }),
            (Some(_), _) => Err(CommandError::CallOver(self.id)),
        };
        self.reply_to(command, outcome);
        true
    }
}
