//! Hold and resume in every form that phones have for it, from either side, by re-INVITE and by UPDATE (RFC 3264 §8.4, RFC 6337 §5.3): what
//! the other side is offered, what the holder is answered, and who hears whom.

use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Hold, Offer, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

const SIDES: [(SocketAddr, SocketAddr); 2] = [(ALICE, BOB), (BOB, ALICE)];

/// Which request carries the offer.
const CARRIERS: [fn(Offer) -> Act; 2] = [Act::Reinvite, Act::Update];

/// A way to hold, what the other side is offered then, and what the holder is answered; `None` for a line that is off.
type Form = (Offer, Direction, Option<Direction>);

fn held_by(hold: Hold) -> Offer {
    Offer { hold: Some(hold), ..Offer::default() }
}

fn forms() -> [Form; 5] {
    [
        (Offer::direction(Direction::SendOnly), Direction::SendOnly, Some(Direction::RecvOnly)),
        (Offer::direction(Direction::Inactive), Direction::Inactive, Some(Direction::Inactive)),
        (Offer::direction(Direction::RecvOnly), Direction::RecvOnly, Some(Direction::SendOnly)),
        (held_by(Hold::ZeroAddress), Direction::SendOnly, Some(Direction::RecvOnly)),
        (held_by(Hold::ZeroPort), Direction::Inactive, None),
    ]
}

/// A call with sound.
fn talking(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    for (phone, tone) in [(ALICE, 400.0), (BOB, 500.0)] {
        sim.phone_mut(phone).setup_mut().tone = Some(tone);
    }
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

/// The direction of the line that a phone was last offered or answered; `None` where it is off.
fn direction(sim: &Sim, phone: SocketAddr) -> Option<Direction> {
    let line = sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line())?;
    (line.port != 0).then_some(line.direction)
}

/// Packets that reach a phone in a third of a second.
fn heard(sim: &mut Sim, phone: SocketAddr) -> u64 {
    let count = |sim: &Sim| sim.call(phone).stream().map_or(0, tandem_phone::media::Stream::received);
    let before = count(sim);
    sim.run_for(ms(300));
    count(sim) - before
}

fn hears(sim: &mut Sim, phone: SocketAddr) -> bool {
    heard(sim, phone) > 10
}

fn silent(sim: &mut Sim, phone: SocketAddr) -> bool {
    heard(sim, phone) == 0
}

fn change(sim: &mut Sim, phone: SocketAddr, act: Act) {
    sim.act(phone, act);
    sim.run_for(ms(500));
}

#[test]
fn each_form_from_each_side() {
    for carrier in CARRIERS {
        for (holder, held) in SIDES {
            for (offer, offered, answered) in forms() {
                let mut sim = talking(1);
                change(&mut sim, holder, carrier(offer.clone()));
                assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(offered), answered), "{offer:?}");
                let (to_held, to_holder) = (offered.sends(), offered.receives());
                assert_eq!((hears(&mut sim, held), hears(&mut sim, holder)), (to_held, to_holder), "{offer:?}");
                let direction_now = Offer::direction(Direction::SendRecv);
                change(&mut sim, holder, carrier(direction_now));
                let both = Some(Direction::SendRecv);
                assert_eq!((direction(&sim, held), direction(&sim, holder)), (both, both), "resumed after {offer:?}");
                assert!(hears(&mut sim, held) && hears(&mut sim, holder), "resumed after {offer:?}");
                sim.act(held, Act::Bye);
                sim.finish();
            }
        }
    }
}

/// RFC 6337 §5.3: each side's hold is its own, and ends with its own resume.
#[test]
fn both_sides_hold_at_once() {
    for carrier in CARRIERS {
        for (first, second) in SIDES {
            for (offer, ..) in forms().into_iter().filter(|(offer, ..)| offer.direction != Some(Direction::RecvOnly)) {
                let mut sim = talking(2);
                change(&mut sim, first, carrier(Offer::direction(Direction::SendOnly)));
                change(&mut sim, second, carrier(offer.clone()));
                assert!(silent(&mut sim, first) && silent(&mut sim, second), "{offer:?}");
                change(&mut sim, first, carrier(Offer::direction(Direction::SendRecv)));
                // Only what is said by the direction is repeated in an answer.
                if offer.hold.is_none() {
                    assert!(silent(&mut sim, second), "{offer:?}: who holds still hears nothing");
                }
                change(&mut sim, second, carrier(Offer::direction(Direction::SendRecv)));
                assert!(hears(&mut sim, first) && hears(&mut sim, second), "{offer:?}");
                sim.act(second, Act::Bye);
                sim.finish();
            }
        }
    }
}

#[test]
fn a_hold_may_last() {
    for (holder, held) in SIDES {
        let mut sim = talking(3);
        change(&mut sim, holder, Act::Reinvite(Offer::direction(Direction::Inactive)));
        sim.run_for(secs(600));
        assert_eq!(sim.end_reason(), None, "the time for silence is another while held");
        change(&mut sim, holder, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        assert!(hears(&mut sim, held));
        sim.act(holder, Act::Bye);
        sim.finish();
        assert!(matches!(sim.end_reason(), Some(EndReason::CallerHungUp | EndReason::CalleeHungUp)));
    }
}
