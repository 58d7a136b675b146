//! The same codec on both sides: the packet goes on in the buffer in which it came, renumbered.

use crate::{
    endpoint::{Heard, Plain},
    packet::{Channel, PacketBuf, Verdict},
    rtcp::translate::{Reverse, Translation},
    rtp::rewrite::Feeder,
};
use tandem_model::Timestamp;

/// Passes on an RTP packet of the leg that the session knows by the name `speaker`, under that payload number.
#[inline]
pub(crate) fn rtp(now: Timestamp, speaker: u8, heard: Heard, number: u8, listener: &mut Plain, packet: &mut PacketBuf) -> Verdict {
    let Some(to) = listener.rtp_target() else {
        // Nobody is to hear these packets, so their numbers must not look lost later.
        listener.outgoing.interrupt();
        return Verdict::Consumed;
    };
    let Heard { mut header, seen, rule } = heard;
    header.payload = number & 0x7f;
    listener.outgoing.renumber(now, Feeder::Leg(speaker), seen, rule.clock_rate, &mut header);
    listener.note_clock(rule.clock_rate);
    header.write(packet.bytes_mut());
    Verdict::Forward { port: listener.port, channel: Channel::Rtp, to }
}

/// Passes on a datagram of fax that the other leg has sent, as it is.
pub(crate) fn datagram(listener: &mut Plain, packet: &PacketBuf) -> Verdict {
    match listener.take_datagram(packet) {
        Some(to) => Verdict::Forward { port: listener.port, channel: Channel::Rtp, to },
        None => Verdict::Consumed,
    }
}

/// Passes on RTCP from one leg to the other.
pub(crate) fn rtcp(speaker: &Plain, listener: &Plain, packet: &mut PacketBuf) -> Verdict {
    let Some((channel, target)) = listener.rtcp_target() else {
        return Verdict::Consumed;
    };
    let source =
        speaker.incoming.current().and_then(|(ssrc, epoch)| Some((ssrc, listener.outgoing.mapping(Feeder::Leg(speaker.name), epoch)?)));
    let reverse = listener.incoming.current().and_then(|(source, epoch)| {
        let mapping = speaker.outgoing.mapping(Feeder::Leg(listener.name), epoch)?;
        Some(Reverse { stream: speaker.outgoing.ssrc(), source, newest: speaker.outgoing.newest()?, mapping })
    });
    let translation = Translation { sender: listener.outgoing.ssrc(), cname: &listener.cname, source, reverse };
    if translation.apply(packet) { Verdict::Forward { port: listener.port, channel, to: target } } else { Verdict::Consumed }
}
