//! What a call tells its media session, and what it hears back. No other path joins the two.

use crate::{
    CallId, Codec, Country, Key, KeyPress, Keys, Layout, LegId, PlayEnd, PlayFailure, PlayId, Recorded, RecordingEnd, RecordingId, Sound,
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// A `[[media]]` section, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MediaSide(pub u16);

/// How long a port rests before another call gets it, so that late packets of the old call do not reach the new one.
pub const PORT_REST: Duration = Duration::from_secs(2);

/// Endpoints that a media session may have at a time: as many legs as can ring for one call, those that talk, and one that a call
/// is being transferred to.
pub const MAX_ENDPOINTS: usize = 18;

/// Endpoints that a media session may have had by its end, whose figures [`MediaEvent::Closed`] tells.
pub const MAX_ENDPOINTS_EVER: usize = 128;

/// What a call asks of its media session. The order is: one `Open`, any number of the others,
/// one `Close`. Commands for a session that is gone, and for a leg that has no endpoint there, are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaCommand {
    /// Make a session and take the ports of all its endpoints at once: all or none. Answered by
    /// [`MediaEvent::Opened`] or [`MediaEvent::Refused`].
    Open {
        /// Whose session.
        call: CallId,
        /// One entry a leg, in the order in which `Opened` answers; at most [`MAX_ENDPOINTS`]. The first two hear each other, as if
        /// by `Hear`.
        endpoints: Box<[EndpointRequest]>,
        /// No packet from a leg that should send for so long: [`MediaEvent::Inactive`].
        inactivity: Duration,
        /// The same while the leg is held.
        hold: Duration,
    },
    /// Take a leg's new remote description. Its accepted source is armed anew.
    Describe {
        /// Whose session.
        call: CallId,
        /// Which endpoint.
        leg: LegId,
        /// All of it: what is not said does not stay.
        description: Box<EndpointDescription>,
    },
    /// Read a prompt that is to be played, so that it is known whether it can be. There need be no session. Answered by
    /// [`MediaEvent::Prepared`].
    Prepare {
        /// Whose call.
        call: CallId,
        /// The file, below the folder for prompts.
        file: Box<str>,
    },
    /// Let the leg hear something that we make. [`MediaEvent::Played`] tells once when it has come to its end, whatever that was; the end
    /// of the session tells nothing.
    Play {
        /// Whose session.
        call: CallId,
        /// Who hears it.
        leg: LegId,
        /// Its name: one that plays no more may be used again.
        play: PlayId,
        /// What.
        sound: Sound,
        /// How often; 0: until it is stopped.
        times: u16,
        /// Mixed with what the leg hears; else in place of that, and of what was being played so before, which does not come back.
        over: bool,
        /// Whose ringing tone is heard in its place, as often, where it is a prompt that cannot be read.
        instead: Option<Country>,
    },
    /// Let something that is being played end now, softly.
    Stop {
        /// Whose session.
        call: CallId,
        /// What.
        play: PlayId,
    },
    /// Take ports for one more leg, which nobody hears and who hears nobody until `Hear`. Answered by [`MediaEvent::Opened`] with
    /// this endpoint alone, or by [`MediaEvent::NotAdded`], which leaves the session as it was.
    Add {
        /// Whose session.
        call: CallId,
        /// What to add. The leg must not have an endpoint in the session yet.
        endpoint: EndpointRequest,
    },
    /// Take a leg of another session in, as it is there: its ports, whose packets are let in, its stream with its SSRC and numbers, what was
    /// counted. Nobody hears it and it hears nobody until `Hear`; what comes for this session after this command finds it there. Not answered, but
    /// by [`MediaEvent::NotAdded`] where the other session is gone, and the leg's endpoint with it.
    Adopt {
        /// Whose session it is to be in.
        call: CallId,
        /// Which leg.
        leg: LegId,
        /// Whose session it is in.
        from: CallId,
    },
    /// Who hears whom from now on, in full: what a leg sends whom nobody hears is counted as dropped, and what was sent to one who
    /// hears nobody stops. Each hears the others in the stream that it has been sent so far, as after a change of source: the same
    /// SSRC, the next sequence number, the time that passed. A leg that hears a tone goes on to.
    Hear {
        /// Whose session.
        call: CallId,
        /// Who hears whom; a leg may hear itself. What is said of a leg that has no endpoint is left out.
        pairs: Box<[Hearing]>,
    },
    /// Press keys for a leg to hear, in the way that it wants them; what it hears else is left out meanwhile. They wait for those that
    /// were pressed before; what is too much to wait is not pressed. Not answered.
    Press {
        /// Whose session.
        call: CallId,
        /// Who hears them.
        leg: LegId,
        /// In their order.
        keys: Box<[KeyPress]>,
    },
    /// Take a leg out and give its ports back, to rest before they are used again; who heard it hears it no more. Its figures
    /// stay for [`MediaEvent::Closed`]. Not answered.
    Remove {
        /// Whose session.
        call: CallId,
        /// Who leaves.
        leg: LegId,
    },
    /// Write what is said and heard to a file from now on, until [`MediaCommand::StopRecording`], or until who is recorded has gone.
    /// Answered by [`MediaEvent::Recorded`] when it has ended, which it does at once if it cannot begin.
    Record {
        /// Whose session.
        call: CallId,
        /// The name of the recording in the call.
        recording: RecordingId,
        /// What.
        of: Recorded,
        /// How it lies in the file.
        layout: Layout,
        /// The name of the file below the folder for recordings, with or without `.wav`.
        file: Box<str>,
    },
    /// End a recording. One that has ended is left as it is.
    StopRecording {
        /// Whose session.
        call: CallId,
        /// Which.
        recording: RecordingId,
    },
    /// End the session and give its ports back, to rest before they are used again. Answered by
    /// [`MediaEvent::Closed`]; a session whose ports are still being opened gives them back all the same.
    Close {
        /// Whose session.
        call: CallId,
    },
}

impl MediaCommand {
    /// Whose session it is for.
    pub fn call(&self) -> CallId {
        match self {
            MediaCommand::Open { call, .. }
            | MediaCommand::Describe { call, .. }
            | MediaCommand::Prepare { call, .. }
            | MediaCommand::Play { call, .. }
            | MediaCommand::Stop { call, .. }
            | MediaCommand::Add { call, .. }
            | MediaCommand::Adopt { call, .. }
            | MediaCommand::Hear { call, .. }
            | MediaCommand::Press { call, .. }
            | MediaCommand::Remove { call, .. }
            | MediaCommand::Record { call, .. }
            | MediaCommand::StopRecording { call, .. }
            | MediaCommand::Close { call } => *call,
        }
    }
}

/// One entry of the hear matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hearing {
    /// Who is heard.
    pub speaker: LegId,
    /// By whom.
    pub listener: LegId,
}

impl Hearing {
    /// These two hear each other.
    pub fn each_other([a, b]: [LegId; 2]) -> Box<[Hearing]> {
        [Hearing { speaker: a, listener: b }, Hearing { speaker: b, listener: a }].into()
    }
}

/// One endpoint to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRequest {
    /// The leg it serves.
    pub leg: LegId,
    /// The side of the network it is on: which address and port range.
    pub side: MediaSide,
}

/// What the packets of a stream are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamKind {
    /// Audio (RFC 3550).
    #[default]
    Rtp,
    /// Fax: datagrams that go on as they are (ITU-T T.38).
    Udptl,
}

/// An endpoint as offer and answer made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointDescription {
    /// What flows both ways; where it is fax, what is said of RTP below holds for its datagrams, and there is no RTCP.
    #[serde(default)]
    pub kind: StreamKind,
    /// Where RTP to the leg goes; `None` while nothing may be sent (held, or not known yet).
    pub rtp: Option<SocketAddr>,
    /// Where RTCP to the leg goes (RFC 3605, or RTP port + 1); with rtcp-mux the same as `rtp`.
    pub rtcp: Option<SocketAddr>,
    /// RTP and RTCP share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whose packets are this leg's.
    pub source: SourceRule,
    /// The leg may send to us: else its RTP is dropped (its RTCP is not).
    pub receives: bool,
    /// The leg is held by either side: the hold timeout applies instead of the inactivity timeout.
    pub held: bool,
    /// What the leg sends, and how it reaches the other leg. What is not listed is dropped.
    pub payloads: Box<[PayloadRule]>,
    /// For whose ears `across` of these rules was made; `None`: for anybody's. How somebody else hears the leg follows from what a
    /// payload carries, and from that one's `speech`.
    #[serde(default)]
    pub hearer: Option<LegId>,
    /// How sound that we make is coded for the leg; `None` where none may be made.
    #[serde(default)]
    pub speech: Option<Speech>,
    /// How the leg presses keys, and wants to hear them.
    #[serde(default)]
    pub keys: Keys,
}

/// Which packets belong to a leg. The first packet that fits pins the port; another port of the host takes its place where it
/// goes on with the same stream, or after silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceRule {
    /// Nothing is accepted yet.
    None,
    /// The address of the leg's SDP; a first packet from the same host but another port is let in and pins it.
    Described(IpAddr),
    /// `nat = true`: the host that signalling comes from, whatever SDP says. Packets go back where they came from.
    Host(IpAddr),
}

/// One payload number of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadRule {
    /// As the leg sends it.
    pub from: u8,
    /// What it is.
    pub carries: Carries,
    /// How it reaches the other leg.
    pub across: Across,
    /// RTP clock in hertz, for jitter.
    pub clock_rate: u32,
}

/// What is in the packets of a payload number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carries {
    /// Sound.
    Sound(Codec),
    /// Telephone events (RFC 4733).
    Event,
    /// What silence sounds like (RFC 3389). A leg that sends it wants to be told so too, under the same number.
    Noise,
}

/// How what one leg sends reaches the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Across {
    /// As it is, under the number that the other leg expects, in packets as long as that wants ([`PacketTimes`]).
    As(u8),
    /// Heard, and said again in the other leg's [`Speech`].
    Sound(Codec),
    /// Not at all: a telephone event (RFC 4733) for a leg that wants to hear its key in another way.
    Key,
    /// A telephone event (RFC 4733): its times are said in the other leg's clock, and while it sounds nothing else is said again.
    Event {
        /// The number that the other leg expects.
        number: u8,
        /// The clock that goes with it, in kilohertz.
        clock_khz: u8,
    },
}

/// How a leg wants to be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speech {
    /// RTP payload number.
    pub payload: u8,
    /// What it stands for.
    pub codec: Codec,
    /// Milliseconds of sound in a packet that we make, as the leg asked for (`a=ptime`).
    pub packet_ms: u8,
    /// How much sound a packet of another leg holds that goes on to it.
    #[serde(default)]
    pub passed: PacketTimes,
    /// What the leg said of the codec (`a=fmtp`, without the number).
    pub parameters: Option<Box<str>>,
}

/// How much sound packets hold that are passed on to a leg, in milliseconds: others are cut and joined, without being heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketTimes {
    /// At least.
    pub least_ms: u8,
    /// At most; it is what packets are made to hold.
    pub most_ms: u8,
    /// What cannot be cut to packets of no more than this (a frame of Opus) is said again.
    pub frame_ms: u8,
}

impl PacketTimes {
    /// The leg wants nothing in particular.
    pub const ANY: PacketTimes = PacketTimes { least_ms: 0, most_ms: u8::MAX, frame_ms: u8::MAX };
}

impl Default for PacketTimes {
    fn default() -> Self {
        PacketTimes::ANY
    }
}

/// What a media session tells its call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaEvent {
    /// All ports are open, in the order of the request: those of `Open`, or the one pair of an `Add`.
    Opened(Box<[LocalEndpoint]>),
    /// There is no session: no port was taken for `Open`.
    Refused(MediaFailure),
    /// No port was taken for an `Add`; the session goes on as it was. For want of room in the session this may come after `Opened`,
    /// which told of ports in stock: they are given back. Or an `Adopt` found no endpoint.
    NotAdded {
        /// Whose endpoint it would have been.
        leg: LegId,
        /// Why not.
        failure: MediaFailure,
    },
    /// A leg that should send has been silent for the timeout that applies; told again each time that it has been for so long.
    Inactive {
        /// Which leg.
        leg: LegId,
        /// Whether it was the hold timeout.
        held: bool,
    },
    /// A recording has ended, and its file is whole. The end of a session ends its recordings: of those this may come after
    /// [`MediaEvent::Closed`].
    Recorded {
        /// Which.
        recording: RecordingId,
        /// The file below the folder for recordings, as it is named in the end; empty if there is none.
        file: Box<str>,
        /// How long it plays, in milliseconds.
        ms: u64,
        /// Why it ended.
        end: RecordingEnd,
    },
    /// A leg has pressed a key, and let it go: told once, however often its packets came, or were lost.
    Key {
        /// Which leg.
        leg: LegId,
        /// Which key.
        key: Key,
        /// For how many milliseconds, as far as is known.
        ms: u16,
    },
    /// A prompt was read, or cannot be.
    Prepared {
        /// The file, below the folder for prompts.
        file: Box<str>,
        /// How long it plays, in milliseconds.
        length: Result<u64, PlayFailure>,
    },
    /// Something that was being played has come to its end.
    Played {
        /// To whom.
        leg: LegId,
        /// What.
        play: PlayId,
        /// How.
        end: PlayEnd,
    },
    /// The session is gone; the last figures of all endpoints that it had, in the order in which they were opened. A leg that was
    /// removed and added again is there twice.
    Closed(Box<[EndpointStats]>),
    /// The session failed inside and was ended; its ports are given back.
    Failed,
}

/// Why no session or endpoint could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaFailure {
    /// The range of the side is used up.
    NoPorts,
    /// The media threads have as much queued as they may.
    Overloaded,
    /// The session has, or has had, as many endpoints as it may.
    Full,
    /// The leg's endpoint is gone, and so is the session that had it.
    Gone,
}

/// Our end of a leg, as SDP must state it (the advertised address, not the bound one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalEndpoint {
    /// Which leg.
    pub leg: LegId,
    /// Address and even port for RTP.
    pub rtp: SocketAddr,
    /// Address and port for RTCP: the RTP port + 1.
    pub rtcp: SocketAddr,
}

/// What an endpoint counted over its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStats {
    /// Which leg.
    pub leg: LegId,
    /// RTP from the leg.
    pub received: DirectionStats,
    /// RTP to the leg.
    pub sent: DirectionStats,
    /// Packets at our ports that were not relayed: strangers, payloads not negotiated, malformed, or of a leg that nobody was to
    /// hear.
    pub dropped: u64,
    /// The time to the leg and back in microseconds, as its last report tells; `None` where none did.
    pub round_trip_us: Option<u32>,
    /// What our jitter buffers did with what the leg sent; `None` where it was only passed on.
    pub playout: Option<PlayoutStats>,
}

/// One direction of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectionStats {
    /// RTP packets, and datagrams of fax.
    pub packets: u64,
    /// RTP payload bytes, and all those of fax.
    pub bytes: u64,
    /// Packets that never came (RFC 3550 §6.4.1); for what we send, as the leg's last reports state it.
    pub lost: u64,
    /// Interarrival jitter in microseconds (RFC 3550 §6.4.1); for what we send, as the leg's last report states it.
    pub jitter_us: u32,
    /// How good it sounded (ITU-T G.107): from the leg as it came to us, to the leg as its reports say that it came there. `None`
    /// where nothing tells.
    pub mos: Option<Mos>,
}

/// What a jitter buffer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayoutStats {
    /// Packets that came after they should have been heard.
    pub late: u64,
    /// Packets that were not there when they should have been heard, late ones too: each was made up.
    pub missing: u64,
    /// Times that sound was made shorter, because packets waited for longer than they had to.
    pub shortened: u64,
    /// Times that sound was made longer, because packets came later than was waited for.
    pub lengthened: u64,
    /// How long a packet waited on average before it was heard, in microseconds.
    pub delay_us: u32,
}

/// A mean opinion score: 1 (bad) to 4.5, as the E-model has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mos(u16);

impl Mos {
    /// From hundredths; what is beyond the scale is at its end.
    pub fn from_hundredths(hundredths: u16) -> Mos {
        Mos(hundredths.clamp(100, 450))
    }

    /// In hundredths.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Mos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.value())
    }
}
