//! Calls that begin here: somebody tells us to call somebody.

use crate::{Caller, LegId, Login, MAX_MEMBERS, Origin};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// A call that we are told to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// Whom to call: 1 to [`MAX_MEMBERS`]; nobody for a room.
    pub legs: Box<[DialLeg]>,
    /// How, where they are several.
    pub order: DialOrder,
    /// What becomes of the one that answers: a `do` of the configuration as JSON. Nothing with several legs that are called one after the
    /// other.
    pub then: Option<Box<str>>,
    /// The call is ended then, if not before.
    pub max_duration: Option<Duration>,
    /// The first hears nothing while the second is called, and no ringing tone.
    #[serde(default)]
    pub quiet: bool,
    /// What whoever says so wants to read again in the call's record, as JSON. Nobody here looks into it.
    #[serde(default)]
    pub metadata: Option<Arc<str>>,
    /// Who says so: the name of an API key, empty if there is none.
    pub by: Box<str>,
}

/// One leg of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialLeg {
    /// An endpoint as the configuration writes it: `trunk:NAME`, `trunk:NAME/NUMBER`, `user:NAME`, `sip:…`, `sips:…`.
    pub to: Box<str>,
    /// By which trunk a URI goes.
    pub trunk: Option<Box<str>>,
    /// Who calls, to it. `None`: nobody, or the leg that it is to be joined with.
    pub from: Option<Caller>,
    /// Host part of From; `None`: the trunk's, or the node's.
    pub from_domain: Option<Box<str>>,
    /// What its challenges are answered with, in the place of what its trunk has.
    pub login: Option<Arc<Login>>,
    /// Names and values of headers of its INVITE.
    pub headers: Box<[(Box<str>, Box<str>)]>,
    /// No answer for so long: CANCEL. `None`: as its trunk has it.
    pub ring_timeout: Option<Duration>,
    /// What it is to those in whose call it comes.
    #[serde(default)]
    pub manner: Manner,
}

/// How a leg that is added to a call comes into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// What whoever adds it calls it; views of the call say it.
    pub label: Option<Box<str>>,
    /// Nobody hears it until it is unmuted.
    pub muted: bool,
    /// It hears these alone; `None`: all.
    pub hears: Option<Box<[LegId]>>,
}

/// How several are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialOrder {
    /// Each when the one before has answered, and they are joined.
    Sequential,
    /// All at once; the first answer has the call.
    Parallel,
    /// Nobody yet: the call is a room, and all who come are added to it. They hear each other; one alone hears nothing. It ends with the last
    /// of them, or if nobody is added to it.
    Room,
}

/// A leg that is to be dialled, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calling {
    /// Who wants it called.
    pub by: Origin,
    /// Whom.
    pub leg: DialLeg,
}

impl DialLeg {
    /// A leg of which nothing is said but where it goes.
    pub fn new(to: &str) -> DialLeg {
        DialLeg {
            to: to.into(),
            trunk: None,
            from: None,
            from_domain: None,
            login: None,
            headers: Box::default(),
            ring_timeout: None,
            manner: Manner::default(),
        }
    }
}

/// Legs that are called one after the other and joined.
pub const MAX_IN_TURN: usize = 2;

impl Dial {
    /// Whether it can be made.
    ///
    /// # Errors
    /// What of it cannot.
    pub fn check(&self) -> Result<(), DialError> {
        match (self.legs.len(), self.order) {
            (0, DialOrder::Room) => Ok(()),
            (_, DialOrder::Room) => Err(DialError::TooManyLegs(0)),
            (0, _) => Err(DialError::Nobody),
            (legs, _) if legs > MAX_MEMBERS => Err(DialError::TooManyLegs(MAX_MEMBERS)),
            (legs, DialOrder::Sequential) if legs > MAX_IN_TURN => Err(DialError::TooManyLegs(MAX_IN_TURN)),
            (2.., DialOrder::Sequential) if self.then.is_some() => Err(DialError::ThenWithSeveral),
            _ => Ok(()),
        }
    }

    /// Whose calls these are.
    pub fn origin(&self) -> Origin {
        Origin::Api { name: self.by.clone() }
    }
}

/// Why a call was not begun. One that has an id is none of these: its events tell what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialError {
    /// No leg.
    Nobody,
    /// So many are possible.
    TooManyLegs(usize),
    /// What becomes of one that answers cannot be said where several are joined.
    ThenWithSeveral,
    /// The node is about to stop.
    Draining,
    /// The node has all the calls that it may have, or they come too fast: again in so many seconds.
    Full {
        /// Seconds.
        retry_after_s: u32,
    },
    /// As much waits for the node as may, or it has stopped.
    Busy,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Nobody => f.write_str("legs: there is nobody to call"),
            DialError::TooManyLegs(most) => write!(f, "legs: no more than {most} are called so"),
            DialError::ThenWithSeveral => f.write_str("then: legs that are joined need none"),
            DialError::Draining => f.write_str("the node takes no new calls: it is about to stop"),
            DialError::Full { retry_after_s } => write!(f, "the node is full: try again in {retry_after_s} s"),
            DialError::Busy => f.write_str("the node has as much to do as may wait"),
        }
    }
}

impl std::error::Error for DialError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(legs: usize, order: DialOrder, then: bool) -> Dial {
        let legs = vec![DialLeg::new("user:alice"); legs].into();
        Dial { legs, order, then: then.then(|| "{}".into()), max_duration: None, quiet: false, metadata: None, by: "ops".into() }
    }

    #[test]
    fn what_can_be_made() {
        use DialOrder::{Parallel, Room, Sequential};
        for (legs, order, then, expected) in [
            (1, Sequential, true, Ok(())),
            (2, Sequential, false, Ok(())),
            (16, Parallel, true, Ok(())),
            (0, Parallel, false, Err(DialError::Nobody)),
            (3, Sequential, false, Err(DialError::TooManyLegs(2))),
            (17, Parallel, false, Err(DialError::TooManyLegs(16))),
            (2, Sequential, true, Err(DialError::ThenWithSeveral)),
            (0, Room, false, Ok(())),
            (1, Room, false, Err(DialError::TooManyLegs(0))),
        ] {
            assert_eq!(dial(legs, order, then).check(), expected, "{legs} {order:?} {then}");
        }
    }
}
