//! A leg over plain RTP (RTP/AVP, RFC 3551).

use crate::{
    latch::Latch,
    packet::{Channel, DropReason, PacketBuf},
    rtcp::compound,
    rtcp::translate::CNAME_LEN,
    rtp::{
        header::{self, Header},
        rewrite::Outgoing,
        sequence::{Incoming, Seen},
    },
    source::sine::Sine,
    statistics::Jitter,
};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{DirectionStats, EndpointDescription, EndpointStats, LegId, PayloadRule, PortId, Random, SourceRule, Timestamp};

/// What a leg hears.
#[derive(Debug)]
pub(crate) enum Hears {
    /// The other leg.
    Peer,
    /// Itself.
    Echo,
    /// A tone.
    Sine(Box<Sine>),
}

/// One endpoint of a session.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) leg: LegId,
    pub(crate) port: PortId,
    pub(crate) hears: Hears,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) cname: [u8; CNAME_LEN],
    remote: Option<Remote>,
    rtp_latch: Latch,
    rtcp_latch: Latch,
    last_heard: Timestamp,
    watch: Option<Watch>,
    received: (u64, u64),
    jitter: Jitter,
    dropped: u64,
    /// What the leg last reported about what we send: lost, jitter in clock units.
    reported: (u64, u32),
    /// Of what was last sent to the leg.
    clock_rate: u32,
}

/// What the leg is, from its last description.
#[derive(Debug)]
struct Remote {
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    rtcp_mux: bool,
    receives: bool,
    payloads: Box<[PayloadRule]>,
}

/// Silence that ends the call.
#[derive(Clone, Copy, Debug)]
struct Watch {
    after: Duration,
    held: bool,
    /// When to look again. Packets do not move it: that would be work for each.
    look_at: Timestamp,
}

/// An RTP packet of the leg, in order and agreed on.
pub(crate) struct Heard {
    pub(crate) header: Header,
    pub(crate) seen: Seen,
    pub(crate) rule: PayloadRule,
}

impl Plain {
    pub(crate) fn new(leg: LegId, port: PortId, now: Timestamp, random: &mut Random) -> Self {
        Plain {
            leg,
            port,
            hears: Hears::Peer,
            incoming: Incoming::default(),
            outgoing: Outgoing::new(random),
            cname: random_name(random),
            remote: None,
            rtp_latch: Latch::closed(),
            rtcp_latch: Latch::closed(),
            last_heard: now,
            watch: None,
            received: (0, 0),
            jitter: Jitter::default(),
            dropped: 0,
            reported: (0, 0),
            clock_rate: 8000,
        }
    }

    /// Takes the leg's new description and begins to watch for silence.
    pub(crate) fn describe(&mut self, now: Timestamp, description: EndpointDescription, inactivity: Duration, hold: Duration) {
        let EndpointDescription { rtp, rtcp, rtcp_mux, source, receives, held, payloads } = description;
        self.rtp_latch.arm(source, rtp);
        self.rtcp_latch.arm(source, rtcp);
        self.remote = Some(Remote { rtp, rtcp, rtcp_mux, receives, payloads });
        let after = if held {
            hold
        } else if receives {
            inactivity
        } else {
            Duration::ZERO
        };
        self.watch = (!after.is_zero() && source != SourceRule::None).then(|| Watch { after, held, look_at: now + after });
        self.last_heard = now;
    }

    /// What a packet that arrived at `channel` is.
    #[inline]
    pub(crate) fn is_rtcp(&self, channel: Channel, packet: &[u8]) -> bool {
        match channel {
            Channel::Rtcp => true,
            Channel::Rtp => header::is_rtcp(packet) && self.remote.as_ref().is_some_and(|remote| remote.rtcp_mux),
        }
    }

    /// Takes an RTP packet.
    ///
    /// # Errors
    /// Why it is not taken; counted here.
    #[inline]
    pub(crate) fn hear(&mut self, now: Timestamp, source: SocketAddr, packet: &PacketBuf) -> Result<Heard, DropReason> {
        let heard = self.screen(now, source, packet);
        match &heard {
            Ok(Heard { header, rule, .. }) => {
                self.received.0 += 1;
                self.received.1 += header.payload_len as u64;
                self.jitter.take(now, header, rule.clock_rate);
            }
            Err(_) => self.dropped += 1,
        }
        heard
    }

    #[inline]
    fn screen(&mut self, now: Timestamp, source: SocketAddr, packet: &PacketBuf) -> Result<Heard, DropReason> {
        let header = Header::parse(packet.bytes()).filter(|_| packet.is_whole()).ok_or(DropReason::Malformed)?;
        let remote = self.remote.as_ref().ok_or(DropReason::Stranger)?;
        if !self.rtp_latch.admit(source) {
            return Err(DropReason::Stranger);
        }
        self.last_heard = now;
        if !remote.receives {
            return Err(DropReason::NotReceiving);
        }
        let rule = *remote.payloads.iter().find(|rule| rule.from == header.payload).ok_or(DropReason::UnknownPayload)?;
        let seen = self.incoming.take(now, &header)?;
        Ok(Heard { header, seen, rule })
    }

    /// Takes an RTCP packet, and what it reports about what we send.
    ///
    /// # Errors
    /// Why it is not taken; counted here.
    pub(crate) fn hear_control(
        &mut self,
        now: Timestamp,
        channel: Channel,
        source: SocketAddr,
        packet: &PacketBuf,
    ) -> Result<(), DropReason> {
        let checked = self.screen_control(channel, source, packet);
        if checked.is_err() {
            self.dropped += 1;
            return checked;
        }
        self.last_heard = now;
        for block in compound::blocks(packet.bytes()).filter(|block| block.ssrc == self.outgoing.ssrc()) {
            self.reported = (u64::try_from(block.lost).unwrap_or(0), block.jitter);
        }
        Ok(())
    }

    fn screen_control(&mut self, channel: Channel, source: SocketAddr, packet: &PacketBuf) -> Result<(), DropReason> {
        if !packet.is_whole() || !compound::is_valid(packet.bytes()) {
            return Err(DropReason::Malformed);
        }
        let latch = match channel {
            Channel::Rtp => &mut self.rtp_latch,
            Channel::Rtcp => &mut self.rtcp_latch,
        };
        if latch.admit(source) { Ok(()) } else { Err(DropReason::Stranger) }
    }

    /// Where RTP to the leg goes, if any may.
    #[inline]
    pub(crate) fn rtp_target(&self) -> Option<SocketAddr> {
        let described = self.remote.as_ref()?.rtp?;
        Some(self.rtp_latch.target(described))
    }

    /// Where RTCP to the leg goes, and from which of our sockets.
    pub(crate) fn rtcp_target(&self) -> Option<(Channel, SocketAddr)> {
        let remote = self.remote.as_ref()?;
        let (channel, latch) = if remote.rtcp_mux { (Channel::Rtp, &self.rtp_latch) } else { (Channel::Rtcp, &self.rtcp_latch) };
        Some((channel, latch.target(remote.rtcp?)))
    }

    /// Something is sent to the leg with this clock.
    #[inline]
    pub(crate) fn note_clock(&mut self, clock_rate: u32) {
        self.clock_rate = clock_rate;
    }

    /// When silence has to be looked at.
    pub(crate) fn watch_at(&self) -> Option<Timestamp> {
        self.watch.map(|watch| watch.look_at)
    }

    /// Looks whether the leg has been silent for too long: whether it was held, if so. It is told once a description.
    pub(crate) fn look(&mut self, now: Timestamp) -> Option<bool> {
        let watch = self.watch.as_mut().filter(|watch| watch.look_at <= now)?;
        watch.look_at = self.last_heard + watch.after;
        let (is_silent, held) = (watch.look_at <= now, watch.held);
        if is_silent {
            self.watch = None;
        }
        is_silent.then_some(held)
    }

    pub(crate) fn stats(&self) -> EndpointStats {
        let (packets, bytes) = self.outgoing.sent();
        let (lost, jitter) = self.reported;
        let jitter_us = u64::from(jitter) * 1_000_000 / u64::from(self.clock_rate.max(1));
        let sent = DirectionStats { packets, bytes, lost, jitter_us: u32::try_from(jitter_us).unwrap_or(u32::MAX) };
        let (packets, bytes) = self.received;
        let received = DirectionStats { packets, bytes, lost: self.incoming.lost(), jitter_us: self.jitter.micros() };
        EndpointStats { leg: self.leg, received, sent, dropped: self.dropped }
    }
}

/// Random characters of base 64, as a CNAME wants them (RFC 7022 §4.2).
fn random_name(random: &mut Random) -> [u8; CNAME_LEN] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array::from_fn(|_| DIGITS[random.below(64) as usize])
}
