//! Two phones without anybody between them: what one writes, the other accepts, and neither finds fault.

use std::{collections::VecDeque, net::SocketAddr};
use tandem_model::Timestamp;
use tandem_phone::{Act, Habits, Input, Offer, Outcome, Output, Phone, Place, Refer, Reply, Script, Setup, When, sdp::Direction};

struct Pair {
    now: Timestamp,
    phones: [Phone; 2],
    wire: VecDeque<(SocketAddr, Output)>,
}

impl Pair {
    fn new() -> Pair {
        let addresses: [SocketAddr; 2] = [SocketAddr::from(([10, 0, 0, 1], 5060)), SocketAddr::from(([10, 0, 0, 2], 5060))];
        let phone = |own: usize, name| {
            let mut setup = Setup::new(name, addresses[own], addresses[1 - own], own as u64 + 1);
            setup.tone = Some(400.0 + 200.0 * own as f64);
            Phone::new(setup)
        };
        Pair { now: Timestamp::ZERO, phones: [phone(0, "alice"), phone(1, "bob")], wire: VecDeque::new() }
    }

    /// Everything that happens until `until`, messages arriving at once.
    fn run(&mut self, until: Timestamp) {
        loop {
            for own in 0..2 {
                while let Some(output) = self.phones[own].poll_output() {
                    self.wire.push_back((self.phones[own].setup().address, output));
                }
            }
            if let Some((sender, output)) = self.wire.pop_front() {
                let receiver = if self.phones[0].setup().address == sender { 1 } else { 0 };
                match &output {
                    Output::Send { destination, bytes, .. } => {
                        self.phones[receiver].handle(self.now, Input::Datagram { source: sender, local: *destination, bytes });
                    }
                    Output::Rtp { local, destination, bytes } => {
                        self.phones[receiver].handle(self.now, Input::Rtp { source: *local, local: *destination, bytes });
                    }
                }
                continue;
            }
            let next = self.phones.iter().filter_map(|phone| Some(phone.poll_timeout()?.0)).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            self.phones.iter_mut().for_each(|phone| phone.handle(next, Input::Wake));
        }
        self.now = until;
    }

    fn finish(mut self) -> [Phone; 2] {
        self.run(self.now + std::time::Duration::from_secs(200));
        for phone in &self.phones {
            assert_eq!(phone.violations(), [], "{}", phone.setup().name);
            assert!(phone.is_idle(), "{}", phone.setup().name);
            assert_eq!(phone.poll_timeout(), None);
        }
        self.phones
    }
}

fn call(caller: Place, callee: Script) -> [Phone; 2] {
    let mut pair = Pair::new();
    pair.phones[1].expect(callee);
    pair.phones[0].place(Timestamp::ZERO, caller);
    pair.finish()
}

fn outcomes(phones: &[Phone; 2]) -> [Option<Outcome>; 2] {
    [phones[0].call(0).outcome, phones[1].call(0).outcome]
}

const BOB: &str = "sip:bob@10.0.0.2:5060";

#[test]
fn a_call_with_sound_both_ways() {
    let phones = call(Place::new(BOB).script(Script::new().bye(2000)), Script::answers(100));
    assert_eq!(outcomes(&phones), [Some(Outcome::WeHungUp), Some(Outcome::TheyHungUp)]);
    let statuses: Vec<u16> = phones[0].call(0).statuses.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [180, 200]);
    for (phone, tone) in phones.iter().zip([600.0, 400.0]) {
        let stream = phone.call(0).stream().unwrap();
        let heard = stream.meter().measure().unwrap();
        assert!((heard.frequency_hz - tone).abs() < 1.0 && (heard.level_dbov + 13.3).abs() < 0.5, "{heard:?}");
        assert!(stream.received() >= 99 && stream.gaps() == 0 && stream.sources() == 1);
    }
}

#[test]
fn a_cancelled_call() {
    let phones = call(Place::new(BOB).script(Script::new().cancel(When::Status(180), 100)), Script::answers(5000));
    assert_eq!(outcomes(&phones), [Some(Outcome::Failed(487)); 2]);
}

#[test]
fn a_cancel_that_meets_a_200() {
    let answers = Script::answers(5000).habits(|habits| habits.on_cancel = tandem_phone::OnCancel::Answer);
    let phones = call(Place::new(BOB).script(Script::new().cancel(When::Status(180), 100)), answers);
    assert_eq!(outcomes(&phones), [Some(Outcome::WeHungUp), Some(Outcome::TheyHungUp)]);
}

#[test]
fn hold_and_resume_and_a_late_offer() {
    let script = Script::new()
        .step(When::Confirmed, 100, Act::Reinvite(Offer::direction(Direction::SendOnly)))
        .step(When::Confirmed, 300, Act::Reinvite(Offer::direction(Direction::SendRecv)))
        .step(When::Confirmed, 500, Act::Reinvite(Offer { late: true, ..Offer::default() }))
        .bye(900);
    let phones = call(Place::new(BOB).late().script(script), Script::answers(100));
    assert_eq!(outcomes(&phones), [Some(Outcome::WeHungUp), Some(Outcome::TheyHungUp)]);
    assert_eq!(phones[1].heard("ACK").filter(|ack| ack.has_sdp()).count(), 2);
}

#[test]
fn lost_acks_are_sent_again_for_each_200() {
    let script = Script::new().bye(5000).habits(|habits: &mut Habits| habits.lose_acks = 2);
    let phones = call(Place::new(BOB).script(script), Script::answers(100));
    assert_eq!(phones[0].call(0).statuses.iter().filter(|(_, status)| *status == 200).count(), 3);
    assert_eq!(outcomes(&phones), [Some(Outcome::WeHungUp), Some(Outcome::TheyHungUp)]);
}

#[test]
fn a_refusal_is_acknowledged() {
    let phones = call(Place::new(BOB), Script::new().reply(10, 100).reply_with(20, Reply::new(486)));
    assert_eq!(outcomes(&phones), [Some(Outcome::Failed(486)); 2]);
}

#[test]
fn a_200_to_an_invite_that_was_given_up_is_acknowledged_and_ended() {
    let phones = call(Place::new(BOB), Script::new().reply(40_000, 200));
    assert_eq!(outcomes(&phones), [Some(Outcome::TimedOut), Some(Outcome::TheyHungUp)]);
    assert_eq!(phones[1].heard("ACK").count(), 1);
}

/// Bob calls Alice as she has asked, and tells her of it twice, whatever she says to that; she wants to hear of it no more. Rings so long.
fn told_once_too_often(rings_ms: u64) -> Vec<&'static str> {
    let mut pair = Pair::new();
    pair.phones[0].expect(Script::answers(rings_ms));
    pair.phones[1].expect(Script::answers(100).habits(|habits| habits.obeys_refer = true));
    let refer = Act::Refer(Refer::to("sip:alice@10.0.0.1:5060"));
    let script = Script::new().step(When::Confirmed, 100, refer).habits(|habits| habits.notify_status = 404);
    pair.phones[0].place(Timestamp::ZERO, Place::new(BOB).script(script));
    pair.run(Timestamp::ZERO + std::time::Duration::from_secs(5));
    assert_eq!(pair.phones[0].call(0).referrals()[0].progress, [100, 200]);
    pair.phones[0].violations().iter().map(|violation| violation.rule).collect()
}

#[test]
fn a_notify_after_a_refusal_is_a_fault_unless_they_may_have_crossed() {
    assert_eq!(told_once_too_often(300), [""; 0]);
    assert_eq!(told_once_too_often(700), ["notify"]);
}
