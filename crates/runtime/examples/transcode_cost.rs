//! What it costs to say in one codec what comes in another, both ways, without sockets: `transcode_cost [SECONDS]`.
//!
//! For each pair of codecs the processor time of a call and second, in milliseconds, of a media session on the one hand, and on the
//! other of nothing but decoding and coding the same packets at the same settings. Speech of the tests is what is said.
#![allow(clippy::print_stdout, reason = "it is a program")]

mod speech;
mod talk;

use speech::{packets, processor_time};
use std::time::Duration;
use talk::{Failure, rtp};
use tandem_media::{Channel, Input, Output, PacketBuf};
use tandem_model::{Codec, PortId, Timestamp};
use tandem_sound::{Decoder, Encoder, opus::OpusTerms};

const FRAME: Duration = Duration::from_millis(20);

fn main() -> Result<(), Failure> {
    let seconds: usize = std::env::args().nth(1).map_or(Ok(60), |text| text.parse())?;
    println!("{:<14}{:>12}{:>12}{:>8}   ms of processor a call and second", "", "session", "bare", "ratio");
    let pairs = [(Codec::Pcmu, Codec::Pcma), (Codec::Pcmu, Codec::G722), (Codec::Pcmu, Codec::Opus), (Codec::G722, Codec::Opus)];
    for (a, b) in pairs {
        let said = [packets(a, seconds)?, packets(b, seconds)?];
        let whole = session([a, b], &said)?;
        let bare = bare(a, b, &said[0])? + bare(b, a, &said[1])?;
        let per_second = |time: Duration| time.as_secs_f64() * 1_000.0 / seconds as f64;
        let (whole, bare) = (per_second(whole), per_second(bare));
        println!("{:<14}{whole:>12.3}{bare:>12.3}{:>8.2}", format!("{a:?} {b:?}"), whole / bare);
    }
    Ok(())
}

/// The rate at which one side has something to say to the other.
fn rate(a: Codec, b: Codec) -> u32 {
    let of = |codec| match codec {
        Codec::Pcmu | Codec::Pcma => 8_000,
        Codec::G722 => 16_000,
        Codec::Opus => 48_000,
    };
    of(a).min(of(b))
}

fn bare(from: Codec, to: Codec, packets: &[Vec<u8>]) -> Result<Duration, Failure> {
    let mut encoder = Encoder::new(to, rate(from, to), &OpusTerms::default())?;
    let mut decoder = Decoder::new(from, encoder.rate_hz())?;
    let (mut samples, mut payload) = (vec![0; decoder.rate_hz() as usize / 50], [0; 4_000]);
    let before = processor_time()?;
    for packet in packets {
        decoder.decode(packet, &mut samples);
        // As many samples as the encoder takes, whatever their rate: what is in them matters little to what it costs.
        let taken = (encoder.rate_hz() as usize / 50).min(samples.len());
        std::hint::black_box(encoder.encode(&samples[..taken], &mut payload));
    }
    Ok(processor_time()? - before)
}

fn session(codecs: [Codec; 2], packets: &[Vec<Vec<u8>>; 2]) -> Result<Duration, Failure> {
    let mut session = talk::session(&codecs, None)?;
    let (mut buffer, mut said) = (PacketBuf::new(), 0);
    let before = processor_time()?;
    for (n, pair) in (0_u32..).zip(packets[0].iter().zip(&packets[1])) {
        let now = Timestamp::ZERO + FRAME * n;
        for (index, payload, codec) in [(0, pair.0, codecs[0]), (1, pair.1, codecs[1])] {
            buffer.fill(&rtp(n, codec.clock_rate() / 50, payload));
            session.handle_packet(now, PortId(index.into()), Channel::Rtp, talk::phone(index), &mut buffer);
        }
        session.handle(now + FRAME / 2, Input::Wake);
        while let Some(output) = session.poll_output() {
            said += usize::from(matches!(output, Output::Packet { .. }));
        }
    }
    let spent = processor_time()? - before;
    let due = packets.iter().map(Vec::len).sum::<usize>();
    if said * 100 < due * 99 { Err(format!("{said} of {due} packets were said").into()) } else { Ok(spent) }
}
