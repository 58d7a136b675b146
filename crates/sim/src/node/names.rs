//! Names that are looked up: the hops of a leg's target, and where a request inside a dialog goes that names a host.

use super::{CoreNode, World};
use crate::queue::Event;
use tandem_model::{CallId, LegId, Timestamp};
use tandem_signalling::{
    Input, Transmit,
    locate::{Asker, Located, Question, Reply, Sought},
};

/// Who looks for hops.
#[derive(Debug)]
pub(super) enum Seeker {
    /// Of a target of that name, if it is a trunk's.
    Leg(LegId, Option<Box<str>>),
    /// A message that waits until it is known where it goes.
    Parcel(Option<CallId>, Box<Transmit>),
}

impl CoreNode {
    /// DNS has answered.
    pub(crate) fn resolved(&mut self, world: &mut World<'_>, question: &Question, reply: Reply) {
        self.locator.answer(world.now, question, reply);
        self.go_on(world);
    }

    pub(super) fn wake_locator(&mut self, world: &mut World<'_>) {
        self.locator.handle_timeout(world.now);
        self.go_on(world);
    }

    /// Puts to DNS what is to be asked.
    pub(super) fn ask_zone(&mut self, world: &mut World<'_>) {
        while let Some(question) = self.locator.poll_question() {
            let (after, reply) = self.zone.ask(world.now, &question);
            world.flight.push(world.now + after, Event::Resolved(Box::new((question, reply))));
        }
    }

    /// Finds the hops of a leg's target.
    pub(super) fn locate(&mut self, world: &mut World<'_>, leg: LegId, sought: Sought) -> Option<Located> {
        let of_trunk = self.abuse.is_trunks(&sought.host).then(|| sought.host.clone());
        let found = self.locator.locate(world.now, Seeker::Leg(leg, of_trunk), sought);
        self.ask_zone(world);
        let (seeker, located) = found?;
        self.note_hops(world.now, &seeker, &located);
        Some(located)
    }

    fn note_hops(&mut self, now: Timestamp, seeker: &Seeker, located: &Located) {
        if let (Seeker::Leg(_, Some(host)), Ok(hops)) = (seeker, located) {
            self.abuse.located(now, host, hops);
        }
    }

    pub(super) fn send_by_name(&mut self, world: &mut World<'_>, call: Option<CallId>, transmit: Transmit) {
        // One call's requests go one way.
        let seed = call.map_or(0, CallId::bits);
        // Only a peer can have named it.
        let asker = Asker::Peer(seed);
        let Some(sought) = Sought::of(&self.facts, transmit.listener, &transmit.destination, seed, asker) else { return };
        // A message that is made has its transport.
        let sought = sought.with_first_door();
        let located = self.locator.locate(world.now, Seeker::Parcel(call, Box::new(transmit)), sought);
        self.ask_zone(world);
        if let Some((seeker, located)) = located {
            self.found_hops(world, seeker, located);
        }
    }

    fn go_on(&mut self, world: &mut World<'_>) {
        self.ask_zone(world);
        while let Some((seeker, located)) = self.locator.poll_located() {
            self.found_hops(world, seeker, located);
        }
    }

    fn found_hops(&mut self, world: &mut World<'_>, seeker: Seeker, located: Located) {
        self.note_hops(world.now, &seeker, &located);
        match seeker {
            Seeker::Leg(leg, _) => {
                if let Some(call) = self.dispatcher.owner_of(leg) {
                    self.input(world, call, Input::Located(leg, located));
                }
            }
            Seeker::Parcel(call, transmit) => {
                let to = located.ok().and_then(|hops| hops.first().map(|hop| hop.address));
                self.named.extend(to.map(|to| (to, transmit.destination.clone())));
                self.send_to(world, call, *transmit, to);
            }
        }
    }

    /// What DNS was asked, and when.
    pub fn asked(&self) -> &[(Timestamp, Question)] {
        self.zone.asked()
    }
}
