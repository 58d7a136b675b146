//! A call written out: JSON lines, the first says what the call was made from, each other is one input.
//!
//! The file holds no key and no password: secrets were masked on their way in, and what the call minted is translated to
//! [`replay_minter`]. It does hold the numbers and addresses that the messages name.

use super::{FlightRecorder, Trail, mask::mask_passwords, translate_tokens};
use serde::{Deserialize, Serialize};
use std::{fmt::Write, net::IpAddr, sync::Arc, time::Duration};
use tandem_model::{
    Action, CallCommand, CallId, CommandId, Decision, Delivery, Destination, Dial, EndReason, Flow, Hop, LegId, LegPlan, LegProfile,
    ListenerId, MediaEvent, NoHop, Origin, QuestionId, Timestamp, Transport,
};
use tandem_signalling::{CallSetup, ListenerFacts, Minter, NodeFacts, Terms, transaction::TransactionKeys};

/// The format's version; a file of another one is refused.
pub(super) const VERSION: u32 = 5;

/// A whole call.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// What it was made from, and why it was written out.
    pub setup: Setup,
    /// What it was told, oldest first; the first is its founding.
    pub entries: Vec<Entry>,
}

/// The first line of a dump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The version of the format.
    pub tandem_dump: u32,
    /// The program that wrote it.
    pub program: String,
    /// Which call, as the log names it.
    pub name: String,
    /// Which call.
    pub call: CallId,
    /// Wall-clock time of the node's timestamp 0, in milliseconds since the Unix epoch.
    pub epoch_unix_ms: u64,
    /// The node's listeners, in order.
    pub listeners: Vec<Listener>,
    /// `[node] domain`.
    pub domain: Option<String>,
    /// `max_duration`, `inactivity_timeout` and `hold_timeout` of `[calls]`, in seconds.
    pub timeouts_s: [f64; 3],
    /// The fault that a test injected.
    pub injected: Option<String>,
    /// How the call failed; `None` if it did not.
    pub fault: Option<Fault>,
}

/// A listener as the call's messages name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    transport: Transport,
    bound: IpAddr,
    advertise: String,
    host: String,
}

/// A panic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What it said.
    pub message: String,
    /// File, line and column.
    pub place: String,
}

/// One input and when it was handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds of the node's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub recorded: Recorded,
}

/// The inputs of a call as they are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// The call began.
    Founded(Box<Founding>),
    /// The call began because somebody told us to make it.
    Dialled {
        /// Decides every random choice of the call.
        seed: u64,
        /// What we were told.
        dial: Box<Dial>,
    },
    /// A message.
    Message {
        /// How it came.
        flow: Flow,
        /// Its transaction.
        #[serde(with = "hex_key")]
        key: u128,
        /// Its client transaction within the leg, for a response.
        serial: u16,
        /// Its leg.
        leg: Option<LegId>,
        /// The whole of it.
        #[serde(with = "wire_text")]
        bytes: Vec<u8>,
    },
    /// A REFER outside of any dialog that names one of the call.
    Referred {
        /// How it came.
        flow: Flow,
        /// Its transaction.
        #[serde(with = "hex_key")]
        key: u128,
        /// Whose it was.
        origin: Origin,
        /// The whole of it.
        #[serde(with = "wire_text")]
        bytes: Vec<u8>,
    },
    /// Policy answered.
    Decided(QuestionId, Box<Decision>),
    /// News of the media session.
    Media(Box<MediaEvent>),
    /// Something could not be delivered there.
    Unreachable(ListenerId, Destination, Delivery),
    /// What came of the search for the hops of a leg's target.
    Located(LegId, Result<Box<[Hop]>, NoHop>),
    /// Somebody told the call to do something.
    Command(CommandId, Box<CallCommand>),
    /// Somebody ended the call.
    End(EndReason),
    /// A timer was due.
    Wake,
    /// A letter came from another call, or one came back. What it held is not kept: a call can be run again up to here.
    Letter {
        /// Whose letter.
        from: CallId,
        /// Its kind.
        what: String,
        /// The leg that came in it.
        leg: Option<LegId>,
    },
}

/// What a call was founded on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Founding {
    /// How the INVITE came.
    pub flow: Flow,
    /// Its transaction.
    #[serde(with = "hex_key")]
    pub key: u128,
    /// Decides every random choice of the call.
    pub seed: u64,
    /// Whose it was.
    pub origin: Origin,
    /// How to speak with them.
    pub profile: LegProfile,
    /// The whole INVITE.
    #[serde(with = "wire_text")]
    pub bytes: Vec<u8>,
}

/// Why a text is no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Written by a version that we cannot read.
    #[error("line 1: a dump of version {0}; this program reads version {VERSION}")]
    Version(u32),
    /// A line that is not what it should be.
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
    /// There is no first line, or the second is not the call's founding.
    #[error("not a dump of a whole call")]
    Incomplete,
}

/// The minter that dumps are translated to and replayed under. Its key is no secret, so it guards nothing.
pub(super) fn replay_minter() -> Minter {
    Minter::new(*b"tandem replay 01")
}

impl Dump {
    /// Takes a call out of the recorder; `None` when some of it is gone.
    pub fn take(recorder: &FlightRecorder, trail: &Trail, setup: &CallSetup, epoch_unix_ms: u64, fault: Option<Fault>) -> Option<Dump> {
        let mut entries = recorder.recall(trail)?;
        let minter = replay_minter();
        for entry in &mut entries {
            match &mut entry.recorded {
                Recorded::Founded(founding) => translate_tokens(&mut founding.bytes, &setup.node.minter, &minter),
                Recorded::Message { bytes, .. } | Recorded::Referred { bytes, .. } => translate_tokens(bytes, &setup.node.minter, &minter),
                Recorded::Decided(_, decision) => mask_plans(decision),
                Recorded::Dialled { dial, .. } => mask_legs(dial),
                _ => {}
            }
        }
        let node = &setup.node;
        let listener = |facts: &ListenerFacts| Listener {
            transport: facts.transport,
            bound: facts.bound,
            advertise: facts.advertise.as_ref().to_owned(),
            host: facts.host.as_ref().to_owned(),
        };
        let setup = Setup {
            tandem_dump: VERSION,
            program: concat!("tandem ", env!("CARGO_PKG_VERSION")).to_owned(),
            name: setup.id.to_string(),
            call: setup.id,
            epoch_unix_ms,
            listeners: node.listeners.iter().map(listener).collect(),
            domain: node.terms.domain.as_deref().map(str::to_owned),
            timeouts_s: [node.terms.max_duration, node.terms.inactivity_timeout, node.terms.hold_timeout]
                .map(|timeout| timeout.as_secs_f64()),
            injected: node.fault.as_ref().map(|fault| fault.as_ref().to_owned()),
            fault,
        };
        Some(Dump { setup, entries })
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let lines = std::iter::once(serde_json::to_string(&self.setup)).chain(self.entries.iter().map(serde_json::to_string));
        for line in lines {
            // Plain structs of strings and numbers always serialize.
            let _ = writeln!(text, "{}", line.unwrap_or_default());
        }
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`DumpError`] with the line.
    pub fn from_text(text: &str) -> Result<Dump, DumpError> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or(DumpError::Incomplete)?;
        let version: Version = serde_json::from_str(first).map_err(|error| DumpError::Line(1, error))?;
        if version.tandem_dump != VERSION {
            return Err(DumpError::Version(version.tandem_dump));
        }
        let setup: Setup = serde_json::from_str(first).map_err(|error| DumpError::Line(1, error))?;
        let entry = |(index, line): (usize, &str)| serde_json::from_str(line).map_err(|error| DumpError::Line(index + 1, error));
        let entries: Vec<Entry> = lines.filter(|(_, line)| !line.trim().is_empty()).map(entry).collect::<Result<_, _>>()?;
        let founded = matches!(entries.first(), Some(Entry { recorded: Recorded::Founded(_) | Recorded::Dialled { .. }, .. }));
        if founded && !setup.listeners.is_empty() { Ok(Dump { setup, entries }) } else { Err(DumpError::Incomplete) }
    }

    /// What the call was made from, under the replay's own keys.
    pub fn call_setup(&self, seed: u64) -> CallSetup {
        let listener = |listener: &Listener| ListenerFacts {
            transport: listener.transport,
            bound: listener.bound,
            advertise: listener.advertise.as_str().into(),
            host: listener.host.as_str().into(),
        };
        let [max_duration, inactivity_timeout, hold_timeout] =
            self.setup.timeouts_s.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let node = NodeFacts {
            minter: replay_minter(),
            keys: TransactionKeys::new(*b"tandem replay 02"),
            listeners: self.setup.listeners.iter().map(listener).collect(),
            terms: Terms { domain: self.setup.domain.as_deref().map(Into::into), max_duration, inactivity_timeout, hold_timeout },
            fault: self.setup.injected.as_deref().map(Into::into),
        };
        CallSetup { id: self.setup.call, seed, node: Arc::new(node) }
    }
}

/// The URIs that legs are sent to are the configuration's or the caller's.
fn mask_plans(decision: &mut Decision) {
    let legs: Box<dyn Iterator<Item = &mut LegPlan>> = match decision {
        Decision::Route { action: Action::Bridge { legs, .. }, .. } => Box::new(legs.iter_mut()),
        Decision::Route { action: Action::Ring(group), .. } => Box::new(group.members.iter_mut().flatten()),
        _ => return,
    };
    for leg in legs {
        leg.binding.iter_mut().map(|binding| &mut binding.contact).chain([&mut leg.uri]).for_each(mask_text);
        leg.presentation.iter_mut().flat_map(|presentation| &mut presentation.headers).for_each(|(_, value)| mask_text(value));
    }
}

/// The same for those whom we are told to call. Their logins are not kept at all.
fn mask_legs(dial: &mut Dial) {
    for leg in &mut dial.legs {
        mask_text(&mut leg.to);
        leg.headers.iter_mut().for_each(|(_, value)| mask_text(value));
    }
}

fn mask_text(text: &mut Box<str>) {
    let mut masked = text.as_bytes().to_vec();
    mask_passwords(&mut masked);
    *text = String::from_utf8_lossy(&masked).into();
}

#[derive(Deserialize)]
struct Version {
    tandem_dump: u32,
}

/// A transaction's key, as hexadecimal text: JSON's numbers are too short for it in most readers.
mod hex_key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(key: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{key:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

/// A message as text where it is text, else as hexadecimal.
mod wire_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::fmt::Write;

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Wire<T> {
        Text(T),
        Hex(T),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Wire::Text(text).serialize(serializer);
        }
        let mut hex = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Wire::Hex(hex.as_str()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        match Wire::<String>::deserialize(deserializer)? {
            Wire::Text(text) => Ok(text.into_bytes()),
            Wire::Hex(hex) => {
                let pairs =
                    hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
                pairs.collect::<Option<_>>().ok_or_else(|| D::Error::custom("not hexadecimal"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::{NO_TARGET, RingGroup, RingTerms};

    #[test]
    fn where_legs_are_sent_is_told_without_passwords() {
        let profile = LegProfile::default();
        let destination = Destination::Address(([192, 0, 2, 1], 5060).into());
        let plan = LegPlan {
            endpoint: "trunk:a".into(),
            trunk: None,
            target: NO_TARGET,
            uri: "sip:a:5ecret@b".into(),
            destination,
            profile,
            forwarded: false,
            binding: None,
            presentation: None,
        };
        let action = Action::Bridge { legs: [plan].into(), timeout: None, anchor: true, ringback: None };
        let Action::Bridge { legs, .. } = &action else { unreachable!() };
        let group = RingGroup {
            members: [legs.clone()].into(),
            terms: RingTerms::default(),
            anchor: true,
            turns: Box::default(),
            tries: false,
            ringback: None,
        };
        for action in [Action::Ring(Box::new(group)), action] {
            let mut decision = Decision::Route { rule: "all".into(), action, record: None };
            mask_plans(&mut decision);
            let text = serde_json::to_string(&decision).unwrap();
            assert!(text.contains("\"sip:a:******@b\""), "{text}");
        }
    }
}
