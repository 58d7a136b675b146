//! Races in every order: the same scenario again and again, each time with another choice of what arrives first.

use crate::{
    Sim,
    queue::Event,
    streams::{End, Segment},
};
use std::net::SocketAddr;
use tandem_model::{Random, Timestamp};

/// One run of an exploration: the choices that it makes.
#[derive(Debug, Default)]
pub struct Run {
    /// Choices and how many there were to choose from.
    path: Vec<(usize, usize)>,
    next: usize,
    random: Option<Random>,
    /// Which message of the races is lost.
    loses: Option<usize>,
    /// Messages of the races so far that could have been.
    messages: usize,
}

/// How far an exploration came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explored {
    /// Scenarios that were run.
    pub runs: usize,
    /// Whether these were all orders that there are, as far as nothing is lost.
    pub complete: bool,
    /// Messages that the longest race had. [`explore_losses`] has lost each of them once.
    pub messages: usize,
}

/// What part of its limit an exploration spends on each message that it loses.
const LOSS_SHARE: usize = 10;

/// Something that a person at a phone does at some moment of the race.
pub type Action = (SocketAddr, fn(&mut Sim));

/// Runs `scenario` with every sequence of choices, at most `limit` of them; should there be more, as many again with
/// choices drawn at random follow.
pub fn explore(limit: usize, mut scenario: impl FnMut(&mut Run)) -> Explored {
    explore_without(None, limit, &mut scenario)
}

/// [`explore`], and then again with the first message of its races lost, with the second one, and so on: for each of them in every order
/// if these are no more than a tenth of `limit`; else in so many, and as many again drawn at random.
///
/// A message is a datagram of signalling; a stream loses none. What is lost is lost when it would have arrived, and the race goes
/// on without it: nobody sends again while the clock stands. So a scenario lets time pass after its race, for the timers to repair what
/// they can, and does not rely on anybody having been reached. [`Run::has_lost`] tells whether this is a run with a loss.
pub fn explore_losses(limit: usize, mut scenario: impl FnMut(&mut Run)) -> Explored {
    let mut explored = explore_without(None, limit, &mut scenario);
    for lost in 0..explored.messages {
        explored.runs += explore_without(Some(lost), limit.div_ceil(LOSS_SHARE), &mut scenario).runs;
    }
    explored
}

fn explore_without(loses: Option<usize>, limit: usize, scenario: &mut dyn FnMut(&mut Run)) -> Explored {
    let mut run = Run { loses, ..Run::default() };
    let mut messages = 0;
    for runs in 1..=limit {
        (run.next, run.messages) = (0, 0);
        scenario(&mut run);
        messages = messages.max(run.messages);
        run.path.truncate(run.next);
        while run.path.last().is_some_and(|(choice, of)| choice + 1 == *of) {
            run.path.pop();
        }
        match run.path.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return Explored { runs, complete: true, messages },
        }
    }
    for seed in 0..limit as u64 {
        let mut run = Run { random: Some(Random::new(seed)), loses, ..Run::default() };
        scenario(&mut run);
        messages = messages.max(run.messages);
    }
    Explored { runs: 2 * limit, complete: false, messages }
}

impl Run {
    /// One of `of` possibilities.
    pub fn choose(&mut self, of: usize) -> usize {
        if let Some(random) = &mut self.random {
            return random.below(of as u64) as usize;
        }
        if self.next == self.path.len() {
            self.path.push((0, of));
        }
        let (choice, _) = self.path[self.next];
        self.next += 1;
        choice.min(of.saturating_sub(1))
    }

    /// Whether a message of a race was lost.
    pub fn has_lost(&self) -> bool {
        self.loses.is_some_and(|lost| lost < self.messages)
    }

    /// Whether the message that would arrive now is lost.
    fn loses_next(&mut self) -> bool {
        self.messages += 1;
        self.loses == Some(self.messages - 1)
    }
}

impl Sim {
    /// Stops the clock and plays everything that is on its way, and the actions, in an order that `run` chooses. Each
    /// path of the network keeps its order. What arrives at a phone whose person does nothing more is not worth a
    /// choice: its answer may be as late as any.
    pub fn race(&mut self, run: &mut Run, actions: &[Action]) {
        let mut actions: Vec<Action> = actions.to_vec();
        loop {
            let heads = self.flight.heads();
            let settled = heads.iter().find(|key| self.flight.peek(**key).is_some_and(|event| self.is_settled(event, &actions)));
            if let Some(key) = settled.copied() {
                self.arrive(run, key);
                continue;
            }
            let choices = heads.len() + actions.len();
            if choices == 0 {
                return;
            }
            let choice = if choices == 1 { 0 } else { run.choose(choices) };
            match heads.get(choice) {
                Some(key) => self.arrive(run, *key),
                None => {
                    let (_, act) = actions.remove(choice - heads.len());
                    act(self);
                }
            }
        }
    }

    /// Something arrives, or is the message that this run loses.
    fn arrive(&mut self, run: &mut Run, key: (Timestamp, u64)) {
        let Some(event) = self.flight.take(key) else { return };
        match &event {
            Event::Datagram(datagram) if !datagram.rtp && run.loses_next() => self.note_lost(datagram),
            _ => self.deliver(event),
        }
    }

    fn is_settled_segment(&self, segment: &Segment, actions: &[Action]) -> bool {
        let phone = self.streams.past_ends(segment.stream).map(|ends| ends.phone.ip());
        segment.to == End::Phone && actions.iter().all(|(actor, _)| Some(actor.ip()) != phone)
    }

    fn is_settled(&self, event: &Event, actions: &[Action]) -> bool {
        match event {
            Event::Datagram(datagram) => self.is_phone(datagram.to) && actions.iter().all(|(phone, _)| phone.ip() != datagram.to.ip()),
            Event::Segment(segment) => self.is_settled_segment(segment, actions),
            Event::Decided(..) | Event::Said(..) | Event::Media(..) | Event::Resolved(_) | Event::Back(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_run_once() {
        let mut seen = Vec::new();
        let explored = explore(100, |run| {
            let first = run.choose(3);
            let second = if first == 1 { run.choose(2) } else { 0 };
            seen.push((first, second));
        });
        assert_eq!(explored, Explored { runs: 4, complete: true, messages: 0 });
        assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn too_many_orders_are_sampled() {
        let mut count = 0;
        let explored = explore(8, |run| {
            count += 1;
            (0..10).for_each(|_| {
                run.choose(2);
            });
        });
        assert_eq!((explored, count), (Explored { runs: 16, complete: false, messages: 0 }, 16));
    }

    #[test]
    fn each_message_is_lost_once_in_every_order() {
        use crate::{ALICE, BOB, ms};
        use tandem_phone::{Act, Offer, Script};

        let mut lost = Vec::new();
        let explored = explore_losses(1000, |run| {
            let mut sim = Sim::new(1);
            sim.expect(BOB, Script::answers(100));
            sim.place(ALICE, "bob", Script::new());
            sim.run_until_talking(ALICE, BOB);
            sim.run_for(ms(500));
            let before = sim.ladder().steps().len();
            sim.race(run, &[(ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer::default())))]);
            let seen: Vec<String> = sim.ladder().steps()[before..].iter().map(|step| step.label.clone()).collect();
            lost.push(seen.into_iter().find_map(|label| label.strip_suffix(" LOST").map(str::to_owned)));
            assert_eq!(run.has_lost(), lost.last().is_some_and(Option::is_some));
            sim.run_for(ms(10_000));
            sim.act(ALICE, Act::Bye);
            sim.finish();
        });
        assert!(explored.complete, "{explored:?}");
        assert_eq!(lost.len(), explored.runs);
        assert_eq!(lost[0], None);
        let lost: std::collections::BTreeSet<String> = lost.into_iter().flatten().collect();
        // Alice and the core, the core and bob: INVITE, 100, 200 and ACK each, of which bob says no 100.
        assert_eq!(lost.len(), 4, "{lost:?}");
        assert_eq!(explored.messages, 7);
    }
}
