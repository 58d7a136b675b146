//! Says a recording through media sessions that transcode it, and writes what is heard at the end: `transcode_heard IN.wav OUT.wav LOSS
//! CODEC…`, with LOSS in percent of the packets of the first codec, and two codecs or three (`pcmu opus pcmu`): a session between each
//! and the next. Both files are of 8000 Hz. For measures of how it sounds.
#![allow(clippy::print_stdout, reason = "it is a program")]

mod talk;

use std::time::Duration;
use talk::{Failure, NUMBER};
use tandem_media::{Channel, Input, Output, PacketBuf, Verdict};
use tandem_model::{Codec, PortId, Random, Timestamp};
use tandem_sound::{Decoder, Encoder, Resampler, opus::OpusTerms, wav};

const FRAME: Duration = Duration::from_millis(20);

/// When it arrives, and the packet.
type Arrivals = Vec<(Timestamp, Vec<u8>)>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, loss, codecs @ ..] = arguments.as_slice() else {
        return Err("usage: transcode_heard IN.wav OUT.wav LOSS CODEC…".into());
    };
    let codecs = codecs.iter().map(|name| codec(name)).collect::<Result<Vec<_>, _>>()?;
    let (first, last) = codecs.first().zip(codecs.last()).ok_or("at least two codecs")?;
    let said = wav::read(&std::fs::read(from)?)?;
    let mut packets = speak(*first, &said.samples)?;
    let (sent, percent) = (packets.len(), loss.parse::<u64>()?);
    let mut random = Random::new(11);
    packets.retain(|_| random.below(100) >= percent);
    println!("{} of {sent} packets arrive", packets.len());
    for pair in codecs.windows(2) {
        packets = pass(pair[0], pair[1], packets)?;
    }
    let heard = listen(*last, &packets)?;
    let mut file = wav::header(8_000, 1, heard.len() as u32 * 2).to_vec();
    heard.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    Ok(std::fs::write(to, file)?)
}

fn codec(name: &str) -> Result<Codec, Failure> {
    let is_it = |codec: &Codec| codec.encoding_name().eq_ignore_ascii_case(name);
    Codec::ALL.into_iter().find(is_it).ok_or_else(|| format!("{name} is no codec").into())
}

fn terms() -> OpusTerms {
    OpusTerms { fec: true, ..OpusTerms::default() }
}

fn speak(codec: Codec, samples: &[i16]) -> Result<Arrivals, Failure> {
    let mut encoder = Encoder::new(codec, 8_000, &terms())?;
    let mut resampler = Resampler::new(8_000, encoder.rate_hz());
    let mut packets = Vec::new();
    for (n, frame) in (0_u32..).zip(samples.chunks_exact(160)) {
        let mut wide = vec![0; encoder.rate_hz() as usize / 50];
        resampler.convert(frame, &mut wide);
        let mut payload = [0; 4_000];
        let length = encoder.encode(&wide, &mut payload).ok_or("a frame was not coded")?;
        let mut packet = vec![0x80, NUMBER];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((n * (codec.clock_rate() / 50)).to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend_from_slice(&payload[..length]);
        packets.push((Timestamp::from_millis(1_000) + FRAME * n, packet));
    }
    Ok(packets)
}

/// What one leg of a session hears of what the other says.
fn pass(from: Codec, to: Codec, packets: Arrivals) -> Result<Arrivals, Failure> {
    let mut session = talk::session(&[from, to], Some("useinbandfec=1"))?;
    let (mut buffer, mut heard) = (PacketBuf::new(), Vec::new());
    let end = packets.last().map_or(Timestamp::ZERO, |(at, _)| *at) + Duration::from_millis(200);
    for (at, packet) in packets.into_iter().chain([(end, Vec::new())]) {
        while let Some((due, _)) = session.poll_timeout().filter(|(due, _)| *due <= at) {
            session.handle(due, Input::Wake);
            while let Some(output) = session.poll_output() {
                if let Output::Packet { channel: Channel::Rtp, bytes, .. } = output {
                    heard.push((due, bytes.to_vec()));
                }
            }
        }
        if !packet.is_empty() {
            buffer.fill(&packet);
            let verdict = session.handle_packet(at, PortId(0), Channel::Rtp, talk::phone(0), &mut buffer);
            if verdict != Verdict::Waits {
                return Err(format!("a packet was not taken: {verdict:?}").into());
            }
        }
    }
    Ok(heard)
}

/// What a phone plays that loses nothing and waits for nothing.
fn listen(codec: Codec, packets: &[(Timestamp, Vec<u8>)]) -> Result<Vec<i16>, Failure> {
    let mut decoder = Decoder::new(codec, 8_000)?;
    let mut resampler = Resampler::new(decoder.rate_hz(), 8_000);
    let mut heard = Vec::new();
    for (_, packet) in packets {
        let payload = packet.get(12..).ok_or("a packet is too short")?;
        let mut samples = vec![0; decoder.samples(payload).ok_or("a packet cannot be decoded")?];
        decoder.decode(payload, &mut samples);
        let mut narrow = vec![0; resampler.most(samples.len())];
        let count = resampler.convert(&samples, &mut narrow);
        heard.extend_from_slice(&narrow[..count]);
    }
    Ok(heard)
}
