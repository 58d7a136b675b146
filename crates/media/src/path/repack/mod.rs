//! The same codec on both sides, and packets of another length than the listener wants: they are cut and joined without being heard.
//!
//! Sound of which each octet is a tick of the clock can be cut anywhere, Opus between its frames. What goes by is looked at packet by packet,
//! for what a leg says it sends is not always what it sends.

mod filling;
mod packer;
mod ready;

pub(crate) use packer::{Packed, Packer};

use crate::{
    endpoint::{Heard, Plain},
    packet::{MAX_PACKET, PacketBuf, Verdict},
    rtp::header::{FIXED_LEN, Header},
};
use filling::Target;
use tandem_model::{Carries, Codec, PacketTimes, Timestamp};
use tandem_sound::opus::frames;

/// Octets, which are ticks, in a millisecond of all codecs but Opus.
const OCTETS_PER_MS: u16 = 8;

/// Ticks of Opus in a millisecond.
const TICKS_PER_MS: u16 = (frames::CLOCK_HZ / 1_000) as u16;

/// Lengths that packets can be cut and joined to, in milliseconds: steps of ten.
const SHORTEST_MS: u8 = 10;
const LONGEST_MS: u8 = 60;

/// The same of Opus (RFC 6716 §3.2.5).
const LONGEST_OPUS_MS: u8 = 120;

/// What goes on to a leg as it is: from so many milliseconds to so many in a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes {
    /// Of what is cut by octets.
    octets: (u8, u8),
    opus: (u8, u8),
}

impl Passes {
    pub(crate) const NOTHING: Passes = Passes { octets: (1, 0), opus: (1, 0) };

    /// What a leg takes that wants this.
    pub(crate) fn of(times: PacketTimes) -> Passes {
        // As much as can be said is more than a packet can hold.
        let opus = (times.least_ms, times.most_ms);
        Passes { octets: if octets_made(times).is_some() { opus } else { (0, u8::MAX) }, opus }
    }

    #[inline]
    pub(crate) fn admit(self, heard: &Heard, packet: &PacketBuf) -> bool {
        let is_within = |ticks: usize, (least, most): (u8, u8), per_ms: u16| {
            let of = |ms: u8| usize::from(ms) * usize::from(per_ms);
            of(least) <= ticks && ticks <= of(most)
        };
        match heard.rule.carries {
            Carries::Sound(Codec::Opus) => {
                let ticks = frames::ticks(heard.header.payload_of(packet.bytes())).unwrap_or(0);
                is_within(ticks as usize, self.opus, TICKS_PER_MS)
            }
            Carries::Sound(_) => is_within(heard.header.payload_len, self.octets, OCTETS_PER_MS),
            Carries::Noise | Carries::Event => self.octets.0 <= self.octets.1,
        }
    }
}

/// Milliseconds of packets that are made of octets; `None` where none can be made as a leg wants them.
fn octets_made(times: PacketTimes) -> Option<u8> {
    let PacketTimes { least_ms, most_ms, .. } = times;
    let is_made = match least_ms {
        0 => (SHORTEST_MS..u8::MAX).contains(&most_ms),
        _ => (SHORTEST_MS..=LONGEST_MS).contains(&most_ms) && least_ms.is_multiple_of(10),
    };
    is_made.then_some((most_ms / 10 * 10).min(LONGEST_MS))
}

/// What becomes of a packet that is not just [passed](Passes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    AsItIs,
    /// Cut and joined.
    Packed,
    /// Heard, and said again in packets that the listener takes: it cannot be cut so short.
    SaidAgain(Codec),
}

/// Decides that for a packet of the leg that the session knows by the name `speaker`. Once a packet was cut, joined or said again, all of that
/// leg in that codec are.
#[inline(never)]
pub(crate) fn way(speaker: u8, heard: &Heard, listener: &mut Plain, packet: &PacketBuf) -> Way {
    let times = listener.speech.as_ref().map_or(PacketTimes::ANY, |speech| speech.passed);
    let payload = heard.header.payload_of(packet.bytes());
    let codec = match heard.rule.carries {
        Carries::Sound(codec) => codec,
        Carries::Noise | Carries::Event => {
            let is_packed = listener.packer.as_ref().is_some_and(|packer| packer.speaker == speaker);
            return if is_packed && listener.rtp_target().is_some() { Way::Packed } else { Way::AsItIs };
        }
    };
    if codec == Codec::Opus {
        let most = u32::from(times.frame_ms) * u32::from(TICKS_PER_MS);
        let is_too_long = times.frame_ms < u8::MAX && frames::shape(payload).is_some_and(|(kind, _)| kind.frame_ticks() > most);
        if listener.is_said_again(speaker) || is_too_long {
            listener.say_again(speaker);
            return Way::SaidAgain(codec);
        }
    }
    if listener.rtp_target().is_none() {
        listener.stop_packing();
        return Way::AsItIs;
    }
    let target = match codec {
        Codec::Opus if times.most_ms == u8::MAX => None,
        Codec::Opus => Some(Target::Frames { most_ms: times.most_ms.clamp(SHORTEST_MS, LONGEST_OPUS_MS), joins: times.least_ms > 0 }),
        Codec::Pcmu | Codec::Pcma | Codec::G722 => octets_made(times).map(|ms| Target::Octets { ms }),
    };
    let Some(target) = target else {
        listener.stop_packing();
        return Way::AsItIs;
    };
    if listener.packer.as_ref().is_some_and(|packer| packer.is_for(speaker, target)) {
        return Way::Packed;
    }
    listener.stop_packing();
    if Passes::of(times).admit(heard, packet) || target.is_met(payload) {
        return Way::AsItIs;
    }
    listener.pack(Packer::new(speaker, target), heard.seen);
    Way::Packed
}

/// Passes on a packet by what cuts and joins for the listener.
pub(crate) fn rtp(now: Timestamp, heard: &Heard, number: u8, listener: &mut Plain, packet: &PacketBuf) -> Verdict {
    if let Some(packer) = &mut listener.packer {
        let header = Header { payload: number & 0x7f, ..heard.header };
        let is_whole = !matches!(heard.rule.carries, Carries::Sound(_));
        packer.take(now, heard.seen, &header, heard.header.payload_of(packet.bytes()), is_whole);
    }
    Verdict::Waits
}

// As much as can be said is more than a packet can hold.
const _: () = assert!(u8::MAX as usize * OCTETS_PER_MS as usize + FIXED_LEN >= MAX_PACKET - 1);
