//! The places of one call on the trunks that count it.

use crate::{Begun, LimitBook};
use tandem_model::Place;

/// All that one call is counted for. To be given back whole when the call ends: [`Places::give_back`].
#[derive(Debug)]
pub struct Places {
    caller: Option<Begun>,
    callee: Option<Begun>,
    /// All others; an ordinary call has none.
    others: Vec<(Place, Begun)>,
}

impl Places {
    /// Those of a call, which a trunk counts if it comes from one.
    pub fn new(caller: Option<Begun>) -> Places {
        Places { caller, callee: None, others: Vec::new() }
    }

    /// One more.
    pub fn add(&mut self, book: &mut LimitBook, place: Place, begun: Option<Begun>) {
        let Some(begun) = begun else { return };
        let before = match place {
            Place::Caller => self.caller.replace(begun),
            Place::Callee => self.callee.replace(begun),
            _ => {
                self.others.push((place, begun));
                None
            }
        };
        before.into_iter().for_each(|begun| book.end(begun));
    }

    /// That one is free; nothing if it is already.
    pub fn free(&mut self, book: &mut LimitBook, place: Place) {
        let of_two = match place {
            Place::Caller => self.caller.take(),
            Place::Callee => self.callee.take(),
            _ => None,
        };
        of_two.into_iter().for_each(|begun| book.end(begun));
        // Of a group there is only the member left that answered.
        let is_it = |of: Place| of == place || (place == Place::Callee && matches!(of, Place::Member(_)));
        self.others.extract_if(.., |(of, _)| is_it(*of)).for_each(|(_, begun)| book.end(begun));
    }

    /// The call is over.
    pub fn give_back(&mut self, book: &mut LimitBook) {
        let others = std::mem::take(&mut self.others).into_iter().map(|(_, begun)| begun);
        self.caller.take().into_iter().chain(self.callee.take()).chain(others).for_each(|begun| book.end(begun));
    }
}
