//! Calls that are told to do something while they go on.

use std::net::SocketAddr;
use tandem_model::{CallCommand, CallId, CommandError, CommandOutcome, EventKind, LegId};
use tandem_phone::{Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms};

/// What a command came to.
pub(crate) type Outcome = Result<CommandOutcome, CommandError>;

pub(crate) const DONE: Outcome = Ok(CommandOutcome::Done);

/// Alice and bob talk, each with a tone of their own.
pub(crate) fn talking(sim: Sim) -> Sim {
    talking_with(sim, Script::new(), Script::answers(100))
}

/// The same, with what they do in the call.
pub(crate) fn talking_with(mut sim: Sim, alice: Script, bob: Script) -> Sim {
    crate::sound::tones(&mut sim);
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    sim
}

/// The call of alice.
pub(crate) fn call(sim: &Sim) -> CallId {
    call_of(sim, ALICE)
}

/// The call that a phone's first call is part of.
pub(crate) fn call_of(sim: &Sim, phone: SocketAddr) -> CallId {
    sim.core().call_of(&sim.call(phone).call_id).expect("the node knows it")
}

/// The leg of alice, who called; and of bob, or whoever was called first.
pub(crate) fn legs(sim: &Sim) -> [LegId; 2] {
    [0, 1].map(|index| call(sim).leg(index).expect("there are more"))
}

/// Tells alice's call to do something, and lets time pass for what comes of it: what is known then.
pub(crate) fn told(sim: &mut Sim, command: CallCommand) -> Option<Outcome> {
    let call = call(sim);
    let id = sim.command(call, command);
    sim.run_for(ms(300));
    sim.outcome(id).cloned()
}

/// The same where it is to be done.
pub(crate) fn done(sim: &mut Sim, command: CallCommand) {
    let shown = format!("{command:?}");
    assert_eq!(told(sim, command), Some(DONE), "{shown}");
}

/// The direction that a phone was last offered or answered.
pub(crate) fn direction(sim: &Sim, phone: SocketAddr) -> Option<Direction> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction)
}

/// INVITEs that a phone heard in its first call.
pub(crate) fn invites(sim: &Sim, phone: SocketAddr) -> usize {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request() && message.call_id() == sim.call(phone).call_id).count()
}

/// Packets that reach a phone in a third of a second.
pub(crate) fn heard(sim: &mut Sim, phone: SocketAddr) -> u64 {
    let count = |sim: &Sim| sim.call(phone).stream().map_or(0, tandem_phone::media::Stream::received);
    let before = count(sim);
    sim.run_for(ms(300));
    count(sim) - before
}

pub(crate) fn hears(sim: &mut Sim, phone: SocketAddr) -> bool {
    heard(sim, phone) > 10
}

pub(crate) fn is_silent(sim: &mut Sim, phone: SocketAddr) -> bool {
    heard(sim, phone) == 0
}

/// The names of what was told of a leg.
pub(crate) fn events(sim: &Sim, leg: LegId) -> Vec<EventKind> {
    sim.core().events.iter().filter(|event| event.leg == Some(leg)).map(|event| event.kind.clone()).collect()
}
