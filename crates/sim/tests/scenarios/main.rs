//! Scenarios on the virtual network: one file per behaviour, each ending with `Sim::finish`, which asserts that nothing
//! is left behind and that no phone has a complaint.

use std::time::Duration;
use tandem_model::EventKind;
use tandem_phone::{Edit, Message, Place, Script};
use tandem_sim::{ALICE, BOB, Run, STANDARD, Sim};

mod announcements;
mod answers_cross_byes;
mod audio;
mod basic_call;
mod behind_one_address;
mod builtin_answers;
mod bye;
mod called_from;
mod caller_id;
mod cancel;
mod cancel_races_200;
mod codecs;
mod command_ends;
mod command_hearing;
mod command_hold;
mod command_hold_races;
mod command_plays;
mod command_presses;
mod command_refusals;
mod command_transfer;
mod commanded;
mod consultations;
mod dialog_failures;
mod digest_challenge;
mod digest_login;
mod digest_races;
mod direct_media;
mod early_media;
mod ends;
mod expires;
mod failover;
mod failures;
mod far;
mod fax;
mod forged_refers;
mod forks;
mod guests;
mod guests_asked;
mod guests_dialled;
mod guests_leaving;
mod guests_races;
mod guests_transferred;
mod header_smuggling;
mod headers;
mod hold_forms;
mod house;
mod in_dialog_races;
mod in_dialog_requests;
mod inactivity;
mod keys;
mod keys_in_transfers;
mod keys_unheard;
mod late_offer;
mod letters;
mod limits;
mod long_requests;
mod long_timers;
mod lost_ack;
mod media_session;
mod message_hops;
mod messages;
mod multipart;
mod nat;
mod next_hop;
mod next_hop_fails;
mod next_hop_memory;
mod numbers;
mod odd_rtp;
mod options;
mod packet_times;
mod peer_restarts;
mod pick_up;
mod pick_up_races;
mod pick_up_sent_over;
mod pick_up_sessions;
mod pings;
mod privacy;
mod proxy;
mod questions_left_behind;
mod recorded_calls;
mod redirects;
mod refused_requests;
mod registrar;
mod registration;
mod registration_calls;
mod registration_ends;
mod registration_failures;
mod registration_held;
mod registration_names;
mod registration_races;
mod reinvite;
mod reinvite_early;
mod reinvite_races;
mod reliable;
mod reliable_floods;
mod reliable_races;
mod reload;
mod reload_midway;
mod reoffer;
mod requests;
mod restore;
mod retransmissions;
mod ring;
mod ring_at_once;
mod ring_early_media;
mod ring_failures;
mod ring_limits;
mod ring_races;
mod ring_reliable;
mod ring_sequential;
mod ringback;
mod ringback_returns;
mod rooms;
mod route_limits;
mod routes;
mod session_ids;
mod session_timer_races;
mod session_timers;
mod shared_source;
mod signatures;
mod sips;
mod smuggled_headers;
mod sound;
mod strangers;
mod target_dialog;
mod target_refresh;
mod tcp;
mod timeouts;
mod timer_races;
mod toll;
mod toll_told;
mod trails;
mod transfer_attended;
mod transfer_attended_races;
mod transfer_blind;
mod transfer_gap;
mod transfer_group;
mod transfer_limits;
mod transfer_pass_replaces;
mod transfer_pass_replaces_races;
mod transfer_passed;
mod transfer_races;
mod transfer_reliable;
mod transfer_replaces;
mod transports;
mod two_sides;
mod update;
mod update_races;
mod user_flow_lost;
mod user_flows;
mod user_limits;
mod user_races;
mod user_returns;
mod user_to_user;
mod users;
mod views;

/// The statuses that a caller heard, or a callee said, in its first call.
fn statuses(sim: &Sim, phone: std::net::SocketAddr) -> Vec<u16> {
    sim.call(phone).statuses.iter().map(|(_, status)| *status).collect()
}

/// How trunks were said to be so far: the name of each event, the trunk, and what of it.
fn states(sim: &Sim) -> Vec<String> {
    let states = sim.core().events.iter().filter_map(|event| match &event.kind {
        EventKind::TrunkUp(state)
        | EventKind::TrunkDown(state)
        | EventKind::Registered(state)
        | EventKind::RefreshFailed(state)
        | EventKind::Unregistered(state)
        | EventKind::TargetUp(state)
        | EventKind::TargetDown(state) => Some([event.kind.name(), &state.trunk, &state.at].join(" ").trim_end().to_owned()),
        _ => None,
    });
    states.collect()
}

/// Alice has called Bob there, and they have talked for that long.
fn talking_in(mut sim: Sim, since: Duration) -> Sim {
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(since);
    sim
}

/// Orders that one race may be played in, before the rest are only sampled.
const RACE_LIMIT: usize = 3000;

/// Time for what crosses at the end of a race; or for the timers, where a message was lost.
fn after_race(sim: &mut Sim, run: &Run) {
    sim.run_for(if run.has_lost() { tandem_sim::secs(40) } else { tandem_sim::ms(500) });
}

/// The standard house with more keys of the trunks `alice` and `bob`, in which bob is called by every number that has no route.
fn worded(alice: &str, bob: &str) -> Sim {
    let text = STANDARD
        .replace("name = \"alice\"", &format!("name = \"alice\"\n{alice}"))
        .replace("name = \"bob\"", &format!("name = \"bob\"\n{bob}"));
    Sim::with_config(1, &format!("{text}\n[[route]]\nname = \"all to bob\"\ndo = {{ bridge = [\"trunk:bob\"] }}\n"))
}

/// Alice calls `number` with these changes to her INVITE, and bob answers: the INVITE that he got.
fn invite_of(sim: &mut Sim, number: &str, edits: &[Edit]) -> Message {
    sim.expect(BOB, Script::answers(100));
    let mut place = Place::new(&sim.uri(ALICE, number)).script(Script::new().bye(500));
    place.edits = edits.to_vec();
    sim.place_with(ALICE, place);
    sim.settle();
    sim.phone(BOB).heard("INVITE").find(|message| message.is_request()).expect("bob is called").clone()
}
