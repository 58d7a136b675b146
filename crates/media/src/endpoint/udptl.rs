//! A leg while it faxes: datagrams of UDPTL (ITU-T T.38) at the port that its RTP had.
//!
//! They are neither read nor changed: sequence and redundancy are between the two ends.

use super::{
    Plain,
    plain::{SOURCE_SILENCE, claim},
};
use crate::{
    packet::{Channel, DropReason, PacketBuf},
    rtp::header::Header,
};
use std::net::SocketAddr;
use tandem_model::{StreamKind, Timestamp};

impl Plain {
    /// Takes a datagram.
    ///
    /// # Errors
    /// Why it is not taken; counted here.
    pub(crate) fn hear_datagram(
        &mut self,
        now: Timestamp,
        channel: Channel,
        source: SocketAddr,
        packet: &PacketBuf,
    ) -> Result<(), DropReason> {
        let screened = self.screen_datagram(now, channel, source, packet);
        match screened {
            Ok(()) => {
                self.received.0 += 1;
                self.received.1 += packet.bytes().len() as u64;
            }
            Err(_) => self.dropped += 1,
        }
        screened
    }

    fn screen_datagram(&mut self, now: Timestamp, channel: Channel, source: SocketAddr, packet: &PacketBuf) -> Result<(), DropReason> {
        if packet.bytes().is_empty() || !packet.is_whole() {
            return Err(DropReason::Malformed);
        }
        // Late audio and its RTCP. To the other side an RTP packet would look like a datagram from far ahead, and those that
        // follow like old ones.
        if channel == Channel::Rtcp || self.is_late_audio(packet) {
            return Err(DropReason::UnknownPayload);
        }
        // Nothing in a datagram tells that it goes on with a stream: its numbers can be guessed.
        let admitted = self.rtp_source == Some(source) || self.considers(source, claim(false, now, self.last_heard, SOURCE_SILENCE));
        if !admitted {
            return Err(DropReason::Stranger);
        }
        self.last_heard = now;
        if self.receives { Ok(()) } else { Err(DropReason::NotReceiving) }
    }

    /// RTP of the source that the leg's audio had.
    fn is_late_audio(&self, packet: &PacketBuf) -> bool {
        let spoken = self.incoming.current().map(|(ssrc, _)| ssrc);
        spoken.is_some() && Header::parse(packet.bytes()).map(|header| header.ssrc) == spoken
    }

    /// Where a datagram of the other leg goes, if it may; it is counted.
    pub(crate) fn take_datagram(&mut self, packet: &PacketBuf) -> Option<SocketAddr> {
        let to = self.rtp_target().filter(|_| self.kind == StreamKind::Udptl)?;
        self.passed.0 += 1;
        self.passed.1 += packet.bytes().len() as u64;
        Some(to)
    }
}
