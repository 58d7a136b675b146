//! Endpoints are added to a session, joined and removed; their ports come and go with them.

use super::*;
use tandem_model::{Hearing, MAX_ENDPOINTS};

impl Bench {
    /// Asks for one more endpoint, for the `index`-th leg of a call, and hears what came of it.
    fn add(&self, number: u16, index: u8) -> MediaEvent {
        let endpoint = EndpointRequest { leg: call(number).leg(index).unwrap(), side: MediaSide(0) };
        let at_once = self.shards.send(MediaCommand::Add { call: call(number), endpoint }).unwrap();
        at_once.unwrap_or_else(|| self.event().1)
    }

    fn is_added(&self, number: u16, index: u8) -> bool {
        matches!(self.add(number, index), MediaEvent::Opened(_))
    }

    fn send(&self, command: MediaCommand) {
        assert_eq!(self.shards.send(command), Ok(None));
    }
}

fn one(event: MediaEvent) -> LocalEndpoint {
    match event {
        MediaEvent::Opened(locals) if locals.len() == 1 => locals[0],
        other => panic!("{other:?}"),
    }
}

fn leg(number: u16, index: u8) -> tandem_model::LegId {
    call(number).leg(index).unwrap()
}

/// A third leg is added, takes the place of the first, and the first leaves.
fn hands_over(bench: &Bench) {
    let locals = bench.open(1);
    let third = one(bench.add(1, 2));
    assert!(locals.iter().all(|local| local.rtp != third.rtp));
    let [a, b] = bench.phones(1);
    let c = bench.describe(1, 2);
    c.send_to(&packet(1), third.rtp).unwrap();
    // It has been read by the time that the second of these is, for all sockets have their turn.
    talk(&a, &locals[0], &b, &locals[1]);
    talk(&a, &locals[0], &b, &locals[1]);
    bench.send(MediaCommand::Hear { call: call(1), pairs: Hearing::each_other([leg(1, 1), leg(1, 2)]) });
    bench.send(MediaCommand::Remove { call: call(1), leg: leg(1, 0) });
    // It came before anybody was to hear it; this one does not.
    c.send_to(&packet(2), third.rtp).unwrap();
    let (heard, source) = hear(&b);
    assert_eq!((&heard[12..], source), (&packet(2)[12..], locals[1].rtp));
    talk(&b, &locals[1], &c, &third);
    assert_eq!(bench.in_use(), 2);
    let MediaEvent::Closed(stats) = bench.close(1) else { panic!("not closed") };
    let figures: Vec<_> = stats.iter().map(|stats| (stats.leg, stats.received.packets)).collect();
    assert_eq!(figures, [(leg(1, 0), 2), (leg(1, 1), 1), (leg(1, 2), 2)]);
    assert_eq!((bench.in_use(), bench.shards.counts().sessions), (0, 0));
}

#[test]
fn a_leg_takes_the_place_of_another() {
    hands_over(&start(15, 1, 1, 100));
}

#[test]
fn and_so_it_does_with_ports_in_stock() {
    hands_over(&start_stocked(16, 128, 1000, 8));
}

#[test]
fn a_session_gets_no_more_ports_than_there_are_and_goes_on_without() {
    let bench = start(17, 1, 1, 100);
    let locals = bench.open(1);
    (2..8).for_each(|index| assert!(bench.is_added(1, index)));
    assert_eq!(bench.add(1, 8), MediaEvent::NotAdded { leg: leg(1, 8), failure: MediaFailure::NoPorts });
    assert_eq!((bench.in_use(), bench.shards.counts().refused, bench.shards.counts().sessions), (8, 1, 1));
    let [a, b] = bench.phones(1);
    talk(&a, &locals[0], &b, &locals[1]);
    bench.close(1);
    assert_eq!(bench.in_use(), 0);
}

#[test]
fn a_session_has_no_more_endpoints_than_may_be() {
    let bench = start_with(own_host(18), 24, 1, 1, 100);
    bench.open(1);
    (2..MAX_ENDPOINTS as u8).for_each(|index| assert!(bench.is_added(1, index)));
    let full = MediaEvent::NotAdded { leg: leg(1, 18), failure: MediaFailure::Full };
    let added = bench.add(1, 18);
    if matches!(added, MediaEvent::Opened(_)) {
        // Of a pair in stock the call hears at once; that it is not to be, when the thread wakes.
        bench.describe(1, 0);
        assert_eq!(bench.event().1, full);
    } else {
        assert_eq!(added, full);
    }
    assert_eq!(bench.in_use(), MAX_ENDPOINTS);
    bench.close(1);
    assert_eq!(bench.in_use(), 0);
}

#[test]
fn what_is_asked_of_a_session_that_is_gone_is_ignored_and_keeps_no_ports() {
    let bench = start_stocked(19, 128, 1000, 8);
    bench.open(1);
    bench.inject(1, Fault::Command);
    let endpoint = EndpointRequest { leg: leg(1, 2), side: MediaSide(0) };
    let added = bench.shards.send(MediaCommand::Add { call: call(1), endpoint }).unwrap();
    assert!(matches!(added, None | Some(MediaEvent::Opened(_))));
    assert_eq!(bench.event(), (call(1), MediaEvent::Failed));
    bench.send(MediaCommand::Hear { call: call(1), pairs: Hearing::each_other([leg(1, 0), leg(1, 1)]) });
    bench.send(MediaCommand::Remove { call: call(1), leg: leg(1, 0) });
    assert_eq!(bench.shards.send(MediaCommand::Add { call: call(1), endpoint }), Ok(None));
    bench.open(2);
    bench.close(2);
    assert_eq!((bench.in_use(), bench.shards.counts().sessions), (0, 0));
}
