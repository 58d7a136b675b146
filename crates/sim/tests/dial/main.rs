//! Calls that begin here, on the virtual network: one file per behaviour, each test ending with `Sim::finish`, which asserts that nothing
//! is left behind and that no phone has a complaint.

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;
use tandem_media::Clip;
use tandem_model::{CallId, Dial, DialLeg, DialOrder, EventKind};
use tandem_phone::{Message, When};
use tandem_sim::{Sim, ms};

mod alone;
#[path = "../scenarios/commanded.rs"]
#[allow(dead_code, reason = "shared with the scenarios")]
mod commanded;
mod failures;
#[path = "../scenarios/house.rs"]
#[allow(dead_code, reason = "shared with the scenarios")]
mod house;
mod joined;
mod parallel;
mod races;
#[path = "../scenarios/sound.rs"]
#[allow(dead_code, reason = "shared with the scenarios")]
mod sound;

/// A call to these, one after the other.
fn to(legs: &[&str]) -> Dial {
    let legs = legs.iter().map(|to| DialLeg::new(to)).collect();
    Dial { legs, order: DialOrder::Sequential, then: None, max_duration: None, quiet: false, metadata: None, by: "ops".into() }
}

/// A call to one, and what becomes of it.
fn then(leg: &str, act: &str) -> Dial {
    Dial { then: Some(act.into()), ..to(&[leg]) }
}

/// A house whose phones each send a tone of their own.
fn sounding(mut sim: Sim) -> Sim {
    sound::tones(&mut sim);
    sim
}

#[track_caller]
fn begin(sim: &mut Sim, dial: Dial) -> CallId {
    sim.dial(dial).unwrap_or_else(|error| unreachable!("{error}"))
}

fn is_up(sim: &Sim, phone: SocketAddr) -> bool {
    sim.phone(phone).calls().first().is_some_and(|call| call.has(When::Confirmed))
}

fn run_until_up(sim: &mut Sim, phone: SocketAddr) {
    sim.run_until("it has answered", |sim| is_up(sim, phone));
    sim.run_for(ms(300));
}

/// The statuses that a phone said in its first call.
fn statuses(sim: &Sim, phone: SocketAddr) -> Vec<u16> {
    sim.call(phone).statuses.iter().map(|(_, status)| *status).collect()
}

/// The names of what was told of legs.
fn told(sim: &Sim) -> Vec<&'static str> {
    sim.core().events.iter().map(|event| event.kind.name()).filter(|name| name.starts_with("leg.")).collect()
}

/// Of each leg that failed before it answered: status, words, Q.850 cause.
fn failed(sim: &Sim) -> Vec<(u16, String, u8)> {
    let kinds = sim.core().events.iter().filter_map(|event| match &event.kind {
        EventKind::LegFailed(end) => Some((end.sip_status, end.reason.to_string(), end.q850_cause)),
        _ => None,
    });
    kinds.collect()
}

/// The INVITEs that a phone got.
fn invites(sim: &Sim, phone: SocketAddr) -> Vec<&Message> {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).collect()
}

/// The Reason of the BYE or CANCEL that a phone got.
fn reason(sim: &Sim, phone: SocketAddr, method: &str) -> String {
    let request = sim.phone(phone).heard(method).find(|message| message.is_request());
    request.and_then(|request| request.header("Reason")).unwrap_or_default().to_owned()
}

/// Whether the phone hears that frequency by now.
#[track_caller]
fn assert_frequency(sim: &Sim, phone: SocketAddr, hz: f64) {
    let heard = sound::stream(sim, phone).meter().measure();
    assert!(heard.is_some_and(|heard| (heard.frequency_hz - hz).abs() < 2.0 && heard.purity > 0.6), "{heard:?} where {hz} Hz is due");
}

/// The node has a prompt of that name, frequency and length.
fn prompt(sim: &mut Sim, name: &str, hz: f64, length: Duration) {
    const RATE_HZ: u32 = 16_000;
    let samples = (f64::from(RATE_HZ) * length.as_secs_f64()) as usize;
    let sample = |n: usize| (10_000.0 * (TAU * hz * n as f64 / f64::from(RATE_HZ)).sin()) as i16;
    sim.core_mut().shard.prompts.insert(name.into(), Clip::new(RATE_HZ, (0..samples).map(sample).collect()));
}
