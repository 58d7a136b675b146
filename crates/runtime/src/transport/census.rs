//! Who has how many places of a listener: those of nobody in particular never take what is kept for others.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
};
use tandem_model::neighbourhood;

/// How many there may be at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Whoever they are with.
    pub(super) all: usize,
    /// With strangers.
    pub(super) strangers: usize,
    /// Of one address, or IPv6 /64.
    pub(super) of_one: usize,
    /// Of one whom nobody knows.
    pub(super) of_one_stranger: usize,
}

/// The places of one listener. None is taken twice, and each is given back when its [`Seat`] goes.
#[derive(Debug, Default)]
pub(super) struct Census {
    all: Cell<usize>,
    strangers: Cell<usize>,
    of: RefCell<HashMap<IpAddr, Held>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    all: usize,
    strangers: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of them are, or all that strangers may have.
    All,
    /// All that one address may have.
    OfOne,
}

impl Census {
    /// A place for somebody there, who is a stranger or not.
    pub(super) fn enter(self: &Rc<Self>, most: &Most, address: IpAddr, is_stranger: bool) -> Result<Seat, Taken> {
        let whom = neighbourhood(address);
        let held = self.of.borrow().get(&whom).copied().unwrap_or_default();
        if held.all >= most.of_one || (is_stranger && held.strangers >= most.of_one_stranger) {
            return Err(Taken::OfOne);
        }
        if self.all.get() >= most.all || (is_stranger && self.strangers.get() >= most.strangers) {
            return Err(Taken::All);
        }
        self.all.set(self.all.get() + 1);
        self.of.borrow_mut().entry(whom).or_default().all += 1;
        let seat = Seat { census: self.clone(), whom, is_stranger: Cell::new(false) };
        if is_stranger {
            seat.change(1);
            seat.is_stranger.set(true);
        }
        Ok(seat)
    }

    /// Places that are taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.all.get()
    }
}

/// One place.
#[derive(Debug)]
pub(super) struct Seat {
    census: Rc<Census>,
    whom: IpAddr,
    is_stranger: Cell<bool>,
}

impl Seat {
    /// Whether nobody knows yet who has it.
    pub(super) fn is_strangers(&self) -> bool {
        self.is_stranger.get()
    }

    /// Places that strangers of that address have, this one included if it is one of those.
    pub(super) fn strangers_beside(&self) -> usize {
        self.census.of.borrow().get(&self.whom).map_or(0, |held| held.strangers)
    }

    /// It turned out who has it.
    pub(super) fn is_known_now(&self) {
        if self.is_stranger.replace(false) {
            self.change(-1);
        }
    }

    /// Counts the strangers up or down.
    fn change(&self, by: isize) {
        self.census.strangers.set(self.census.strangers.get().saturating_add_signed(by));
        if let Some(held) = self.census.of.borrow_mut().get_mut(&self.whom) {
            held.strangers = held.strangers.saturating_add_signed(by);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.is_known_now();
        self.census.all.set(self.census.all.get().saturating_sub(1));
        let mut of = self.census.of.borrow_mut();
        if let Some(held) = of.get_mut(&self.whom) {
            held.all -= 1;
            if held.all == 0 {
                of.remove(&self.whom);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { all: 8, strangers: 4, of_one: 6, of_one_stranger: 2 };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn strangers_never_take_what_is_kept_for_the_known() {
        let census = Rc::new(Census::default());
        let strangers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|host| [(); 3].map(|()| census.enter(&MOST, address(host), true)));
        let taken: Vec<_> = strangers.iter().flatten().map(|seat| seat.as_ref().err().copied()).collect();
        let (all, of_one) = (Some(Taken::All), Some(Taken::OfOne));
        assert_eq!(taken, [None, None, of_one, None, None, of_one, all, all, all]);
        let known: Vec<_> = (0..5).map(|_| census.enter(&MOST, address("198.51.100.1"), false)).collect();
        assert_eq!(known.iter().filter(|seat| seat.is_ok()).count(), 4, "all eight are taken now");
        assert_eq!(known[4].as_ref().err(), Some(&Taken::All));
        drop((strangers, known));
        assert_eq!((census.taken(), census.strangers.get(), census.of.borrow().len()), (0, 0, 0), "nothing is left");
    }

    #[test]
    fn who_turns_out_to_be_somebody_leaves_room_for_strangers() {
        let census = Rc::new(Census::default());
        let host = address("2001:db8::1");
        let seats: Vec<_> = (0..2).map(|_| census.enter(&MOST, host, true).unwrap()).collect();
        assert_eq!(census.enter(&MOST, address("2001:db8::2"), true).err(), Some(Taken::OfOne), "its neighbour is counted with it");
        seats[0].is_known_now();
        seats[0].is_known_now();
        assert!(!seats[0].is_strangers() && seats[1].is_strangers());
        assert_eq!(seats[1].strangers_beside(), 1);
        let more = census.enter(&MOST, host, true).unwrap();
        assert_eq!((census.strangers.get(), census.taken()), (2, 3));
        drop((seats, more));
        assert_eq!((census.taken(), census.strangers.get(), census.of.borrow().len()), (0, 0, 0));
    }

    #[test]
    fn the_known_are_bounded_too() {
        let census = Rc::new(Census::default());
        let seats: Vec<_> = (0..7).map(|_| census.enter(&MOST, address("198.51.100.1"), false)).collect();
        assert_eq!(seats[6].as_ref().err(), Some(&Taken::OfOne));
    }
}
