//! RTCP compounds, as Tandem and rtcp-types read and write them.

use rtcp_types::{
    App, Bye, Compound as Theirs, Packet, ReceiverReport, ReportBlock, RtcpParseError, Sdes, SdesChunk, SdesItem, SenderReport, Unknown,
    prelude::*,
};
use std::time::Duration;
use tandem_model::Random;
use tandem_oracles::{
    Exception, Ledger, bytes,
    media::{Block, CNAME, Compound, Facts, Item, Passage, report},
    mutate,
};

/// Compounds made from a seed each, and ways in which each is spoilt.
const GENERATED: u64 = 5_000;
const SPOILT: usize = 30;

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const APP: u8 = 204;

fn theirs(packet: &[u8]) -> Result<Compound, RtcpParseError> {
    let mut read = Compound::default();
    for item in Theirs::parse(packet)? {
        let item = item?;
        let [first, kind, high, low] = item.header_data();
        read.items.push(Item { kind, count: first & 0x1f, len: 4 * (1 + usize::from(u16::from_be_bytes([high, low]))) });
        let is_first = read.items.len() == 1;
        let (ssrc, made_at) = match &item {
            Packet::Sr(report) => {
                read.blocks.extend(report.report_blocks().map(|block| their_block(&block)));
                (report.ssrc(), Some((report.ntp_timestamp() >> 16) as u32))
            }
            Packet::Rr(report) => {
                read.blocks.extend(report.report_blocks().map(|block| their_block(&block)));
                (report.ssrc(), None)
            }
            _ => continue,
        };
        read.sender = read.sender.or(Some(ssrc).filter(|_| is_first));
        read.made_at = made_at.filter(|_| read.sender == Some(ssrc)).or(read.made_at);
    }
    Ok(read)
}

fn their_block(block: &ReportBlock<'_>) -> Block {
    Block {
        ssrc: block.ssrc(),
        fraction: block.fraction_lost(),
        // It leaves the sign of the 24 bits (RFC 3550 §6.4.1) to whoever asks.
        lost: ((block.cumulative_lost() << 8) as i32) >> 8,
        highest: block.extended_sequence_number(),
        jitter: block.interarrival_jitter(),
        last_report: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    }
}

fn block(random: &mut Random) -> Block {
    Block {
        ssrc: random.next_u64() as u32,
        fraction: random.below(256) as u8,
        lost: random.below(1 << 24) as i32 - (1 << 23),
        highest: random.next_u64() as u32,
        jitter: random.next_u64() as u32,
        last_report: random.next_u64() as u32,
        delay: random.next_u64() as u32,
    }
}

fn build(block: &Block) -> rtcp_types::ReportBlockBuilder {
    ReportBlock::builder(block.ssrc)
        .fraction_lost(block.fraction)
        .cumulative_lost(block.lost as u32 & 0xff_ffff)
        .extended_sequence_number(block.highest)
        .interarrival_jitter(block.jitter)
        .last_sender_report_timestamp(block.last_report)
        .delay_since_last_sender_report_timestamp(block.delay)
}

/// A packet of a compound as rtcp-types writes it, and what both should read of it.
struct Made {
    bytes: Vec<u8>,
    kind: u8,
    count: u8,
}

fn made(kind: u8, count: usize, packet: impl RtcpPacketWriterExt) -> Made {
    let mut bytes = vec![0; packet.calculate_size().unwrap()];
    packet.write_into(&mut bytes).unwrap();
    Made { bytes, kind, count: count as u8 }
}

/// A report, then what may follow it; padding behind the last.
fn written_by_them(random: &mut Random) -> (Vec<u8>, Compound) {
    let (sender, ntp) = (random.next_u64() as u32, random.next_u64());
    let blocks: Vec<Block> = (0..random.below(4) * random.below(11)).map(|_| block(random)).collect();
    let sends = random.below(2) == 0;
    let padding = if random.below(4) == 0 { 4 + 4 * random.below(20) as u8 } else { 0 };
    let others = random.below(4);
    let padded = |position| if position == others { padding } else { 0 };
    let mut packets = vec![if sends {
        let report = SenderReport::builder(sender).ntp_timestamp(ntp).rtp_timestamp(7).packet_count(8).octet_count(9).padding(padded(0));
        made(SR, blocks.len(), blocks.iter().fold(report, |report, block| report.add_report_block(build(block))))
    } else {
        let report = ReceiverReport::builder(sender).padding(padded(0));
        made(RR, blocks.len(), blocks.iter().fold(report, |report, block| report.add_report_block(build(block))))
    }];
    for position in 1..=others {
        let ssrc = random.next_u64() as u32;
        let len = 4 * random.below(6) as usize;
        let data = bytes(random, len);
        packets.push(match random.below(4) {
            0 => {
                let name = SdesItem::builder(SdesItem::CNAME, "alice@192.0.2.1");
                let note = SdesItem::builder(SdesItem::NOTE, &"so long a note"[..random.below(14) as usize + 1]);
                // Padding behind an SDES is read as a chunk by them: see the exceptions.
                let chunk = SdesChunk::builder(ssrc).add_item(name).add_item(note);
                made(SDES, 1, Sdes::builder().add_chunk(chunk).padding(padded(position)))
            }
            1 => made(BYE, 2, Bye::builder().add_source(ssrc).add_source(sender).reason("bye").padding(padded(position))),
            2 => made(APP, 5, App::builder(ssrc, "name").subtype(5).data(&data).padding(padded(position))),
            _ => made(210, 3, Unknown::builder(210, &data).count(3)),
        });
    }
    let items = packets.iter().map(|packet| Item { kind: packet.kind, count: packet.count, len: packet.bytes.len() });
    let made_at = sends.then_some((ntp >> 16) as u32);
    let read = Compound { items: items.collect(), blocks, sender: Some(sender), made_at };
    (packets.iter().flat_map(|packet| packet.bytes.clone()).collect(), read)
}

/// Bytes, and what each makes of them.
#[derive(Debug)]
struct Sample {
    bytes: Vec<u8>,
    ours: Option<Compound>,
    theirs: Result<Compound, RtcpParseError>,
}

impl Sample {
    fn of(bytes: Vec<u8>) -> Sample {
        Sample { ours: Compound::read(&bytes), theirs: theirs(&bytes), bytes }
    }

    fn is_alike(&self) -> bool {
        self.ours.as_ref() == self.theirs.as_ref().ok()
    }

    fn is_refused_by_us_alone(&self) -> bool {
        self.ours.is_none() && self.theirs.is_ok()
    }

    /// The first packet that they refuse, where we take all of them.
    fn refused_by_them(&self) -> Option<u8> {
        let (ours, mut at) = (self.ours.as_ref().filter(|_| self.theirs.is_err())?, 0);
        let refused = ours.items.iter().find(|item| {
            at += item.len;
            Packet::parse(&self.bytes[at - item.len..at]).is_err()
        });
        refused.map(|item| item.kind)
    }

    /// The last packet and its last octet, if it says that it is padded.
    fn padding(&self) -> Option<(&Item, u8)> {
        let last = self.theirs.as_ref().ok()?.items.last()?;
        let is_padded = self.bytes[self.bytes.len() - last.len] & 0x20 != 0;
        Some((last, *self.bytes.last()?)).filter(|_| is_padded)
    }
}

/// Octets that a packet must have besides padding (RFC 3550 §6.4 to §6.7).
fn least(item: &Item) -> usize {
    match item.kind {
        SR => 28 + 24 * usize::from(item.count),
        RR => 8 + 24 * usize::from(item.count),
        APP => 12,
        _ => 4,
    }
}

const EXCEPTIONS: &[Exception<Sample>] = &[
    Exception {
        name: "a type that is none of RTCP's",
        why: "RFC 5761 §4: only 192 to 223 can be told from RTP at a shared port; rtcp-types leaves unknown types to its user",
        covers: |sample| {
            sample.is_refused_by_us_alone()
                && sample.theirs.iter().flat_map(|read| &read.items).any(|item| !(192..=223).contains(&item.kind))
        },
    },
    Exception {
        name: "padding of nothing",
        why: "RFC 3550 §6.4.1: the last octet counts itself. Ours; rtcp-types does not look where it does not know the type",
        covers: |sample| sample.is_refused_by_us_alone() && sample.padding().is_some_and(|(_, count)| count == 0),
    },
    Exception {
        name: "padding of no multiple of four",
        why: "RFC 3550 §6.4.1: it is one, as all packets are. Ours; rtcp-types does not look",
        covers: |sample| sample.is_refused_by_us_alone() && sample.padding().is_some_and(|(_, count)| !count.is_multiple_of(4)),
    },
    Exception {
        name: "padding that covers what comes before it",
        why: "RFC 3550 §A.2, §6.4.1: blocks that are padding are none. Ours; rtcp-types reads the padding as blocks",
        covers: |sample| {
            sample.is_refused_by_us_alone() && sample.padding().is_some_and(|(item, count)| usize::from(count) + least(item) > item.len)
        },
    },
    Exception {
        name: "an SDES whose texts run over its end, or that is padded",
        why: "RFC 3550 §6.5: theirs for what runs over; but padding (§6.4.1) is no chunk. We read no SDES, and put our own in its place",
        covers: |sample| sample.refused_by_them() == Some(SDES),
    },
    Exception {
        name: "a BYE of more sources or reason than octets",
        why: "RFC 3550 §6.6: theirs. We read no BYE and pass none on",
        covers: |sample| sample.refused_by_them() == Some(BYE),
    },
    Exception {
        name: "feedback or an extended report of too few octets",
        why: "RFC 4585 §6.1, RFC 3611 §2: theirs. We read none and pass none on",
        covers: |sample| matches!(sample.refused_by_them(), Some(205..=207)),
    },
];

#[test]
fn what_they_write_is_read_as_it_was_meant() {
    for seed in 0..GENERATED {
        let (packet, meant) = written_by_them(&mut Random::new(seed));
        assert_eq!(Compound::read(&packet).as_ref(), Some(&meant), "seed {seed}: {packet:02x?}");
    }
}

#[test]
fn what_is_spoilt_is_read_alike_but_for_what_is_explained() {
    let mut random = Random::new(1);
    let mut ledger = Ledger::new(EXCEPTIONS);
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..GENERATED {
        let (whole, _) = written_by_them(&mut Random::new(seed));
        for spoilt in 0..SPOILT {
            let mut packet = whole.clone();
            if spoilt > 0 {
                mutate(&mut random, &mut packet);
            }
            // Of a length that is no multiple of four nothing is RTCP: most would be.
            if random.below(8) > 0 {
                packet.resize(packet.len().next_multiple_of(4), 4);
            }
            let sample = Sample::of(packet);
            match (sample.is_alike(), &sample.ours) {
                (true, Some(_)) => taken += 1,
                (true, None) => refused += 1,
                (false, _) => ledger.differ(&sample),
            }
        }
    }
    ledger.judge().unwrap();
    assert!(taken > 30_000 && refused > 30_000, "{taken} taken, {refused} refused: one side is hardly tried");
}

/// Who is named in an SDES of one chunk with one CNAME.
fn named(sdes: &Sdes<'_>) -> Option<(u32, Vec<u8>)> {
    let chunks: Vec<&SdesChunk<'_>> = sdes.chunks().collect();
    let [chunk] = chunks[..] else { return None };
    let items: Vec<&SdesItem<'_>> = chunk.items().collect();
    let [item] = items[..] else { return None };
    (item.type_() == SdesItem::CNAME).then(|| (chunk.ssrc(), item.value().to_vec()))
}

fn facts(random: &mut Random) -> Facts {
    let first = random.below(1 << 16) as u32;
    let most = 1 << random.below(26);
    let expected = 1 + random.below(most);
    let received = random.below(expected * 4 / 3 + 2);
    Facts {
        made: Duration::from_micros(random.below(1 << 51) + 3_600_000_000),
        packets: random.below(20) as u32,
        octets: random.below(300) as u32,
        heard: (random.below(4) > 0).then(|| (random.next_u64() as u32, first, first + (expected - 1) as u32, received)),
        jitter: random.below(1 << 20) as u32,
        reported: (random.below(2) == 0).then(|| (random.next_u64() as u32, Duration::from_micros(random.below(20_000_000)))),
        parts: random.below(4) == 0,
    }
}

/// What the leg should be told of its own stream (RFC 3550 §6.4.1, §A.3), if anything of it came.
fn told(facts: &Facts) -> Option<Block> {
    let (ssrc, first, highest, received) = facts.heard.filter(|heard| heard.3 > 0)?;
    let expected = i64::from(highest - first) + 1;
    let lost = expected - received as i64;
    let (last_report, ago) = facts.reported.unwrap_or_default();
    Some(Block {
        ssrc,
        fraction: (lost.max(0) * 256 / expected).min(255) as u8,
        lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
        highest,
        jitter: facts.jitter,
        last_report,
        delay: (ago.as_micros() * 65_536 / 1_000_000) as u32,
    })
}

#[test]
fn reports_of_ours_say_to_them_what_was_meant() {
    for seed in 0..GENERATED {
        let facts = facts(&mut Random::new(seed));
        let (packet, stream) = report(seed, &facts);
        let read = theirs(&packet).unwrap();
        let kinds: Vec<u8> = read.items.iter().map(|item| item.kind).collect();
        let first = if facts.packets > 0 { SR } else { RR };
        let expected = [first, SDES].into_iter().chain(facts.parts.then_some(BYE));
        assert_eq!(kinds, expected.collect::<Vec<u8>>(), "seed {seed}, {facts:?}");
        assert_eq!((read.sender, read.blocks), (Some(stream.ssrc), told(&facts).into_iter().collect()), "seed {seed}, {facts:?}");
        for item in Theirs::parse(&packet).unwrap() {
            match item.unwrap() {
                Packet::Sr(report) => {
                    // RFC 3550 §4: seconds since 1900, modulo 2^32, and parts of one.
                    let ntp = (facts.made.as_secs() + 2_208_988_800) % (1 << 32) * 1_000_000 + u64::from(facts.made.subsec_micros());
                    let heard = (u128::from(report.ntp_timestamp()) * 1_000_000) >> 32;
                    assert!(heard.abs_diff(ntp.into()) <= 1, "seed {seed}: {heard} µs for {ntp}");
                    assert_eq!(Some(report.rtp_timestamp()), stream.timestamp, "seed {seed}");
                    assert_eq!((report.packet_count(), report.octet_count()), (facts.packets, facts.packets * facts.octets), "seed {seed}");
                }
                Packet::Sdes(sdes) => assert_eq!(named(&sdes), Some((stream.ssrc, CNAME.to_vec())), "seed {seed}"),
                Packet::Bye(bye) => assert_eq!((bye.ssrcs().collect(), bye.reason()), (vec![stream.ssrc], None), "seed {seed}"),
                _ => {}
            }
        }
    }
}

/// Who sends in the call that compounds are passed on in.
const SPEAKER: u32 = 0x5eea_cec5;
const LISTENER: u32 = 0x1157_ecec;

/// A report of the speaker on what it hears, then an APP: what they write, and the block that goes on, if one does.
fn to_be_passed_on(random: &mut Random, passage: &Passage) -> (Vec<u8>, Option<Block>) {
    let newest = passage.newest().unwrap();
    let about = Block { ssrc: passage.stream(), highest: newest + 0x30_0000, ..block(random) };
    let late = Block { highest: newest.wrapping_sub(1), ..about };
    let mut blocks = vec![block(random), block(random)];
    let goes_on = match random.below(3) {
        0 => None,
        // Of a source before this one.
        1 => {
            blocks.insert(random.below(3) as usize, late);
            None
        }
        _ => {
            blocks.insert(random.below(3) as usize, about);
            // Whoever reports may count wraps of the sequence from elsewhere.
            Some(Block { ssrc: LISTENER, highest: newest.wrapping_sub(passage.moved().unwrap().1), ..about })
        }
    };
    let report = SenderReport::builder(SPEAKER).ntp_timestamp(0x0123_4567_89ab_cdef).rtp_timestamp(1000).packet_count(8).octet_count(9);
    let report = blocks.iter().fold(report, |report, block| report.add_report_block(build(block)));
    let name = SdesChunk::builder(SPEAKER).add_item(SdesItem::builder(SdesItem::CNAME, "alice@192.0.2.1"));
    let bye = Bye::builder().add_source(SPEAKER);
    let app = App::builder(SPEAKER, "name").subtype(5).data(b"data").padding(8);
    let compound = Theirs::builder().add_packet(report).add_packet(Sdes::builder().add_chunk(name)).add_packet(bye).add_packet(app);
    let mut packet = vec![0; compound.calculate_size().unwrap()];
    compound.write_into(&mut packet).unwrap();
    (packet, goes_on)
}

#[test]
fn what_is_passed_on_says_to_them_what_was_meant() {
    for seed in 0..GENERATED {
        let passage = Passage::new(seed, SPEAKER, LISTENER);
        let (packet, goes_on) = to_be_passed_on(&mut Random::new(seed), &passage);
        let passed = passage.pass_on(&packet).unwrap();
        let items: Vec<Packet<'_>> = Theirs::parse(&passed).unwrap().map(Result::unwrap).collect();
        let [Packet::Sr(report), Packet::App(app), Packet::Sdes(sdes)] = &items[..] else { panic!("seed {seed}: {items:?}") };
        let numbers = (report.ntp_timestamp(), report.rtp_timestamp(), report.packet_count(), report.octet_count());
        assert_eq!(numbers, (0x0123_4567_89ab_cdef, 1000_u32.wrapping_add(passage.moved().unwrap().0), 8, 9), "seed {seed}");
        let blocks: Vec<Block> = report.report_blocks().map(|block| their_block(&block)).collect();
        assert_eq!((report.ssrc(), blocks), (passage.sender(), goes_on.into_iter().collect()), "seed {seed}");
        assert_eq!((app.ssrc(), app.subtype(), app.name(), app.data()), (passage.sender(), 5, *b"name", &b"data"[..]), "seed {seed}");
        assert_eq!(named(sdes), Some((passage.sender(), CNAME.to_vec())), "seed {seed}");
    }
}

#[test]
fn whatever_is_passed_on_is_taken_by_them() {
    let mut random = Random::new(2);
    let mut passed_on = 0;
    for seed in 0..GENERATED {
        let passage = Passage::new(seed, SPEAKER, LISTENER);
        let (whole, _) = if seed % 2 == 0 { (written_by_them(&mut random).0, None) } else { to_be_passed_on(&mut random, &passage) };
        for _ in 0..SPOILT {
            let mut packet = whole.clone();
            mutate(&mut random, &mut packet);
            packet.resize(packet.len().next_multiple_of(4), 4);
            let Some(passed) = passage.pass_on(&packet) else { continue };
            passed_on += 1;
            let read = theirs(&passed);
            let is_ours = |read: &Compound| read.items.iter().all(|item| [SR, RR, SDES, APP].contains(&item.kind));
            assert!(read.as_ref().is_ok_and(is_ours), "{packet:02x?} became {passed:02x?}, {read:?}");
        }
    }
    assert!(passed_on > 10_000, "{passed_on} are too few");
}
