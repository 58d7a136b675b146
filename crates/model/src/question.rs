//! What a call asks of policy and what it is told. Rules answer at once, a webhook may answer later: a call cannot
//! tell them apart.

use crate::{
    Announce, BindingUsed, Caller, Calling, Challenge, Codec, Destination, Dtmf, Failover, Layout, ListenerId, Login, MediaSide,
    Presentation, RingGroup, Secret, SessionTimer, Shown, Sound, Trail,
};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Pairs a decision with its question within one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuestionId(pub u16);

/// A `[[trunk]]` section, by its index in the ruleset that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrunkId(pub u16);

/// A question to policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// May this source speak to us at all, and who is it? Asked before anything is spent on a request.
    Admit(Admit),
    /// Where does this call go?
    Route(Route),
    /// Is there room for it at this endpoint of its plan? Asked when a call turns to an endpoint whose trunk is another than that of
    /// the one before; for the first one the route is the answer. The trunk of the one before no longer counts the call.
    Dial(Box<str>),
    /// Where does a transfer of this call lead? As [`Question::Route`], asked as if the trunk of whoever transfers had dialled; the trunk
    /// that the answer leads to counts the call beside those that do already.
    Transfer(Route),
    /// Is there room for a transfer at this endpoint of its plan? Its trunk counts the call beside those that do already.
    Target(Box<str>),
    /// What becomes of a call whose route asks somebody else: the answer to a question that [`Decision::Consult`] was given to.
    Consulted {
        /// That question: [`Question::Route`] or [`Question::Transfer`].
        asked: Box<Question>,
        /// The route.
        rule: Box<str>,
        /// A `do` of the configuration as JSON; `None`: nothing was said in time.
        said: Option<Box<str>>,
    },
    /// Who is this user, now that it has proved to be one? The answer to a [`Decision::Prove`] whose challenge was met.
    User(Box<Proved>),
    /// May the call go where a redirection sends it (RFC 3261 §8.1.3.4), and is there room? Whoever sends it there, and whoever called,
    /// must be let call that.
    Forward(Box<Forward>),
    /// Is there room for this member of a ring group, beside those that have theirs already? It counts until the call says that the
    /// member is out, or ends.
    Ring {
        /// Which of the group.
        member: u8,
        /// Its endpoint.
        endpoint: Box<str>,
    },
    /// Where does a leg go that we are told to dial? The answer is a [`Decision::Route`] that bridges or rings; the trunk that it leads
    /// to counts the leg beside those that it counts already.
    Call(Box<Calling>),
    /// What does this come to? A `do` of the configuration, as JSON, that somebody says for this one call. A trunk that the answer leads to
    /// counts it beside those that do already.
    Told {
        /// The call.
        route: Route,
        /// The `do`.
        act: Box<str>,
    },
}

/// What a request from outside shows before it is admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admit {
    /// Where it came in.
    pub listener: ListenerId,
    /// Whence.
    pub source: SocketAddr,
    /// Host part of the Request-URI, as written.
    pub domain: Box<str>,
    /// User part of the To URI, unescaped; empty if it has none.
    pub to: Box<str>,
    /// Whom the certificate of its connection speaks for (RFC 5922 §7.1); empty without TLS and without a certificate.
    pub tls_names: Box<[Box<str>]>,
    /// The trunk whose registrations name the Request-URI, if any do: nobody else knows it.
    #[serde(default)]
    pub registered: Option<Box<str>>,
    /// It is a REGISTER, which no trunk sends us: where there are users it is one's.
    #[serde(default)]
    pub registers: bool,
}

/// A user that has answered our challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// Its name.
    pub name: Box<str>,
    /// Where its request came in.
    pub listener: ListenerId,
    /// The request's Via names another host than the one that it came from: what it writes of itself holds behind its NAT alone.
    pub behind_nat: bool,
}

/// What is known of a call when its route is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Who calls.
    pub origin: Origin,
    /// The called user part: unescaped, without its parameters.
    pub called: Box<str>,
    /// The called URI as it came.
    pub uri: Box<str>,
    /// Who calls, if the profile of the caller's leg says that policy looks at it.
    pub caller: Option<Caller>,
    /// Who was called before, if that profile says so.
    #[serde(default)]
    pub trail: Option<Box<Trail>>,
    /// Names and values of the INVITE's headers that nobody here acts on, in their order, if that profile says so.
    pub headers: Box<[(Box<str>, Box<str>)]>,
}

/// A redirection that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Who called, and who sends the call there.
    pub by: Box<[Origin]>,
    /// The user part of where to, unescaped and without its parameters, as the last of `by` writes numbers.
    pub number: Box<str>,
    /// The endpoint whose place it takes.
    pub endpoint: Box<str>,
    /// The member of a ring group that it was, if it was one.
    pub member: Option<u8>,
}

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A trunk, found by its `match`.
    Trunk {
        /// Its index.
        id: TrunkId,
        /// Its name.
        name: Box<str>,
    },
    /// A user, who has proved it.
    User {
        /// Its name.
        name: Box<str>,
    },
    /// Somebody who tells us by the API to call.
    Api {
        /// The name of the key that it showed; empty if there is none.
        name: Box<str>,
    },
}

impl Origin {
    /// Whoever a leg's endpoint (`trunk:NAME`, `trunk:NAME/NUMBER`, `user:NAME`, `api:NAME`) is part of; `None` for a bare URI. A trunk is then known by
    /// its name alone.
    pub fn of_endpoint(endpoint: &str) -> Option<Origin> {
        match endpoint.split_once(':')? {
            ("trunk", rest) => Some(Origin::Trunk { id: TrunkId(0), name: rest.split('/').next().unwrap_or(rest).into() }),
            ("user", name) => Some(Origin::User { name: name.into() }),
            ("api", name) => Some(Origin::Api { name: name.into() }),
            _ => None,
        }
    }

    /// As endpoints are written: `trunk:NAME`, `user:NAME`; and `api:NAME`.
    pub fn endpoint(&self) -> Box<str> {
        match self {
            Origin::Trunk { name, .. } => ["trunk:", name].concat().into(),
            Origin::User { name } => ["user:", name].concat().into(),
            Origin::Api { name } => ["api:", name].concat().into(),
        }
    }

    /// Whether both are the same trunk, user or key, by name.
    pub fn is_same(&self, other: &Origin) -> bool {
        match (self, other) {
            (Origin::Trunk { name, .. }, Origin::Trunk { name: other, .. })
            | (Origin::User { name }, Origin::User { name: other })
            | (Origin::Api { name }, Origin::Api { name: other }) => name == other,
            _ => false,
        }
    }
}

/// Policy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Let in.
    Admitted {
        /// As whom.
        origin: Origin,
        /// How to speak with them.
        profile: LegProfile,
        /// What they must prove first, for a request that begins something.
        challenge: Option<Arc<Challenge>>,
    },
    /// No trunk's: a user's, if it answers this. Then who that is is asked by [`Question::User`].
    Prove(Arc<Challenge>),
    /// Say no with this status. Also the answer to a route question that no route fits (404).
    Reject {
        /// SIP status, 300 to 699.
        status: u16,
        /// Reason phrase; the usual one where `None`.
        reason: Option<Box<str>>,
    },
    /// Say nothing at all (a stranger on a silent listener).
    Ignore,
    /// Take the call there.
    Route {
        /// Name or number of the rule that decided, for the log.
        rule: Box<str>,
        /// What to do.
        action: Action,
        /// The call is recorded so once it is answered.
        #[serde(default)]
        record: Option<Layout>,
    },
    /// Ask this one: what it says is policy's to read, by [`Question::Consulted`]. Whoever drives a call does that; the call itself never hears
    /// of it.
    Consult(Box<Consult>),
    /// Dial it; this trunk, by its place in the rules that are in force now, counts the call. The answer to [`Question::Dial`] and
    /// [`Question::Ring`].
    Dial(Option<TrunkId>),
}

/// Somebody to be asked what becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consult {
    /// Name of the route that asks.
    pub rule: Box<str>,
    /// Where: `http://…`, `https://…`.
    pub url: Box<str>,
    /// An answer that takes longer is none.
    pub timeout: Duration,
    /// What the question is signed with.
    pub secret: Option<Secret>,
}

/// What a route does with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Join the caller to the first of these that takes the call; tried in order.
    Bridge {
        /// Where to, at least one.
        legs: Box<[LegPlan]>,
        /// For all of them together; the legs' own ring timeouts apply beside it.
        timeout: Option<Duration>,
        /// False: media flows between the peers and only signalling passes through here.
        anchor: bool,
        /// What the caller hears of us while somebody rings who brings no early media.
        ringback: Option<Sound>,
    },
    /// Join the caller to the first of these that answers. No trunk counts the call yet: each member is asked for.
    Ring(Box<RingGroup>),
    /// Answer the call ourselves.
    Answer(BuiltIn),
    /// Play something to the caller.
    Announce(Box<Announce>),
}

/// What can answer a call without another leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuiltIn {
    /// The caller hears themselves.
    Echo,
    /// The caller hears a sine of 440 Hz.
    Tone,
    /// The caller hears what is played to it.
    Player,
}

/// What [`LegPlan::target`] says where a leg goes to none of its trunk's targets.
pub const NO_TARGET: u8 = u8::MAX;

fn no_target() -> u8 {
    NO_TARGET
}

/// One outgoing leg to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegPlan {
    /// The endpoint as the route names it: `trunk:carrier`.
    pub endpoint: Box<str>,
    /// The trunk whose limits count it, if it is one.
    pub trunk: Option<TrunkId>,
    /// Which of the trunk's targets it is, by its place in the configuration.
    #[serde(default = "no_target")]
    pub target: u8,
    /// Request-URI of the INVITE.
    pub uri: Box<str>,
    /// Where the INVITE is sent.
    pub destination: Destination,
    /// How to speak with them.
    pub profile: LegProfile,
    /// A redirection named it: policy is asked before it is called.
    #[serde(default)]
    pub forwarded: bool,
    /// The binding of a user that it goes to.
    #[serde(default)]
    pub binding: Option<Box<BindingUsed>>,
    /// What its INVITE says beyond the ordinary.
    pub presentation: Option<Box<Presentation>>,
}

/// How a leg is spoken with, by the trunk it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegProfile {
    /// Which listener its requests leave from.
    pub listener: ListenerId,
    /// Which side its media is on.
    pub media: MediaSide,
    /// Allowed codecs, in order of preference.
    pub codecs: Box<[Codec]>,
    /// Its Contact and media addresses are those that we see, not those that it writes.
    pub nat: bool,
    /// What is asked of it inside a call goes over the flow that it is on: nobody can connect to it.
    pub over_flow: bool,
    /// No response at all for so long: the next target.
    pub trying_timeout: Duration,
    /// No final response for so long: CANCEL.
    pub ring_timeout: Duration,
    /// After which failures the next target is tried.
    pub failover: Failover,
    /// A redirection is followed, instead of passed to the caller.
    pub follows_redirects: bool,
    /// What of its INVITE is shown to policy.
    pub shown: Shown,
    /// What its challenges are answered with.
    pub login: Option<Arc<Login>>,
    /// Fax over UDPTL is passed (T.38).
    pub t38: bool,
    /// What it and another leg say may be said again in another codec, where they have none in common.
    pub transcode: bool,
    /// How it presses keys, and wants to hear those of the other leg.
    pub dtmf: Dtmf,
    /// Milliseconds of sound in a packet that it is asked to send, and is sent if it asks for nothing. `None`: what the other leg asks for,
    /// and what comes.
    pub ptime_ms: Option<u8>,
    /// Its sessions are refreshed (RFC 4028). `None`: we know nothing of that towards it.
    pub session_timer: Option<SessionTimer>,
    /// Reliable provisional responses.
    pub prack: Prack,
    /// What becomes of its REFER.
    pub refer: ReferRule,
    /// Its INVITEs may ask for the place of a leg of ours (RFC 3891); else Replaces means nothing to us.
    pub replaces: bool,
    /// User-to-User in what is no INVITE (RFC 7433).
    pub user_to_user: Crossing,
    /// Whom it goes by to others, whatever it or its Contact says: who a user is it has proved.
    pub number: Option<Arc<str>>,
}

/// Whether a header of a peer's is for others, and that of others for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// Its own goes on.
    pub lets_in: bool,
    /// It gets that of others.
    pub lets_out: bool,
}

/// What becomes of a peer's REFER (RFC 3515).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferRule {
    /// 403.
    #[default]
    Refuse,
    /// We call the target ourselves, and put it in the place of whoever transfers.
    Execute,
    /// The other peer gets it, in words of its own dialog.
    Pass,
}

/// Whether provisional responses go reliably, to a peer and from it (RFC 3262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prack {
    /// Neither said nor accepted.
    Off,
    /// Where the peer supports them too.
    #[default]
    Supported,
    /// Always: a peer without them is refused, or refuses.
    Required,
}

/// What nothing is said about: also what a dump of an older build leaves out.
impl Default for LegProfile {
    fn default() -> Self {
        LegProfile {
            listener: ListenerId(0),
            media: MediaSide(0),
            codecs: Codec::ALL.into(),
            nat: false,
            over_flow: false,
            trying_timeout: Duration::from_secs(4),
            ring_timeout: Duration::from_secs(180),
            failover: Failover::default(),
            follows_redirects: false,
            shown: Shown::default(),
            login: None,
            t38: false,
            transcode: true,
            dtmf: Dtmf::default(),
            ptime_ms: None,
            session_timer: Some(SessionTimer::default()),
            prack: Prack::Off,
            refer: ReferRule::default(),
            replaces: false,
            user_to_user: Crossing::default(),
            number: None,
        }
    }
}
