//! What it costs to mix, without sockets: `mix_cost [SECONDS]`.
//!
//! For rooms of several sizes and each codec the processor time of one participant and second, in milliseconds: where all send
//! speech all the time, and where one speaks and the others only listen, who are sent the same. Beside it how many participants that
//! leaves room for on one core, the sockets not counted.
#![allow(clippy::print_stdout, reason = "it is a program")]

mod speech;
mod talk;

use speech::{packets, processor_time};
use std::time::Duration;
use talk::{Failure, rtp};
use tandem_media::{Channel, Input, Output, PacketBuf};
use tandem_model::{CallId, Codec, Hearing, LegId, PortId, Timestamp};

const FRAME: Duration = Duration::from_millis(20);

fn main() -> Result<(), Failure> {
    let seconds: usize = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    println!("{:<8}{:>6}{:>14}{:>12}{:>14}{:>12}", "", "legs", "all speak", "a core", "one speaks", "a core");
    for codec in Codec::ALL {
        let said = packets(codec, seconds)?;
        for legs in [3, 8, 16] {
            let [all, one] = [legs, 1].map(|speakers| room(codec, (legs, speakers), &said));
            let of = |time: Duration| time.as_secs_f64() * 1_000.0 / (seconds * usize::from(legs)) as f64;
            let (all, one) = (of(all?), of(one?));
            println!("{:<8}{legs:>6}{all:>11.3} ms{:>12.0}{one:>11.3} ms{:>12.0}", format!("{codec:?}"), 1_000.0 / all, 1_000.0 / one);
        }
    }
    Ok(())
}

/// What a room of so many takes, of whom the first so many speak, each a second behind the one before.
fn room(codec: Codec, (legs, speakers): (u8, u8), said: &[Vec<u8>]) -> Result<Duration, Failure> {
    let mut session = talk::session(&vec![codec; legs.into()], None)?;
    let ids = (0..legs).map(|index| CallId::new(1, 1).leg(index).ok_or("no leg")).collect::<Result<Vec<LegId>, _>>()?;
    let heard = ids.iter().take(speakers.into());
    let pairs = heard.flat_map(|speaker| ids.iter().map(|listener| Hearing { speaker: *speaker, listener: *listener }));
    session.handle(Timestamp::ZERO, Input::Hear(pairs.filter(|pair| pair.speaker != pair.listener).collect()));
    let (mut buffer, mut packets) = (PacketBuf::new(), 0);
    let before = processor_time()?;
    for n in 0..said.len() {
        let now = Timestamp::ZERO + FRAME * u32::try_from(n)?;
        for index in 0..speakers {
            let payload = &said[(n + 50 * usize::from(index)) % said.len()];
            buffer.fill(&rtp(u32::try_from(n)?, codec.clock_rate() / 50, payload));
            session.handle_packet(now, PortId(index.into()), Channel::Rtp, talk::phone(index), &mut buffer);
        }
        session.handle(now + FRAME / 2, Input::Wake);
        while let Some(output) = session.poll_output() {
            packets += usize::from(matches!(output, Output::Packet { channel: Channel::Rtp, .. }));
        }
    }
    let spent = processor_time()? - before;
    let due = said.len() * usize::from(if speakers == 1 { legs - 1 } else { legs });
    if packets * 100 < due * 98 { Err(format!("{packets} of {due} packets were said").into()) } else { Ok(spent) }
}
