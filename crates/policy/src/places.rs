//! What one call is counted for.

use crate::{Begun, LimitBook, limits::Payer};
use tandem_model::{Action, Decision, LegId, Origin, Place, Question, QuestionId, Timestamp};

/// All that one call is counted for. To be given back whole when the call ends: [`Places::give_back`].
#[derive(Debug)]
pub struct Places {
    caller: Option<Begun>,
    callee: Option<Begun>,
    /// All others; an ordinary call has none.
    others: Vec<(Place, Begun)>,
    /// Whose accounts it is on; an ordinary call is on none. Whoever had it go elsewhere stays one of them until its end.
    payers: Vec<Payer>,
    is_answered: bool,
    /// It goes to an emergency service, and is on nobody's account.
    is_emergency: bool,
}

impl Places {
    /// Those of a call that somebody made who is counted, or not.
    pub fn new(book: &LimitBook, caller: Option<Begun>) -> Places {
        let payers = caller.as_ref().and_then(|begun| book.payer_of(begun)).into_iter().collect();
        Places { caller, callee: None, others: Vec::new(), payers, is_answered: false, is_emergency: false }
    }

    /// Takes what policy has decided: whose turn is next, and that the trunk that the call goes to counts it, and its route, and whoever
    /// had it go elsewhere.
    pub fn take(&mut self, book: &mut LimitBook, now: Timestamp, (id, question): (QuestionId, &Question), decision: &Decision) {
        let place = Place::asked(id, question);
        book.note_route(decision);
        let trunk = match decision {
            Decision::Route { action: Action::Bridge { legs, .. }, .. } => legs.first().and_then(|leg| leg.trunk),
            Decision::Dial(trunk) => *trunk,
            _ => None,
        };
        let mut is_emergency = false;
        if let Decision::Route { rule, .. } = decision {
            let begun;
            (is_emergency, begun) = book.begin_route(rule, now);
            self.others.extend(begun.map(|begun| (if place == Place::Callee { Place::Route } else { place }, begun)));
            if is_emergency && place == Place::Callee {
                self.is_emergency = true;
                self.payers.clear();
            }
        }
        if let (Question::Transfer(route), Decision::Route { .. }, false) = (question, decision, is_emergency) {
            self.pays_anew(book, now, &route.origin);
        }
        if let (Question::Forward(forward), Decision::Dial(_)) = (question, decision) {
            forward.by.iter().for_each(|by| self.pays_anew(book, now, by));
        }
        // Policy has just found room on it.
        let begun = trunk.and_then(|trunk| book.try_begin(trunk, now).ok());
        self.add(book, place, begun);
    }

    /// Whoever had the call go elsewhere pays for it too: that is a new one of theirs.
    fn pays_anew(&mut self, book: &mut LimitBook, now: Timestamp, by: &Origin) {
        book.take_token(by, now);
        self.pays(book, now, by);
    }

    fn pays(&mut self, book: &mut LimitBook, now: Timestamp, by: &Origin) {
        let payer = book.payer(by).filter(|payer| !self.payers.contains(payer) && !self.is_emergency);
        if self.is_answered {
            payer.into_iter().for_each(|payer| book.charge(payer, true, now));
        }
        self.payers.extend(payer);
    }

    /// Somebody has answered: from now on it costs.
    pub fn answered(&mut self, book: &mut LimitBook, now: Timestamp) {
        if !std::mem::replace(&mut self.is_answered, true) {
            self.payers.iter().for_each(|payer| book.charge(*payer, true, now));
        }
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

    /// A leg of another call has its place here (`endpoint`), and whoever paid for it there (`payers`, as endpoints are written) does so here.
    pub fn take_over(&mut self, book: &mut LimitBook, now: Timestamp, (leg, endpoint): (LegId, &str), payers: &[Box<str>]) {
        let begun = book.take_over(endpoint);
        self.add(book, Place::Joined(leg), begun);
        payers.iter().filter_map(|payer| Origin::of_endpoint(payer)).for_each(|payer| self.pays(book, now, &payer));
    }

    /// Who pays, as endpoints are written.
    pub fn payers<'a>(&self, book: &'a LimitBook) -> impl Iterator<Item = Box<str>> + use<'_, 'a> {
        self.payers.iter().filter_map(|payer| book.key_of(*payer)).map(Into::into)
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
    pub fn give_back(&mut self, book: &mut LimitBook, now: Timestamp) {
        let others = std::mem::take(&mut self.others).into_iter().map(|(_, begun)| begun);
        self.caller.take().into_iter().chain(self.callee.take()).chain(others).for_each(|begun| book.end(begun));
        let payers = std::mem::take(&mut self.payers);
        if self.is_answered {
            payers.into_iter().for_each(|payer| book.charge(payer, false, now));
        }
    }
}
