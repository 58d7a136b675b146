//! What legs are played because the call was told so, the music of those that are held among it.

use super::Call;
use super::command::{Controls, audible};
use super::phase::MediaState;
use tandem_model::{
    CommandError, CommandOutcome, EventKind, LegId, MAX_PLAYS, MediaCommand, PlayEnd, PlayId, Sound, Stopping, Timestamp, is_file_name,
};

/// Where the names begin that plays of commands have; what the call plays by itself has names below.
pub(super) const FIRST_OF_COMMANDS: u16 = 1 << 15;

/// Something that plays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playing {
    /// As whoever asked for it knows it, for all its legs.
    play: PlayId,
    /// As the media session knows it.
    own: PlayId,
    leg: LegId,
    /// It is there because the leg is held.
    is_music: bool,
}

impl Controls {
    /// Room for so many more.
    fn check_room(&self, more: usize) -> Result<(), CommandError> {
        if self.plays.len() + more > MAX_PLAYS { Err(CommandError::TooManyPlays(MAX_PLAYS)) } else { Ok(()) }
    }

    /// A name that nothing has which plays.
    fn next_play(&mut self) -> PlayId {
        loop {
            self.last_play = self.last_play.wrapping_add(1) | FIRST_OF_COMMANDS;
            let next = PlayId(self.last_play);
            if !self.plays.iter().any(|playing| playing.own == next || playing.play == next) {
                return next;
            }
        }
    }
}

/// A file that may be asked for, where it is one.
pub(super) fn check_sound(sound: &Sound) -> Result<(), CommandError> {
    match sound {
        Sound::Prompt(name) if !is_file_name(name) => Err(CommandError::BadName(name.clone())),
        _ => Ok(()),
    }
}

impl Call {
    /// Plays to a leg, or to all that talk.
    pub(super) fn play_to(
        &mut self,
        leg: Option<LegId>,
        sound: Sound,
        times: u16,
        over: bool,
    ) -> Result<Option<CommandOutcome>, CommandError> {
        self.is_through_us()?;
        check_sound(&sound)?;
        let legs = match leg {
            Some(leg) => {
                audible(self.named(leg)?)?;
                vec![leg]
            }
            None => self.talkers().filter(|leg| audible(leg).is_ok()).map(|leg| leg.id).collect(),
        };
        if self.media != MediaState::Open || legs.is_empty() {
            return Err(CommandError::NotAnswered(leg.unwrap_or(self.caller.id)));
        }
        let controls = self.controls.get_or_insert_default();
        controls.check_room(legs.len())?;
        let play = controls.next_play();
        for (place, leg) in legs.into_iter().enumerate() {
            let own = if place == 0 { play } else { self.controls.get_or_insert_default().next_play() };
            self.begin_play(Playing { play, own, leg, is_music: false }, sound.clone(), times, over);
        }
        Ok(Some(CommandOutcome::Playing(play)))
    }

    fn begin_play(&mut self, playing: Playing, sound: Sound, times: u16, over: bool) {
        self.controls.get_or_insert_default().plays.push(playing);
        self.media(MediaCommand::Play { call: self.id, leg: playing.leg, play: playing.own, sound, times, over, instead: None });
    }

    /// Ends what plays; [`Call::on_play_ended`] hears when it has ended.
    pub(super) fn stop_plays(&mut self, what: Stopping) -> Result<Option<CommandOutcome>, CommandError> {
        self.is_through_us()?;
        if let Stopping::Leg(leg) = what {
            self.named(leg)?;
        }
        let is_meant = |playing: &&Playing| match what {
            Stopping::Play(play) => playing.play == play,
            Stopping::Leg(leg) => playing.leg == leg,
        };
        let plays = self.controls.iter().flat_map(|controls| &controls.plays);
        let meant: Vec<PlayId> = plays.filter(|playing| !playing.is_music).filter(is_meant).map(|playing| playing.own).collect();
        match (what, meant.is_empty()) {
            (Stopping::Play(play), true) => return Err(CommandError::UnknownPlay(play)),
            _ => meant.into_iter().for_each(|play| self.media(MediaCommand::Stop { call: self.id, play })),
        }
        Ok(Some(CommandOutcome::Done))
    }

    /// Something that was played has come to its end.
    pub(super) fn on_play_ended(&mut self, now: Timestamp, own: PlayId, end: PlayEnd) {
        let Some(plays) = self.controls.as_mut().map(|controls| &mut controls.plays) else { return };
        let Some(place) = plays.iter().position(|playing| playing.own == own) else { return };
        let Playing { play, leg, is_music, .. } = plays.remove(place);
        // That a hold is over is told by itself.
        if !is_music || matches!(end, PlayEnd::Failed(_)) {
            self.notify(now, Some(leg), EventKind::PlayEnded { play, end });
        }
    }

    /// The media session in which these played is gone.
    pub(super) fn forget_plays(&mut self, now: Timestamp) {
        while let Some(own) = self.controls.as_ref().and_then(|controls| controls.plays.first()).map(|playing| playing.own) {
            self.on_play_ended(now, own, PlayEnd::Stopped);
        }
    }

    /// Whether a leg may have music while it is held.
    pub(super) fn check_music(&self, leg: LegId, music: Option<&Sound>) -> Result<(), CommandError> {
        let Some(sound) = music else { return Ok(()) };
        check_sound(sound)?;
        let has_music = self.controls.iter().flat_map(|controls| &controls.plays).any(|playing| playing.is_music && playing.leg == leg);
        self.controls.as_ref().map_or(Ok(()), |controls| controls.check_room(usize::from(!has_music)))
    }

    /// The leg, which is held, hears this until it is held no more. Of two the later one is heard, and silence after it ends.
    pub(super) fn play_music(&mut self, leg: LegId, sound: Sound) {
        self.end_music(leg);
        let own = self.controls.get_or_insert_default().next_play();
        self.begin_play(Playing { play: own, own, leg, is_music: true }, sound, 0, false);
    }

    /// The leg is held no more, or in silence.
    pub(super) fn end_music(&mut self, leg: LegId) {
        let plays = self.controls.iter().flat_map(|controls| &controls.plays);
        let music: Vec<PlayId> = plays.filter(|playing| playing.is_music && playing.leg == leg).map(|playing| playing.own).collect();
        music.into_iter().for_each(|play| self.media(MediaCommand::Stop { call: self.id, play }));
    }
}
