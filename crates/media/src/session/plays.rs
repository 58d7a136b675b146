//! What is played to the legs.

use super::Session;
use crate::{
    endpoint::{Hears, Plain},
    source::{Playable, Player},
};
use tandem_model::{LegId, MediaEvent, PlayEnd, PlayFailure, PlayId};

impl Session {
    /// Plays something to a leg, in place of what it hears, or over it.
    pub(super) fn play(&mut self, leg: LegId, play: PlayId, sound: Playable, times: u16, over: bool) {
        let now = self.now;
        self.end_play(play, PlayEnd::Stopped);
        let Some(endpoint) = self.endpoint(leg).filter(|endpoint| endpoint.speech.is_some()) else {
            return self.events.push_back(MediaEvent::Played { leg, play, end: PlayEnd::Failed(PlayFailure::Unheard) });
        };
        if over {
            match &mut endpoint.over {
                Some(player) => {
                    let before = player.play();
                    player.change(play, sound, times);
                    self.events.push_back(MediaEvent::Played { leg, play: before, end: PlayEnd::Stopped });
                }
                none => {
                    *none = Some(Box::new(Player::new(play, sound, times)));
                    self.arrange();
                }
            }
            return;
        }
        let hears = endpoint.hears;
        match (player(endpoint), hears) {
            (Some(player), Hears::Played(before)) => {
                player.change(play, sound, times);
                endpoint.hears = Hears::Played(play);
                self.events.push_back(MediaEvent::Played { leg, play: before, end: PlayEnd::Stopped });
            }
            _ => {
                endpoint.hears = Hears::Played(play);
                endpoint.begin_voice(now, Box::new(Player::new(play, sound, times)));
                self.arrange();
                self.let_go_unheard();
            }
        }
        self.end_plays();
    }

    /// A prompt that is awaited has come, or what is heard in its place; or neither will.
    pub(super) fn loaded(&mut self, play: PlayId, sound: Result<Playable, PlayFailure>) {
        match sound {
            Ok(sound) => self.players().filter(|player| player.play() == play).for_each(|player| player.load(sound.clone())),
            Err(failure) => self.end_play(play, PlayEnd::Failed(failure)),
        }
    }

    /// Stops what is played, softly: it is told when it is silent.
    pub(super) fn stop(&mut self, play: PlayId) {
        self.players().filter(|player| player.play() == play).for_each(Player::stop);
        self.end_plays();
    }

    fn players(&mut self) -> impl Iterator<Item = &mut Player> {
        self.endpoints.iter_mut().flat_map(players)
    }

    /// Ends what has that name, at once.
    fn end_play(&mut self, play: PlayId, end: PlayEnd) {
        self.end_plays_as(|endpoint| matches!(endpoint.hears, Hears::Played(own) if own == play).then_some(end));
        self.end_plays_over_as(|_, player| (player.play() == play).then_some(end));
    }

    /// Tells of what has come to its end, if anything has, and lets the legs hear again what they would.
    pub(super) fn end_plays(&mut self) -> bool {
        let any = self.end_plays_as(|endpoint| match player(endpoint) {
            Some(player) => player.end(),
            // What the leg speaks now nobody here can.
            None => Some(PlayEnd::Failed(PlayFailure::Unheard)),
        });
        // One that ends within a packet is heard when that has left.
        let is_out = |endpoint: &Plain| endpoint.voice.as_ref().is_none_or(|voice| voice.has_said_all());
        self.end_plays_over_as(|endpoint, player| player.end().filter(|_| is_out(endpoint))) || any
    }

    fn end_plays_over_as(&mut self, end: impl Fn(&Plain, &Player) -> Option<PlayEnd>) -> bool {
        let mut any = false;
        for endpoint in &mut self.endpoints {
            let is_unheard = endpoint.speech.is_none().then_some(PlayEnd::Failed(PlayFailure::Unheard));
            let ended = endpoint.over.as_ref().and_then(|player| end(endpoint, player).or(is_unheard));
            if let (Some(end), leg) = (ended, endpoint.leg) {
                self.events.extend(endpoint.end_play_over().map(|play| MediaEvent::Played { leg, play, end }));
                any = true;
            }
        }
        if any {
            self.arrange();
        }
        any
    }

    fn end_plays_as(&mut self, end: impl Fn(&mut Plain) -> Option<PlayEnd>) -> bool {
        let mut any = false;
        for endpoint in self.endpoints.iter_mut().filter(|endpoint| matches!(endpoint.hears, Hears::Played(_))) {
            let ended = end(endpoint).and_then(|end| Some((endpoint.end_play()?, end)));
            self.events.extend(ended.map(|(play, end)| MediaEvent::Played { leg: endpoint.leg, play, end }));
            any |= ended.is_some();
        }
        if any {
            self.arrange();
        }
        any
    }
}

/// All that is played to a leg.
fn players(endpoint: &mut Plain) -> impl Iterator<Item = &mut Player> {
    let Plain { voice, over, .. } = endpoint;
    voice.as_mut().and_then(|voice| voice.player()).into_iter().chain(over.as_deref_mut())
}

/// What is played to a leg in place of what it hears.
fn player(endpoint: &mut Plain) -> Option<&mut Player> {
    endpoint.voice.as_mut()?.player()
}
