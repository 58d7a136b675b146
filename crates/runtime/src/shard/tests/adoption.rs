//! A leg goes from one session to another with its sockets, which may be those of another thread.

use super::*;
use tandem_model::{Hearing, LegId};

fn leg(number: u16, index: u8) -> LegId {
    call(number).leg(index).unwrap()
}

fn ssrc(packet: &[u8]) -> [u8; 8] {
    [packet[8], packet[9], packet[10], packet[11], 0, 0, packet[2], packet[3]]
}

impl Bench {
    fn say(&self, command: MediaCommand) {
        assert_eq!(self.shards.send(command), Ok(None));
    }

    /// The first leg of a call goes to another's, and talks with the second leg there.
    fn moves(&self, from: u16, to: u16) {
        let (mover, stays) = (leg(1, 0), leg(to, 1));
        self.say(MediaCommand::Adopt { call: call(to), leg: mover, from: call(from) });
        self.say(MediaCommand::Hear { call: call(to), pairs: Hearing::each_other([mover, stays]) });
    }
}

/// Two calls, on threads of their own if there are several, and their phones.
fn two_calls(bench: &Bench) -> ([LocalEndpoint; 2], [UdpSocket; 2], [LocalEndpoint; 2], [UdpSocket; 2]) {
    let of = |number| -> [LocalEndpoint; 2] { bench.open(number).to_vec().try_into().unwrap() };
    (of(1), bench.phones(1), of(2), bench.phones(2))
}

fn goes_over(bench: &Bench) {
    let ([ours, _], [a, b], [_, other], [_, d]) = two_calls(bench);
    b.send_to(&packet(1), bench.peer_of(&ours)).unwrap();
    let first = hear(&a).0;
    bench.moves(1, 2);
    bench.say(MediaCommand::Remove { call: call(2), leg: leg(2, 0) });
    talk(&a, &ours, &d, &other);
    d.send_to(&packet(60_000), other.rtp).unwrap();
    let (second, source) = hear(&a);
    assert_eq!(source, ours.rtp);
    let (before, after) = (ssrc(&first), ssrc(&second));
    assert_eq!(before[..6], after[..6], "the stream is the same");
    assert_eq!(u16::from_be_bytes([after[6], after[7]]), u16::from_be_bytes([before[6], before[7]]).wrapping_add(1));
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    assert_eq!(stats.iter().map(|stats| (stats.leg, stats.sent.packets)).collect::<Vec<_>>(), [(leg(1, 0), 1), (leg(1, 1), 0)]);
    talk(&a, &ours, &d, &other);
    let MediaEvent::Closed(stats) = bench.close(2) else { panic!("not closed") };
    let figures = stats.iter().map(|stats| (stats.leg, stats.received.packets, stats.sent.packets));
    assert_eq!(figures.collect::<Vec<_>>(), [(leg(2, 0), 0, 0), (leg(2, 1), 1, 2), (leg(1, 0), 2, 2)]);
}

impl Bench {
    /// Where the other leg of the first call is.
    fn peer_of(&self, ours: &LocalEndpoint) -> SocketAddr {
        SocketAddr::new(self.address, ours.rtp.port() + 2)
    }

    /// All ports are back: what was lent comes home before the thread is asked for others.
    fn is_idle(&self) {
        for number in [8, 9] {
            self.open(number);
        }
        for number in [8, 9] {
            self.close(number);
        }
        assert_eq!((self.in_use(), self.shards.counts().sessions), (0, 0));
    }
}

#[test]
fn a_leg_goes_to_another_session_of_its_thread() {
    let bench = start(40, 1, 1, 100);
    goes_over(&bench);
    bench.is_idle();
    assert_eq!(bench.shards.counts().sockets, 16);
}

#[test]
fn a_leg_goes_to_a_session_of_another_thread() {
    let bench = start_with(own_host(41), 32, 1, 2, 100);
    goes_over(&bench);
    bench.is_idle();
}

#[test]
fn it_goes_there_and_back_again() {
    for threads in [1, 2] {
        let bench = start_with(own_host(41 + threads as u8), 32, 1, threads, 100);
        let ([ours, theirs], [a, b], [_, other], [_, d]) = two_calls(&bench);
        for _ in 0..3 {
            bench.moves(1, 2);
            talk(&a, &ours, &d, &other);
            bench.moves(2, 1);
            talk(&a, &ours, &b, &theirs);
        }
        bench.moves(1, 2);
        // Its own call ends first, and takes nothing of it along.
        bench.close(1);
        talk(&a, &ours, &d, &other);
        bench.close(2);
        bench.is_idle();
    }
}

#[test]
fn whoever_hangs_up_at_once_leaves_nothing_behind() {
    for threads in [1, 2] {
        let bench = start_with(own_host(43 + threads as u8), 32, 1, threads, 100);
        for round in 0..2 {
            two_calls(&bench);
            bench.moves(1, 2);
            let first = if round % 2 == 0 { [1, 2] } else { [2, 1] };
            first.into_iter().for_each(|number| bench.say(MediaCommand::Close { call: call(number) }));
            let mut closed = [bench.event(), bench.event()];
            closed.sort_by_key(|(call, _)| *call);
            let legs = closed.map(|(_, event)| if let MediaEvent::Closed(stats) = event { stats.len() } else { 0 });
            assert_eq!(legs, [2, 3], "in round {round}");
            bench.is_idle();
        }
    }
}

#[test]
fn one_whose_session_is_gone_is_missed() {
    for threads in [1, 2] {
        let bench = start_with(own_host(45 + threads as u8), 32, 1, threads, 100);
        let gone = MediaEvent::NotAdded { leg: leg(1, 0), failure: MediaFailure::Gone };
        let (_, _, [own, other], [c, d]) = two_calls(&bench);
        bench.inject(1, Fault::Command);
        let adopt = MediaCommand::Adopt { call: call(2), leg: leg(1, 0), from: call(1) };
        let mut events: Vec<_> = bench.shards.send(adopt.clone()).unwrap().map(|event| (call(2), event)).into_iter().collect();
        while events.len() < 2 {
            events.push(bench.event());
        }
        events.sort_by_key(|(call, _)| *call);
        assert_eq!(events, [(call(1), MediaEvent::Failed), (call(2), gone.clone())]);
        assert_eq!(bench.shards.send(adopt), Ok(Some(gone)));
        talk(&c, &own, &d, &other);
        bench.close(2);
        bench.is_idle();
    }
}

#[test]
fn one_who_never_comes_is_waited_for_no_longer_than_that() {
    let bench = start(48, 1, 1, 100);
    let [own, other]: [LocalEndpoint; 2] = bench.open(2).to_vec().try_into().unwrap();
    bench.shards.shared.outlets[0].push_reserved(Item::Comes(call(2), leg(1, 0)));
    // All that is said to the session meanwhile waits.
    let [c, d] = bench.phones(2);
    assert_eq!(bench.event(), (call(2), MediaEvent::NotAdded { leg: leg(1, 0), failure: MediaFailure::Gone }));
    talk(&c, &own, &d, &other);
    bench.close(2);
    bench.is_idle();
}

#[test]
fn one_whose_new_session_fails_meanwhile_gives_its_ports_back() {
    for threads in [1, 2] {
        let bench = start_with(own_host(49 + threads as u8), 32, 1, threads, 100);
        let (_, _, [own, _], [c, _]) = two_calls(&bench);
        let [giver, taker] = [1, 2].map(|number| bench.shards.shared.route(call(number)).unwrap());
        bench.inject(2, Fault::Packet);
        bench.shards.shared.outlets[taker].push_reserved(Item::Comes(call(2), leg(1, 0)));
        c.send_to(&packet(1), own.rtp).unwrap();
        assert_eq!(bench.event(), (call(2), MediaEvent::Failed));
        let leaving = Leaving { leg: leg(1, 0), from: call(1), call: call(2), shard: taker };
        bench.shards.shared.outlets[giver].push_reserved(Item::Leaves(leaving));
        bench.close(1);
        // Each thread has had its turn by then.
        [6, 7].into_iter().for_each(|number| drop(bench.open(number)));
        [6, 7].into_iter().for_each(|number| drop(bench.close(number)));
        bench.is_idle();
    }
}

#[test]
fn one_whose_old_session_waits_for_another_is_waited_for_too() {
    let bench = start(52, 1, 1, 100);
    let ([ours, _], [a, _], [_, other], [_, d]) = two_calls(&bench);
    bench.shards.shared.outlets[0].push_reserved(Item::Comes(call(1), leg(9, 0)));
    bench.moves(1, 2);
    assert_eq!(bench.event(), (call(1), MediaEvent::NotAdded { leg: leg(9, 0), failure: MediaFailure::Gone }));
    talk(&a, &ours, &d, &other);
    bench.close(1);
    bench.close(2);
    bench.is_idle();
}
