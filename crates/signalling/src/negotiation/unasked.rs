//! Answers that a leg gets without the other leg being asked: where it may not wait for that (RFC 3262 §5: an offer in a reliable
//! response is answered in its PRACK, one in a PRACK in its 200).

use super::{
    ExchangeEvent, Offer, PendingOffer, Refusal,
    format::FormatList,
    leg::{LegMedia, Session},
    offer::translate_offer,
    read::{Remote, Stream},
    received::{Allowed, Terms},
    wishes::{Like, Wishes},
    write::{ALWAYS, End, OurLine, rtcp_to_state, write},
};
use crate::sdp::Direction;
use std::sync::Arc;
use tandem_model::{Codec, LocalEndpoint};

/// Answers an offer of `leg` with what `other` speaks, or with what it spoke itself where nobody is there. Where that is not settled yet it
/// is one codec that both allow: what the other leg is asked for later.
///
/// # Errors
/// As [`super::translate_offer`]; 500 where media does not go through us.
pub fn answer_unasked(offer: &Offer, leg: &mut LegMedia, other: Option<&LegMedia>) -> Result<Arc<[u8]>, Refusal> {
    leg.permit(ExchangeEvent::OfferArrives, Some(offer.text()))?;
    answer_at_once(offer, leg, other)
}

/// Answers an offer of `leg` that was passed on to `other`, which has not answered it yet: in one codec that both allow, else in one of its
/// own. What `other` answers later is [joined](super::join_answer) to that.
///
/// # Errors
/// 488 where there is no such codec, 500 where media does not go through us; nothing was changed.
pub fn answer_meanwhile(offer: &Offer, leg: &mut LegMedia, other: &LegMedia) -> Result<Arc<[u8]>, Refusal> {
    let unheard = LegMedia::new(&Codec::ALL, true, None, 0);
    answer_at_once(offer, leg, Some(other)).or_else(|_| answer_at_once(offer, leg, Some(&unheard)))
}

fn answer_at_once(offer: &Offer, leg: &mut LegMedia, other: Option<&LegMedia>) -> Result<Arc<[u8]>, Refusal> {
    let local = leg.local().ok_or(Refusal::NO_ENDPOINT)?;
    let speaker = other.unwrap_or(leg);
    let spoken = speaker.session.as_ref().map(|session| session.formats);
    let sends = other.and_then(LegMedia::direction);
    let theirs = spoken.unwrap_or(speaker.allowed());
    let terms = Terms { fax: false, ..leg.terms() };
    let chosen = offer.choose(&terms, &Allowed::alone(leg.allowed().retain(|format| theirs.contains(format))))?;
    let stream = chosen.stream;
    let remote = leg.keep_host(stream.remote(Some(local.rtp.ip()))?);
    let mut formats = stream.formats.retain(|format| chosen.formats.contains(format));
    if spoken.is_none() {
        formats = formats.restrict(&FormatList::of_codecs(formats.codec().as_slice()));
    }
    let wanted = stream.direction.reversed();
    let direction = leg.answered(sends.map_or(wanted, |direction| wanted.and(direction)), stream.direction);
    Ok(Taking { offer, index: chosen.index, stream, formats, remote, direction }.answer(leg, local))
}

/// What is taken of an offer.
pub(super) struct Taking<'a> {
    pub(super) offer: &'a Offer,
    pub(super) index: usize,
    pub(super) stream: &'a Stream,
    /// In the order of the answer.
    pub(super) formats: FormatList,
    pub(super) remote: Remote,
    /// As the answer says it.
    pub(super) direction: Direction,
}

impl Taking<'_> {
    /// The answer to `leg`, which has its session with that.
    pub(super) fn answer(self, leg: &mut LegMedia, local: LocalEndpoint) -> Arc<[u8]> {
        let Taking { offer, index, stream, formats, remote, direction } = self;
        let formats = leg.tell(formats);
        let layout = offer.layout(index);
        let line = OurLine {
            end: End::Open(local.rtp),
            formats,
            numbers: stream.numbers,
            like: Like::Heard(offer.heard(stream)),
            direction,
            mux: stream.mux,
            rtcp: rtcp_to_state(local),
            fax: false,
        };
        let sdp = write(leg, local.rtp.ip(), offer.times().unwrap_or(ALWAYS), &layout, &line);
        leg.note_offer(stream);
        leg.wishes = Wishes::of_stream(stream, offer.text());
        leg.session = Some(Session {
            layout,
            formats,
            ours: stream.numbers,
            theirs: stream.numbers,
            direction: direction.reversed(),
            remote,
            mux: stream.mux,
            fax: false,
            said: Arc::clone(&sdp),
        });
        sdp
    }
}

/// Passes an offer of `from` on that was answered by [`answer_unasked`]: no more of it than that answer took.
///
/// # Errors
/// As [`super::translate_offer`].
pub fn offer_unasked(offer: &Offer, from: &mut LegMedia, to: &mut LegMedia) -> Result<PendingOffer, Refusal> {
    let taken = FormatList::of_codecs(from.codec().as_slice());
    let allowed = from.replace_allowed(taken);
    let pending = translate_offer(offer, from, to);
    from.replace_allowed(allowed);
    pending
}
