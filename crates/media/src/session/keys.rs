//! Keys: which ones the legs press, and how they are pressed for those who hear them.

use super::Session;
use crate::{
    endpoint::{Heard, Hears, Plain},
    keys::{Stroke, Strokes},
    packet::{PacketBuf, Verdict},
    path::{event, mix::Mix, relay},
    rtp::{header::Header, rewrite::Feeder},
};
use std::net::SocketAddr;
use tandem_model::{Across, KeyPress, Keys, LegId, MAX_ENDPOINTS, MediaEvent, Timestamp};

/// Keys that are told of at a time. More than that no legs press between two drains.
const MAX_TOLD: usize = 4 * MAX_ENDPOINTS;

impl Session {
    /// Presses keys for a leg to hear.
    pub(super) fn press(&mut self, now: Timestamp, leg: LegId, keys: &[KeyPress]) {
        if let Some(endpoint) = self.endpoint(leg) {
            endpoint.press(|pressing| keys.iter().for_each(|press| pressing.press(now, *press)));
        }
    }

    /// Takes a packet of events of that leg: notes the keys in it, and passes it on to who wants them so. The session may want to be woken.
    #[cold]
    pub(super) fn handle_event(&mut self, now: Timestamp, speaker: usize, heard: Heard, packet: &mut PacketBuf) -> Verdict {
        let Heard { header, seen, rule } = heard;
        let endpoint = &mut self.endpoints[speaker];
        let name = endpoint.name;
        let strokes = endpoint.collector.take(now, seen, &header, rule.clock_rate, header.payload_of(packet.bytes()));
        let sets_off = !strokes.is_empty();
        self.stroke(now, speaker, strokes);
        let Some(listener) = self.listeners[speaker] else {
            let verdict = self.take_in(now, speaker, &heard, packet).unwrap_or_else(|| self.ignore(speaker));
            return if sets_off { Verdict::Waits } else { verdict };
        };
        let listener = &mut self.endpoints[usize::from(listener)];
        let verdict = match rule.across {
            Across::As(number) if !listener.is_converted() => relay::rtp(now, name, heard, number, listener, packet),
            // The stream is ours then, and they are put into it.
            Across::As(number) => {
                let clock_khz = u8::try_from(rule.clock_rate / 1_000).unwrap_or(u8::MAX);
                let verdict = event::rtp(now, name, &heard, (number, clock_khz), listener, packet);
                self.tell(speaker, seen, verdict)
            }
            Across::Event { number, clock_khz } => {
                let verdict = event::rtp(now, name, &heard, (number, clock_khz), listener, packet);
                self.tell(speaker, seen, verdict)
            }
            Across::Key | Across::Sound(_) => {
                listener.outgoing.skip(Feeder::Leg(name), seen);
                if let Some(voice) = &mut listener.voice {
                    voice.pass_over(now, name, seen);
                }
                if let Some(packer) = &mut listener.packer {
                    packer.pass_over(name, seen);
                }
                Verdict::Consumed
            }
        };
        match verdict {
            Verdict::Forward { port, channel, to } if sets_off => Verdict::ForwardAndWait { port, channel, to },
            _ if sets_off && !matches!(verdict, Verdict::ForwardAndWait { .. }) => Verdict::Waits,
            _ => verdict,
        }
    }

    /// What a leg does with keys is told, and done for those who hear it and want it in another way than it comes in.
    fn stroke(&mut self, now: Timestamp, speaker: usize, strokes: Strokes) {
        if strokes.is_empty() {
            return;
        }
        let Some(of) = self.endpoints.get(speaker) else { return };
        let (leg, name, keys) = (of.leg, of.name, of.keys);
        let is_mixed = self.mix.is_some();
        for stroke in strokes.iter() {
            match stroke {
                Stroke::Up(key, ms) => {
                    if self.events.len() < MAX_TOLD {
                        self.events.push_back(MediaEvent::Key { leg, key, ms });
                    }
                    // Whoever was told that it is pressed, by whichever path that was.
                    self.endpoints.iter_mut().for_each(|listener| listener.let_go(name, ms));
                }
                Stroke::Down(key) => {
                    for pair in self.hearing.iter().filter(|pair| pair.speaker == leg && pair.listener != leg) {
                        let hears = |endpoint: &&mut Plain| endpoint.leg == pair.listener && matches!(endpoint.hears, Hears::Peer);
                        let listener = self.endpoints.iter_mut().find(hears);
                        if let Some(listener) = listener.filter(|listener| is_pressed_anew(keys, listener.keys, is_mixed)) {
                            listener.press(|pressing| pressing.down(now, name, key));
                        }
                    }
                }
            }
        }
    }

    /// Whether there may be keys in what one says that the other wants in another way.
    pub(super) fn listens(&self, speaker: usize, listener: usize) -> bool {
        speaker != listener && self.endpoints[speaker].keys == Keys::InBand && self.endpoints[listener].keys != Keys::InBand
    }

    /// Keys that a leg holds are let go for who does not hear it any more, or not in the way in which they were heard.
    pub(super) fn let_go_unheard(&mut self) {
        for listener in 0..self.endpoints.len() {
            // Nobody holds two at a time, and few at once do any.
            let unheard = |session: &Session| session.endpoints[listener].held_keys().find(|name| !session.is_heard(*name, listener));
            while let Some(name) = unheard(self) {
                self.endpoints[listener].let_go(name, 0);
            }
        }
    }

    /// Whether the leg of that name presses a key, and that endpoint hears it.
    fn is_heard(&self, name: u8, listener: usize) -> bool {
        let Plain { leg, hears, .. } = &self.endpoints[listener];
        let speaker = self.endpoints.iter().find(|endpoint| endpoint.name == name).filter(|_| matches!(hears, Hears::Peer));
        speaker.is_some_and(|speaker| {
            let mut pairs = self.hearing.iter();
            pairs.any(|pair| pair.speaker == speaker.leg && pair.listener == *leg) && self.is_held(speaker)
        })
    }

    /// Whether a leg still presses a key, as far as is known.
    fn is_held(&self, speaker: &Plain) -> bool {
        let name = speaker.name;
        speaker.collector.due_at().is_some()
            || self.mix.as_ref().is_some_and(|mix| mix.hears_key(name))
            || self.endpoints.iter().filter_map(|endpoint| endpoint.voice.as_ref()).any(|voice| voice.hears_key(name))
    }

    /// A mix ends: so do keys in what it heard, and nobody else does.
    pub(super) fn end_keys_in(&mut self, mix: &mut Mix) {
        while let Some((name, strokes)) = mix.last_keys() {
            if let Some(speaker) = self.endpoints.iter().position(|endpoint| endpoint.name == name) {
                self.stroke(self.now, speaker, strokes);
            }
        }
    }

    /// Ends what has waited for its end long enough.
    pub(super) fn look_for_keys(&mut self) {
        let now = self.now;
        for speaker in 0..self.endpoints.len() {
            let strokes = self.endpoints[speaker].collector.wake(now);
            self.stroke(now, speaker, strokes);
        }
        self.let_go_unheard();
    }

    /// A leg leaves, or all do: what it presses it presses no longer.
    pub(super) fn end_keys(&mut self, leg: LegId) {
        let now = self.now;
        let Some(speaker) = self.endpoints.iter().position(|endpoint| endpoint.leg == leg) else { return };
        let strokes = self.endpoints[speaker].collector.end();
        self.stroke(now, speaker, strokes);
        let name = self.endpoints[speaker].name;
        self.endpoints.iter_mut().filter_map(|listener| listener.voice.as_mut()).for_each(|voice| voice.end_keys_of(name));
        self.mix.iter_mut().for_each(|mix| mix.end_keys_of(name));
        // While it is known whose they are.
        self.hear_keys();
    }

    /// Takes the keys that were heard in what was said.
    pub(super) fn hear_keys(&mut self) {
        let now = self.now;
        let next = |session: &mut Session| {
            let of_voices = session.endpoints.iter_mut().find_map(|endpoint| endpoint.heard_keys());
            of_voices.or_else(|| session.mix.as_mut()?.heard_keys())
        };
        while let Some((name, strokes)) = next(self) {
            if let Some(speaker) = self.endpoints.iter().position(|endpoint| endpoint.name == name) {
                self.stroke(now, speaker, strokes);
            }
        }
    }

    /// The next packet of keys that is due and may be sent.
    pub(super) fn next_pressed(&mut self) -> Option<(usize, SocketAddr, Header)> {
        if self.closed {
            return None;
        }
        let now = self.now;
        let (index, (to, header)) =
            self.endpoints.iter_mut().enumerate().find_map(|(index, endpoint)| Some((index, endpoint.next_pressed(now)?)))?;
        Some((index, to, header))
    }
}

/// Whether keys that come in one of these ways are pressed anew for who wants the other. In a mix all are: no packet goes on as it is, and
/// what is found in sound is taken from all who hear it. INFO is another matter.
fn is_pressed_anew(from: Keys, to: Keys, is_mixed: bool) -> bool {
    match (from, to) {
        (_, Keys::Info) => false,
        (Keys::Events { .. }, Keys::InBand) | (Keys::InBand, Keys::Events { .. }) => true,
        _ => is_mixed,
    }
}
