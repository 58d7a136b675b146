//! A telephone event (RFC 4733) to a leg that hears the rest in another codec, or counts its time by another clock: its packets go on at
//! once, in the buffer in which they came, and what is said in between is left out.

use crate::{
    endpoint::{Heard, Plain},
    packet::{Channel, DropReason, PacketBuf, Verdict},
    rtp::{header::Header, rewrite::Outgoing, sequence::Seen},
};
use std::time::Duration;
use tandem_model::Timestamp;

/// An event of which nothing has come for so long is over: its last packets were lost.
const SILENCE: Duration = Duration::from_millis(100);

/// Packets that say that it is over (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;

/// Timestamps of two events that are further off than that from when they came are not of one clock.
const MAX_ASTRAY_MS: i64 = 1_000;

/// What a packet says of one event, or of several without a pause (RFC 4733 §2.3).
const BLOCK: usize = 4;

/// The event that a leg was told of last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sounding {
    speaker: u8,
    code: u8,
    ends: u8,
    /// Its newest packet, as the speaker numbers them.
    newest: Seen,
    /// Its timestamp, as the speaker counts and as the leg was told, and the ticks that it had lasted in the newest packet.
    begins: (u32, u32),
    lasted: (u32, u32),
    /// The number of the newest packet in the stream to the leg.
    told: Option<u32>,
    began_at: Timestamp,
    heard_at: Timestamp,
}

/// How many ticks a millisecond has, where an event comes from and where it goes.
#[derive(Clone, Copy)]
struct Clocks {
    from: u32,
    to: u32,
}

/// Where the packets of an event are in the stream to the leg.
struct Place {
    /// `None`: at the time that has passed.
    timestamp: Option<u32>,
    begins: bool,
}

/// Passes on a packet of the leg that the session knows by the name `speaker`, under that payload number and by that clock.
pub(crate) fn rtp(
    now: Timestamp,
    speaker: u8,
    heard: &Heard,
    (number, clock_khz): (u8, u8),
    listener: &mut Plain,
    packet: &mut PacketBuf,
) -> Verdict {
    let Heard { mut header, seen, rule } = *heard;
    let clocks = Clocks { from: (rule.clock_rate / 1_000).max(1), to: u32::from(clock_khz).max(1) };
    if header.payload_len < BLOCK {
        return Verdict::Dropped(DropReason::Malformed);
    }
    let Some(to) = listener.rtp_target() else {
        listener.event = None;
        listener.outgoing.interrupt();
        return Verdict::Consumed;
    };
    if let Some(voice) = &mut listener.voice {
        voice.pass_over(now, speaker, seen);
    }
    if let Some(packer) = &mut listener.packer {
        packer.pass_over(speaker, seen);
    }
    let last = listener.event.filter(|event| event.speaker == speaker && event.newest.epoch == seen.epoch);
    let Some(place) = place(now, last.as_ref(), seen, &header, header.payload_of(packet.bytes()), clocks, &listener.outgoing) else {
        return Verdict::Consumed;
    };
    let begins = header.timestamp;
    (header.payload, header.marker) = (number & 0x7f, place.begins);
    listener.outgoing.insert(now, place.timestamp, clocks.to * 1_000, &mut header);
    let (code, is_end, lasted) = translate(header.payload_of_mut(packet.bytes_mut()), clocks);
    let same = last.filter(|last| last.begins.0 == begins);
    listener.event = Some(Sounding {
        speaker,
        code,
        ends: same.map_or(0, |same| same.ends).saturating_add(u8::from(is_end)),
        newest: seen,
        begins: (begins, header.timestamp),
        lasted,
        told: listener.outgoing.newest(),
        began_at: same.map_or(now, |same| same.began_at),
        heard_at: now,
    });
    header.write(packet.bytes_mut());
    Verdict::Forward { port: listener.port, channel: Channel::Rtp, to }
}

/// Where a packet belongs that came after those of `last`; `None` if it says nothing new.
fn place(
    now: Timestamp,
    last: Option<&Sounding>,
    seen: Seen,
    header: &Header,
    payload: &[u8],
    clocks: Clocks,
    stream: &Outgoing,
) -> Option<Place> {
    let Some(last) = last else { return Some(Place { timestamp: None, begins: true }) };
    // It came twice, or what is newer came before it.
    if seen.extended.wrapping_sub(last.newest.extended) as i32 <= 0 {
        return None;
    }
    let is_alone = stream.newest() == last.told;
    // RFC 4733 §2.5.1.1: all packets of an event have the timestamp of its beginning.
    if header.timestamp == last.begins.0 {
        let is_over = last.ends > 0 && !is_alone;
        return (!is_over).then_some(Place { timestamp: Some(last.begins.1), begins: false });
    }
    if !is_alone {
        return Some(Place { timestamp: None, begins: true });
    }
    // RFC 4733 §2.5.1.3: one that lasts longer than can be said goes on in another segment.
    let goes_on = header.timestamp == last.begins.0.wrapping_add(last.lasted.0);
    if goes_on && !header.marker && last.ends == 0 && payload.first() == Some(&last.code) {
        return Some(Place { timestamp: Some(last.begins.1.wrapping_add(last.lasted.1)), begins: false });
    }
    let ticks = i64::from(header.timestamp.wrapping_sub(last.begins.0) as i32);
    let elapsed_ms = now.since(last.began_at).as_millis() as i64;
    let is_astray = ticks <= 0 || (ticks / i64::from(clocks.from) - elapsed_ms).abs() > MAX_ASTRAY_MS;
    let after = (ticks * i64::from(clocks.to) / i64::from(clocks.from)) as u32;
    Some(Place { timestamp: (!is_astray).then(|| last.begins.1.wrapping_add(after)), begins: true })
}

/// Says durations by the other clock. Returns which event it is, whether it says that it is over, and how long it has lasted by either clock.
fn translate(payload: &mut [u8], clocks: Clocks) -> (u8, bool, (u32, u32)) {
    let code = payload.first().copied().unwrap_or(0);
    let (mut is_end, mut lasted) = (false, (0, 0));
    for block in payload.chunks_exact_mut(BLOCK) {
        let ticks = u32::from(u16::from_be_bytes([block[2], block[3]]));
        let told = (ticks * clocks.to).div_ceil(clocks.from).min(u16::MAX.into());
        block[2..].copy_from_slice(&(told as u16).to_be_bytes());
        is_end = block[1] & 0x80 != 0;
        lasted = (lasted.0 + ticks, lasted.1 + told);
    }
    (code, is_end, lasted)
}

impl Sounding {
    /// Whether what that leg says in another codec is left out now.
    pub(crate) fn silences(&self, speaker: u8, now: Timestamp) -> bool {
        self.speaker == speaker && self.ends < ENDS && now.since(self.heard_at) < SILENCE
    }
}
