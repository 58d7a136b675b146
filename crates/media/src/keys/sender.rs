//! Keys that are pressed for a leg to hear, one after the other: as telephone events (RFC 4733 §2.5.1), or as tones in its codec. What the
//! leg would hear else is left out meanwhile.

use super::tones::Tones;
use crate::rtp::{
    header::{FIXED_LEN, Header},
    rewrite::{Feeder, Outgoing},
    sequence::Seen,
};
use std::{collections::VecDeque, time::Duration};
use tandem_model::{Key, KeyPress, Keys, Speech, Timestamp};

/// Keys that may wait for the ones before them.
const MAX_WAITING: usize = 64;

/// Between two keys there is as much, so that no two become one.
const GAP: Duration = Duration::from_millis(60);

/// Shortest that a key is pressed, as an event, and as a tone, of which a line may take away some.
const MIN_EVENT_MS: u32 = 40;
const MIN_TONE_MS: u32 = 50;

/// A key that nobody lets go is let go then.
const MAX_MS: u32 = 60_000;

/// Packets that say that an event is over (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;

/// Longest segment of an event, in ticks (RFC 4733 §2.5.1.3).
const LONGEST: u32 = u16::MAX as u32;

/// How loud it was: 10 dB below the loudest, without a sign (RFC 4733 §2.3.3).
const VOLUME: u8 = 10;
const IS_END: u8 = 0x80;

/// Packets that are this late are left out rather than sent in a burst.
const MAX_LATE: Duration = Duration::from_millis(100);

/// An event packet: a header and one event.
const EVENT_LEN: usize = FIXED_LEN + 4;

/// What a leg is told of keys.
#[derive(Debug, Default)]
pub(crate) struct Pressing {
    waiting: VecDeque<Press>,
    pressed: Option<Pressed>,
    /// The next may begin then.
    free_at: Timestamp,
    /// Says tones; made when the first is to be heard.
    tones: Option<Box<Tones>>,
    /// When it began to say tones without a pause, and how many packets ago.
    run: Option<(Timestamp, u32)>,
    /// Counts these runs, and their packets.
    numbers: Seen,
    event: [u8; EVENT_LEN],
    /// The packet that was made last is one of tones.
    is_tone: bool,
}

/// A key that is to be pressed, or is.
#[derive(Clone, Copy, Debug)]
struct Press {
    key: Key,
    /// For how long; `None` while it is held.
    ms: Option<u32>,
    /// The leg that holds it, by its name in the session.
    by: Option<u8>,
}

/// The key that sounds.
#[derive(Clone, Copy, Debug)]
struct Pressed {
    press: Press,
    began: Timestamp,
    /// Packets of it so far.
    packets: u32,
    packet_ms: u32,
    /// Those that said that it is over.
    ends: u8,
    /// The timestamp of its segment, and the ticks of those before.
    timestamp: Option<u32>,
    before: u32,
    /// How long it was said to have lasted, in ticks.
    said: u32,
}

impl Pressed {
    fn due_at(&self) -> Timestamp {
        self.began + span(self.packets, self.packet_ms)
    }

    /// How long it is to last, as far as is known.
    fn ms(&self, least: u32) -> Option<u32> {
        let elapsed = self.packets * self.packet_ms;
        self.press.ms.map(|ms| ms.max(least)).or((elapsed >= MAX_MS).then_some(elapsed))
    }
}

/// A packet that was made.
pub(crate) struct Sent {
    pub(crate) header: Header,
    /// The clock that it goes by.
    pub(crate) clock_rate: u32,
}

impl Pressing {
    /// Nothing is pressed, and there is room for what will be.
    pub(crate) fn new() -> Pressing {
        Pressing { waiting: VecDeque::with_capacity(MAX_WAITING), ..Pressing::default() }
    }

    /// A key is to be pressed for as long as that says.
    pub(crate) fn press(&mut self, now: Timestamp, press: KeyPress) {
        self.push(now, Press { key: press.key, ms: Some(press.ms.into()), by: None });
    }

    /// A leg presses a key, and holds it.
    pub(crate) fn down(&mut self, now: Timestamp, by: u8, key: Key) {
        self.push(now, Press { key, ms: None, by: Some(by) });
    }

    /// It lets it go.
    pub(crate) fn up(&mut self, by: u8, ms: u16) {
        let held = self.waiting.iter_mut().chain(self.pressed.as_mut().map(|pressed| &mut pressed.press));
        for press in held.filter(|press| press.by == Some(by) && press.ms.is_none()) {
            press.ms = Some(ms.into());
        }
    }

    /// Who holds a key down.
    pub(crate) fn held(&self) -> impl Iterator<Item = u8> + use<'_> {
        let held = self.waiting.iter().chain(self.pressed.as_ref().map(|pressed| &pressed.press));
        held.filter(|press| press.ms.is_none()).filter_map(|press| press.by)
    }

    /// Whoever holds a key is heard no longer.
    pub(crate) fn release(&mut self) {
        let held = self.waiting.iter_mut().chain(self.pressed.as_mut().map(|pressed| &mut pressed.press));
        held.for_each(|press| press.ms = press.ms.or(Some(0)));
    }

    fn push(&mut self, now: Timestamp, press: Press) {
        if !self.is_active() {
            self.free_at = self.free_at.max(now);
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(press);
        }
    }

    /// Whether a key sounds, or waits to.
    pub(crate) fn is_active(&self) -> bool {
        self.pressed.is_some() || !self.waiting.is_empty() || self.run.is_some()
    }

    /// The leg is spoken to in another way from now on: a key that sounds is over.
    pub(crate) fn begin_anew(&mut self) {
        (self.tones, self.run, self.pressed) = (None, None, None);
    }

    /// Nobody is there to hear them.
    pub(crate) fn give_up(&mut self) {
        self.waiting.clear();
        (self.run, self.pressed) = (None, None);
    }

    /// When its next packet is due.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        let paced = self.run.zip(self.tones.as_ref()).map(|((began, packets), tones)| began + span(packets, tones.packet_ms()));
        let event = || self.pressed.as_ref().map(Pressed::due_at);
        let next = || (!self.waiting.is_empty()).then_some(self.free_at);
        paced.or_else(event).or_else(next)
    }

    /// Makes the packet that is due, for a leg that wants keys so, and is spoken to so.
    pub(crate) fn make(&mut self, now: Timestamp, keys: Keys, speech: Option<&Speech>, stream: &mut Outgoing) -> Option<Sent> {
        let due = self.due_at().filter(|due| *due <= now)?;
        match (keys, speech) {
            (Keys::Events { payload, clock_khz }, _) => {
                let packet_ms = speech.map_or(20, |speech| u32::from(speech.packet_ms)).clamp(10, 60);
                self.make_event(now, due, (payload, u32::from(clock_khz).max(1)), packet_ms, stream)
            }
            (Keys::InBand, Some(speech)) => self.make_tone(now, speech, stream),
            // It cannot be told.
            (Keys::InBand, None) | (Keys::Info, _) => {
                self.give_up();
                None
            }
        }
    }

    /// The packet that [`Pressing::make`] made, with the header that it has.
    pub(crate) fn packet(&mut self, header: &Header) -> Option<&[u8]> {
        if self.is_tone {
            return self.tones.as_mut().map(|tones| tones.packet(header));
        }
        if let Some(fixed) = self.event.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(&mut self.event);
        Some(&self.event)
    }

    /// The next key that may begin at `due`.
    fn begin(&mut self, due: Timestamp, packet_ms: u32) {
        if self.pressed.is_none()
            && due >= self.free_at
            && let Some(press) = self.waiting.pop_front()
        {
            let pressed = Pressed { press, began: due, packets: 0, packet_ms, ends: 0, timestamp: None, before: 0, said: 0 };
            self.pressed = Some(pressed);
        }
    }

    fn make_event(
        &mut self,
        now: Timestamp,
        due: Timestamp,
        (payload, khz): (u8, u32),
        packet_ms: u32,
        stream: &mut Outgoing,
    ) -> Option<Sent> {
        let due = if now.since(due) > MAX_LATE && self.pressed.is_none() { now } else { due };
        self.begin(due, packet_ms);
        let pressed = self.pressed.as_mut()?;
        while now.since(pressed.due_at()) > MAX_LATE {
            pressed.packets += 1;
        }
        let at = pressed.due_at();
        pressed.packets += 1;
        let elapsed_ms = pressed.packets * pressed.packet_ms;
        let ends_at = pressed.ms(MIN_EVENT_MS).filter(|ms| *ms <= elapsed_ms);
        let mut lasted = ends_at.unwrap_or(elapsed_ms).saturating_mul(khz).max(pressed.said) - pressed.before;
        let mut is_end = ends_at.is_some();
        let begins = pressed.timestamp.is_none();
        // RFC 4733 §2.5.1.3: what is longer than can be said goes on in another segment, which begins where that ends.
        let is_full = lasted > LONGEST;
        if is_full {
            (lasted, is_end) = (LONGEST, false);
        }
        pressed.said = pressed.before + lasted;
        self.event[FIXED_LEN..].copy_from_slice(&event(pressed.press.key, is_end, lasted as u16));
        let mut header = Header { marker: begins, payload: payload & 0x7f, sequence: 0, timestamp: 0, ssrc: 0, payload_len: 4 };
        // RFC 4733 §2.5.1.1: all packets of an event have the timestamp of its beginning.
        stream.insert(at, pressed.timestamp, khz * 1_000, &mut header);
        pressed.timestamp = Some(header.timestamp);
        if is_full {
            pressed.before += LONGEST;
            pressed.timestamp = Some(header.timestamp.wrapping_add(LONGEST));
        }
        pressed.ends += u8::from(is_end);
        if pressed.ends == ENDS {
            let silent_from = pressed.began + Duration::from_millis(u64::from(pressed.said / khz));
            self.free_at = pressed.due_at().max(silent_from + GAP);
            self.pressed = None;
        }
        self.is_tone = false;
        Some(Sent { header, clock_rate: khz * 1_000 })
    }

    fn make_tone(&mut self, now: Timestamp, speech: &Speech, stream: &mut Outgoing) -> Option<Sent> {
        if self.tones.is_none() {
            // Rates that Opus does not know are never asked for.
            self.tones = Tones::new(speech).ok().map(Box::new);
        }
        let Some(packet_ms) = self.tones.as_ref().map(|tones| tones.packet_ms()) else {
            self.give_up();
            return None;
        };
        while let Some(due) = self.due_at().filter(|due| *due <= now) {
            let (began, packets) = *self.run.get_or_insert_with(|| {
                self.numbers.epoch = self.numbers.epoch.wrapping_add(1);
                (due, 0)
            });
            if now.since(due) > MAX_LATE {
                self.run = Some((began, packets + now.since(due).as_millis() as u32 / packet_ms));
                continue;
            }
            if self.pressed.is_none() && self.waiting.is_empty() {
                // The last packet has been heard by now.
                self.run = None;
                break;
            }
            self.run = Some((began, packets + 1));
            let sent = self.say_tone(due, packets, packet_ms, stream);
            if sent.is_some() {
                return sent;
            }
        }
        None
    }

    /// Says the packet of tones that is due at `due`, that many packets after the first of its run.
    fn say_tone(&mut self, due: Timestamp, packets: u32, packet_ms: u32, stream: &mut Outgoing) -> Option<Sent> {
        let was_silent = self.pressed.is_none();
        self.begin(due, packet_ms);
        let tones = self.tones.as_mut()?;
        let mut ends_after_ms = None;
        if let Some(pressed) = &mut self.pressed {
            if was_silent {
                tones.press(pressed.press.key);
            }
            let before_ms = pressed.packets * packet_ms;
            let left_ms = pressed.ms(MIN_TONE_MS).map(|ms| ms.saturating_sub(before_ms));
            pressed.packets += 1;
            ends_after_ms = left_ms.filter(|left_ms| *left_ms <= packet_ms);
            if let Some(left_ms) = ends_after_ms {
                self.free_at = due + Duration::from_millis(left_ms.into()) + GAP;
                self.pressed = None;
            }
        }
        let clock_rate = tones.clock_rate();
        let mut header = tones.say(ends_after_ms)?;
        header.timestamp = packets.wrapping_mul(clock_rate / 1_000 * packet_ms);
        self.numbers.extended = self.numbers.extended.wrapping_add(1);
        stream.renumber(due, Feeder::Keys, self.numbers, clock_rate, &mut header);
        self.is_tone = true;
        Some(Sent { header, clock_rate })
    }
}

fn span(packets: u32, packet_ms: u32) -> Duration {
    Duration::from_millis(u64::from(packets) * u64::from(packet_ms))
}

/// RFC 4733 §2.3.
fn event(key: Key, is_end: bool, lasted: u16) -> [u8; 4] {
    let [high, low] = lasted.to_be_bytes();
    [key.code(), VOLUME | if is_end { IS_END } else { 0 }, high, low]
}
