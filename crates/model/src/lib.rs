//! The vocabulary that Tandem's crates share.
//!
//! What is here: identifiers, time, addresses, codecs, the commands and events between a call and its media
//! session, the questions that policy answers, and the events and records that tell what happened.
//!
//! What is deliberately not here: behaviour. A type of this crate may compare, print and convert itself; anything
//! that decides or changes over time lives in the crate whose job that is.
//!
//! Three types to know: [`CallId`] names a call, [`MediaCommand`] tells a media session what to be, and
//! [`Question`] is what a call asks of policy.

mod agent;
mod announce;
mod binding;
mod caller;
mod codec;
mod command;
mod country;
mod dial;
mod event;
mod failover;
mod ids;
mod keys;
mod media;
mod net;
mod place;
mod privacy;
mod question;
mod random;
mod recording;
mod ring;
mod secret;
mod session_timer;
mod sound;
mod time;
mod trail;
mod view;

pub use agent::{AgentPlan, HealthNews, PingPlan, PingTarget, RegistrarPlan, ServiceRoute};
pub use announce::{Announce, Announcement, Then};
pub use binding::{Binding, BindingUsed, Bindings, NoBindings};
pub use caller::{CalledFrom, Caller, CallerId, Presentation, Shown, is_signature};
pub use codec::{Codec, TELEPHONE_EVENT};
pub use command::{
    CallCommand, CommandError, CommandId, CommandOutcome, HearEntry, MAX_FILE_NAME, MAX_GUESTS, MAX_HEARING, MAX_PLAYS, MAX_PRESSES,
    Stopping, is_file_name, is_reason,
};
pub use country::{Country, UnknownCountry};
pub use dial::{Calling, Dial, DialError, DialLeg, DialOrder, MAX_IN_TURN, Manner};
pub use event::{
    CallRecord, EndReason, EndedBy, Event, EventKind, ExchangeRecord, Fate, HeldBy, LegEnd, LegNames, LegRecord, Limit, LimitState,
    RecordingDone, RegistrationChange, Signal, TrunkState,
};
pub use failover::Failover;
pub use ids::{CallId, LegId, MAX_LEGS, NoId, PortId};
pub use keys::{Dtmf, Key, KeyPress, Keys, NoKey};
pub use media::{
    Across, Carries, DirectionStats, EndpointDescription, EndpointRequest, EndpointStats, Hearing, LocalEndpoint, MAX_ENDPOINTS,
    MAX_ENDPOINTS_EVER, MediaCommand, MediaEvent, MediaFailure, MediaSide, Mos, PORT_REST, PacketTimes, PayloadRule, PlayoutStats,
    SourceRule, Speech, StreamKind,
};
pub use net::{Delivery, Destination, Flow, Hop, ListenerId, NoHop, Transport, neighbourhood};
pub use place::Place;
pub use privacy::{Asks, Privacy, Shows};
pub use question::{
    Action, Admit, BuiltIn, Consult, Crossing, Decision, Forward, LegPlan, LegProfile, NO_TARGET, Origin, Prack, Proved, Question,
    QuestionId, ReferRule, Route, TrunkId,
};
pub use random::Random;
pub use recording::{Layout, MAX_RECORDINGS, Recorded, RecordingEnd, RecordingFailure, RecordingId};
pub use ring::{Hears, MAX_MEMBERS, PicksUp, RingGroup, RingTerms, Strategy};
pub use secret::{Account, Accounts, Challenge, DigestAlgorithm, Login, Secret};
pub use session_timer::{MIN_SESSION_S, Refresher, SessionTimer};
pub use sound::{NetworkTone, PlayEnd, PlayFailure, PlayId, Sound, UnknownTone};
pub use time::{Epoch, Timestamp};
pub use trail::{Moved, Passage, Trail};
pub use view::{CallState, CallView, Condition, LegDirection, LegState, LegView, PartView, RegistrationView, TrunkView};
