//! From packets as they come to samples as they are heard: a buffer that waits for as long as packets need, and no longer.
//!
//! [`Playout::take`] has what arrives, [`Playout::pull`] gives what is to be heard next, and is asked at a steady pace. How long a packet
//! waits follows from how late the last ones were ([`delay`]). Where more is waited than need be, sound is made shorter by periods of
//! the voice, and longer where packets come too late. What is missing is made up by the decoder.

mod delay;
mod ring;
mod samples;

use crate::rtp::sequence::Seen;
use delay::Delay;
use ring::{Ring, What, is_after};
use samples::Samples;
use std::time::Duration;
use tandem_model::{Codec, Timestamp};
use tandem_sound::{Decoder, comfort::ComfortNoise, opus::OpusError};

/// What a packet waits at least, so that it is there when it is asked for.
const MARGIN_US: i64 = 2_000;

/// More than this must be waited in vain before sound is made shorter: else it would soon be made longer again.
const TOO_MUCH_US: i64 = 12_000;

/// Over so much at least the last samples are led over to the newest.
const LEAD_US: i64 = 5_000;

/// Who asks at a pace of its own asks a little before packets are surely there or a little after, and what is needed wavers: only what
/// would be too much with this much more needed is made shorter, else sound would be made longer and shorter in turn.
const WAVERING_US: i64 = 5_000;

/// The longest that packets wait, however late others come.
const MOST_US: i64 = 200_000;

/// What is made up at a time where nothing has come.
const PIECE_MS: u32 = 10;

/// Sound that nobody sends is made up for so long; then there is none, until a packet comes.
const ABANDONED_MS: u32 = 120;

/// Packets that losses are looked back on.
const LOOKED_BACK: u32 = 256;

/// One of them that is lost. It counts for less and less.
const LOST: u32 = 1 << 16;

/// How many lost ones make each packet wait for the next one, which tells of a lost one, until there are fewer than half a one. With Opus it may
/// say what was in that, and one is reason enough. With G.711 it tells what is to be led over to: two, for one alone is made up well enough.
/// With G.722 it tells little, as what it says goes by what was in the lost one.
fn lossy_from(codec: Codec) -> Option<u32> {
    match codec {
        Codec::Opus => Some(LOST),
        Codec::Pcmu | Codec::Pcma => Some(LOST * 7 / 5),
        Codec::G722 => None,
    }
}

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Packets of sound and noise that came.
    pub(crate) taken: u64,
    /// Came after they should have been heard.
    pub(crate) late: u64,
    /// Never came, as far as was waited; a piece that one lost packet had.
    pub(crate) missing: u64,
    /// Times that sound was made shorter, and longer.
    pub(crate) shortened: u64,
    pub(crate) lengthened: u64,
    /// How long packets waited before they were heard, all together: microseconds, and how many.
    pub(crate) waited_us: u64,
    pub(crate) waited: u64,
}

impl Figures {
    /// One that came at `at` is decoded now, behind samples that are still to be heard.
    fn note_wait(&mut self, now: Timestamp, at: Timestamp, before: &Samples, rate_hz: u32) {
        let ahead_us = before.len() as u64 * 1_000_000 / u64::from(rate_hz);
        self.waited_us += now.since(at).as_micros() as u64 + ahead_us;
        self.waited += 1;
    }

    /// Adds those of another buffer.
    pub(crate) fn add(&mut self, other: &Figures) {
        self.taken += other.taken;
        self.late += other.late;
        self.missing += other.missing;
        self.shortened += other.shortened;
        self.lengthened += other.lengthened;
        self.waited_us += other.waited_us;
        self.waited += other.waited;
    }
}

/// The sound of one speaker.
#[derive(Debug)]
pub(crate) struct Playout {
    decoder: Decoder,
    /// Ticks of RTP in a second.
    clock: u32,
    ring: Ring,
    samples: Samples,
    delay: Delay,
    noise: ComfortNoise,
    state: State,
    epoch: u32,
    /// What is to be decoded next, by its number and its time.
    next: (u32, u32),
    /// A timestamp, and when that is by our clock: microseconds.
    anchor: (u32, i64),
    /// Ticks of the last packet.
    usual: u32,
    /// Ticks that were made up where nothing had come, and that may yet come.
    starved: u32,
    /// Who asks for samples does so when packets are there: see [`Playout::off_us`].
    is_followed: bool,
    /// How many of the last packets were lost. If they are so many, each waits for the next, until they are few.
    loss: u32,
    lossy_from: Option<u32>,
    is_lossy: bool,
    figures: Figures,
    /// In the last frame nobody spoke.
    rests: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is there to be heard.
    Idle,
    /// Somebody pauses, and this is what it sounds like.
    Noise,
    /// The first packet is heard then.
    Waiting { until: Timestamp, noise: bool },
    /// Samples flow.
    Playing,
}

impl Playout {
    /// For packets of `codec` whose sound is used at `rate_hz`.
    ///
    /// # Errors
    /// A rate that Opus does not know.
    pub(crate) fn new(codec: Codec, rate_hz: u32, seed: u64) -> Result<Playout, OpusError> {
        let decoder = Decoder::new(codec, rate_hz)?;
        Ok(Playout {
            samples: Samples::new(decoder.rate_hz()),
            decoder,
            clock: codec.clock_rate(),
            ring: Ring::new(),
            delay: Delay::new(),
            noise: ComfortNoise::new(seed),
            state: State::Idle,
            epoch: 0,
            next: (0, 0),
            anchor: (0, 0),
            usual: codec.clock_rate() / 50,
            starved: 0,
            is_followed: false,
            loss: 0,
            lossy_from: lossy_from(codec),
            is_lossy: false,
            figures: Figures::default(),
            rests: true,
        })
    }

    /// The rate of the samples that it gives, in hertz.
    pub(crate) fn rate_hz(&self) -> u32 {
        self.decoder.rate_hz()
    }

    /// When the first packet after a pause is to be asked for.
    pub(crate) fn begins_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            State::Idle | State::Noise | State::Playing => None,
        }
    }

    /// Whether who asks for samples goes by [`Playout::off_us`], and not by a clock of its own.
    pub(crate) fn be_followed(&mut self, is_followed: bool) {
        self.is_followed = is_followed;
    }

    /// How much later than now a frame of so many samples is best asked for, or if negative how much earlier: when the last packet that it
    /// needs is there as surely as it shall be. Microseconds.
    pub(crate) fn off_us(&self, now: Timestamp, frame: usize) -> i64 {
        if self.state != State::Playing || self.starved > 0 {
            return 0;
        }
        let rate = i64::from(self.rate_hz());
        let (frame, waiting) = (frame.max(1) as i64, self.samples.len() as i64);
        let packet = (i64::from(self.usual) * rate / i64::from(self.clock)).max(1);
        let before_last = (frame - waiting % frame - 1) / packet * packet;
        let spared = waiting / frame * frame;
        let off = self.wanted_at() + (before_last - spared) * 1_000_000 / rate - now.as_micros() as i64;
        // The clock of the packets has moved, or nobody has spoken for long.
        if off.abs() > MOST_US { 0 } else { off }
    }

    /// What became of packets so far.
    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }

    /// How long the next packet will wait, if it comes as the last ones did, beside what is waited for the listener's next frame.
    #[cfg(test)]
    pub(crate) fn target(&self) -> Duration {
        Duration::from_micros((self.delay.spread() + self.margin()).clamp(0, MOST_US) as u64)
    }

    /// Takes a packet: sound, or what silence sounds like.
    pub(crate) fn take(&mut self, now: Timestamp, seen: Seen, timestamp: u32, is_noise: bool, payload: &[u8]) {
        let number = seen.extended;
        self.figures.taken += 1;
        // One that comes far too late is late, and no clock that jumps.
        let may_jump = self.state == State::Idle || self.state == State::Playing && !is_after(self.next.0, number);
        if seen.epoch != self.epoch || may_jump && !self.is_near(now, timestamp) {
            self.begin(now, seen, timestamp);
        }
        self.move_anchor(timestamp);
        self.delay.note(now.as_micros() as i64 - self.due(timestamp));
        match self.state {
            State::Idle | State::Noise => {
                if self.state == State::Idle || is_after(number, self.next.0.wrapping_sub(1)) {
                    self.await_first(now, number, timestamp);
                }
            }
            State::Waiting { .. } if is_after(self.next.0, number) => self.next = (number, timestamp),
            State::Waiting { .. } | State::Playing if is_after(self.next.0, number) => {
                self.figures.late += 1;
                return;
            }
            State::Waiting { .. } | State::Playing => {}
        }
        if Ring::is_beyond(number, self.next.0) {
            // So much waits that nobody will want to hear it all: it goes on with what is new.
            self.ring.clear();
            self.next = (number, timestamp);
        }
        self.ring.put(number, (now, timestamp), if is_noise { What::Noise } else { What::Sound }, payload);
    }

    /// That number is taken by something else than sound: nothing is missing there.
    pub(crate) fn pass_over(&mut self, now: Timestamp, seen: Seen) {
        let is_expected = seen.epoch == self.epoch && !is_after(self.next.0, seen.extended) && !Ring::is_beyond(seen.extended, self.next.0);
        if is_expected && self.state != State::Idle {
            self.ring.put(seen.extended, (now, 0), What::Nothing, &[]);
        }
    }

    /// Whether nobody spoke in what was pulled last: it is silence, or what that sounds like.
    pub(crate) fn rests(&self) -> bool {
        self.rests
    }

    /// The next samples, all of them. False if there is nothing to be heard.
    pub(crate) fn pull(&mut self, now: Timestamp, out: &mut [i16]) -> bool {
        self.rests = true;
        match self.state {
            State::Idle => {
                out.fill(0);
                return false;
            }
            State::Waiting { until, noise } if now < until => {
                self.fill_silence(noise, out);
                return noise;
            }
            State::Noise => {
                self.noise.fill(out);
                return true;
            }
            State::Waiting { .. } => self.state = State::Playing,
            State::Playing => {}
        }
        self.keep_time(now, out.len());
        while self.samples.len() < out.len() && self.state == State::Playing {
            self.produce(now);
        }
        let count = self.samples.pop(out);
        self.rests = count == 0;
        let noise = self.state == State::Noise;
        self.fill_silence(noise, &mut out[count..]);
        count > 0 || noise
    }

    /// Whether there is nothing that would have to be made up first.
    pub(crate) fn may_end(&self) -> bool {
        self.state != State::Playing || self.starved == 0
    }

    /// The last samples: what is due, led over to the newest that have come, so that whoever hears the next packet by itself hears it follow on them.
    /// False if there is nothing to be heard.
    pub(crate) fn end(&mut self, now: Timestamp, out: &mut [i16]) -> bool {
        if self.state != State::Playing {
            return self.pull(now, out);
        }
        while self.state == State::Playing && self.ring.next_after(self.next.0.wrapping_sub(1)).is_some() {
            let before = self.next;
            self.produce(now);
            if self.next == before {
                break;
            }
        }
        self.rests = self.samples.len() == 0;
        if self.rests {
            out.fill(0);
            return false;
        }
        // What is led over must not be shorter than that.
        let least = in_samples(LEAD_US, self.rate_hz()).min(out.len());
        let made_up = least.saturating_sub(self.samples.len());
        self.samples.push(made_up, |samples| self.decoder.conceal(None, samples));
        self.samples.pop_all(made_up, out);
        true
    }

    fn fill_silence(&mut self, noise: bool, out: &mut [i16]) {
        if noise { self.noise.fill(out) } else { out.fill(0) }
    }

    /// A source begins, or begins anew.
    fn begin(&mut self, now: Timestamp, seen: Seen, timestamp: u32) {
        self.epoch = seen.epoch;
        self.anchor = (timestamp, now.as_micros() as i64);
        self.delay.restart();
        self.ring.clear();
        self.next = (seen.extended, timestamp);
        self.starved = 0;
        if self.state == State::Playing && self.samples.len() == 0 {
            self.state = State::Idle;
        }
    }

    /// Whether a packet is of the same clock as those before: neither far ahead of its time nor behind it.
    fn is_near(&self, now: Timestamp, timestamp: u32) -> bool {
        (now.as_micros() as i64 - self.due(timestamp) - self.delay.needed()).abs() < 2 * MOST_US
    }

    fn await_first(&mut self, now: Timestamp, number: u32, timestamp: u32) {
        let wait = (self.due(timestamp) + self.delay.needed() + self.margin() - now.as_micros() as i64).clamp(0, MOST_US);
        self.next = (number, timestamp);
        self.starved = 0;
        self.state = State::Waiting { until: now + Duration::from_micros(wait as u64), noise: self.state == State::Noise };
    }

    /// When that timestamp is, by the clock of the first packet.
    fn due(&self, timestamp: u32) -> i64 {
        self.anchor.1 + i64::from(timestamp.wrapping_sub(self.anchor.0) as i32) * 1_000_000 / i64::from(self.clock)
    }

    /// Keeps the anchor near: differences of timestamps wrap.
    fn move_anchor(&mut self, timestamp: u32) {
        let seconds = (timestamp.wrapping_sub(self.anchor.0) as i32) / self.clock as i32;
        if seconds > 1_000 {
            self.anchor = (self.anchor.0.wrapping_add(seconds as u32 * self.clock), self.anchor.1 + i64::from(seconds) * 1_000_000);
        }
    }

    fn margin(&self) -> i64 {
        MARGIN_US + if self.is_lossy { self.micros(self.usual) } else { 0 }
    }

    fn micros(&self, ticks: u32) -> i64 {
        i64::from(ticks) * 1_000_000 / i64::from(self.clock)
    }

    /// Makes sound shorter where packets wait longer than they need to, longer where they do not wait long enough.
    fn keep_time(&mut self, now: Timestamp, frame: usize) {
        if self.starved > 0 {
            return;
        }
        let rate = self.rate_hz();
        let too_much = in_samples(TOO_MUCH_US, rate) as i64;
        let wavering = if self.is_followed { 0 } else { WAVERING_US };
        if self.spare(now, frame, wavering) > too_much {
            self.produce_what_is_there(now, tandem_sound::stretch::needed(rate));
            let spare = self.spare(now, frame, wavering);
            if spare > too_much {
                let cut = self.samples.shorten(rate, spare as usize);
                self.figures.shortened += u64::from(cut > 0);
            }
        } else if self.spare(now, frame, 0) < 0 {
            self.produce_what_is_there(now, frame);
            let more = self.samples.lengthen(rate, frame);
            self.figures.lengthened += u64::from(more > 0);
        }
    }

    /// How many samples could be left out so that the next packet is still not asked for before it may be there, if that were so much
    /// later than it seems. It is asked for at the frame in which it begins.
    fn spare(&self, now: Timestamp, frame: usize, later_us: i64) -> i64 {
        let frame_us = (frame as i64 * 1_000_000 / i64::from(self.rate_hz())).max(1);
        let frames = (self.wanted_at() + later_us - now.as_micros() as i64 + frame_us - 1).div_euclid(frame_us);
        self.samples.len() as i64 - frames * frame as i64
    }

    /// When the next packet is there as surely as it shall be: microseconds.
    fn wanted_at(&self) -> i64 {
        self.due(self.next.1) + (self.delay.needed() + self.margin()).min(self.least() + MOST_US)
    }

    /// How long the fastest packet took.
    fn least(&self) -> i64 {
        self.delay.needed() - self.delay.spread()
    }

    fn produce_what_is_there(&mut self, now: Timestamp, samples: usize) {
        while self.samples.len() < samples
            && let Some(kept) = self.ring.get(self.next.0).filter(|kept| kept.timestamp == self.next.1 && kept.what == What::Sound)
        {
            let Some(count) = self.decoder.samples(&kept.payload) else { return };
            let payload = &kept.payload;
            self.figures.note_wait(now, kept.at, &self.samples, self.decoder.rate_hz());
            self.samples.push(count, |samples| self.decoder.decode(payload, samples));
            self.go_on(count);
        }
    }

    /// Makes the next samples, whatever has come.
    fn produce(&mut self, now: Timestamp) {
        let (number, timestamp) = self.next;
        let Some(kept) = self.ring.get(number) else { return self.make_up() };
        if kept.what == What::Nothing {
            self.next.0 = number.wrapping_add(1);
            return;
        }
        let ahead = kept.timestamp.wrapping_sub(timestamp) as i32;
        if ahead != 0 {
            self.bridge(ahead, kept.timestamp);
            return;
        }
        self.starved = 0;
        if kept.what == What::Noise {
            self.noise.hear(&kept.payload);
            self.next.0 = number.wrapping_add(1);
            self.state = State::Noise;
            return;
        }
        let payload = &kept.payload;
        match self.decoder.samples(payload) {
            Some(count) => {
                self.figures.note_wait(now, kept.at, &self.samples, self.decoder.rate_hz());
                self.samples.push(count, |samples| self.decoder.decode(payload, samples));
                self.go_on(count);
            }
            None => self.next.0 = number.wrapping_add(1),
        }
    }

    fn go_on(&mut self, count: usize) {
        let ticks = (count as u64 * u64::from(self.clock) / u64::from(self.rate_hz())) as u32;
        self.usual = ticks.max(self.clock / 200);
        self.next = (self.next.0.wrapping_add(1), self.next.1.wrapping_add(ticks));
        self.note_loss(0);
    }

    /// The packet that comes next in number is of another time: its sender has paused, or its clock has moved.
    fn bridge(&mut self, ahead: i32, timestamp: u32) {
        let piece = PIECE_MS * self.clock / 1_000;
        let rest = (ahead - self.starved as i32).max(0) as u32;
        self.starved = 0;
        if rest == 0 || rest > self.clock / 2 {
            self.next.1 = timestamp;
            return;
        }
        let ticks = rest.min(piece);
        let count = (u64::from(ticks) * u64::from(self.rate_hz()) / u64::from(self.clock)) as usize;
        let noise = &mut self.noise;
        self.samples.push(count, |samples| noise.fill(samples));
        self.next.1 = timestamp.wrapping_sub(rest - ticks);
    }

    /// The next packet is not there.
    fn make_up(&mut self) {
        let (number, timestamp) = self.next;
        let Some((later, kept)) = self.ring.next_after(number) else { return self.starve() };
        let missing = kept.timestamp.wrapping_sub(timestamp) as i32;
        let rest = (missing - self.starved as i32).max(0) as u32;
        self.starved = 0;
        let is_last = later == number.wrapping_add(1);
        let ticks = if is_last { rest } else { rest.min(self.usual) };
        let piece = self.clock / 400;
        // What would be odd, or too long to be made up, is passed over.
        let made_up = if rest > MOST_US as u32 / 1_000 * (self.clock / 1_000) { 0 } else { ticks / piece * piece };
        if made_up > 0 {
            let count = (u64::from(made_up) * u64::from(self.rate_hz()) / u64::from(self.clock)) as usize;
            // Only of what it comes right after it may tell something.
            let next = (rest == made_up && kept.what == What::Sound).then_some(&kept.payload[..]);
            self.samples.push(count, |samples| self.decoder.conceal(next, samples));
        }
        let at = if is_last { kept.timestamp } else { kept.timestamp.wrapping_sub(rest - ticks) };
        self.next = (number.wrapping_add(1), at);
        self.figures.missing += 1;
        self.note_loss(LOST);
    }

    /// A packet came, or did not.
    fn note_loss(&mut self, lost: u32) {
        self.loss = self.loss - self.loss / LOOKED_BACK + lost;
        let bound = if self.is_lossy { Some(LOST / 2) } else { self.lossy_from };
        self.is_lossy = bound.is_some_and(|bound| self.loss >= bound);
    }

    /// Nothing at all is there.
    fn starve(&mut self) {
        if self.starved >= ABANDONED_MS * self.clock / 1_000 {
            self.state = State::Idle;
            return;
        }
        self.starved += PIECE_MS * self.clock / 1_000;
        let count = (PIECE_MS * self.rate_hz() / 1_000) as usize;
        self.samples.push(count, |samples| self.decoder.conceal(None, samples));
    }
}

fn in_samples(micros: i64, rate_hz: u32) -> usize {
    (micros * i64::from(rate_hz) / 1_000_000) as usize
}

#[cfg(test)]
mod tests;
