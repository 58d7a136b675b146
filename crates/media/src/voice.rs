//! What we say to a leg ourselves: samples at a steady pace, coded and put into packets.

mod fed;

use crate::{
    jitter::{Figures, Playout},
    keys::{Listening, Strokes},
    rtp::{
        header::{FIXED_LEN, Header},
        sequence::Seen,
    },
    source::Player,
};
use fed::Fed;
pub(crate) use fed::{Carried, Tick};
use std::time::Duration;
use tandem_model::{Codec, Speech, Timestamp};
use tandem_sound::{
    Encoder, Resampler,
    comfort::{MAX_PAYLOAD, describe},
    opus::{MAX_PACKET, OpusError, OpusTerms},
};

/// One that is this late leaves packets out rather than send them in a burst.
const MAX_LATE: Duration = Duration::from_millis(100);

/// Who says what a leg says keeps step with its packets. Where they come later than they did, the next one of ours is later by as much, if
/// that is no more than this; for more, sound is made longer. Where they come so much earlier, each of ours is earlier by so much.
const MOST_LATER_US: i64 = 10_000;
const SLACK_US: i64 = 3_000;
const EARLIER_US: i64 = 2_000;

/// A leg that wants to be told what silence sounds like is told again and again for so many packets; it goes on to sound so by itself.
const REMINDED: u32 = 500;

/// Who has had nothing to say for so many packets stops, until somebody speaks again.
const PAUSE: u32 = 10;

/// Where the samples come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// What is played to it.
    Player(Box<Player>),
    /// What a leg says in another codec, and the keys in it if they are wanted otherwise: its name in the session.
    Peer { speaker: u8, codec: Codec, playout: Box<Playout>, listening: Listening },
    /// A mix, which feeds it.
    Mix(Fed),
}

/// What is said to one leg.
#[derive(Debug)]
pub(crate) struct Voice {
    source: Source,
    encoder: Encoder,
    resampler: Option<Resampler>,
    payload: u8,
    /// Ticks of RTP in a second.
    clock_rate: u32,
    packet_ms: u32,
    /// When the packet with that number is due; `None` while there is nothing to be said.
    pace: Option<(Timestamp, u32)>,
    /// Packets sent.
    sent: u32,
    /// Counts the paces: what comes after a pause has a time of its own in the stream.
    epoch: u32,
    /// Packets in a row in which nothing was to be heard.
    silent: u32,
    /// Under which number the leg is told what silence sounds like (RFC 3389), if it wants to be.
    noise: Option<u8>,
    /// What comes from the source, and what goes to the encoder.
    heard: Box<[i16]>,
    said: Box<[i16]>,
    packet: Box<[u8]>,
    /// It is in `packet`, and its numbers are these.
    ready: Option<Said>,
}

/// A packet that is ready, but for the numbers of the stream that it goes into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) header: Header,
    pub(crate) seen: Seen,
    /// When it was to leave, which is the time that its timestamp stands for.
    pub(crate) due: Timestamp,
}

impl Voice {
    /// What is played, from now on.
    ///
    /// # Errors
    /// A codec that cannot be spoken so.
    pub(crate) fn of_player(now: Timestamp, speech: &Speech, mut player: Box<Player>) -> Result<Voice, OpusError> {
        let encoder = encoder(speech, rate_of(speech.codec))?;
        let rate_hz = encoder.rate_hz();
        player.retune(rate_hz);
        Ok(Voice { pace: Some((now, 0)), ..Voice::new(Source::Player(player), encoder, speech, rate_hz) })
    }

    /// What the leg of that name says in `codec`, as soon as it speaks.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn of_peer(speech: &Speech, speaker: u8, codec: Codec, seed: u64) -> Result<Voice, OpusError> {
        // Opus is spoken and heard at the rate that the other side has.
        let encoder = encoder(speech, rate_of(codec))?;
        let mut playout = Box::new(Playout::new(codec, encoder.rate_hz(), seed)?);
        playout.be_followed(true);
        let rate_hz = playout.rate_hz();
        Ok(Voice::new(Source::Peer { speaker, codec, playout, listening: Listening::default() }, encoder, speech, rate_hz))
    }

    fn new(source: Source, encoder: Encoder, speech: &Speech, source_hz: u32) -> Voice {
        let packet_ms = u32::from(encoder.packet_ms(speech.packet_ms));
        let samples = |rate_hz: u32| vec![0; (rate_hz * packet_ms / 1_000) as usize].into();
        Voice {
            source,
            resampler: (source_hz != encoder.rate_hz()).then(|| Resampler::new(source_hz, encoder.rate_hz())),
            heard: samples(source_hz),
            said: samples(encoder.rate_hz()),
            encoder,
            payload: speech.payload & 0x7f,
            clock_rate: speech.codec.clock_rate(),
            packet_ms,
            pace: None,
            sent: 0,
            epoch: 0,
            silent: 0,
            noise: None,
            packet: vec![0; FIXED_LEN + MAX_PACKET].into(),
            ready: None,
        }
    }

    /// Ticks of RTP in a second.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// So many of a hundred packets do not arrive.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        self.encoder.expect_loss(percent);
    }

    /// Whose words it says, if not our own.
    pub(crate) fn speaker(&self) -> Option<u8> {
        match self.source {
            Source::Player(_) | Source::Mix(_) => None,
            Source::Peer { speaker, .. } => Some(speaker),
        }
    }

    /// What is played, if it says that.
    pub(crate) fn player(&mut self) -> Option<&mut Player> {
        match &mut self.source {
            Source::Player(player) => Some(player),
            Source::Peer { .. } | Source::Mix(_) => None,
        }
    }

    /// What was played, by one that has no more to say.
    pub(crate) fn into_player(self) -> Option<Box<Player>> {
        match self.source {
            Source::Player(player) => Some(player),
            Source::Peer { .. } | Source::Mix(_) => None,
        }
    }

    /// Whether it says what that leg says in that codec.
    pub(crate) fn is_of(&self, leg: u8, of: Codec) -> bool {
        matches!(&self.source, Source::Peer { speaker, codec, .. } if *speaker == leg && *codec == of)
    }

    /// The leg wants to be told what silence sounds like, under that number.
    pub(crate) fn tell_noise(&mut self, number: Option<u8>) {
        self.noise = number;
    }

    /// Whether there may be keys in what it says, which are to be told of and not to be said.
    pub(crate) fn listen_for_keys(&mut self, listen: bool) {
        if let Source::Peer { playout, listening, .. } = &mut self.source {
            listening.listen_for_keys(listen, playout.rate_hz());
        }
    }

    /// The keys in what was said last, and whose they are.
    pub(crate) fn heard_keys(&mut self) -> Option<(u8, Strokes)> {
        let Source::Peer { speaker, listening, .. } = &mut self.source else { return None };
        listening.heard_keys().map(|strokes| (*speaker, strokes))
    }

    /// Nothing more is said by it: the keys that it has heard, to the end.
    pub(crate) fn last_keys(&mut self) -> Option<(u8, Strokes)> {
        self.listen_for_keys(false);
        self.heard_keys()
    }

    /// That leg leaves: a key in what it says is over.
    pub(crate) fn end_keys_of(&mut self, leg: u8) {
        if let Source::Peer { speaker, listening, .. } = &mut self.source
            && *speaker == leg
        {
            listening.end();
        }
    }

    /// Whether there is a key in what that leg says by it.
    pub(crate) fn hears_key(&self, leg: u8) -> bool {
        matches!(&self.source, Source::Peer { speaker, listening, .. } if *speaker == leg && listening.hears_key())
    }

    /// Takes a packet of the leg that it speaks for: sound, or what silence sounds like.
    pub(crate) fn take(&mut self, now: Timestamp, seen: Seen, timestamp: u32, is_noise: bool, payload: &[u8]) {
        let Source::Peer { playout, .. } = &mut self.source else { return };
        playout.take(now, seen, timestamp, is_noise, payload);
        if self.pace.is_none() {
            self.pace = Some((playout.begins_at().unwrap_or(now), 0));
            self.silent = 0;
        }
    }

    /// A packet of that leg took this number, and is no sound.
    pub(crate) fn pass_over(&mut self, now: Timestamp, leg: u8, seen: Seen) {
        if let Source::Peer { speaker, playout, .. } = &mut self.source
            && *speaker == leg
        {
            playout.pass_over(now, seen);
        }
    }

    /// What became of the packets that it has taken, if it takes any.
    pub(crate) fn figures(&self) -> Option<Figures> {
        if let Source::Peer { playout, .. } = &self.source { Some(playout.figures()) } else { None }
    }

    /// The samples of the last packet and their rate, if it is nobody's voice.
    pub(crate) fn played(&self) -> Option<(&[i16], u32)> {
        let is_played = matches!(self.source, Source::Player(_));
        is_played.then(|| (&*self.heard, self.heard.len() as u32 * 1_000 / self.packet_ms.max(1)))
    }

    /// When the next packet is due.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        // One that is fed is due when the mix is.
        self.pace.filter(|_| !matches!(self.source, Source::Mix(_))).map(|(began, packets)| began + self.span() * packets)
    }

    fn span(&self) -> Duration {
        Duration::from_millis(self.packet_ms.into())
    }

    /// Makes the packet that is due, if there is anything to be said in it; its numbers are the voice's own. Packets that are far too late
    /// are left out. What plays `over` is heard with it.
    pub(crate) fn say(&mut self, now: Timestamp, over: Option<&mut Player>) -> Option<Said> {
        let mut over = over;
        if let Some(said) = self.ready.take() {
            return Some(said);
        }
        while let Some(due) = self.due_at().filter(|due| *due <= now) {
            if now.since(due) > MAX_LATE {
                let late = now.since(due).as_millis() as u32 / self.packet_ms;
                self.pace = self.pace.map(|(began, packets)| (began, packets.wrapping_add(late)));
                continue;
            }
            if self.keep_step(now, due) {
                continue;
            }
            let place = self.pace.map_or(0, |(_, packets)| packets);
            self.pace = self.pace.map(|(began, packets)| (began, packets.wrapping_add(1)));
            if let Some(payload_len) = self.speak(now, over.as_deref_mut()) {
                return Some(self.number(place, due, payload_len));
            }
            let said = self.pause(place, due);
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// Moves the pace to when the packets of the leg are there that it speaks for. Whether that is later than now.
    fn keep_step(&mut self, now: Timestamp, due: Timestamp) -> bool {
        let Source::Peer { playout, .. } = &self.source else { return false };
        let off = playout.off_us(now, self.heard.len());
        let late_us = i64::try_from(now.since(due).as_micros()).unwrap_or(i64::MAX);
        let by = match off {
            // One that is later than that by itself waits no longer.
            1..=MOST_LATER_US if off > late_us => off,
            _ if off < -SLACK_US => -EARLIER_US,
            _ => 0,
        };
        self.pace = self.pace.map(|(began, packets)| (Timestamp::from_micros(began.as_micros().saturating_add_signed(by)), packets));
        by > 0
    }

    /// Gives the packet its numbers.
    fn number(&mut self, place: u32, due: Timestamp, payload_len: usize) -> Said {
        let is_first = std::mem::take(&mut self.silent) > 0 || self.sent == 0;
        let timestamp = place.wrapping_mul(self.clock_rate / 1_000 * self.packet_ms);
        let (extended, epoch) = (self.sent, self.epoch);
        self.sent = self.sent.wrapping_add(1);
        let header = Header { marker: is_first, payload: self.payload, sequence: extended as u16, timestamp, ssrc: 0, payload_len };
        Said { header, seen: Seen { extended, epoch }, due }
    }

    /// The packet that [`Voice::say`] made, with the header that it shall have.
    pub(crate) fn packet(&mut self, header: &Header) -> &[u8] {
        let packet = &mut self.packet[..FIXED_LEN + header.payload_len];
        if let Some(fixed) = packet.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(packet);
        packet
    }

    /// Nothing was to be said; after a while the leg is not asked any more. What is played has an end, which may come in silence. A leg that
    /// wants to be told what silence sounds like is told when it begins, and again now and then.
    fn pause(&mut self, place: u32, due: Timestamp) -> Option<Said> {
        self.silent = self.silent.saturating_add(1);
        if let Some(number) = self.noise.filter(|_| self.silent <= REMINDED) {
            return ((self.silent - 1).is_multiple_of(PAUSE)).then(|| self.say_noise(number, place, due));
        }
        if self.silent >= PAUSE && matches!(self.source, Source::Peer { .. }) {
            self.pace = None;
            self.epoch = self.epoch.wrapping_add(1);
        }
        None
    }

    /// Makes a packet of what the silence sounds like that was just heard.
    fn say_noise(&mut self, number: u8, place: u32, due: Timestamp) -> Said {
        let mut octets = [0; MAX_PAYLOAD];
        let samples = match (&self.source, &mut self.resampler) {
            (Source::Peer { .. }, Some(resampler)) => {
                resampler.convert(&self.heard, &mut self.said);
                &self.said[..]
            }
            (Source::Peer { .. }, None) => &self.heard[..],
            (Source::Player(_) | Source::Mix(_), _) => &[],
        };
        let payload_len = describe(samples, &mut octets);
        self.packet[FIXED_LEN..][..payload_len].copy_from_slice(&octets[..payload_len]);
        let silent = self.silent;
        let said = self.number(place, due, payload_len);
        // Sound that follows is the first of a talk spurt still.
        self.silent = silent;
        Said { header: Header { marker: false, payload: number & 0x7f, ..said.header }, ..said }
    }

    /// Codes the next samples; `None` if there is nothing to be heard.
    fn speak(&mut self, now: Timestamp, over: Option<&mut Player>) -> Option<usize> {
        match &mut self.source {
            Source::Player(player) => player.pull(&mut self.heard),
            Source::Peer { playout, listening, .. } => {
                let sounds = playout.pull(now, &mut self.heard);
                listening.listen(sounds, &mut self.heard);
                if !sounds || self.noise.is_some() && playout.rests() {
                    return None;
                }
            }
            Source::Mix(_) => {}
        }
        if let Some(player) = over {
            player.retune(self.heard.len() as u32 * 1_000 / self.packet_ms);
            player.add(&mut self.heard);
        }
        self.encode()
    }

    /// Codes what was heard.
    fn encode(&mut self) -> Option<usize> {
        let samples = match &mut self.resampler {
            Some(resampler) => {
                resampler.convert(&self.heard, &mut self.said);
                &self.said
            }
            None => &self.heard,
        };
        self.encoder.encode(samples, &mut self.packet[FIXED_LEN..])
    }
}

/// What speaks to a leg so, from samples at about that rate.
pub(crate) fn encoder(speech: &Speech, rate_hz: u32) -> Result<Encoder, OpusError> {
    let terms = speech.parameters.as_deref().map(OpusTerms::read).unwrap_or_default();
    Encoder::new(speech.codec, rate_hz, &terms)
}

/// The rate at which a codec has something to say.
pub(crate) fn rate_of(codec: Codec) -> u32 {
    match codec {
        Codec::Pcmu | Codec::Pcma => 8_000,
        Codec::G722 => 16_000,
        Codec::Opus => 48_000,
    }
}
