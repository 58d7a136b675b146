//! Races in every order: the same scenario again and again, each time with another choice of what arrives first.

use crate::{
    Sim,
    queue::Event,
    streams::{End, Segment},
};
use std::net::SocketAddr;
use tandem_model::Random;

/// One run of an exploration: the choices that it makes.
#[derive(Debug)]
pub struct Run {
    /// Choices and how many there were to choose from.
    path: Vec<(usize, usize)>,
    next: usize,
    random: Option<Random>,
}

/// How far an exploration came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explored {
    /// Scenarios that were run.
    pub runs: usize,
    /// Whether these were all orders that there are.
    pub complete: bool,
}

/// Something that a person at a phone does at some moment of the race.
pub type Action = (SocketAddr, fn(&mut Sim));

/// Runs `scenario` with every sequence of choices, at most `limit` of them; should there be more, as many again with
/// choices drawn at random follow.
pub fn explore(limit: usize, mut scenario: impl FnMut(&mut Run)) -> Explored {
    let mut run = Run { path: Vec::new(), next: 0, random: None };
    for runs in 1..=limit {
        run.next = 0;
        scenario(&mut run);
        run.path.truncate(run.next);
        while run.path.last().is_some_and(|(choice, of)| choice + 1 == *of) {
            run.path.pop();
        }
        match run.path.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return Explored { runs, complete: true },
        }
    }
    for seed in 0..limit as u64 {
        let mut run = Run { path: Vec::new(), next: 0, random: Some(Random::new(seed)) };
        scenario(&mut run);
    }
    Explored { runs: 2 * limit, complete: false }
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
                if let Some(event) = self.flight.take(key) {
                    self.deliver(event);
                }
                continue;
            }
            let choices = heads.len() + actions.len();
            if choices == 0 {
                return;
            }
            let choice = if choices == 1 { 0 } else { run.choose(choices) };
            match heads.get(choice) {
                Some(key) => {
                    if let Some(event) = self.flight.take(*key) {
                        self.deliver(event);
                    }
                }
                None => {
                    let (_, act) = actions.remove(choice - heads.len());
                    act(self);
                }
            }
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
            Event::Decided(..) | Event::Media(..) => false,
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
        assert_eq!(explored, Explored { runs: 4, complete: true });
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
        assert_eq!((explored, count), (Explored { runs: 16, complete: false }, 16));
    }
}
