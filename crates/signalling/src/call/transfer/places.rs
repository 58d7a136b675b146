//! What trunks count the legs of a call for, where a transfer changes that: a leg that was replaced has its place until it is hung up.

use super::super::{Call, Output};
use tandem_model::{LegId, Place};

impl Call {
    /// The trunk of a leg counts it for that.
    pub(in super::super) fn note_place(&mut self, leg: LegId, place: Place) {
        self.transfers.get_or_insert_default().places.push((leg, place));
    }

    /// A leg of the conversation is replaced: its trunk has room again when it is over ([`Call::free_place`]).
    pub(super) fn note_replaced(&mut self, leg: LegId) {
        let is_known = self.transfers.iter().flat_map(|transfers| &transfers.places).any(|(of, _)| *of == leg);
        if !is_known {
            // Who is not here by transfer began the call, or was called.
            self.note_place(leg, if Some(leg) == self.id.leg(0) { Place::Caller } else { Place::Callee });
        }
    }

    /// A leg is over, or about to be: if it was replaced, its trunk counts it no longer.
    pub(super) fn free_place(&mut self, leg: LegId) {
        let places = self.transfers.as_mut().map(|transfers| &mut transfers.places);
        let freed = places.into_iter().flat_map(|places| places.extract_if(.., |(of, _)| *of == leg));
        self.outputs.extend(freed.map(|(_, place)| Output::PlaceFree(place)));
    }
}
