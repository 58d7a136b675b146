//! A leg is held because we were told so (RFC 3264 §8.4, RFC 6337 §5.3): its peer is offered `a=sendonly`, and hears nobody but what is
//! played to it. The other leg is told nothing: what is offered to either of the two meanwhile is as [`crate::negotiation`] has it.

use super::command::{Holding, audible};
use super::leg::State;
use super::phase::Phase;
use super::reoffer::Purpose;
use super::{Call, Side};
use crate::message::Message;
use tandem_model::{CommandError, CommandId, CommandOutcome, EventKind, HeldBy, LegId, Timestamp};

/// What comes of an offer that never left.
const UNREACHED: u16 = 503;

impl Call {
    /// Holds a leg, or lets it go on; `None`: once its peer has agreed.
    pub(super) fn hold(&mut self, now: Timestamp, id: CommandId, leg: LegId, held: bool) -> Result<Option<CommandOutcome>, CommandError> {
        self.is_through_us()?;
        let known = self.named(leg)?;
        let side = self.side_of(leg).ok_or(CommandError::NotAnswered(leg))?;
        if known.state != State::Confirmed || !matches!(self.phase, Phase::Talking) {
            return Err(CommandError::NotAnswered(leg));
        }
        let (audible, is_held) = (audible(known), known.media.is_held());
        let controls = self.controls.get_or_insert_default();
        if controls.holding.iter().any(|holding| holding.leg == leg) {
            return Err(CommandError::UnderWay(leg));
        }
        if is_held == held {
            return Ok(Some(CommandOutcome::Done));
        }
        audible?;
        controls.holding.push(Holding { command: id, leg });
        self.reoffer(now, side, Purpose::Hold { held });
        Ok(None)
    }

    fn take_holding(&mut self, side: Side) -> Option<Holding> {
        let leg = self.leg(side)?.id;
        let holding = &mut self.controls.as_mut()?.holding;
        let place = holding.iter().position(|holding| holding.leg == leg)?;
        Some(holding.remove(place))
    }

    /// The peer of that side agreed.
    pub(super) fn on_held(&mut self, now: Timestamp, side: Side, held: bool) {
        let Some(leg) = self.leg(side).map(|leg| leg.id) else { return };
        self.controls.get_or_insert_default().at(leg).held = held;
        let by = HeldBy::Node;
        self.notify(now, Some(leg), if held { EventKind::LegHeld(by) } else { EventKind::LegResumed(by) });
        if let Some(holding) = self.take_holding(side) {
            self.reply_to(holding.command, Ok(CommandOutcome::Done));
        }
    }

    /// It refused: its session is as it was (RFC 3261 §14.1).
    pub(super) fn on_not_held(&mut self, side: Side, response: Option<&Message>) {
        if let Some(Holding { command, leg }) = self.take_holding(side) {
            let status = response.map_or(UNREACHED, Message::status);
            self.reply_to(command, Err(CommandError::Refused { leg, status }));
        }
    }
}
