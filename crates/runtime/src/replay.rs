//! Runs a dumped call again: the same inputs at the same times, so the same outputs.

use crate::{
    containment::contain,
    flight_recorder::{Dump, Entry, Fault, Founding, Recorded},
    ladder::Ladder,
};
use bytes::Bytes;
use tandem_model::{EndReason, EventKind, Flow, LegId, Timestamp};
use tandem_signalling::{Arrival, CallSetup, Input, Machine, Output, Transmit, message::Message, transaction::TransactionKey};

/// What came of it.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Every message in and out.
    pub ladder: Ladder,
    /// What the call sent, in order.
    pub sent: Vec<(Timestamp, Transmit)>,
    /// Why the call ended, if it did.
    pub ended: Option<EndReason>,
    /// How it failed, if it did.
    pub fault: Option<Fault>,
    /// A letter from another call, by its place among the inputs: what came with it is not in the dump, so the call was run up to
    /// there.
    pub stopped_at: Option<usize>,
}

/// Why a dump could not be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A recorded message is none (any more).
    #[error("input {0}: not a SIP message")]
    NoMessage(usize),
    /// A call is founded once, by its first input.
    #[error("input {0}: a call can only begin at the beginning")]
    Misplaced(usize),
}

/// Runs it.
///
/// # Errors
/// [`ReplayError`] where the file was tampered with.
pub fn replay(dump: &Dump) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let mut call = None;
    for (index, entry) in dump.entries.iter().enumerate() {
        let now = entry.at;
        let outcome = match (&entry.recorded, &mut call) {
            (Recorded::Founded(founding), None) => {
                let arrival = arrival(&founding.bytes, founding.flow, founding.key, None, 0).ok_or(ReplayError::NoMessage(index))?;
                replayed.heard(now, &arrival);
                found(dump, now, founding, arrival).map(|founded| call = Some(founded))
            }
            (Recorded::Founded(_), Some(_)) | (_, None) => return Err(ReplayError::Misplaced(index)),
            (Recorded::Letter { from, what, .. }, Some(_)) => {
                let tandem = replayed.ladder.participant("tandem");
                replayed.ladder.note(now, tandem, format!("letter \"{what}\" from {from}"));
                replayed.stopped_at = Some(index);
                return Ok(replayed);
            }
            (recorded, Some(call)) => {
                let input = input(recorded).ok_or(ReplayError::NoMessage(index))?;
                if let Input::Message(arrival) | Input::Referred(arrival, _) = &input {
                    replayed.heard(now, arrival);
                }
                if let Input::Command(_, command) = &input {
                    let tandem = replayed.ladder.participant("tandem");
                    replayed.ladder.note(now, tandem, format!("told to: {}", command.name()));
                }
                contain(|| call.handle(now, input))
            }
        };
        if let Err(fault) = outcome {
            let tandem = replayed.ladder.participant("tandem");
            replayed.ladder.note(now, tandem, format!("panic: {}", fault.message));
            replayed.fault = Some(fault);
            // What is left of the call may fail once more when it is dropped; the first fault is the one to tell.
            let _ = contain(|| drop(call));
            return Ok(replayed);
        }
        if let Some(call) = &mut call {
            replayed.drain(now, call);
        }
    }
    Ok(replayed)
}

/// A call as it stood before the last of `entries`, which it died of: what it was told before that, told again. `None` if it dies
/// of that as well, or if some of it is missing, as of a call that has had letters from others.
pub(crate) fn revive(setup: &CallSetup, entries: &[Entry]) -> Option<Machine> {
    let (_, told) = entries.split_last()?;
    let (first, told) = told.split_first()?;
    let Recorded::Founded(founding) = &first.recorded else { return None };
    contain(|| {
        let invite = arrival(&founding.bytes, founding.flow, founding.key, None, 0)?;
        let mut call = Machine::found(setup.clone(), first.at, invite, founding.origin.clone(), founding.profile.clone());
        while call.poll_output().is_some() {}
        for entry in told {
            call.handle(entry.at, input(&entry.recorded)?);
            // It was all carried out the first time.
            while call.poll_output().is_some() {}
        }
        Some(call)
    })
    .ok()?
}

fn found(dump: &Dump, now: Timestamp, founding: &Founding, arrival: Box<Arrival>) -> Result<Machine, Fault> {
    let setup = dump.call_setup(founding);
    contain(|| Machine::found(setup, now, arrival, founding.origin.clone(), founding.profile.clone()))
}

fn input(recorded: &Recorded) -> Option<Input> {
    Some(match recorded {
        Recorded::Founded(_) | Recorded::Letter { .. } => return None,
        Recorded::Message { flow, key, serial, leg, bytes } => Input::Message(arrival(bytes, *flow, *key, *leg, *serial)?),
        Recorded::Referred { flow, key, origin, bytes } => Input::Referred(arrival(bytes, *flow, *key, None, 0)?, origin.clone()),
        Recorded::Decided(id, decision) => Input::Decided(*id, decision.clone()),
        Recorded::Media(event) => Input::Media(event.clone()),
        Recorded::Unreachable(listener, destination, delivery) => Input::Unreachable(*listener, destination.clone(), *delivery),
        Recorded::Located(leg, located) => Input::Located(*leg, located.clone()),
        Recorded::Command(id, command) => Input::Command(*id, command.clone()),
        Recorded::End(reason) => Input::End(*reason),
        Recorded::Wake => Input::Wake,
    })
}

fn arrival(bytes: &[u8], flow: Flow, key: u128, leg: Option<LegId>, serial: u16) -> Option<Box<Arrival>> {
    let message = Message::parse(Bytes::copy_from_slice(bytes)).ok()?;
    Some(Box::new(Arrival { message, flow, key: TransactionKey::from_bits(key), leg, serial }))
}

impl Replayed {
    fn heard(&mut self, now: Timestamp, arrival: &Arrival) {
        let from = self.ladder.participant(&arrival.flow.remote.to_string());
        let tandem = self.ladder.participant("tandem");
        self.ladder.message(now, from, tandem, start_of(&arrival.message));
    }

    fn drain(&mut self, now: Timestamp, call: &mut Machine) {
        let tandem = self.ladder.participant("tandem");
        while let Some(output) = call.poll_output() {
            match output {
                Output::Send(transmit) => {
                    let to = self.ladder.participant(&transmit.destination.to_string());
                    let text = Message::parse(transmit.bytes.clone()).map(|message| start_of(&message)).unwrap_or_default();
                    self.ladder.message(now, tandem, to, text);
                    self.sent.push((now, *transmit));
                }
                Output::Notify(event) => {
                    if let EventKind::CallEnded(record) = &event.kind {
                        self.ended = Some(record.reason);
                        self.ladder.note(now, tandem, format!("ended: {}", record.reason));
                    }
                }
                _ => {}
            }
        }
    }
}

/// A message in a word or three, as a ladder shows it.
pub fn start_of(message: &Message) -> String {
    let sdp = if message.sdp_body().is_some_and(|body| !body.is_empty()) { " (SDP)" } else { "" };
    if message.is_request() {
        format!("{}{sdp}", message.method_token())
    } else {
        format!("{} {}{sdp}", message.status(), message.reason())
    }
}
