//! Where media does not go through us: what one leg said is offered to the other, which had the answer of another phone.

use super::{
    Offer, PendingOffer, Refusal,
    answer::part_answer,
    format::Numbers,
    leg::LegMedia,
    offer::translate_offer,
    read::{Head, Stream},
};
use crate::sdp::Description;
use bytes::Bytes;

/// Offers `to` what `of` said in an answer that `to` never got.
///
/// # Errors
/// As [`translate_offer`]; 500 where there is no such answer, or not any more.
pub fn offer_unheard(of: &mut LegMedia, to: &mut LegMedia) -> Result<PendingOffer, Refusal> {
    let said = of.unheard.as_deref().ok_or(Refusal::SUPERSEDED)?;
    let pending = translate_offer(&Offer::read(Bytes::copy_from_slice(said))?, of, to)?;
    // It asks for nothing, and may offer whatever it likes.
    of.close_offer();
    Ok(pending)
}

/// Takes the answer of `to`. True: it wants its media elsewhere than `of` has heard, or no media or some where there was none, and `of` is to be offered
/// that ([`offer_unheard`] with the two swapped).
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_unheard(pending: &PendingOffer, answer: &[u8], of: &mut LegMedia, to: &mut LegMedia) -> Result<bool, Refusal> {
    part_answer(pending, answer, of, to)?;
    of.unheard = None;
    let heard = of.session.as_ref().and_then(|session| live_stream(&session.said, session.layout.live()));
    let is_news = match (heard, live_stream(answer, pending.layout.live())) {
        (Some(heard), Some(said)) => !said.is_at_same_place(&heard),
        _ => false,
    };
    if !is_news {
        to.unheard = None;
    }
    Ok(is_news)
}

fn live_stream(text: &[u8], live: usize) -> Option<Stream> {
    let description = Description::parse(text).ok()?;
    let head = Head::read(text, &description);
    Some(Stream::read(text, description.media().get(live)?, &head, &Numbers::NONE))
}
