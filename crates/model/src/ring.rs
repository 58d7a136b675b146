//! A ring group: one call, several who may take it.

use crate::{LegPlan, Sound};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Members of one group at most.
pub const MAX_MEMBERS: usize = 16;

/// Whom a call rings, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingGroup {
    /// The members, at least one; each with the places to try for it, in order, at least one.
    pub members: Box<[Box<[LegPlan]>]>,
    /// How they are rung.
    pub terms: RingTerms,
    /// False: media flows between the peers and only signalling passes through here.
    pub anchor: bool,
    /// For each member its turn, growing: those of one turn ring at once. Empty: each has its own.
    #[serde(default)]
    pub turns: Box<[u8]>,
    /// Another turn comes only after failures that a call turns to its next target for, as those of [`Action::Bridge`](crate::Action) are
    /// tried.
    #[serde(default)]
    pub tries: bool,
    /// What the caller hears of us while members ring who bring no early media.
    #[serde(default)]
    pub ringback: Option<Sound>,
}

/// How a ring group is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingTerms {
    /// Who is rung when.
    pub strategy: Strategy,
    /// For all of them together.
    pub timeout: Option<Duration>,
    /// For each of them; the legs' own ring timeouts apply beside it.
    pub target_timeout: Option<Duration>,
    /// One 6xx ends the whole group (RFC 3261 §16.7).
    pub ends_on_6xx: bool,
    /// What the caller hears until somebody answers.
    pub hears: Hears,
    /// When the caller is answered.
    pub picks_up: PicksUp,
}

impl Default for RingTerms {
    fn default() -> Self {
        RingTerms {
            strategy: Strategy::Parallel,
            timeout: None,
            target_timeout: None,
            ends_on_6xx: true,
            hears: Hears::EarlyMedia,
            picks_up: PicksUp::WhenAnswered,
        }
    }
}

/// In which order the members of a ring group are rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// All at once.
    Parallel,
    /// One after the other, as they are listed.
    Sequential,
    /// One after the other; each call begins with the member after the one that the call before began with.
    RoundRobin,
}

/// What a caller hears of a ring group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hears {
    /// The early media of one member at a time, where one brings any.
    EarlyMedia,
    /// Its own ringing tone, whatever the members bring.
    Ringing,
}

/// When the caller of a ring group is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PicksUp {
    /// When a member has answered.
    WhenAnswered,
    /// Before anybody rings.
    AtOnce,
}
