//! Says a recording through media sessions, and writes what is heard at the end: `transcode_heard IN.wav OUT.wav LOSS SEED CODEC…`, with
//! LOSS in percent of the packets of the first codec, SEED of which of them are lost, and two codecs or more (`pcmu opus pcmu`): a session
//! between each and the next. `mix` between two codecs (`pcmu mix pcmu`) puts a third leg into that session, which hears and says nothing.
//! Both files are of 8000 Hz. For measures of how it sounds.
#![allow(clippy::print_stdout, reason = "it is a program")]

mod ear;
mod talk;

use ear::Ear;
use std::time::Duration;
use talk::{Failure, NUMBER};
use tandem_media::{Channel, Input, Output, PacketBuf, Verdict};
use tandem_model::{Codec, PortId, Random, Timestamp};
use tandem_sound::{Encoder, opus::OpusTerms, wav};

const FRAME: Duration = Duration::from_millis(20);

/// When it arrives, and the packet.
type Arrivals = Vec<(Timestamp, Vec<u8>)>;

/// A session: what comes in, what is heard, and whether by way of a mix.
struct Hop {
    from: Codec,
    to: Codec,
    is_mixed: bool,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, loss, seed, path @ ..] = arguments.as_slice() else {
        return Err("usage: transcode_heard IN.wav OUT.wav LOSS SEED CODEC…".into());
    };
    let hops = hops(path)?;
    let (first, last) = hops.first().zip(hops.last()).ok_or("at least two codecs")?;
    let said = wav::read(&std::fs::read(from)?)?;
    let percent: u8 = loss.parse()?;
    let mut packets = speak(first.from, &said.samples, percent)?;
    let sent = packets.len();
    let mut random = Random::new(seed.parse()?);
    let (mut rest, mut lost) = (sent as u64, sent as u64 * u64::from(percent) / 100);
    packets.retain(|_| {
        let is_lost = random.below(rest) < lost;
        (rest, lost) = (rest - 1, lost - u64::from(is_lost));
        !is_lost
    });
    println!("{} of {sent} packets arrive", packets.len());
    for hop in &hops {
        packets = pass(hop, packets)?;
    }
    let heard = listen(last.to, &packets)?;
    let mut file = wav::header(8_000, 1, heard.len() as u32 * 2).to_vec();
    heard.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    Ok(std::fs::write(to, file)?)
}

fn hops(path: &[String]) -> Result<Vec<Hop>, Failure> {
    let (mut hops, mut before, mut is_mixed) = (Vec::new(), None, false);
    for word in path {
        if word == "mix" {
            is_mixed = true;
            continue;
        }
        let to = codec(word)?;
        if let Some(from) = before.replace(to) {
            hops.push(Hop { from, to, is_mixed: std::mem::take(&mut is_mixed) });
        }
    }
    Ok(hops)
}

fn codec(name: &str) -> Result<Codec, Failure> {
    let is_it = |codec: &Codec| codec.encoding_name().eq_ignore_ascii_case(name);
    Codec::ALL.into_iter().find(is_it).ok_or_else(|| format!("{name} is no codec").into())
}

fn terms() -> OpusTerms {
    OpusTerms { fec: true, ..OpusTerms::default() }
}

/// A phone that has been told of the loss by our reports.
fn speak(codec: Codec, samples: &[i16], percent: u8) -> Result<Arrivals, Failure> {
    let mut encoder = Encoder::new(codec, 8_000, &terms())?;
    encoder.expect_loss(percent);
    let mut packets = Vec::new();
    let mut convert = ear::conversion(8_000, encoder.rate_hz());
    for (n, frame) in (0_u32..).zip(samples.chunks_exact(160)) {
        let mut payload = [0; 4_000];
        let length = encoder.encode(&convert(frame), &mut payload).ok_or("a frame was not coded")?;
        packets.push((Timestamp::from_millis(1_000) + FRAME * n, talk::rtp(n, codec.clock_rate() / 50, &payload[..length])));
    }
    Ok(packets)
}

/// What one leg of a session hears of what another says.
fn pass(hop: &Hop, packets: Arrivals) -> Result<Arrivals, Failure> {
    let legs = [hop.from, hop.to, Codec::Pcmu];
    let mut session = talk::session(if hop.is_mixed { &legs } else { &legs[..2] }, Some("useinbandfec=1"))?;
    let (mut buffer, mut heard) = (PacketBuf::new(), Vec::new());
    let end = packets.last().map_or(Timestamp::ZERO, |(at, _)| *at) + Duration::from_millis(200);
    for (at, packet) in packets.into_iter().chain([(end, Vec::new())]) {
        while let Some((due, _)) = session.poll_timeout().filter(|(due, _)| *due <= at) {
            session.handle(due, Input::Wake);
            while let Some(output) = session.poll_output() {
                if let Output::Packet { port: PortId(1), channel: Channel::Rtp, bytes, .. } = output {
                    heard.push((due, bytes.to_vec()));
                }
            }
        }
        if !packet.is_empty() {
            buffer.fill(&packet);
            match session.handle_packet(at, PortId(0), Channel::Rtp, talk::phone(0), &mut buffer) {
                Verdict::Forward { port: PortId(1), .. } | Verdict::ForwardAndWait { port: PortId(1), .. } => {
                    heard.push((at, buffer.bytes().to_vec()))
                }
                Verdict::Waits | Verdict::Consumed => {}
                verdict => return Err(format!("a packet was not taken: {verdict:?}").into()),
            }
        }
    }
    // Reports of our own may share the port.
    heard.retain(|(_, packet)| packet.get(1).is_some_and(|octet| octet & 0x7f == NUMBER));
    Ok(heard)
}

/// What a phone plays that loses nothing and waits for nothing.
fn listen(codec: Codec, packets: &[(Timestamp, Vec<u8>)]) -> Result<Vec<i16>, Failure> {
    let (mut ear, mut heard) = (Ear::new(codec)?, Vec::new());
    for (_, packet) in packets {
        heard.extend(ear.hear(packet.get(12..).ok_or("a packet is too short")?)?);
    }
    Ok(heard)
}
