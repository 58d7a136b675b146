//! What a call is told to do from outside, and what of that still stands. Who hears whom comes of it in [`super::hearing`]; what a leg's
//! peer must be told, in [`super::hold_by_us`].

use super::leg::Leg;
use super::plays::Playing;
use super::{Call, Output, Side};
use tandem_model::{
    CallCommand, CommandError, CommandId, CommandOutcome, EventKind, HearEntry, Hearing, KeyPress, LegId, MAX_HEARING, MAX_PRESSES, Sound,
    Timestamp,
};

/// What was asked for of a call, while it stands.
#[derive(Debug, Default)]
pub(super) struct Controls {
    /// Each leg once; those of which nothing was asked need not be there.
    legs: Vec<LegControls>,
    /// Each pair once.
    pub(super) entries: Vec<HearEntry>,
    /// Who hears whom, as the media session was last told; `None`: not by us.
    pub(super) told: Option<Box<[Hearing]>>,
    /// Holds whose legs have not answered yet, at most one a leg.
    pub(super) holding: Vec<Holding>,
    /// What is heard, a leg at a time.
    pub(super) plays: Vec<Playing>,
    /// The name of the last one.
    pub(super) last_play: u16,
}

/// What was asked for of a leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct LegControls {
    leg: LegId,
    pub(super) muted: bool,
    pub(super) deaf: bool,
    pub(super) held: bool,
    /// The legs that it may hear: a bit each, by their index.
    pub(super) hears: u64,
}

/// A leg that is to be held, or no more, as soon as its peer agrees.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) command: CommandId,
    pub(super) leg: LegId,
    /// What it is to hear then.
    pub(super) music: Option<Sound>,
}

impl Controls {
    /// What stands for a leg, if anything does.
    pub(super) fn of(&self, leg: LegId) -> Option<&LegControls> {
        self.legs.iter().find(|known| known.leg == leg)
    }

    /// What is to stand for it.
    pub(super) fn at(&mut self, leg: LegId) -> &mut LegControls {
        let place = self.legs.iter().position(|known| known.leg == leg).unwrap_or_else(|| {
            self.legs.push(LegControls { leg, muted: false, deaf: false, held: false, hears: u64::MAX });
            self.legs.len() - 1
        });
        &mut self.legs[place]
    }

    /// Sets entries: all, or none.
    pub(super) fn set(&mut self, entries: &[HearEntry]) -> Result<(), CommandError> {
        let many = CommandError::TooManyEntries(MAX_HEARING);
        if entries.len() > MAX_HEARING {
            return Err(many);
        }
        let mut all = self.entries.clone();
        for entry in entries {
            all.retain(|known| (known.speaker, known.listener) != (entry.speaker, entry.listener));
            all.push(*entry);
        }
        if all.len() > MAX_HEARING {
            return Err(many);
        }
        self.entries = all;
        Ok(())
    }

    /// Forgets all but these legs.
    pub(super) fn keep(&mut self, is_here: &dyn Fn(LegId) -> bool) {
        let is_asked = |known: &LegControls| known.muted || known.deaf || known.held || known.hears != u64::MAX;
        self.legs.retain(|known| is_here(known.leg) && is_asked(known));
        self.entries.retain(|entry| is_here(entry.speaker) && is_here(entry.listener));
    }

    /// Nothing stands, nor is there anything to be remembered: plays are numbered through.
    pub(super) fn is_idle(&self) -> bool {
        self.legs.is_empty() && self.entries.is_empty() && self.holding.is_empty() && self.last_play == 0
    }
}

/// The leg has agreed on sound: it can be played to, and recorded.
pub(super) fn audible(leg: &Leg) -> Result<(), CommandError> {
    match (leg.media.direction(), leg.media.codec()) {
        (None, _) => Err(CommandError::NotAnswered(leg.id)),
        (_, None) => Err(CommandError::NoAudio(leg.id)),
        _ => Ok(()),
    }
}

impl Call {
    /// The call is told to do something.
    pub(super) fn on_command(&mut self, now: Timestamp, id: CommandId, command: CallCommand) {
        let outcome = match self.ended {
            Some(_) => Err(CommandError::CallOver(self.id)),
            None => self.obey(now, id, command),
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(outcome)) => self.reply_to(id, Ok(outcome)),
            Err(error) => self.reply_to(id, Err(error)),
        }
    }

    /// What came of it; `None`: [`Call::reply_to`] tells later.
    fn obey(&mut self, now: Timestamp, id: CommandId, command: CallCommand) -> Result<Option<CommandOutcome>, CommandError> {
        match command {
            CallCommand::Hear { entries } => self.set_hearing(&entries)?,
            CallCommand::Mute { leg } => self.control(leg)?.muted = true,
            CallCommand::Unmute { leg } => self.control(leg)?.muted = false,
            CallCommand::Deafen { leg } => self.control(leg)?.deaf = true,
            CallCommand::Undeafen { leg } => self.control(leg)?.deaf = false,
            CallCommand::Hold { leg, music } => return self.hold(now, id, leg, music),
            CallCommand::Unhold { leg } => return self.unhold(now, id, leg),
            CallCommand::Play { leg, sound, times, over } => return self.play_to(leg, sound, times, over),
            CallCommand::Stop { what } => return self.stop_plays(what),
            CallCommand::Press { leg, keys } => self.press_for(now, leg, &keys)?,
            CallCommand::Record { of, layout, file } => return self.record_to(of, layout, file),
            CallCommand::StopRecording { recording } => return self.stop_recording(recording),
            CallCommand::Add { leg } => return self.add_guest(now, id, *leg),
            CallCommand::Transfer { leg, to } => return self.transfer_to(now, id, leg, *to),
            CallCommand::Signal { leg, signal } => {
                leg.map(|leg| self.named(leg)).transpose()?;
                self.notify(now, leg, EventKind::Signal(signal));
            }
            CallCommand::HangUp { leg } => self.hang_up_leg(now, leg)?,
            CallCommand::Reject { leg, status, reason } => self.reject_caller(now, leg, status, reason.as_deref())?,
            CallCommand::End { reason } => self.end_as_told(now, reason.as_deref())?,
        }
        Ok(Some(CommandOutcome::Done))
    }

    /// Presses keys for the peer of a leg that talks.
    fn press_for(&mut self, now: Timestamp, leg: LegId, keys: &[KeyPress]) -> Result<(), CommandError> {
        self.is_through_us()?;
        audible(self.named(leg)?)?;
        self.talks(leg)?;
        if keys.len() > MAX_PRESSES {
            return Err(CommandError::TooManyKeys(MAX_PRESSES));
        }
        self.press(now, leg, keys);
        Ok(())
    }

    pub(super) fn reply_to(&mut self, id: CommandId, outcome: Result<CommandOutcome, CommandError>) {
        self.outputs.push_back(Output::Commanded(id, outcome));
    }

    /// What stands for a leg that is part of the call, to be changed.
    fn control(&mut self, leg: LegId) -> Result<&mut LegControls, CommandError> {
        self.is_through_us()?;
        self.named(leg)?;
        Ok(self.controls.get_or_insert_default().at(leg))
    }

    fn set_hearing(&mut self, entries: &[HearEntry]) -> Result<(), CommandError> {
        self.is_through_us()?;
        for entry in entries {
            self.named(entry.speaker)?;
            self.named(entry.listener)?;
            if entry.speaker == entry.listener {
                return Err(CommandError::Itself(entry.speaker));
            }
        }
        self.controls.get_or_insert_default().set(entries)
    }

    /// A leg that is part of the call, or may become so: it talks, rings, or is being called.
    pub(super) fn named(&self, leg: LegId) -> Result<&Leg, CommandError> {
        let found = self.present().find(|known| known.id == leg).ok_or(CommandError::UnknownLeg(leg))?;
        if found.is_husk() { Err(CommandError::UnderWay(leg)) } else { Ok(found) }
    }

    /// The side that a leg is on which talks, or is to.
    pub(super) fn side_of(&self, leg: LegId) -> Option<Side> {
        [Side::Caller, Side::Callee].into_iter().find(|side| self.leg(*side).is_some_and(|known| known.id == leg))
    }

    /// A leg that talks, or is to when the callee has answered.
    pub(super) fn talks(&self, leg: LegId) -> Result<(), CommandError> {
        if self.talkers().any(|known| known.id == leg) { Ok(()) } else { Err(CommandError::NotAnswered(leg)) }
    }

    /// Media passes through here.
    pub(super) fn is_through_us(&self) -> Result<(), CommandError> {
        if self.is_room() {
            return Ok(());
        }
        let ring = self.ring.as_ref().map(|ring| ring.is_anchored());
        let bridge = || self.bridge.as_ref().map(|bridge| bridge.anchor);
        let talks = || (self.alone.is_some() || self.callee.is_some()).then(|| self.is_anchored());
        match ring.or_else(bridge).or_else(talks) {
            Some(true) => Ok(()),
            Some(false) => Err(CommandError::NotAnchored(self.id)),
            // Nobody has said yet where the call goes.
            None => Err(CommandError::NotAnswered(self.caller.id)),
        }
    }

    /// After each input: what was asked of legs that have gone goes with them, and what it came to is told.
    pub(super) fn tend_controls(&mut self) {
        let Some(mut controls) = self.controls.take() else { return };
        let is_over = self.ended.is_some();
        let is_here = |leg: LegId| !is_over && !matches!(self.named(leg), Err(CommandError::UnknownLeg(_)));
        controls.keep(&is_here);
        let (here, gone): (Vec<_>, Vec<_>) = controls.holding.drain(..).partition(|holding| is_here(holding.leg));
        controls.holding = here;
        for holding in gone {
            let error = if is_over { CommandError::CallOver(self.id) } else { CommandError::UnknownLeg(holding.leg) };
            self.reply_to(holding.command, Err(error));
        }
        self.controls = Some(controls);
        self.hear_anew();
        // Whoever asks for nothing more has told the media session so.
        self.controls.take_if(|controls| controls.is_idle());
    }
}
