//! What every call was told, kept for a while: one bounded ring for the whole node.
//!
//! The core is deterministic, so a call whose inputs are all still here can be written out ([`Dump`]) and run again. Nothing
//! is kept per call but where its newest entry is ([`Trail`]). Secrets are masked as messages come in.

mod dump;
mod folder;
mod mask;
mod pressed;
mod ring;
mod tokens;

pub use dump::{Dump, DumpError, Entry, Fault, Founding, Recorded, Setup};
pub(crate) use folder::write_to_folder;
use mask::Suspicion;
pub use mask::mask_secrets;
pub(crate) use mask::{Passwords, mask_passwords};
pub use tokens::translate_tokens;

use ring::{Label, Position, Ring};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use tandem_model::{
    CallCommand, CallId, CommandId, Decision, Delivery, Destination, Dial, EndReason, Flow, Hop, Key, KeyPress, LegId, LegProfile,
    ListenerId, MediaEvent, NoHop, Origin, QuestionId, Timestamp,
};
use tandem_signalling::{Arrival, CallSetup, Input, message::Message};

/// What an entry's content is: the first byte of its label. Numbers are those of the ring alone, never of a file.
mod kind {
    pub(super) const FOUNDED: u8 = 1;
    pub(super) const MESSAGE: u8 = 2;
    pub(super) const DECIDED: u8 = 3;
    pub(super) const MEDIA: u8 = 4;
    pub(super) const UNREACHABLE: u8 = 5;
    pub(super) const END: u8 = 6;
    pub(super) const WAKE: u8 = 7;
    pub(super) const LETTER: u8 = 8;
    pub(super) const REFERRED: u8 = 9;
    pub(super) const LOCATED: u8 = 10;
    pub(super) const COMMAND: u8 = 11;
    pub(super) const DIALLED: u8 = 12;
}

/// Where a call's newest entry is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail {
    last: Option<Position>,
    /// An entry could not be kept: the call can never be whole.
    broken: bool,
}

/// The recorder. One a signalling thread.
pub struct FlightRecorder {
    ring: Ring,
    /// What goes before a message's bytes, encoded here first so that its length is known.
    scratch: Vec<u8>,
    suspicion: Suspicion,
}

impl FlightRecorder {
    /// A recorder of `bytes`, taken from the system at once.
    pub fn new(bytes: usize) -> Self {
        FlightRecorder { ring: Ring::new(bytes), scratch: Vec::with_capacity(1024), suspicion: Suspicion::new() }
    }

    /// Bytes that hold something, and all that there are.
    pub fn bytes(&self) -> (u64, u64) {
        self.ring.bytes()
    }

    /// A call is about to be founded on this.
    pub fn founded(&mut self, now: Timestamp, setup: &CallSetup, arrival: &Arrival, origin: &Origin, profile: &LegProfile) -> Trail {
        let mut trail = Trail::default();
        let head = (arrival.flow, arrival.key.bits(), setup.seed, origin, profile);
        self.push(&mut trail, label(now, setup.id, kind::FOUNDED), &head, Some(&arrival.message));
        trail
    }

    /// A call is about to be founded because somebody said so.
    pub fn dialled(&mut self, now: Timestamp, setup: &CallSetup, dial: &Dial) -> Trail {
        let mut trail = Trail::default();
        self.push(&mut trail, label(now, setup.id, kind::DIALLED), &(setup.seed, dial), None);
        trail
    }

    /// A call is about to handle this.
    pub fn input(&mut self, trail: &mut Trail, now: Timestamp, call: CallId, input: &Input) {
        let label = |kind| label(now, call, kind);
        match input {
            Input::Message(arrival) => {
                let head = (arrival.flow, arrival.key.bits(), arrival.serial);
                let label = Label { leg: arrival.leg.map_or(0, LegId::bits), ..label(kind::MESSAGE) };
                self.push(trail, label, &head, Some(&arrival.message));
            }
            Input::Decided(id, decision) => self.push(trail, label(kind::DECIDED), &(id, decision), None),
            Input::Media(event) => self.push(trail, label(kind::MEDIA), &*without_key(event), None),
            Input::Unreachable(listener, destination, delivery) => {
                self.push(trail, label(kind::UNREACHABLE), &(*listener, destination, *delivery), None);
            }
            Input::Located(leg, located) => self.push(trail, label(kind::LOCATED), &(leg, located), None),
            Input::Referred(arrival, origin) => {
                let head = (arrival.flow, arrival.key.bits(), origin);
                self.push(trail, label(kind::REFERRED), &head, Some(&arrival.message));
            }
            Input::Letter(from, letter) => {
                // A leg is no bytes that could be kept: from here on the call is not its own inputs alone.
                let label = Label { leg: letter.travels().map_or(0, |(leg, _)| leg.bits()), ..label(kind::LETTER) };
                self.push(trail, label, &(from, letter.name()), None);
            }
            Input::Command(id, command) => self.push(trail, label(kind::COMMAND), &(id, without_keys(command)), None),
            Input::End(reason) => self.push(trail, label(kind::END), reason, None),
            Input::Wake => self.push(trail, label(kind::WAKE), &(), None),
        }
    }

    /// Everything that a call was told, oldest first; `None` once any of it was overwritten.
    pub fn recall(&self, trail: &Trail) -> Option<Vec<Entry>> {
        if trail.broken {
            return None;
        }
        let chain = self.ring.chain(trail.last?)?;
        chain.into_iter().map(|(label, content)| decode(&label, content)).collect()
    }

    fn push(&mut self, trail: &mut Trail, label: Label, head: &impl Serialize, message: Option<&Message>) {
        self.scratch.clear();
        if postcard::to_io(head, &mut self.scratch).is_err() {
            trail.broken = true;
            return;
        }
        let label = Label { previous: trail.last, ..label };
        let (head, bytes) = (&self.scratch, message.map_or(&[][..], |message| message.bytes()));
        let pushed = self.ring.push(label, HEAD_LENGTH + head.len() + bytes.len(), |content| {
            let (length, rest) = content.split_at_mut(HEAD_LENGTH);
            length.copy_from_slice(&(head.len() as u32).to_le_bytes());
            let (front, back) = rest.split_at_mut(head.len());
            front.copy_from_slice(head);
            back.copy_from_slice(bytes);
            if message.is_some_and(|message| self.suspicion.has_secrets(message)) {
                mask_secrets(back);
            }
        });
        match pushed {
            Some(position) => trail.last = Some(position),
            None => trail.broken = true,
        }
    }
}

/// Which keys are pressed may be a secret; how many and how long they are tells all that a call makes of it.
fn without_keys(command: &CallCommand) -> Cow<'_, CallCommand> {
    match (command, Key::of_code(0)) {
        (CallCommand::Press { leg, keys }, Some(key)) => {
            let keys = keys.iter().map(|press| KeyPress { key, ..*press }).collect();
            Cow::Owned(CallCommand::Press { leg: *leg, keys })
        }
        _ => Cow::Borrowed(command),
    }
}

/// The same of a key that media has heard.
fn without_key(event: &MediaEvent) -> Cow<'_, MediaEvent> {
    match (event, Key::of_code(0)) {
        (MediaEvent::Key { leg, ms, .. }, Some(key)) => Cow::Owned(MediaEvent::Key { leg: *leg, key, ms: *ms }),
        _ => Cow::Borrowed(event),
    }
}

fn label(now: Timestamp, call: CallId, kind: u8) -> Label {
    Label { kind, call: call.bits(), leg: 0, time: now.as_micros(), previous: None }
}

/// Bytes that say how long the head of a content is.
const HEAD_LENGTH: usize = 4;

fn decode(label: &Label, content: &[u8]) -> Option<Entry> {
    let (length, rest) = content.split_first_chunk::<HEAD_LENGTH>()?;
    let (head, bytes) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let recorded = match label.kind {
        kind::FOUNDED => {
            let (flow, key, seed, origin, profile): (Flow, u128, u64, Origin, LegProfile) = read(head)?;
            Recorded::Founded(Box::new(Founding { flow, key, seed, origin, profile, bytes: bytes.to_vec() }))
        }
        kind::DIALLED => {
            let (seed, dial): (u64, Dial) = read(head)?;
            Recorded::Dialled { seed, dial: Box::new(dial) }
        }
        kind::MESSAGE => {
            let (flow, key, serial): (Flow, u128, u16) = read(head)?;
            let leg = Some(label.leg).filter(|bits| *bits != 0).map(LegId::from_bits);
            Recorded::Message { flow, key, serial, leg, bytes: bytes.to_vec() }
        }
        kind::DECIDED => {
            let (id, decision): (QuestionId, Decision) = read(head)?;
            Recorded::Decided(id, Box::new(decision))
        }
        kind::MEDIA => Recorded::Media(Box::new(read::<MediaEvent>(head)?)),
        kind::UNREACHABLE => {
            let (listener, destination, delivery) = read::<(ListenerId, Destination, Delivery)>(head)?;
            Recorded::Unreachable(listener, destination, delivery)
        }
        kind::LOCATED => {
            let (leg, located): (LegId, Result<Box<[Hop]>, NoHop>) = read(head)?;
            Recorded::Located(leg, located)
        }
        kind::COMMAND => {
            let (id, command): (CommandId, CallCommand) = read(head)?;
            Recorded::Command(id, Box::new(command))
        }
        kind::END => Recorded::End(read::<EndReason>(head)?),
        kind::WAKE => Recorded::Wake,
        kind::REFERRED => {
            let (flow, key, origin): (Flow, u128, Origin) = read(head)?;
            Recorded::Referred { flow, key, origin, bytes: bytes.to_vec() }
        }
        kind::LETTER => {
            let (from, what): (CallId, String) = read(head)?;
            Recorded::Letter { from, what, leg: Some(label.leg).filter(|bits| *bits != 0).map(LegId::from_bits) }
        }
        _ => return None,
    };
    Some(Entry { at: Timestamp::from_micros(label.time), recorded })
}

fn read<T: DeserializeOwned>(head: &[u8]) -> Option<T> {
    postcard::from_bytes(head).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_key_was_pressed_is_not_kept() {
        let (mut recorder, mut trail) = (FlightRecorder::new(1 << 16), Trail::default());
        let call = CallId::new(1, 1);
        let leg = call.leg(0).unwrap();
        let heard = |sign| MediaEvent::Key { leg, key: Key::of_sign(sign).unwrap(), ms: 120 };
        recorder.input(&mut trail, Timestamp::from_micros(5), call, &Input::Media(Box::new(heard('7'))));
        let entries = recorder.recall(&trail).unwrap();
        let kept = |entry: &Entry| if let Recorded::Media(event) = &entry.recorded { Some((**event).clone()) } else { None };
        assert_eq!(entries.iter().filter_map(kept).collect::<Vec<_>>(), [heard('0')]);
    }
}
