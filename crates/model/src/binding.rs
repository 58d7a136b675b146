//! Where users are: what they registered, and who keeps it.

use crate::{Destination, Flow, ListenerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One contact of a user (RFC 3261 §10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The Contact URI, as it was written.
    pub contact: Box<str>,
    /// Preference among the user's contacts, in thousandths.
    pub q: u16,
    /// It was made, or refreshed last, then.
    pub since: Timestamp,
    /// It holds until then.
    pub until: Timestamp,
    /// Call-ID of the REGISTER that made it or refreshed it last.
    pub call_id: Box<str>,
    /// Its CSeq number.
    pub cseq: u32,
    /// The proxies that calls go through, nearest first (RFC 3327): Path values as they came.
    pub path: Box<[Box<str>]>,
    /// `+sip.instance`, as it was written, without its quotes: which phone it is (RFC 5626 §4.1).
    pub instance: Option<Box<str>>,
    /// Which flow of that phone: then it goes with its flow, and calls go over that.
    pub reg_id: Option<u32>,
    /// What it calls itself; may be empty.
    pub agent: Box<str>,
    /// How its REGISTER came.
    pub flow: Flow,
    /// Which listener calls to it leave from.
    pub listener: ListenerId,
    /// Where they go first.
    pub hop: Destination,
    /// That is its flow, not what it wrote.
    pub over_flow: bool,
    /// It is behind a NAT: what it writes of itself holds there alone.
    pub behind_nat: bool,
}

/// The binding that a leg goes to, as it was when the leg was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingUsed {
    /// Whose it is.
    pub user: Box<str>,
    /// Its Contact URI.
    pub contact: Box<str>,
    /// Call-ID of the REGISTER that made it or refreshed it last.
    pub call_id: Box<str>,
    /// Its CSeq number.
    pub cseq: u32,
    /// The plan before goes to the same phone over another flow: this one is for when that flow fails (RFC 5626 §7).
    pub is_other_flow: bool,
}

impl BindingUsed {
    /// Whether it is that one, and nothing has renewed it since.
    pub fn is(&self, binding: &Binding) -> bool {
        self.cseq == binding.cseq && self.call_id == binding.call_id && self.contact == binding.contact
    }
}

/// Who keeps the bindings of all users. Whether one still holds, and whose they may be, its user sees to.
///
/// A [`Binding`] means something in this process alone: its times count from our start, its listeners are places in the configuration.
/// Who keeps them for longer keeps what `KeptBinding` of `tandem-signalling` says of each, which some have no word for: nobody can take
/// up a connection again.
pub trait Bindings: fmt::Debug {
    /// All of a user's, in the order in which they were given; those that no longer hold may be among them. Each call asks: it is no
    /// place to wait, or to read what is far away.
    fn of(&self, user: &str) -> &[Binding];

    /// These are all of that user's from now on; `of` tells them at once.
    fn keep(&mut self, user: &str, bindings: Vec<Binding>);

    /// All users who have any.
    fn users(&self) -> Vec<Box<str>>;
}

/// Keeps nothing: where there are no users.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBindings;

impl Bindings for NoBindings {
    fn of(&self, _: &str) -> &[Binding] {
        &[]
    }

    fn keep(&mut self, _: &str, _: Vec<Binding>) {}

    fn users(&self) -> Vec<Box<str>> {
        Vec::new()
    }
}
