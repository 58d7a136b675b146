//! What is played to one leg in place of what it would hear: one thing at a time, the next in its place without a click.

use super::{Playable, track::Track};
use tandem_model::{PlayEnd, PlayId};

/// Samples that are summed at a time.
const PIECE: usize = 160;

/// Plays.
#[derive(Debug)]
pub(crate) struct Player {
    now: Track,
    /// What was played before, while it fades.
    before: Option<Track>,
}

impl Player {
    /// Plays something, so often (0: for ever), as soon as it is told [at which rate](Player::retune).
    pub(crate) fn new(play: PlayId, sound: Playable, times: u16) -> Player {
        Player { now: Track::new(play, sound, times), before: None }
    }

    /// What it plays.
    pub(crate) fn play(&self) -> PlayId {
        self.now.play
    }

    /// Plays something else from now on.
    pub(crate) fn change(&mut self, play: PlayId, sound: Playable, times: u16) {
        let mut track = Track::new(play, sound, times);
        track.retune(self.now.rate_hz());
        let mut before = std::mem::replace(&mut self.now, track);
        before.stop();
        self.before = Some(before).filter(|before| before.end().is_none());
    }

    /// The prompt that it waits for, or what is heard in its place.
    pub(crate) fn load(&mut self, sound: Playable) {
        self.now.load(sound);
    }

    /// Plays on at that rate.
    pub(crate) fn retune(&mut self, rate_hz: u32) {
        self.now.retune(rate_hz);
        self.before.take_if(|before| before.rate_hz() != rate_hz);
    }

    /// Ends softly.
    pub(crate) fn stop(&mut self) {
        self.now.stop();
    }

    /// How it ended, when nothing more is to be heard.
    pub(crate) fn end(&self) -> Option<PlayEnd> {
        self.now.end()
    }

    /// The next samples, together with what is in `out`. This never allocates.
    pub(crate) fn add(&mut self, out: &mut [i16]) {
        for piece in out.chunks_mut(PIECE) {
            let played = &mut [0; PIECE][..piece.len()];
            self.pull(played);
            piece.iter_mut().zip(played).for_each(|(sample, played)| *sample = sample.saturating_add(*played));
        }
    }

    /// The next samples, in place of what is in `out`. This never allocates.
    pub(crate) fn pull(&mut self, out: &mut [i16]) {
        self.now.pull(out);
        let Some(before) = &mut self.before else { return };
        for piece in out.chunks_mut(PIECE) {
            let faded = &mut [0; PIECE][..piece.len()];
            before.pull(faded);
            piece.iter_mut().zip(faded).for_each(|(sample, faded)| *sample = sample.saturating_add(*faded));
        }
        self.before.take_if(|before| before.end().is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Clip;
    use super::*;
    use std::f64::consts::TAU;
    use tandem_model::NetworkTone;

    const PLAY: PlayId = PlayId(1);

    fn playing(sound: Playable, times: u16, rate_hz: u32) -> Player {
        let mut player = Player::new(PLAY, sound, times);
        player.retune(rate_hz);
        player
    }

    fn sine(hz: f64, rate_hz: u32, samples: usize) -> Clip {
        let sample = |n: usize| (8_000.0 * (TAU * hz * n as f64 / f64::from(rate_hz)).cos()) as i16;
        Clip::new(rate_hz, (0..samples).map(sample).collect())
    }

    /// What is heard until the end, by frames of 20 ms, and that end.
    fn play(player: &mut Player, rate_hz: u32) -> (Vec<i16>, Option<PlayEnd>) {
        let mut heard = Vec::new();
        while player.end().is_none() && heard.len() < rate_hz as usize * 30 {
            let mut frame = vec![1; rate_hz as usize / 50];
            player.pull(&mut frame);
            heard.extend(frame);
        }
        (heard, player.end())
    }

    /// The greatest step from one sample to the next.
    fn steepest(samples: &[i16]) -> u16 {
        samples.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap_or(0)
    }

    /// How often it goes up from where it is clearly below to where it is clearly above.
    fn crossings(samples: &[i16]) -> usize {
        let clear: Vec<bool> = samples.iter().filter(|sample| sample.abs() > 200).map(|sample| *sample > 0).collect();
        clear.windows(2).filter(|pair| !pair[0] && pair[1]).count()
    }

    #[test]
    fn a_prompt_of_any_rate_is_heard_whole_at_any_rate() {
        for from in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            for to in [8_000, 16_000, 48_000] {
                let mut player = playing(Playable::Clip(sine(400.0, from, from as usize)), 1, to);
                let (heard, end) = play(&mut player, to);
                let ms = heard.len() * 1_000 / to as usize;
                assert!(end == Some(PlayEnd::Finished) && (1_000..=1_040).contains(&ms), "{from} at {to}: {ms} ms, {end:?}");
                assert!(crossings(&heard).abs_diff(400) <= 1, "{from} at {to}: {}", crossings(&heard));
                let loudest = heard.iter().map(|sample| sample.unsigned_abs()).max();
                assert!((7_900..8_200).contains(&loudest.unwrap()), "{from} at {to}: {loudest:?}");
                // No sine of that frequency and size is steeper.
                assert!(
                    f64::from(steepest(&heard)) < 8_000.0 * TAU * 400.0 / f64::from(to) * 1.1 + 60.0,
                    "{from} at {to}: {}",
                    steepest(&heard)
                );
            }
        }
    }

    #[test]
    fn one_that_is_heard_again_has_no_seam() {
        for to in [8_000, 16_000] {
            // A whole number of periods, so that what follows on goes on; the length is no multiple of a frame.
            let mut player = playing(Playable::Clip(sine(400.0, 8_000, 1_980)), 5, to);
            let (heard, end) = play(&mut player, to);
            assert_eq!(end, Some(PlayEnd::Finished));
            assert!(crossings(&heard).abs_diff(5 * 99) <= 1, "{}", crossings(&heard));
            assert!(f64::from(steepest(&heard)) < 8_000.0 * TAU * 400.0 / f64::from(to) * 1.1, "{}", steepest(&heard));
        }
    }

    #[test]
    fn one_without_end_plays_until_it_is_stopped_and_then_fades() {
        let mut player = playing(Playable::Clip(sine(400.0, 8_000, 800)), 0, 8_000);
        let mut heard = vec![0; 8_000 * 3];
        player.pull(&mut heard);
        assert_eq!((player.end(), crossings(&heard)), (None, 1_200));
        player.stop();
        let (faded, end) = play(&mut player, 8_000);
        assert_eq!((end, faded.len()), (Some(PlayEnd::Stopped), 160));
        assert!(faded[40..].iter().all(|sample| *sample == 0) && faded[..20].iter().any(|sample| sample.abs() > 3_000));
        heard.extend(faded);
        assert!(steepest(&heard) < 2_800, "{}", steepest(&heard));
        let mut more = [7; 160];
        player.pull(&mut more);
        assert_eq!(more, [0; 160]);
    }

    #[test]
    fn the_next_takes_its_place_without_a_click() {
        let mut player = playing(Playable::Sine { frequency_hz: 440 }, 0, 16_000);
        let mut heard = vec![0; 16_010];
        player.pull(&mut heard);
        player.change(PlayId(2), Playable::Clip(sine(400.0, 48_000, 48_000)), 1);
        assert_eq!(player.play(), PlayId(2));
        let (after, end) = play(&mut player, 16_000);
        assert_eq!(end, Some(PlayEnd::Finished));
        heard.extend(after);
        assert!(steepest(&heard) < 3_500, "{}", steepest(&heard));
    }

    #[test]
    fn a_tone_goes_through_its_cadence_so_often() {
        let tone = Playable::Tone { country: "gb".parse().unwrap(), tone: NetworkTone::Ringing };
        let (heard, end) = play(&mut playing(tone.clone(), 2, 8_000), 8_000);
        assert_eq!((end, heard.len()), (Some(PlayEnd::Finished), 8_000 * 6));
        let (heard, end) = play(&mut playing(tone, 0, 8_000), 8_000);
        assert_eq!((end, heard.len()), (None, 8_000 * 30));
    }

    #[test]
    fn what_is_awaited_is_silent_until_it_comes() {
        let mut player = playing(Playable::Awaited, 1, 8_000);
        let mut frame = [9; 160];
        player.pull(&mut frame);
        assert_eq!((frame, player.end()), ([0; 160], None));
        player.load(Playable::Clip(sine(400.0, 8_000, 160)));
        let (heard, end) = play(&mut player, 8_000);
        assert_eq!((end, heard.len(), crossings(&heard)), (Some(PlayEnd::Finished), 160, 8));
        let mut player = playing(Playable::Awaited, 1, 8_000);
        player.stop();
        assert_eq!(player.end(), Some(PlayEnd::Stopped));
        player.load(Playable::Clip(sine(400.0, 8_000, 160)));
        player.pull(&mut frame);
        assert_eq!(frame, [0; 160]);
    }

    #[test]
    fn an_empty_prompt_is_over_at_once() {
        for times in [0, 1, 7] {
            let mut player = playing(Playable::Clip(Clip::new(8_000, [].into())), times, 16_000);
            let (heard, end) = play(&mut player, 16_000);
            assert_eq!(end, Some(PlayEnd::Finished));
            assert!(heard.len() <= 320 && heard.iter().all(|sample| *sample == 0));
        }
    }

    #[test]
    fn a_prompt_goes_on_where_it_is_when_the_rate_changes() {
        let mut player = playing(Playable::Clip(sine(400.0, 16_000, 16_000)), 1, 16_000);
        let mut half = vec![0; 8_000];
        player.pull(&mut half);
        player.retune(48_000);
        let (rest, end) = play(&mut player, 48_000);
        assert_eq!(end, Some(PlayEnd::Finished));
        assert!((24_000..26_000).contains(&rest.len()) && crossings(&rest).abs_diff(200) <= 2, "{} {}", rest.len(), crossings(&rest));
    }
}
