//! A leg is held because we were told so (RFC 3264 §8.4, RFC 6337 §5.3): its peer is offered `a=sendonly`, and hears nobody but what is
//! played to it. The other leg is told nothing: what is offered to either of the two meanwhile is as [`crate::negotiation`] has it.

use super::Call;
use super::command::{Holding, audible};
use super::leg::State;
use super::phase::Phase;
use super::reoffer::Purpose;
use crate::message::Message;
use tandem_model::{BuiltIn, CommandError, CommandId, CommandOutcome, EventKind, HeldBy, LegId, Sound, Timestamp};

/// What comes of an offer that never left.
const UNREACHED: u16 = 503;

impl Call {
    /// Holds a leg; `None`: once its peer has agreed. One that is held may hear something else from now on.
    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        id: CommandId,
        leg: LegId,
        music: Option<Sound>,
    ) -> Result<Option<CommandOutcome>, CommandError> {
        let is_held = self.may_be_held(leg)?;
        self.check_music(leg, music.as_ref())?;
        if !is_held {
            return Ok(self.agree(now, Holding { command: id, leg, music }, true));
        }
        match music {
            Some(sound) => self.play_music(leg, sound),
            None => self.end_music(leg),
        }
        Ok(Some(CommandOutcome::Done))
    }

    /// Lets a leg go on; `None`: once its peer has agreed.
    pub(super) fn unhold(&mut self, now: Timestamp, id: CommandId, leg: LegId) -> Result<Option<CommandOutcome>, CommandError> {
        let is_held = self.may_be_held(leg)?;
        let holding = Holding { command: id, leg, music: None };
        Ok(if is_held { self.agree(now, holding, false) } else { Some(CommandOutcome::Done) })
    }

    /// Whether a leg is held that may be.
    fn may_be_held(&self, leg: LegId) -> Result<bool, CommandError> {
        self.is_through_us()?;
        let known = self.named(leg)?;
        self.talks(leg)?;
        if known.state != State::Confirmed || !matches!(self.phase, Phase::Talking) {
            return Err(CommandError::NotAnswered(leg));
        }
        if self.controls.as_ref().is_some_and(|controls| controls.holding.iter().any(|holding| holding.leg == leg)) {
            return Err(CommandError::UnderWay(leg));
        }
        audible(known)?;
        Ok(known.media.is_held())
    }

    fn agree(&mut self, now: Timestamp, holding: Holding, held: bool) -> Option<CommandOutcome> {
        let leg = holding.leg;
        self.controls.get_or_insert_default().holding.push(holding);
        match self.side_of(leg) {
            Some(side) => self.reoffer(now, side, Purpose::Hold { held }),
            None => self.reoffer_guest(now, leg, Purpose::Hold { held }),
        }
        None
    }

    fn take_holding(&mut self, leg: LegId) -> Option<Holding> {
        let holding = &mut self.controls.as_mut()?.holding;
        let place = holding.iter().position(|holding| holding.leg == leg)?;
        Some(holding.remove(place))
    }

    /// The peer of that leg agreed.
    pub(super) fn on_held(&mut self, now: Timestamp, leg: LegId, held: bool) {
        self.controls.get_or_insert_default().at(leg).held = held;
        let by = HeldBy::Node;
        self.notify(now, Some(leg), if held { EventKind::LegHeld(by) } else { EventKind::LegResumed(by) });
        if !held {
            self.end_music(leg);
            // Music took the place of what we play to the one who is alone.
            let hears = self.alone.filter(|built_in| *built_in == BuiltIn::Tone && !self.has_company());
            hears.into_iter().for_each(|built_in| self.play_to_caller(now, built_in));
        }
        if let Some(Holding { command, music, .. }) = self.take_holding(leg) {
            music.into_iter().for_each(|sound| self.play_music(leg, sound));
            self.reply_to(command, Ok(CommandOutcome::Done));
        }
    }

    /// It refused: its session is as it was (RFC 3261 §14.1).
    pub(super) fn on_not_held(&mut self, leg: LegId, response: Option<&Message>) {
        if let Some(Holding { command, .. }) = self.take_holding(leg) {
            let status = response.map_or(UNREACHED, Message::status);
            self.reply_to(command, Err(CommandError::Refused { leg, status }));
        }
    }
}
