//! Tandem's reading and writing of RTP and RTCP, in values that can be compared.

use crate::{
    packet::PacketBuf,
    rtcp::{
        compound,
        reports::{Heard, Reports, Subject},
        translate::{Reverse, Translation},
        write::CNAME_LEN,
    },
    rtp::{
        header::{FIXED_LEN, Header},
        rewrite::{Feeder, Outgoing},
        sequence::{Reception, Seen},
    },
};
use std::time::Duration;
use tandem_model::{Random, Timestamp};

/// What both sides read of an RTP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtp {
    /// The marker bit.
    pub marker: bool,
    /// The payload number.
    pub number: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp.
    pub timestamp: u32,
    /// Whose packet it is.
    pub ssrc: u32,
    /// The payload without padding.
    pub payload: Vec<u8>,
}

impl Rtp {
    /// Tandem's reading.
    pub fn read(packet: &[u8]) -> Option<Rtp> {
        let header = Header::parse(packet)?;
        Some(Rtp {
            marker: header.marker,
            number: header.payload,
            sequence: header.sequence,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload: header.payload_of(packet).to_vec(),
        })
    }

    fn header(&self) -> Header {
        let (sequence, timestamp, ssrc) = (self.sequence, self.timestamp, self.ssrc);
        Header { marker: self.marker, payload: self.number, sequence, timestamp, ssrc, payload_len: self.payload.len() }
    }

    /// A packet as Tandem writes its own.
    pub fn write(&self) -> Vec<u8> {
        let mut fixed = [0; FIXED_LEN];
        Header::begin(&mut fixed);
        self.header().write(&mut fixed);
        [&fixed, &self.payload[..]].concat()
    }

    /// Puts all but the payload into a packet of somebody else, as a relay does.
    pub fn write_over(&self, packet: &mut [u8]) {
        self.header().write(packet);
    }
}

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its type.
    pub kind: u8,
    /// What its first octet counts.
    pub count: u8,
    /// Its octets, padding included.
    pub len: usize,
}

/// A report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whom it is about.
    pub ssrc: u32,
    /// Packets lost of 256.
    pub fraction: u8,
    /// All that were lost.
    pub lost: i32,
    /// The highest extended sequence number.
    pub highest: u32,
    /// In units of the clock.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report.
    pub last_report: u32,
    /// Since then, in 1/65536 s.
    pub delay: u32,
}

/// What both sides read of a compound packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compound {
    /// All packets of it.
    pub items: Vec<Item>,
    /// The blocks of all reports.
    pub blocks: Vec<Block>,
    /// Who reports, if it begins with a report.
    pub sender: Option<u32>,
    /// The middle of the NTP time of that sender's last report, if there is one.
    pub made_at: Option<u32>,
}

impl Compound {
    /// Tandem's reading.
    pub fn read(packet: &[u8]) -> Option<Compound> {
        if !compound::is_valid(packet) {
            return None;
        }
        let mut items = Vec::new();
        let mut at = 0;
        while let Some(item) = compound::Item::at(packet, at) {
            items.push(Item { kind: item.kind, count: item.count, len: item.next - item.start });
            at = item.next;
        }
        let blocks = compound::blocks(packet).map(|block| {
            let compound::Block { ssrc, fraction, lost, highest, jitter, last_report, delay } = block;
            Block { ssrc, fraction, lost, highest, jitter, last_report, delay }
        });
        let sender = compound::sender(packet);
        Some(Compound { items, blocks: blocks.collect(), sender, made_at: sender.and_then(|ssrc| compound::made_at(packet, ssrc)) })
    }
}

/// A call of two legs, each of which has sent one packet, as their RTCP crosses it.
pub struct Passage {
    speaker: u32,
    listener: u32,
    to_listener: Outgoing,
    to_speaker: Outgoing,
}

const EPOCH: u32 = 1;

impl Passage {
    /// The two send as `speaker` and `listener`, with sequence numbers and timestamps of a seed.
    pub fn new(seed: u64, speaker: u32, listener: u32) -> Passage {
        let mut random = Random::new(seed);
        let mut stream = |leg| {
            let mut outgoing = Outgoing::new(&mut random);
            let (sequence, timestamp) = (random.next_u64() as u16, random.next_u64() as u32);
            let mut header = Header { marker: false, payload: 0, sequence, timestamp, ssrc: 0, payload_len: 160 };
            let seen = Seen { extended: sequence.into(), epoch: EPOCH };
            outgoing.renumber(Timestamp::ZERO, Feeder::Leg(leg), seen, 8000, &mut header);
            outgoing
        };
        Passage { speaker, listener, to_listener: stream(0), to_speaker: stream(1) }
    }

    /// What Tandem passes on of a compound of the speaker.
    pub fn pass_on(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = PacketBuf::new();
        buffer.fill(packet);
        let translation = Translation {
            sender: self.to_listener.ssrc(),
            cname: CNAME,
            source: Some((self.speaker, self.to_listener.mapping(Feeder::Leg(0), EPOCH)?)),
            reverse: Some(Reverse {
                stream: self.to_speaker.ssrc(),
                source: self.listener,
                newest: self.newest()?,
                mapping: self.to_speaker.mapping(Feeder::Leg(1), EPOCH)?,
            }),
        };
        (compound::is_valid(packet) && translation.apply(&mut buffer)).then(|| buffer.bytes().to_vec())
    }

    /// What the listener knows the speaker as.
    pub fn sender(&self) -> u32 {
        self.to_listener.ssrc()
    }

    /// What the speaker knows the listener as.
    pub fn stream(&self) -> u32 {
        self.to_speaker.ssrc()
    }

    /// The extended sequence number of the newest packet to the speaker.
    pub fn newest(&self) -> Option<u32> {
        self.to_speaker.newest()
    }

    /// By how much the speaker's timestamps are moved for the listener, and the listener's sequence numbers for the speaker.
    pub fn moved(&self) -> Option<(u32, u32)> {
        let timestamps = self.to_listener.mapping(Feeder::Leg(0), EPOCH)?.timestamp;
        Some((timestamps, self.to_speaker.mapping(Feeder::Leg(1), EPOCH)?.sequence))
    }
}

/// The name that reports of these tests have.
pub const CNAME: &[u8; CNAME_LEN] = b"abcdefghijklmnop";

/// What a report of Tandem's own is made of.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Time since the Unix epoch at which the report is made.
    pub made: Duration,
    /// Packets that were sent, 20 ms and `octets` each, the last just when the report is made.
    pub packets: u32,
    /// Octets of payload in each.
    pub octets: u32,
    /// Of what came: SSRC, first and highest extended sequence number, packets.
    pub heard: Option<(u32, u32, u32, u64)>,
    /// In units of the clock.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report that came, and how long ago it came.
    pub reported: Option<(u32, Duration)>,
    /// Whether it is the last report.
    pub parts: bool,
}

/// What a report should say besides the facts: what the stream is called, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The stream's name.
    pub ssrc: u32,
    /// The timestamp of its newest packet.
    pub timestamp: Option<u32>,
}

/// A report as Tandem writes its own.
pub fn report(seed: u64, facts: &Facts) -> (Vec<u8>, Stream) {
    let mut random = Random::new(seed);
    let mut outgoing = Outgoing::new(&mut random);
    let now = Timestamp::from_millis(3_600_000);
    let mut timestamp = None;
    for sent in 0..facts.packets {
        let at = Timestamp::from_millis(3_600_000 - 20 * u64::from(facts.packets - 1 - sent));
        let payload_len = facts.octets as usize;
        let mut header = Header { marker: false, payload: 0, sequence: 0, timestamp: sent * 160, ssrc: 0, payload_len };
        outgoing.renumber(at, Feeder::Voice, Seen { extended: sent, epoch: EPOCH }, 8000, &mut header);
        timestamp = Some(header.timestamp);
    }
    let wall_clock = facts.made - now.since(Timestamp::ZERO);
    let reception = facts.heard.map(|(ssrc, first, highest, received)| Reception { ssrc, first, highest, received });
    let heard = facts.reported.zip(reception).map(|((made, ago), heard)| Heard { ssrc: heard.ssrc, made, at: before(now, ago) });
    let subject = Subject { stream: &outgoing, clock_rate: 8000, cname: CNAME, reception, jitter: facts.jitter, heard };
    let mut reports = Reports::new(now, wall_clock, random);
    let report = if facts.parts { reports.part(now, &subject) } else { reports.make(now, &subject) };
    (report.bytes().to_vec(), Stream { ssrc: outgoing.ssrc(), timestamp })
}

fn before(now: Timestamp, ago: Duration) -> Timestamp {
    Timestamp::ZERO + (now.since(Timestamp::ZERO) - ago)
}
