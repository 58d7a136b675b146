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
    /// Every message in and out, and what else the call was told.
    pub happened: Vec<Happened>,
    /// Why the call ended, if it did.
    pub ended: Option<EndReason>,
    /// How it failed, if it did.
    pub fault: Option<Fault>,
    /// A letter from another call, by its place among the inputs: what came with it is not in the dump, so the call was run up to
    /// there.
    pub stopped_at: Option<usize>,
}

/// Something that happened to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What can happen to a call, as far as its story is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A message came.
    Received(Flow, Bytes),
    /// It sent one.
    Sent(Box<Transmit>),
    /// Something else, in words.
    Noted(String),
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
    run(|seed| dump.call_setup(seed), &dump.entries)
}

/// Runs what was recorded of a call that is made from that setup, by its seed.
pub(crate) fn run(setup: impl Fn(u64) -> CallSetup, entries: &[Entry]) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let mut call = None;
    for (index, entry) in entries.iter().enumerate() {
        let now = entry.at;
        let outcome = match (&entry.recorded, &mut call) {
            (Recorded::Founded(founding), None) => {
                let arrival = arrival(&founding.bytes, founding.flow, founding.key, None, 0).ok_or(ReplayError::NoMessage(index))?;
                replayed.heard(now, &arrival);
                found(setup(founding.seed), now, founding, arrival).map(|founded| call = Some(founded))
            }
            (Recorded::Dialled { seed, dial: told }, None) => {
                let called: Vec<&str> = told.legs.iter().map(|leg| &*leg.to).collect();
                replayed.note(now, format!("told to dial: {}", called.join(", ")));
                contain(|| Machine::dial(setup(*seed), now, (**told).clone())).map(|dialled| call = Some(dialled))
            }
            (Recorded::Founded(_) | Recorded::Dialled { .. }, Some(_)) | (_, None) => return Err(ReplayError::Misplaced(index)),
            (Recorded::Letter { from, what, .. }, Some(_)) => {
                replayed.note(now, format!("letter \"{what}\" from {from}"));
                replayed.stopped_at = Some(index);
                return Ok(replayed);
            }
            (recorded, Some(call)) => {
                let input = input(recorded).ok_or(ReplayError::NoMessage(index))?;
                if let Input::Message(arrival) | Input::Referred(arrival, _) = &input {
                    replayed.heard(now, arrival);
                }
                if let Input::Command(_, command) = &input {
                    replayed.note(now, format!("told to: {}", command.name()));
                }
                contain(|| call.handle(now, input))
            }
        };
        if let Err(fault) = outcome {
            replayed.note(now, format!("panic: {}", fault.message));
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
    contain(|| {
        let mut call = match &first.recorded {
            Recorded::Founded(founding) => {
                let invite = arrival(&founding.bytes, founding.flow, founding.key, None, 0)?;
                Machine::found(setup.clone(), first.at, invite, founding.origin.clone(), founding.profile.clone())
            }
            Recorded::Dialled { dial, .. } => Machine::dial(setup.clone(), first.at, (**dial).clone()),
            _ => return None,
        };
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

fn found(setup: CallSetup, now: Timestamp, founding: &Founding, arrival: Box<Arrival>) -> Result<Machine, Fault> {
    contain(|| Machine::found(setup, now, arrival, founding.origin.clone(), founding.profile.clone()))
}

fn input(recorded: &Recorded) -> Option<Input> {
    Some(match recorded {
        Recorded::Founded(_) | Recorded::Dialled { .. } | Recorded::Letter { .. } => return None,
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
    /// Who sent what to whom.
    pub fn ladder(&self) -> Ladder {
        let mut ladder = Ladder::default();
        let start = |bytes: &Bytes| Message::parse(bytes.clone()).map(|message| start_of(&message)).unwrap_or_default();
        for Happened { at, what } in &self.happened {
            match what {
                Happening::Received(flow, bytes) => {
                    let from = ladder.participant(&flow.remote.to_string());
                    let tandem = ladder.participant("tandem");
                    ladder.message(*at, from, tandem, start(bytes));
                }
                Happening::Sent(transmit) => {
                    let tandem = ladder.participant("tandem");
                    let to = ladder.participant(&transmit.destination.to_string());
                    ladder.message(*at, tandem, to, start(&transmit.bytes));
                }
                Happening::Noted(text) => {
                    let tandem = ladder.participant("tandem");
                    ladder.note(*at, tandem, text.clone());
                }
            }
        }
        ladder
    }

    /// What the call sent, in order.
    pub fn sent(&self) -> impl Iterator<Item = &Transmit> {
        self.happened.iter().filter_map(|happened| if let Happening::Sent(transmit) = &happened.what { Some(&**transmit) } else { None })
    }

    fn note(&mut self, at: Timestamp, text: String) {
        self.happened.push(Happened { at, what: Happening::Noted(text) });
    }

    fn heard(&mut self, at: Timestamp, arrival: &Arrival) {
        self.happened.push(Happened { at, what: Happening::Received(arrival.flow, arrival.message.bytes().clone()) });
    }

    fn drain(&mut self, now: Timestamp, call: &mut Machine) {
        while let Some(output) = call.poll_output() {
            match output {
                Output::Send(transmit) => self.happened.push(Happened { at: now, what: Happening::Sent(transmit) }),
                Output::Notify(event) => {
                    if let EventKind::CallEnded(record) = &event.kind {
                        self.ended = Some(record.reason);
                        self.note(now, format!("ended: {}", record.reason));
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
