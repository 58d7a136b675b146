//! A leg over plain RTP (RTP/AVP, RFC 3551).

use crate::{
    jitter::Figures,
    keys::{Collector, Pressing, Strokes},
    latch::{Claim, Latch},
    packet::{Channel, DropReason, PacketBuf},
    path::{
        event::Sounding,
        repack::{Packer, Passes},
    },
    rtcp::{
        compound,
        reports::{self, Reports},
        round_trip::RoundTrip,
        write::CNAME_LEN,
    },
    rtp::{
        header::{self, Header},
        rewrite::Outgoing,
        sequence::{Incoming, Seen},
    },
    source::Player,
    statistics::Jitter,
    voice::{Voice, rate_of},
};
use std::{hint::black_box, net::SocketAddr, time::Duration};
use tandem_model::{
    Across, Carries, Codec, EndpointDescription, Keys, LegId, PacketTimes, PayloadRule, PlayId, PortId, Random, SourceRule, Speech,
    StreamKind, Timestamp,
};

/// Another port of a leg's host is believed to be the leg's when the port that its RTP came from has been silent for so long.
pub(super) const SOURCE_SILENCE: Duration = Duration::from_secs(2);

/// The same for RTCP: five intervals (RFC 3550 §6.3.5).
const CONTROL_SILENCE: Duration = Duration::from_secs(25);

/// What a leg hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hears {
    /// Other legs, or itself.
    Peer,
    /// What is played to it.
    Played(PlayId),
}

/// One endpoint of a session. The order is that of use, in lines of the cache: calls take turns, so what a packet touches is
/// seldom there already, and each line fetched costs as much as all that is done with it.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Plain {
    // For every packet from the leg.
    pub(crate) port: PortId,
    pub(super) receives: bool,
    rtcp_mux: bool,
    pub(crate) kind: StreamKind,
    /// Its own in the session, for good: the places of endpoints change.
    pub(crate) name: u8,
    /// Of the last packet: most are alike.
    pub(super) rule: Option<PayloadRule>,
    /// Where RTP comes from, as pinned in the latch.
    pub(super) rtp_source: Option<SocketAddr>,
    pub(crate) last_heard: Timestamp,
    pub(super) received: (u64, u64),
    pub(crate) incoming: Incoming,
    pub(super) jitter: Jitter,
    pub(super) dropped: u64,
    // For every packet to the leg.
    pub(crate) rtp_target: Option<SocketAddr>,
    pub(crate) outgoing: Outgoing,
    /// Of what was last sent to the leg.
    pub(super) clock_rate: u32,
    /// What goes on to it as it is.
    pub(crate) passes: Passes,
    // For the others.
    pub(crate) leg: LegId,
    pub(crate) hears: Hears,
    pub(crate) cname: [u8; CNAME_LEN],
    pub(super) remote: Remote,
    rtp_latch: Latch,
    rtcp_latch: Latch,
    control_heard: Timestamp,
    /// When its last RTCP came, whichever way, and when to look whether any has.
    pub(super) reported_at: Timestamp,
    pub(super) look_for_reports_at: Option<Timestamp>,
    watch: Option<Watch>,
    /// What the leg last reported about what we send: lost, jitter in clock units.
    pub(super) reported: Option<(u64, u32)>,
    /// What became of what it said, in the jitter buffers before the present one and in that.
    pub(super) played: [Figures; 2],
    /// The time to it and back, as far as its reports tell.
    pub(crate) round_trip: RoundTrip,
    /// Datagrams of fax to the leg, and their octets.
    pub(super) passed: (u64, u64),
    /// What we say to the leg ourselves.
    pub(crate) voice: Option<Box<Voice>>,
    /// Whose voice in the mix says the same in the same codec, by name: it is coded once.
    pub(crate) coded_by: Option<u8>,
    /// What cuts and joins what it hears of another, where that is of another length than it wants.
    pub(crate) packer: Option<Box<Packer>>,
    /// Who is said to it again in the same codec, by name: no packets that it takes could be cut of those.
    pub(super) said_again: Option<u8>,
    /// What is played over what it hears.
    pub(crate) over: Option<Box<Player>>,
    /// How it wants to be spoken to.
    pub(crate) speech: Option<Speech>,
    /// What we report to it ourselves; `None` while it gets the reports of the other leg.
    pub(crate) reports: Option<Box<Reports>>,
    /// Its newest sender report.
    pub(super) heard_report: Option<reports::Heard>,
    /// Of a hundred packets to it so many were lost before its last report.
    pub(crate) loss_percent: u8,
    /// The last telephone event that it was told of beside what we say to it.
    pub(crate) event: Option<Sounding>,
    /// How it presses keys, and wants to hear them.
    pub(crate) keys: Keys,
    /// What it presses, as its events tell.
    pub(crate) collector: Collector,
    /// What is pressed for it to hear; nothing until something is.
    pressing: Option<Box<Pressing>>,
    /// There may be keys in the sound that it hears, which it wants in another way.
    pub(crate) listens: bool,
    /// The keys that were heard last in what it does not hear any more, and who pressed them.
    last_keys: Option<(u8, Strokes)>,
}

/// What the leg is, from its last description.
#[derive(Debug, Default)]
pub(super) struct Remote {
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    payloads: Box<[PayloadRule]>,
    /// Whom they are meant for.
    hearer: Option<LegId>,
    /// What they are for somebody else, who hears the leg now.
    derived: Option<Box<[PayloadRule]>>,
}

impl Remote {
    pub(super) fn payloads(&self) -> &[PayloadRule] {
        self.derived.as_deref().unwrap_or(&self.payloads)
    }
}

/// Silence that ends the call.
#[derive(Clone, Copy, Debug)]
struct Watch {
    after: Duration,
    held: bool,
    /// When to look again. Packets do not move it: that would be work for each.
    look_at: Timestamp,
}

/// An RTP packet that goes no further.
pub(crate) struct Unheard {
    pub(crate) reason: DropReason,
    /// Its place in the stream, if it has one there: the listener is not to miss it.
    pub(crate) skipped: Option<Seen>,
}

impl From<DropReason> for Unheard {
    fn from(reason: DropReason) -> Self {
        Unheard { reason, skipped: None }
    }
}

/// An RTP packet of the leg, in order and agreed on.
pub(crate) struct Heard {
    pub(crate) header: Header,
    pub(crate) seen: Seen,
    pub(crate) rule: PayloadRule,
}

impl Plain {
    pub(crate) fn new(name: u8, leg: LegId, port: PortId, now: Timestamp, random: &mut Random) -> Self {
        Plain {
            port,
            receives: false,
            rtcp_mux: false,
            kind: StreamKind::Rtp,
            name,
            rule: None,
            rtp_source: None,
            last_heard: now,
            received: (0, 0),
            incoming: Incoming::default(),
            jitter: Jitter::default(),
            hears: Hears::Peer,
            rtp_target: None,
            outgoing: Outgoing::new(random),
            clock_rate: 8000,
            passes: Passes::of(PacketTimes::ANY),
            leg,
            cname: random_name(random),
            remote: Remote::default(),
            rtp_latch: Latch::closed(),
            rtcp_latch: Latch::closed(),
            control_heard: now,
            reported_at: now,
            look_for_reports_at: None,
            watch: None,
            dropped: 0,
            reported: None,
            played: [Figures::default(); 2],
            round_trip: RoundTrip::default(),
            passed: (0, 0),
            voice: None,
            packer: None,
            said_again: None,
            coded_by: None,
            over: None,
            speech: None,
            reports: None,
            heard_report: None,
            loss_percent: 0,
            event: None,
            keys: Keys::InBand,
            collector: Collector::default(),
            pressing: None,
            listens: false,
            last_keys: None,
        }
    }

    /// A packet that was taken goes no further.
    pub(crate) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    /// Reads a word of each line that a packet from the leg needs.
    #[inline]
    pub(crate) fn touch_as_speaker(&self) {
        black_box((self.last_heard, self.received.1, self.dropped));
    }

    /// Reads a word of each line that a packet to the leg needs.
    #[inline]
    pub(crate) fn touch_as_listener(&self) {
        black_box((self.rtp_target.is_some(), self.outgoing.ssrc()));
    }

    /// Takes the leg's new description and begins to watch for silence.
    pub(crate) fn describe(&mut self, now: Timestamp, description: EndpointDescription, inactivity: Duration, hold: Duration) {
        let EndpointDescription { kind, rtp, rtcp, rtcp_mux, source, receives, held, payloads, hearer, speech, keys } = description;
        self.rtp_latch.arm(source, rtp);
        self.rtcp_latch.arm(source, rtcp);
        (self.kind, self.receives, self.rtcp_mux, self.rule) = (kind, receives, rtcp_mux, None);
        if kind == StreamKind::Udptl {
            self.outgoing.interrupt();
        }
        self.remote = Remote { rtp, rtcp, payloads, hearer, derived: None };
        if (self.keys, &self.speech) != (keys, &speech) {
            self.keys = keys;
            self.pressing.iter_mut().for_each(|pressing| pressing.begin_anew());
        }
        if self.speech != speech {
            self.speech = speech;
            self.said_again = None;
            self.tune(now);
            self.settle_passes();
        }
        let noise = self.noise();
        self.voice.iter_mut().for_each(|voice| voice.tell_noise(noise));
        self.settle();
        let after = if held {
            hold
        } else if receives {
            inactivity
        } else {
            Duration::ZERO
        };
        self.await_reports(now, receives && source != SourceRule::None);
        self.watch = (!after.is_zero() && source != SourceRule::None).then(|| Watch { after, held, look_at: now + after });
        self.last_heard = now;
    }

    /// What we said to the leg is over. What is played to it goes on, as the leg wants to be spoken to by now.
    pub(crate) fn tune(&mut self, now: Timestamp) {
        self.end_keys();
        let player = self.voice.take().and_then(|voice| {
            self.outgoing.interrupt();
            voice.into_player()
        });
        match player {
            Some(player) => self.begin_voice(now, player),
            None => self.speak_with(None),
        }
    }

    /// From now on the leg is said what is played to it, if it can be spoken to.
    pub(crate) fn begin_voice(&mut self, now: Timestamp, player: Box<Player>) {
        self.outgoing.interrupt();
        // Rates that Opus does not know are never asked for.
        let voice = self.speech.as_ref().and_then(|speech| Voice::of_player(now, speech, player).ok());
        self.speak_with(voice.map(Box::new));
    }

    /// What was played to it is over: it hears again what it would. What that was, if anything.
    pub(crate) fn end_play(&mut self) -> Option<PlayId> {
        let Hears::Played(play) = self.hears else { return None };
        self.hears = Hears::Peer;
        self.speak_with(None);
        self.outgoing.interrupt();
        Some(play)
    }

    /// The same of what was played over it.
    pub(crate) fn end_play_over(&mut self) -> Option<PlayId> {
        self.over.take().map(|player| player.play())
    }

    /// The rate of what is played over what it hears, in hertz, if anything is.
    pub(crate) fn played_over_hz(&self) -> Option<u32> {
        let speech = self.speech.as_ref().filter(|_| self.over.is_some() && matches!(self.hears, Hears::Peer))?;
        Some(rate_of(speech.codec))
    }

    /// The leg that hears it from now on is that one, who wants to be spoken to so, and keys and silence so. Rules that were made for another leg are
    /// made anew.
    pub(crate) fn meet(&mut self, listener: LegId, speech: Option<&Speech>, keys: Keys, noise: Option<u8>) {
        let is_meant = self.remote.hearer.is_none_or(|hearer| hearer == listener);
        let listens = self.keys == Keys::InBand && keys != Keys::InBand;
        let derived = (!is_meant).then(|| {
            let anew = |rule: &PayloadRule| derive(*rule, speech, keys, listens);
            // The noise goes beside sound of its own clock (RFC 3389 §5).
            let goes_beside = |rule: &&PayloadRule| matches!(rule.carries, Carries::Sound(Codec::Pcmu | Codec::Pcma));
            let sound = self.remote.payloads.iter().find(goes_beside).map(anew);
            self.remote
                .payloads
                .iter()
                .filter_map(|rule| if rule.carries == Carries::Noise { beside(*rule, sound?, noise) } else { Some(anew(rule)) })
                .collect()
        });
        if self.remote.derived != derived {
            (self.remote.derived, self.rule) = (derived, None);
        }
    }

    /// What is said to the leg is of that voice from now on; its numbers have nothing to do with those of the one before.
    pub(crate) fn speak_with(&mut self, voice: Option<Box<Voice>>) {
        if self.voice.is_some() {
            self.outgoing.interrupt();
            self.end_keys();
        }
        (self.voice, self.coded_by) = (voice, None);
        let (percent, noise) = (self.loss_percent, self.noise());
        if let Some(voice) = &mut self.voice {
            voice.expect_loss(percent);
            voice.tell_noise(noise);
        }
    }

    /// Keys in what it hears by its voice are over for those who were told of them.
    fn end_keys(&mut self) {
        let last = self.voice.as_mut().and_then(|voice| voice.last_keys());
        self.last_keys = last.or(self.last_keys.take());
    }

    /// Keys that were heard in what another said to it, and who that is.
    pub(crate) fn heard_keys(&mut self) -> Option<(u8, Strokes)> {
        self.last_keys.take().or_else(|| self.voice.as_mut()?.heard_keys())
    }

    /// Under which number the leg wants to be told what silence sounds like, if it does: it is of 8000 samples in a second (RFC 3389 §5).
    pub(crate) fn noise(&self) -> Option<u8> {
        let is_narrow = self.speech.as_ref().is_some_and(|speech| matches!(speech.codec, Codec::Pcmu | Codec::Pcma));
        // What it wants does not depend on who hears it.
        let rule = self.remote.payloads.iter().find(|rule| rule.carries == Carries::Noise && is_narrow)?;
        Some(rule.from)
    }

    /// Whether sound of the leg in that codec goes on to the one who hears it as it is.
    pub(crate) fn is_relayed(&self, codec: Codec) -> bool {
        let rule = self.remote.payloads().iter().find(|rule| rule.carries == Carries::Sound(codec));
        rule.is_some_and(|rule| matches!(rule.across, Across::As(_)))
    }

    /// What the leg heard of another is over, also what still waits to be said.
    pub(crate) fn fall_silent(&mut self) {
        (self.event, self.said_again) = (None, None);
        self.stop_packing();
        self.pressing.iter_mut().for_each(|pressing| pressing.release());
        if matches!(self.hears, Hears::Peer) {
            self.speak_with(None);
        }
    }

    /// It goes to another session: what came of those in this one is over, and they have other names there.
    pub(crate) fn leave(&mut self) {
        self.fall_silent();
        self.outgoing.interrupt();
        (self.rule, self.remote.derived, self.last_keys) = (None, None, None);
    }

    /// Keeps at hand what the latch says.
    fn settle(&mut self) {
        self.rtp_source = self.rtp_latch.pinned();
        // Keys that are pressed for it take the place of what it hears else.
        self.rtp_target = if self.is_pressed() { None } else { self.target() };
    }

    fn target(&self) -> Option<SocketAddr> {
        self.remote.rtp.map(|described| self.rtp_latch.target(described))
    }

    fn is_pressed(&self) -> bool {
        self.pressing.as_ref().is_some_and(|pressing| pressing.is_active())
    }

    /// What it is sent now takes the place of what it would hear, which is to go on later.
    pub(crate) fn is_only_deaf(&self) -> bool {
        self.is_pressed() && self.target().is_some()
    }

    /// Presses keys for it to hear.
    #[cold]
    pub(crate) fn press(&mut self, press: impl FnOnce(&mut Pressing)) {
        let can_be_told = self.kind == StreamKind::Rtp && self.keys != Keys::Info && self.target().is_some();
        if can_be_told {
            press(self.pressing.get_or_insert_with(|| Box::new(Pressing::new())));
            self.settle();
        }
    }

    /// Who holds keys that it hears, by their names in the session.
    pub(crate) fn held_keys(&self) -> impl Iterator<Item = u8> + use<'_> {
        self.pressing.iter().flat_map(|pressing| pressing.held())
    }

    /// One of them is let go after so long, or heard no longer.
    pub(crate) fn let_go(&mut self, name: u8, ms: u16) {
        self.pressing.iter_mut().for_each(|pressing| pressing.up(name, ms));
    }

    /// When the next packet of keys is due.
    pub(crate) fn pressed_due_at(&self) -> Option<Timestamp> {
        self.pressing.as_ref().and_then(|pressing| pressing.due_at())
    }

    /// Makes the next packet of keys that is due, and says where it goes.
    pub(crate) fn next_pressed(&mut self, now: Timestamp) -> Option<(SocketAddr, Header)> {
        let target = self.target();
        let pressing = self.pressing.as_mut()?;
        pressing.due_at().filter(|due| *due <= now)?;
        let Some(to) = target else {
            pressing.give_up();
            self.settle();
            return None;
        };
        let made = pressing.make(now, self.keys, self.speech.as_ref(), &mut self.outgoing);
        self.settle();
        let made = made?;
        self.note_clock(made.clock_rate);
        Some((to, made.header))
    }

    /// That packet.
    pub(crate) fn pressed_packet(&mut self, header: &Header) -> Option<&[u8]> {
        self.pressing.as_mut()?.packet(header)
    }

    #[inline]
    fn admits(&mut self, now: Timestamp, source: SocketAddr, header: &Header) -> bool {
        self.rtp_source == Some(source) || {
            let continues = self.incoming.is_continued_by(header);
            self.considers(source, claim(continues, now, self.last_heard, SOURCE_SILENCE))
        }
    }

    #[cold]
    pub(super) fn considers(&mut self, source: SocketAddr, claim: Claim) -> bool {
        let admitted = self.rtp_latch.admit(source, claim);
        self.settle();
        admitted
    }

    /// What a packet that arrived at `channel` is.
    #[inline]
    pub(crate) fn is_rtcp(&self, channel: Channel, packet: &[u8]) -> bool {
        match channel {
            Channel::Rtcp => true,
            Channel::Rtp => header::is_rtcp(packet) && (self.rtcp_mux || self.is_astray(packet)),
        }
    }

    /// RTCP at the RTP port, though nobody agreed on that: told apart where no payload was agreed that looks like it.
    #[cold]
    fn is_astray(&self, packet: &[u8]) -> bool {
        let is_payload = |number: u8| self.remote.payloads().iter().any(|rule| rule.from == number);
        packet.get(1).is_some_and(|kind| !is_payload(kind & 0x7f)) && compound::is_valid(packet)
    }

    /// Takes an RTP packet.
    ///
    /// # Errors
    /// Why it is not taken; counted here.
    #[inline]
    pub(crate) fn hear(&mut self, now: Timestamp, source: SocketAddr, packet: &PacketBuf) -> Result<Heard, Unheard> {
        let mut heard = self.screen(now, source, packet);
        if let Ok(Heard { header, rule, seen }) = &mut heard
            && self.jitter.take(now, header, rule.clock_rate)
        {
            match self.incoming.reset_clock(*seen) {
                Ok(anew) => *seen = anew,
                Err(reason) => heard = Err(reason.into()),
            }
        }
        match &heard {
            Ok(Heard { header, .. }) => {
                self.received.0 += 1;
                self.received.1 += header.payload_len as u64;
            }
            Err(_) => self.dropped += 1,
        }
        heard
    }

    #[inline]
    fn screen(&mut self, now: Timestamp, source: SocketAddr, packet: &PacketBuf) -> Result<Heard, Unheard> {
        let header = Header::parse(packet.bytes()).filter(|_| packet.is_whole()).ok_or(DropReason::Malformed)?;
        if !self.admits(now, source, &header) {
            return Err(DropReason::Stranger.into());
        }
        self.last_heard = now;
        if !self.receives {
            return Err(self.pass_over(DropReason::NotReceiving, &header));
        }
        let rule = match self.rule {
            Some(rule) if rule.from == header.payload => rule,
            _ => self.look_up(header.payload).ok_or_else(|| self.pass_over(DropReason::UnknownPayload, &header))?,
        };
        let seen = self.incoming.take(now, self.jitter.last_at(), &header)?;
        Ok(Heard { header, seen, rule })
    }

    #[cold]
    fn pass_over(&mut self, reason: DropReason, header: &Header) -> Unheard {
        Unheard { reason, skipped: self.incoming.pass_over(header) }
    }

    #[cold]
    fn look_up(&mut self, payload: u8) -> Option<PayloadRule> {
        let rule = self.remote.payloads().iter().find(|rule| rule.from == payload).copied();
        self.rule = rule.or(self.rule);
        rule
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
        let checked = self.screen_control(now, channel, source, packet);
        if checked.is_err() {
            self.dropped += 1;
            return checked;
        }
        (self.last_heard, self.reported_at) = (now, now);
        if let Some((ssrc, _)) = self.incoming.current()
            && let Some(made) = compound::made_at(packet.bytes(), ssrc)
        {
            self.heard_report = Some(reports::Heard { ssrc, made, at: now });
        }
        // What is said twice in one packet, the second time counts.
        if let Some(block) = compound::blocks(packet.bytes()).filter(|block| block.ssrc == self.outgoing.ssrc()).last() {
            self.reported = Some((u64::try_from(block.lost).unwrap_or(0), block.jitter));
            self.loss_percent = (u32::from(block.fraction) * 100).div_ceil(256) as u8;
            self.voice.iter_mut().for_each(|voice| voice.expect_loss(self.loss_percent));
            self.round_trip.hear(now, &block);
        }
        Ok(())
    }

    fn screen_control(&mut self, now: Timestamp, channel: Channel, source: SocketAddr, packet: &PacketBuf) -> Result<(), DropReason> {
        if !packet.is_whole() || !compound::is_valid(packet.bytes()) {
            return Err(DropReason::Malformed);
        }
        let speaks_of = compound::sender(packet.bytes());
        let continues = self.incoming.current().is_some_and(|(ssrc, _)| speaks_of == Some(ssrc));
        let admitted = match channel {
            Channel::Rtp if self.rtp_source == Some(source) => true,
            Channel::Rtp if self.rtcp_mux && (self.rtp_source.is_none() || !continues) => {
                self.considers(source, claim(false, now, self.last_heard, CONTROL_SILENCE))
            }
            // It says nothing about where RTP comes from.
            Channel::Rtp => self.rtp_latch.may_be(source),
            Channel::Rtcp => {
                let admitted = self.rtcp_latch.admit(source, claim(continues, now, self.control_heard, CONTROL_SILENCE));
                if admitted {
                    self.control_heard = now;
                }
                admitted
            }
        };
        if admitted { Ok(()) } else { Err(DropReason::Stranger) }
    }

    /// Where RTP to the leg goes, if any may.
    #[inline]
    pub(crate) fn rtp_target(&self) -> Option<SocketAddr> {
        self.rtp_target
    }

    /// Where RTCP to the leg goes, and from which of our sockets.
    pub(crate) fn rtcp_target(&self) -> Option<(Channel, SocketAddr)> {
        let (channel, latch) = if self.rtcp_mux { (Channel::Rtp, &self.rtp_latch) } else { (Channel::Rtcp, &self.rtcp_latch) };
        Some((channel, latch.target(self.remote.rtcp?)))
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

    /// Looks whether the leg has been silent for too long: whether it was held, if so. It is told each time that it has been for so
    /// long: who does not mind now may mind later.
    /// `anybody` is when any leg of the session was last heard.
    pub(crate) fn look(&mut self, now: Timestamp, anybody: Timestamp) -> Option<bool> {
        let watch = self.watch.as_mut().filter(|watch| watch.look_at <= now)?;
        // A page of fax goes one way, and the other side says nothing for as long as that takes.
        let heard = if self.kind == StreamKind::Udptl { anybody } else { self.last_heard };
        watch.look_at = heard + watch.after;
        let is_silent = watch.look_at <= now;
        if is_silent {
            watch.look_at = now + watch.after;
        }
        is_silent.then_some(watch.held)
    }
}

/// The same sound goes on as it is, other sound is said again.
fn derive(rule: PayloadRule, speech: Option<&Speech>, keys: Keys, listens: bool) -> PayloadRule {
    let across = match (rule.carries, speech, keys) {
        (Carries::Sound(codec), Some(speech), _) if speech.codec == codec && !listens => Across::As(speech.payload),
        (Carries::Sound(codec), ..) => Across::Sound(codec),
        (Carries::Event, _, Keys::Events { payload, clock_khz }) => Across::Event { number: payload, clock_khz },
        (Carries::Event, ..) => Across::Key,
        // As its sound is heard: [`beside`].
        (Carries::Noise, ..) => rule.across,
    };
    PayloadRule { across, ..rule }
}

/// What silence sounds like goes the way of the sound beside which it comes: as it is only to who wants to be told under that number. Else
/// nobody is to hear it.
fn beside(rule: PayloadRule, sound: PayloadRule, number: Option<u8>) -> Option<PayloadRule> {
    let across = match (sound.across, sound.carries) {
        (Across::Sound(codec), _) => Across::Sound(codec),
        (_, Carries::Sound(_)) => Across::As(number?),
        _ => return None,
    };
    Some(PayloadRule { across, ..rule })
}

/// What speaks for a source other than the pinned one, which was last heard at `last`.
pub(super) fn claim(continues: bool, now: Timestamp, last: Timestamp, silence: Duration) -> Claim {
    match continues {
        true => Claim::Continues,
        false if now.since(last) >= silence => Claim::Vacant,
        false => Claim::None,
    }
}

/// Random characters of base 64, as a CNAME wants them (RFC 7022 §4.2).
fn random_name(random: &mut Random) -> [u8; CNAME_LEN] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array::from_fn(|_| DIGITS[random.below(64) as usize])
}

// What a packet touches: three lines of the leg that it comes from, two of the leg that it goes to.
const _: () = assert!(std::mem::offset_of!(Plain, rtp_target) <= 192 && std::mem::offset_of!(Plain, leg) <= 320);
