//! A leg that we hold (RFC 3264 §8.4): it hears what we play to it, and sends nothing. The other leg does not notice: what it is told, and
//! what it says, is as if nobody held anybody.

use super::{
    Refusal,
    leg::LegMedia,
    restore::{PendingAgain, offer_directed},
};
use crate::sdp::Direction;

impl LegMedia {
    /// We hold the leg from now on, or no more. Nothing is said to it by that: [`offer_hold`] is.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// We hold it.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// What an offer to the leg says of the direction, where it would be `wanted`.
    pub(super) fn offered(&self, wanted: Direction) -> Direction {
        if self.held { Direction::SendOnly } else { wanted }
    }

    /// What an answer to the leg, which offered `asked`, says of it, where it would be `wanted`. RFC 3264 §6.1: no more than the offer
    /// allows.
    pub(super) fn answered(&self, wanted: Direction, asked: Direction) -> Direction {
        if self.held { Direction::new(asked.receives(), false) } else { wanted }
    }

    /// What the leg would do with its audio if we did not hold it, where it says that it does `said`: it would send.
    pub(super) fn wish(&self, said: Direction) -> Direction {
        if self.held { Direction::new(true, said.receives()) } else { said }
    }
}

/// Offers `to` the session that it has, held or no more; `wanted` is the direction that it is offered if it is not held. What comes of
/// it is for [`super::settle_again`]; whoever takes the answer says by [`LegMedia::hold`] how the leg is from then on.
///
/// # Errors
/// As [`super::offer_again`]; 488 where media does not go through us, and where the leg has no audio.
pub fn offer_hold(to: &mut LegMedia, held: bool, wanted: Direction) -> Result<PendingAgain, Refusal> {
    if !to.is_anchored() {
        return Err(Refusal::NOT_THROUGH_US);
    }
    if to.codec().is_none() {
        return Err(Refusal::NO_CODEC);
    }
    offer_directed(to, if held { Direction::SendOnly } else { wanted })
}
