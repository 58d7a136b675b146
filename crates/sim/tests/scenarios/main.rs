//! Scenarios on the virtual network: one file per behaviour, each ending with `Sim::finish`, which asserts that nothing
//! is left behind and that no phone has a complaint.

use tandem_sim::Sim;

mod audio;
mod basic_call;
mod builtin_answers;
mod bye;
mod cancel;
mod cancel_races_200;
mod codecs;
mod direct_media;
mod early_media;
mod expires;
mod failover;
mod failures;
mod forks;
mod in_dialog_races;
mod in_dialog_requests;
mod late_offer;
mod limits;
mod lost_ack;
mod media_session;
mod multipart;
mod odd_rtp;
mod refused_requests;
mod reinvite;
mod reinvite_races;
mod retransmissions;
mod routes;
mod sips;
mod target_refresh;
mod tcp;
mod timeouts;
mod timer_races;
mod transports;

/// The statuses that a caller heard, or a callee said, in its first call.
fn statuses(sim: &Sim, phone: std::net::SocketAddr) -> Vec<u16> {
    sim.call(phone).statuses.iter().map(|(_, status)| *status).collect()
}

/// Orders that one race may be played in, before the rest are only sampled.
const RACE_LIMIT: usize = 3000;
