//! The seven things that an audio line of ours can list: four codecs, telephone events at their two clocks, and comfort noise.

use crate::sdp::RtpMap;
use tandem_model::{Carries, Codec, TELEPHONE_EVENT};

/// The first number for codecs that have none of their own (RFC 3551 §6).
const FIRST_DYNAMIC: u8 = 96;

/// What RFC 3389 §5 calls comfort noise, and the number that it has at 8000 Hz.
const COMFORT_NOISE: &str = "CN";
const NOISE_PAYLOAD: u8 = 13;

/// What a payload number can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Opus,
    G722,
    Pcmu,
    Pcma,
    Event8k,
    Event48k,
    /// RFC 3389, at the clock of G.711 alone.
    Noise,
}

impl Format {
    pub(super) const ALL: [Format; 7] =
        [Format::Opus, Format::G722, Format::Pcmu, Format::Pcma, Format::Event8k, Format::Event48k, Format::Noise];
    pub(super) const COUNT: usize = Format::ALL.len();
    pub(super) const EVENTS: [Format; 2] = [Format::Event8k, Format::Event48k];

    pub(super) const fn of(codec: Codec) -> Format {
        match codec {
            Codec::Opus => Format::Opus,
            Codec::G722 => Format::G722,
            Codec::Pcmu => Format::Pcmu,
            Codec::Pcma => Format::Pcma,
        }
    }

    pub(super) const fn codec(self) -> Option<Codec> {
        match self {
            Format::Opus => Some(Codec::Opus),
            Format::G722 => Some(Codec::G722),
            Format::Pcmu => Some(Codec::Pcmu),
            Format::Pcma => Some(Codec::Pcma),
            Format::Event8k | Format::Event48k | Format::Noise => None,
        }
    }

    pub(super) const fn carries(self) -> Carries {
        match self.codec() {
            Some(codec) => Carries::Sound(codec),
            None if self.is_event() => Carries::Event,
            None => Carries::Noise,
        }
    }

    pub(super) const fn is_event(self) -> bool {
        matches!(self, Format::Event8k | Format::Event48k)
    }

    pub(super) const fn encoding_name(self) -> &'static str {
        match self.codec() {
            Some(codec) => codec.encoding_name(),
            None if self.is_event() => TELEPHONE_EVENT,
            None => COMFORT_NOISE,
        }
    }

    /// What `a=rtpmap` says of it behind the number.
    pub(super) const fn mapping(self) -> &'static str {
        match self {
            Format::Opus => "opus/48000/2",
            Format::G722 => "G722/8000",
            Format::Pcmu => "PCMU/8000",
            Format::Pcma => "PCMA/8000",
            Format::Event8k => "telephone-event/8000",
            Format::Event48k => "telephone-event/48000",
            Format::Noise => "CN/8000",
        }
    }

    pub(super) const fn clock_rate(self) -> u32 {
        match self {
            Format::Opus | Format::Event48k => 48_000,
            Format::G722 | Format::Pcmu | Format::Pcma | Format::Event8k | Format::Noise => 8_000,
        }
    }

    pub(super) const fn channels(self) -> u8 {
        match self.codec() {
            Some(codec) => codec.channels(),
            None => 1,
        }
    }

    pub(super) const fn static_payload(self) -> Option<u8> {
        match self.codec() {
            Some(codec) => codec.static_payload(),
            None if self.is_event() => None,
            None => Some(NOISE_PAYLOAD),
        }
    }

    /// G.711 and G.722 have no parameters.
    pub(super) const fn has_parameters(self) -> bool {
        matches!(self, Format::Opus | Format::Event8k | Format::Event48k)
    }

    /// What an offer of our own says of it.
    pub(super) const fn own_parameters(self) -> Option<&'static [u8]> {
        match self {
            Format::Event8k | Format::Event48k => Some(b"0-15"),
            _ => None,
        }
    }

    /// What an offer of ours says of a codec that we make ourselves of what the other leg says, and hear for it.
    pub(super) const fn made_parameters(self) -> Option<&'static [u8]> {
        match self {
            Format::Opus => Some(b"useinbandfec=1"),
            _ => self.own_parameters(),
        }
    }

    pub(super) fn from_static(payload: u8) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.static_payload() == Some(payload))
    }

    /// RFC 7587 §7 wants opus to say two channels; some leave them out.
    pub(super) fn from_map(map: &RtpMap<'_>) -> Option<Format> {
        let is = |format: &Format| {
            map.clock_rate == format.clock_rate()
                && map.encoding.eq_ignore_ascii_case(format.encoding_name().as_bytes())
                && (map.channels == format.channels() || map.channels == 1)
        };
        Format::ALL.into_iter().find(is)
    }
}

/// Formats in an order, each at most once.
#[derive(Clone, Copy, Debug)]
pub(super) struct FormatList {
    items: [Format; Format::COUNT],
    len: u8,
    /// The same as bits.
    set: u8,
}

impl FormatList {
    pub(super) const EMPTY: FormatList = FormatList { items: Format::ALL, len: 0, set: 0 };

    pub(super) fn of_codecs(codecs: &[Codec]) -> FormatList {
        let mut list = FormatList::EMPTY;
        codecs.iter().for_each(|codec| list.push(Format::of(*codec)));
        list
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Format> + use<> {
        self.items.into_iter().take(usize::from(self.len))
    }

    pub(super) fn contains(&self, format: Format) -> bool {
        self.set & 1 << format as u8 != 0
    }

    /// Adds a format at the end unless it is in already.
    pub(super) fn push(&mut self, format: Format) {
        // Seven formats, each at most once: the place is there.
        if !self.contains(format) && usize::from(self.len) < Format::COUNT {
            self.items[usize::from(self.len)] = format;
            self.len += 1;
            self.set |= 1 << format as u8;
        }
    }

    /// The first codec: the one that is meant to be spoken.
    pub(super) fn codec(&self) -> Option<Codec> {
        self.iter().find_map(Format::codec)
    }

    pub(super) fn retain(&self, keep: impl Fn(Format) -> bool) -> FormatList {
        let mut kept = FormatList::EMPTY;
        self.iter().filter(|format| keep(*format)).for_each(|format| kept.push(format));
        kept
    }

    /// These codecs, as far as they are in `self`, with the events of `self` that go with them.
    pub(super) fn restrict(&self, codecs: &FormatList) -> FormatList {
        let mut kept = codecs.retain(|format| format.codec().is_some() && self.contains(format));
        self.push_noise_to(&mut kept);
        self.push_events_to(&mut kept);
        kept
    }

    /// The codecs of `relayed`, as far as they are in `self`, then those of `made`, which the other side has no part in; with the events
    /// that go with them, if `self` has any.
    pub(super) fn restrict_and_make(&self, relayed: &FormatList, made: &FormatList) -> FormatList {
        let mut kept = relayed.retain(|format| format.codec().is_some() && self.contains(format));
        made.iter().filter(|format| format.codec().is_some()).for_each(|format| kept.push(format));
        self.push_noise_to(&mut kept);
        self.push_events_to(&mut kept);
        kept
    }

    /// Comfort noise goes on beside G.711, if `self` has it: whoever pauses in it is made to in the like.
    pub(super) fn push_noise_to(&self, kept: &mut FormatList) {
        if self.contains(Format::Noise) && (kept.contains(Format::Pcmu) || kept.contains(Format::Pcma)) {
            kept.push(Format::Noise);
        }
    }

    /// Events run on the clock of the audio that they ride beside (RFC 4733), so audio that is not of `self` has them at its own. Phones
    /// that offer 8000 alone send them so beside Opus too, therefore these stay where no others of `self` do.
    pub(super) fn push_events_to(&self, kept: &mut FormatList) {
        let Some(first) = self.iter().find(|format| format.is_event()).filter(|_| kept.codec().is_some()) else { return };
        let audio = *kept;
        let goes_with = |event: Format, format: Format| format.codec().is_some() && format.clock_rate() == event.clock_rate();
        let fits = |event: &Format| audio.iter().any(|format| goes_with(*event, format));
        self.iter().filter(|format| format.is_event()).filter(fits).for_each(|event| kept.push(event));
        let has_own = kept.len > audio.len;
        let is_made = |event: &Format| audio.iter().any(|format| !self.contains(format) && goes_with(*event, format));
        Format::EVENTS.into_iter().filter(is_made).for_each(|event| kept.push(event));
        if !has_own && (kept.len == audio.len || first == Format::Event8k) {
            kept.push(first);
        }
    }

    /// The events that go with the codec that is meant to be spoken, else any.
    pub(super) fn event(&self) -> Option<Format> {
        let clock_rate = self.codec().map(|codec| codec.clock_rate());
        let events = || self.iter().filter(|format| format.is_event());
        events().find(|event| Some(event.clock_rate()) == clock_rate).or_else(|| events().next())
    }
}

/// The payload number of each format, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers([Option<u8>; Format::COUNT]);

impl Numbers {
    pub(super) const NONE: Numbers = Numbers([None; Format::COUNT]);

    pub(super) fn get(&self, format: Format) -> Option<u8> {
        self.0[format as usize]
    }

    pub(super) fn set(&mut self, format: Format, number: u8) {
        self.0[format as usize] = Some(number);
    }

    /// Forgets whatever has that number.
    fn clear(&mut self, number: u8) {
        self.0.iter_mut().filter(|held| **held == Some(number)).for_each(|held| *held = None);
    }

    pub(super) fn format_of(&self, number: u8) -> Option<Format> {
        Format::ALL.into_iter().find(|format| self.get(*format) == Some(number))
    }
}

/// The numbers of one leg over its whole life: what a number once stood for it never ceases to stand for
/// (RFC 3264 §8.3.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberBook {
    ours: Numbers,
    taken: u128,
}

impl NumberBook {
    pub(super) const EMPTY: NumberBook = NumberBook { ours: Numbers::NONE, taken: 0 };

    /// Notes all numbers that a description lists, as bits.
    pub(super) fn take_all(&mut self, numbers: u128) {
        self.taken |= numbers;
    }

    /// Notes that the leg was told to send `format` under `number`. A leg that gives a number a new meaning breaks its
    /// word, but then the new one is what it means.
    pub(super) fn assign(&mut self, format: Format, number: u8) {
        self.ours.clear(number);
        self.ours.set(format, number);
        self.taken |= 1 << (number & 127);
    }

    /// The number under which we offer `format`: the one it has, else its static one, else the `wish`, else a free one.
    pub(super) fn number_for(&mut self, format: Format, wish: Option<u8>) -> Option<u8> {
        if let Some(number) = self.ours.get(format) {
            return Some(number);
        }
        let is_free = |number: &u8| self.taken & (1 << number) == 0;
        let wish = wish.filter(|number| (FIRST_DYNAMIC..128).contains(number));
        let mut candidates = format.static_payload().into_iter().chain(wish).chain(FIRST_DYNAMIC..128);
        let number = candidates.find(is_free)?;
        self.assign(format, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_of_a_format_reads_as_that_format() {
        for format in Format::ALL {
            let line = ["96 ", format.mapping()].concat();
            let map = RtpMap::parse(line.as_bytes()).expect("a map");
            assert_eq!(Format::from_map(&map), Some(format));
            assert_eq!(map.channels, format.channels());
        }
    }
}
