//! Phones that each send a tone of their own, and what a phone hears.

use std::net::SocketAddr;
use tandem_phone::{Call, media::Stream};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim};

pub(crate) const TONES: [(SocketAddr, f64); 4] = [(ALICE, 440.0), (BOB, 620.0), (CAROL, 850.0), (DORA, 1000.0)];

/// Gives each phone its tone, in hertz.
pub(crate) fn tones(sim: &mut Sim) {
    for (phone, tone) in TONES {
        sim.phone_mut(phone).setup_mut().tone = Some(tone);
    }
}

/// What comes to the phone in its first call.
pub(crate) fn stream(sim: &Sim, phone: SocketAddr) -> &Stream {
    sim.call(phone).stream().expect("the phone has sound")
}

/// Asserts that the phone hears that tone in its first call, whole and as loud as it was sent.
pub(crate) fn assert_hears(sim: &Sim, phone: SocketAddr, tone: f64) {
    assert_hears_in(sim.call(phone), tone);
}

/// The same of any call.
pub(crate) fn assert_hears_in(call: &Call, tone: f64) {
    let heard = call.stream().and_then(|stream| stream.meter().measure());
    let fits =
        heard.is_some_and(|heard| (heard.frequency_hz - tone).abs() < 1.0 && (heard.level_dbov + 13.3).abs() < 0.6 && heard.purity > 0.9);
    assert!(fits, "{heard:?} where {tone} Hz is due");
}
