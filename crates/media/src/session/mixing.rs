//! Several who hear each other: when they begin to be mixed, each tick of it, and when they are not any more.

use super::{Session, matrix::Pair};
use crate::{
    endpoint::{Heard, Hears, Plain},
    packet::{PacketBuf, Verdict},
    path::mix::{Mix, Sound},
    voice::{Tick, Voice, rate_of},
};
use tandem_model::{Carries, Codec, MAX_ENDPOINTS, Speech, StreamKind, Timestamp};

/// Milliseconds of a tick; half of it where packets of that length do not make up those of somebody.
const TICK_MS: u32 = 20;

impl Session {
    /// Mixes from now on, or goes on to with others.
    pub(super) fn mix(&mut self, pairs: &[Pair]) {
        let passed_on = if self.mix.is_none() { self.passed_on(pairs) } else { Vec::new() };
        let mut mix = self.mix.take().unwrap_or_else(|| {
            // In step with what somebody hears already.
            let due = self.endpoints.iter().filter(|endpoint| matches!(endpoint.hears, Hears::Peer));
            let due = due.filter_map(|endpoint| endpoint.voice.as_ref()?.due_at()).min();
            Box::new(Mix::new(due.unwrap_or(self.now), TICK_RATE, TICK_MS))
        });
        mix.stay();
        mix.keep_ticking(self.wants_mix());
        self.admit(&mut mix, pairs);
        for (speaker, listener) in passed_on {
            mix.take_over(self.endpoints[speaker].name, self.endpoints[listener].name);
            self.endpoints[listener].outgoing.go_on();
        }
        self.mix = Some(mix);
    }

    /// Of those pairs, which hear each other's packets as they are, in a codec that can be begun to be heard anywhere.
    fn passed_on(&self, pairs: &[Pair]) -> Vec<Pair> {
        let is_passed_on = |(speaker, listener): &&Pair| {
            let (speaks, hears) = (&self.endpoints[*speaker], &self.endpoints[*listener]);
            let is_direct = self.listeners[*speaker].map(usize::from) == Some(*listener) && hears.voice.is_none() && !hears.is_converted();
            is_direct && speaks.speaks_law()
        };
        pairs.iter().filter(is_passed_on).copied().collect()
    }

    /// Goes on to mix until it can end without being heard to.
    pub(super) fn mix_until_a_pause(&mut self, pairs: &[Pair]) {
        let Some(mut mix) = self.mix.take() else { return };
        mix.keep_ticking(self.wants_mix());
        self.admit(&mut mix, pairs);
        // What is decoded anyhow goes on without a seam.
        let is_relayed = |(speaker, listener): &&Pair| {
            let codec = |place: usize| self.endpoints[place].speech.as_ref().map(|speech| speech.codec);
            codec(*speaker) == codec(*listener)
        };
        let passed_on: Vec<u8> = pairs.iter().filter(is_relayed).map(|pair| self.endpoints[pair.0].name).collect();
        mix.leave(self.now, &passed_on);
        self.mix = Some(mix);
        if self.mix.as_ref().is_some_and(|mix| mix.is_over(self.now)) {
            self.fall_back();
        }
    }

    /// Gives everybody who hears somebody a voice that the mix feeds, and the mix the rate and the ticks that these need.
    fn admit(&mut self, mix: &mut Mix, pairs: &[Pair]) {
        let names: Vec<u8> = self.endpoints.iter().map(|endpoint| endpoint.name).collect();
        let heard: Vec<(u8, u8)> = pairs.iter().map(|(speaker, listener)| (names[*speaker], names[*listener])).collect();
        mix.arrange(&names, |speaker, listener| heard.contains(&(speaker, listener)));
        for (speaker, name) in names.iter().enumerate() {
            mix.listen_for_keys(*name, pairs.iter().any(|pair| pair.0 == speaker && self.listens(speaker, pair.1)));
        }
        for listener in 0..self.endpoints.len() {
            let speakers = pairs.iter().filter(|pair| pair.1 == listener).map(|pair| pair.0);
            let wide = speakers.filter_map(|speaker| self.endpoints[speaker].speech.as_ref()).map(|speech| rate_of(speech.codec)).max();
            // What is played over it may have all that the leg can hear.
            let played = self.endpoints[listener].played_over_hz();
            match wide.max(played) {
                Some(wide_hz) => self.endpoints[listener].be_fed(wide_hz, mix),
                None => self.endpoints[listener].enter_mix(mix),
            }
        }
        let fed = || self.endpoints.iter().filter_map(|endpoint| endpoint.voice.as_ref()).filter(|voice| voice.is_fed());
        let rate_hz = fed().map(|voice| voice.spoken_hz()).max().unwrap_or_else(|| self.spoken_hz());
        let tick_ms = if fed().all(|voice| voice.packet_ms() % TICK_MS == 0) { TICK_MS } else { TICK_MS / 2 };
        mix.retune(rate_hz, tick_ms);
        for voice in self.endpoints.iter_mut().filter_map(|endpoint| endpoint.voice.as_mut()).filter(|voice| voice.is_fed()) {
            voice.attune(rate_hz);
        }
        self.share_coding(mix);
        // Fax is no sound: it goes on as it is.
        self.listeners = [None; MAX_ENDPOINTS];
        for (speaker, listener) in pairs.iter().filter(|pair| self.endpoints[pair.0].kind == StreamKind::Udptl) {
            self.listeners[*speaker] = u8::try_from(*listener).ok();
        }
    }

    /// Where nobody is spoken to by the mix: for recordings, as fast as the legs speak.
    fn spoken_hz(&self) -> u32 {
        let speech = self.endpoints.iter().filter(|_| self.recordings.is_some()).filter_map(|endpoint| endpoint.speech.as_ref());
        speech.map(|speech| rate_of(speech.codec)).max().unwrap_or(TICK_RATE)
    }

    /// Finds those who hear the same in the same codec.
    fn share_coding(&mut self, mix: &Mix) {
        for place in 0..self.endpoints.len() {
            let (before, rest) = self.endpoints.split_at_mut(place);
            let Some((endpoint, behind)) = rest.split_first_mut() else { continue };
            let is_played_over = endpoint.over.is_some();
            let is_recorded = self.recordings.as_ref().is_some_and(|recordings| recordings.are_of(endpoint.leg));
            let alike = before
                .iter()
                .filter(|other| !is_recorded && !is_played_over && other.over.is_none())
                .find(|other| other.coded_by.is_none() && mix.hear_alike(other.name, endpoint.name) && other.speaks_like(endpoint));
            let coded_by = alike.map(|other| other.name);
            if let (Some(last), None, Some(voice)) = (endpoint.coded_by, coded_by, &mut endpoint.voice) {
                let coder = before.iter().chain(&*behind).find(|other| other.name == last);
                match coder.and_then(|other| other.voice.as_ref()) {
                    Some(other) => voice.go_on_from(other),
                    None => voice.go_on_alone(),
                }
            }
            endpoint.coded_by = coded_by;
        }
    }

    /// Takes a packet of a leg that is mixed.
    pub(super) fn take_in(&mut self, now: Timestamp, speaker: usize, heard: &Heard, packet: &PacketBuf) -> Option<Verdict> {
        let (mix, endpoint) = (self.mix.as_mut()?, &self.endpoints[speaker]);
        if !mix.is_heard(endpoint.name) && !self.recordings.as_ref().is_some_and(|recordings| recordings.hear(endpoint.leg)) {
            return None;
        }
        let is_noise = heard.rule.carries == Carries::Noise;
        let spoken = match heard.rule.carries {
            Carries::Sound(codec) => Some(codec),
            // It goes beside whatever is spoken.
            Carries::Noise => mix.spoken_by(endpoint.name),
            Carries::Event => None,
        };
        let Some(codec) = spoken else {
            mix.pass_over(now, endpoint.name, heard.seen);
            return Some(Verdict::Consumed);
        };
        let payload = heard.header.payload_of(packet.bytes());
        let sound = Sound { codec, is_noise, seen: heard.seen, timestamp: heard.header.timestamp, payload };
        let is_sooner = mix.take(now, endpoint.name, &sound, || self.random.next_u64());
        let figures = mix.figures(endpoint.name);
        self.endpoints[speaker].note_played(figures);
        Some(if is_sooner { Verdict::Waits } else { Verdict::Consumed })
    }

    /// Mixes what is due. Whether there was anything.
    pub(super) fn tick(&mut self) -> bool {
        let now = self.now;
        if self.mix.as_ref().is_some_and(|mix| mix.has_ended()) {
            // All that was made of the last tick has left.
            self.fall_back();
        }
        let is_whole = self.is_whole_with_next();
        let Some(mix) = self.mix.as_mut().filter(|mix| mix.due_at().is_some_and(|due| due <= now)) else { return false };
        let Some(tick) = mix.pull(now, is_whole) else { return false };
        if let Some(recordings) = &mut self.recordings {
            recordings.begin(&tick);
        }
        let mut over = [0; Tick::MOST];
        for place in 0..self.endpoints.len() {
            let (before, rest) = self.endpoints.split_at_mut(place);
            let Some(endpoint) = rest.first_mut() else { continue };
            let Some(voice) = endpoint.voice.as_mut().filter(|voice| voice.is_fed()) else { continue };
            let coder = endpoint.coded_by.and_then(|name| before.iter().find(|other| other.name == name)?.voice.as_ref());
            match coder {
                Some(other) => voice.follow(&tick, mix.sounds_to(endpoint.name), other),
                None => {
                    let rate_hz = mix.rate_hz();
                    let over = endpoint.over.as_deref_mut().map(|player| {
                        let over = &mut over[..tick.samples];
                        player.retune(rate_hz);
                        player.pull(over);
                        &*over
                    });
                    let heard = voice.feed(&tick, mix.heard_by(endpoint.name), over);
                    if let Some(recordings) = &mut self.recordings {
                        recordings.add_heard(endpoint.leg, heard, over);
                    }
                }
            }
        }
        if let Some(recordings) = &mut self.recordings {
            recordings.end(&tick, mix, &self.endpoints);
        }
        if mix.end_tick()
            && let Some(mix) = self.mix.take()
        {
            self.share_coding(&mix);
            self.mix = Some(mix);
        }
        if self.mix.as_ref().is_some_and(|mix| mix.is_over(now) && !mix.has_ended()) {
            self.fall_back();
        }
        true
    }

    /// Whether with the next tick the packets of all who are mixed are whole.
    fn is_whole_with_next(&self) -> bool {
        let Some(mix) = &self.mix else { return false };
        let fed = self.endpoints.iter().filter_map(|endpoint| endpoint.voice.as_ref()).filter(|voice| voice.is_fed());
        fed.map(|voice| u64::from(voice.packet_ms() / mix.tick_ms()).max(1)).all(|ticks| (mix.next_number() + 1).is_multiple_of(ticks))
    }

    /// Everybody hears one at most: packets go on directly. What was still to be heard of who is transcoded goes along.
    fn fall_back(&mut self) {
        let Some(mut mix) = self.mix.take() else { return };
        let pairs = self.pairs();
        self.listen_directly(&pairs);
        let has_ended = mix.has_ended();
        for listener in 0..self.endpoints.len() {
            let speaker = pairs.iter().find(|pair| pair.1 == listener).map(|pair| pair.0);
            let said = speaker.and_then(|speaker| {
                let speaker = &self.endpoints[speaker];
                let (codec, playout) = mix.release(speaker.name)?;
                (!speaker.is_relayed(codec)).then_some((speaker.name, codec, playout))
            });
            let endpoint = &mut self.endpoints[listener];
            match (&mut endpoint.voice, said) {
                (Some(voice), Some((speaker, codec, playout))) if voice.is_fed() => voice.leave_mix(speaker, codec, playout),
                (Some(voice), _) if voice.is_fed() => {
                    endpoint.speak_with(None);
                    if has_ended && endpoint.speaks_law() {
                        endpoint.outgoing.go_on();
                    }
                }
                _ => {}
            }
            endpoint.coded_by = None;
        }
        self.end_keys_in(&mut mix);
    }
}

impl Plain {
    /// Whom it heard in another codec the mix hears from now on.
    fn enter_mix(&mut self, mix: &mut Mix) {
        if let Some((speaker, codec, playout)) = self.voice.as_mut().and_then(|voice| voice.enter_mix()) {
            mix.bring(speaker, codec, playout);
        }
    }

    /// Its voice says what the mix feeds it, of which something has up to `wide_hz` to say.
    fn be_fed(&mut self, wide_hz: u32, mix: &mut Mix) {
        self.enter_mix(mix);
        let Some(speech) = &self.speech else { return };
        let is_wide =
            self.voice.as_ref().is_some_and(|voice| voice.is_fed() && !(speech.codec == Codec::Opus && voice.spoken_hz() < wide_hz));
        if !is_wide {
            // Rates that Opus does not know are never asked for.
            let voice = Voice::of_mix(speech, wide_hz).ok().map(Box::new);
            self.speak_with(voice);
        }
    }

    /// Whether it is spoken to in octets that are samples, of which each can be followed by any.
    fn speaks_law(&self) -> bool {
        self.speech.as_ref().is_some_and(|speech| matches!(speech.codec, Codec::Pcmu | Codec::Pcma))
    }

    /// Whether what is coded for the one will do for the other.
    fn speaks_like(&self, other: &Plain) -> bool {
        let of = |endpoint: &Plain| -> Option<(Codec, u8, Option<Box<str>>, u32)> {
            let Speech { codec, packet_ms, parameters, .. } = endpoint.speech.clone()?;
            Some((codec, packet_ms, parameters, endpoint.voice.as_ref().filter(|voice| voice.is_fed())?.spoken_hz()))
        };
        of(self).is_some_and(|own| of(other) == Some(own))
    }
}

/// Where nobody says how fast.
const TICK_RATE: u32 = 8_000;
