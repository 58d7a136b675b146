//! RTCP speaks of the same streams as the RTP beside it, and of nobody's host or name.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, DropReason, Verdict};

const FRAME: Duration = Duration::from_millis(20);

/// One RTCP packet: type, count, words after the first.
fn item(kind: u8, count: u8, words: &[u32]) -> Vec<u8> {
    let mut packet = vec![0x80 | count, kind, (words.len() >> 8) as u8, words.len() as u8];
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    packet
}

const NTP: [u32; 2] = [0xe000_0001, 0x4000_0000];

fn sender_report(ssrc: u32, timestamp: u32, counts: [u32; 2], blocks: &[[u32; 6]]) -> Vec<u8> {
    let words = [&[ssrc, NTP[0], NTP[1], timestamp, counts[0], counts[1]][..], blocks.as_flattened()].concat();
    item(200, blocks.len() as u8, &words)
}

fn receiver_report(ssrc: u32, blocks: &[[u32; 6]]) -> Vec<u8> {
    item(201, blocks.len() as u8, &[&[ssrc][..], blocks.as_flattened()].concat())
}

/// A block about `ssrc`: a tenth lost, 12 in all, up to `highest`, jitter 80, last SR and delay since.
fn block(ssrc: u32, highest: u32) -> [u32; 6] {
    [ssrc, 0x1900_000c, highest, 80, 0x0001_4000, 0x0002_0000]
}

fn words(packet: &[u8]) -> Vec<u32> {
    (0..packet.len()).step_by(4).map(|at| word(packet, at)).collect()
}

/// Both legs have said something: what each heard, first packets of A and B.
fn in_conversation() -> (Bench, Sent, Sent) {
    let mut bench = Bench::talking();
    let to_b = bench.say(A, &rtp(0, 0xaaaa, 100, 8000)).unwrap();
    let to_a = bench.say(B, &rtp(0, 0xbbbb, 65_000, 90_000)).unwrap();
    (bench, to_b, to_a)
}

#[test]
fn a_sender_report_moves_with_the_stream() {
    let (mut bench, to_b, to_a) = in_conversation();
    bench.wait(FRAME);
    let newest = bench.say(B, &rtp(0, 0xbbbb, 65_003, 90_480)).unwrap();
    let report = sender_report(0xaaaa, 8160, [2, 320], &[block(to_a.ssrc(), u32::from(newest.sequence()))]);
    let sent = bench.report(A, &report).unwrap();
    assert_eq!((sent.port, sent.channel, sent.to), (port(B), Channel::Rtcp, address(PHONE_RTCP[B])));
    let words = words(&sent.bytes);
    assert_eq!(words[0], 0x81c8_000c);
    assert_eq!(words[1], to_b.ssrc());
    assert_eq!(words[2..4], NTP, "round trips are measured from end to end");
    assert_eq!(words[4], to_b.timestamp().wrapping_add(160));
    assert_eq!(words[5..7], [2, 320]);
    assert_eq!(words[7], 0xbbbb, "B is told about its own source");
    assert_eq!(words[8], 0x1900_000c);
    assert_eq!(words[9], 65_003, "in its own numbers");
    assert_eq!(words[10..13], [80, 0x0001_4000, 0x0002_0000]);
    assert_eq!(words[13] >> 16, 0x81ca, "and a CNAME follows");
    assert_eq!(words[14], to_b.ssrc());
    assert_eq!(sent.bytes.len(), 52 + 28);
}

#[test]
fn counts_and_times_go_on_after_a_change_of_source() {
    let (mut bench, to_b, _) = in_conversation();
    for n in 1..10_u16 {
        bench.wait(FRAME);
        bench.say(A, &rtp(0, 0xaaaa, 100 + n, 8000 + u32::from(n) * 160)).unwrap();
    }
    bench.wait(FRAME);
    let first = bench.say(A, &rtp(0, 0xcccc, 7, 70)).unwrap();
    let words = words(&bench.report(A, &sender_report(0xcccc, 230, [2, 320], &[])).unwrap().bytes);
    assert_eq!(words[1], to_b.ssrc());
    assert_eq!(words[4], first.timestamp().wrapping_add(160));
    assert_eq!(words[5..7], [12, 1920]);
}

#[test]
fn a_report_of_a_source_that_does_not_feed_the_stream_is_one_of_reception() {
    let (mut bench, to_b, to_a) = in_conversation();
    let report = sender_report(0x0dd, 1, [5, 800], &[block(to_a.ssrc(), u32::from(to_a.sequence()))]);
    let words = words(&bench.report(A, &report).unwrap().bytes);
    assert_eq!(words[0], 0x81c9_0007);
    assert_eq!(words[1..4], [to_b.ssrc(), 0xbbbb, 0x1900_000c]);
    assert_eq!(words[4], 65_000);
}

#[test]
fn blocks_about_anything_else_are_left_out() {
    let (mut bench, to_b, to_a) = in_conversation();
    let own = block(to_a.ssrc(), u32::from(to_a.sequence()));
    let sent = bench.report(A, &receiver_report(0xaaaa, &[block(0xbbbb, 1), own, block(to_b.ssrc(), 1)])).unwrap();
    assert_eq!(words(&sent.bytes)[..3], [0x81c9_0007, to_b.ssrc(), 0xbbbb]);
    assert_eq!(sent.bytes.len(), 32 + 28);
}

#[test]
fn a_block_that_ends_before_the_present_source_is_about_the_one_before() {
    let (mut bench, _, to_a) = in_conversation();
    bench.wait(FRAME);
    let anew = bench.say(B, &rtp(0, 0xdddd, 3, 3)).unwrap();
    let stale = bench.report(A, &receiver_report(0xaaaa, &[block(to_a.ssrc(), u32::from(to_a.sequence()))])).unwrap();
    assert_eq!(words(&stale.bytes)[0], 0x80c9_0001);
    // A listener that came in after three wraps counts them from zero.
    let fresh = bench.report(A, &receiver_report(0xaaaa, &[block(to_a.ssrc(), u32::from(anew.sequence()) + 0x30000)])).unwrap();
    assert_eq!(words(&fresh.bytes)[2], 0xdddd);
    assert_eq!(words(&fresh.bytes)[4], 3);
}

#[test]
fn names_and_goodbyes_stay_on_their_side() {
    let (mut bench, to_b, _) = in_conversation();
    let secret = b"\x01\x10alice@10.20.30.4\x00\x00";
    let mut packet = receiver_report(0xaaaa, &[]);
    packet.extend([0x81, 202, 0, 6, 0, 0, 0xaa, 0xaa]);
    packet.extend(secret);
    packet.extend(item(203, 1, &[0xaaaa]));
    let first = bench.report(A, &packet).unwrap();
    assert!(!first.bytes.windows(10).any(|window| window == &secret[2..12]));
    let kinds = |bytes: &[u8]| (bytes[1], bytes[9], bytes.len());
    assert_eq!(kinds(&first.bytes), (201, 202, 36));
    let name = first.bytes[18..34].to_vec();
    assert!(name.iter().all(|octet| octet.is_ascii_graphic()));
    let again = bench.report(A, &receiver_report(0xaaaa, &[])).unwrap();
    assert_eq!(again.bytes[18..34], name[..], "one name for one SSRC");
    assert_eq!(word(&again.bytes, 12), to_b.ssrc());
    assert_eq!(bench.report(A, &item(203, 1, &[0xaaaa])), Err(Verdict::Consumed), "a goodbye alone leaves nothing");
}

#[test]
fn application_packets_pass_and_feedback_does_not() {
    let (mut bench, to_b, _) = in_conversation();
    let mut packet = receiver_report(0xaaaa, &[]);
    packet.extend(item(206, 1, &[0xaaaa, 0xbbbb]));
    packet.extend(item(204, 5, &[0xaaaa, 0x6e61_6d65, 1234]));
    let sent = bench.report(A, &packet).unwrap();
    assert_eq!(words(&sent.bytes)[..6], [0x80c9_0001, to_b.ssrc(), 0x85cc_0003, to_b.ssrc(), 0x6e61_6d65, 1234]);
}

#[test]
fn what_a_leg_reports_is_what_was_sent_to_it() {
    let (mut bench, _, to_a) = in_conversation();
    bench.report(A, &receiver_report(0xaaaa, &[block(to_a.ssrc(), u32::from(to_a.sequence())), block(0x77, 1)])).unwrap();
    let stats = bench.close();
    assert_eq!((stats[A].sent.lost, stats[A].sent.jitter_us), (12, 10_000));
    assert_eq!(stats[B].sent.lost, 0);
}

#[test]
fn a_negative_loss_is_none() {
    let (mut bench, _, to_a) = in_conversation();
    let mut negative = block(to_a.ssrc(), 1);
    negative[1] = 0x00ff_fff0;
    bench.report(A, &receiver_report(0xaaaa, &[negative])).unwrap();
    assert_eq!(bench.close()[A].sent.lost, 0);
}

#[test]
fn with_a_shared_port_both_kinds_are_told_apart() {
    let mut bench = Bench::talking();
    let mut mux = description(A);
    mux.rtcp_mux = true;
    mux.rtcp = mux.rtp;
    bench.describe(A, mux);
    let report = receiver_report(0xaaaa, &[]);
    let sent = bench.offer(A, Channel::Rtp, PHONE[A], &report).unwrap();
    assert_eq!((sent.port, sent.channel, sent.to), (port(B), Channel::Rtcp, address(PHONE_RTCP[B])), "the other side has two ports");
    assert!(bench.say(A, &rtp(0, 0xaaaa, 1, 1)).is_ok());
    let back = bench.report(B, &receiver_report(0xbbbb, &[])).unwrap();
    assert_eq!((back.port, back.channel, back.to), (port(A), Channel::Rtp, address(PHONE[A])));
    // Without the agreement the same octets are RTP of payload 73 with the marker set, which nobody agreed on.
    assert_eq!(bench.offer(B, Channel::Rtp, PHONE[B], &rtp(201, 1, 1, 1)), Err(Verdict::Dropped(DropReason::UnknownPayload)));
}

#[test]
fn malformed_and_strange_control_packets_are_dropped() {
    let (mut bench, _, _) = in_conversation();
    let malformed = Err(Verdict::Dropped(DropReason::Malformed));
    assert_eq!(bench.report(A, &rtp(0, 1, 1, 1)), malformed);
    assert_eq!(bench.report(A, &receiver_report(1, &[])[..7]), malformed);
    assert_eq!(bench.report(A, &[]), malformed);
    let strange = bench.offer(A, Channel::Rtcp, STRANGER, &receiver_report(1, &[]));
    assert_eq!(strange, Err(Verdict::Dropped(DropReason::Stranger)));
    assert_eq!(bench.close()[A].dropped, 4);
}

#[test]
fn control_packets_flow_while_a_leg_is_held() {
    let (mut bench, _, _) = in_conversation();
    let mut held = description(B);
    (held.rtp, held.receives, held.held) = (None, false, true);
    bench.describe(B, held);
    assert!(bench.report(A, &receiver_report(0xaaaa, &[])).is_ok());
    assert!(bench.report(B, &receiver_report(0xbbbb, &[])).is_ok());
}
