//! Two legs that have both made an offer, each of which is to be answered: who calls, and who takes that call by a call of its own (RFC 3891).

use super::{
    ExchangeEvent, Offer, Refusal,
    answer::order_for,
    format::FormatList,
    leg::LegMedia,
    received::{Allowed, Terms},
    unasked::Taking,
};
use std::sync::Arc;

/// Answers the offer of `a` and that of `b`, each as if the other were what became of it: in the formats that both list, and in the
/// direction that both allow. The answers are in that order.
///
/// # Errors
/// As [`super::translate_offer`], with 488 where the two have no codec in common; nothing was changed.
pub fn answer_both((first, a): (&Offer, &mut LegMedia), (second, b): (&Offer, &mut LegMedia)) -> Result<[Arc<[u8]>; 2], Refusal> {
    a.permit(ExchangeEvent::OfferArrives, Some(first.text()))?;
    b.permit(ExchangeEvent::OfferArrives, Some(second.text()))?;
    let (Some(near), Some(far)) = (a.local(), b.local()) else { return Err(Refusal::NO_ENDPOINT) };
    let theirs = b.allowed();
    let of_first = first.choose(&without_fax(a), &Allowed::alone(a.allowed().retain(|format| theirs.contains(format))))?;
    let of_second = second.choose(&without_fax(b), &Allowed::alone(of_first.formats))?;
    let common = of_second.formats.retain(|format| of_first.formats.contains(format));
    let direction = of_first.stream.direction.and(of_second.stream.direction.reversed());
    let to_a = Taking {
        offer: first,
        index: of_first.index,
        stream: of_first.stream,
        formats: order_for(of_first.stream, &common),
        remote: a.keep_host(of_first.stream.remote(Some(near.rtp.ip()))?),
        direction: direction.reversed(),
    };
    let to_b = Taking {
        offer: second,
        index: of_second.index,
        stream: of_second.stream,
        formats: order_for(of_second.stream, &common),
        remote: b.keep_host(of_second.stream.remote(Some(far.rtp.ip()))?),
        direction,
    };
    Ok([to_a.answer(a, near), to_b.answer(b, far)])
}

/// Answers the offer of `leg`, which is to hear `other`: that one has an answer already, and is offered the like of `leg` later where it
/// does not fit. It does where they have a codec in common; else it is one codec of what `other` offered, or may use.
///
/// # Errors
/// As [`answer_both`].
pub fn answer_beside(offer: &Offer, leg: &mut LegMedia, other: &LegMedia, offered: Option<&Offer>) -> Result<Arc<[u8]>, Refusal> {
    leg.permit(ExchangeEvent::OfferArrives, Some(offer.text()))?;
    let local = leg.local().ok_or(Refusal::NO_ENDPOINT)?;
    let spoken = other.session.as_ref().map_or(FormatList::EMPTY, |session| session.formats);
    let choose =
        |allowed: &FormatList| offer.choose(&without_fax(leg), &Allowed::alone(leg.allowed().retain(|format| allowed.contains(format))));
    let (chosen, formats) = match choose(&spoken) {
        Ok(chosen) => {
            let formats = spoken.retain(|format| chosen.formats.contains(format));
            (chosen, formats)
        }
        Err(_) => {
            let allowed = match offered {
                Some(offered) => offered.choose(&without_fax(other), &Allowed::alone(other.allowed()))?.formats,
                None => other.allowed(),
            };
            let chosen = choose(&allowed)?;
            let formats = chosen.formats.restrict(&FormatList::of_codecs(chosen.formats.codec().as_slice()));
            (chosen, formats)
        }
    };
    let stream = chosen.stream;
    let taking = Taking {
        offer,
        index: chosen.index,
        stream,
        formats: order_for(stream, &formats),
        remote: leg.keep_host(stream.remote(Some(local.rtp.ip()))?),
        direction: stream.direction.reversed(),
    };
    Ok(taking.answer(leg, local))
}

fn without_fax(leg: &LegMedia) -> Terms {
    Terms { fax: false, ..leg.terms() }
}
