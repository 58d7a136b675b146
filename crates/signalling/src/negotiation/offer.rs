//! One leg's offer for another leg.

use super::{
    ExchangeEvent, Offer, Refusal,
    format::{FormatList, Numbers},
    leg::{Hearer, LegMedia, Token, kind_of, payload_rules},
    own::usual_number,
    read::{Heard, Remote, Stream},
    received::{Allowed, Chosen, Terms},
    wishes::{Like, Wishes},
    write::{ALWAYS, End, Layout, OurLine, pass, rtcp_to_state, write},
};
use crate::sdp::Direction;
use std::sync::Arc;
use tandem_model::EndpointDescription;

/// Makes of an offer that `from` sent the offer that `to` gets.
///
/// # Errors
/// 488 where no line can be taken; 491 and 500 while another offer is open
/// ([`super::Exchange`]); 500 where an anchored leg has no ports yet.
pub fn translate_offer(offer: &Offer, from: &mut LegMedia, to: &mut LegMedia) -> Result<PendingOffer, Refusal> {
    from.permit(ExchangeEvent::OfferArrives, Some(offer.text()))?;
    to.permit(ExchangeEvent::WeOffer, None)?;
    let mut terms = from.terms();
    terms.fax &= to.allows_fax();
    let (chosen, off) = match offer.choose(&terms, &Allowed::between(from.allowed(), to.allowed(), from.may_say_again(to))) {
        Ok(chosen) => (chosen, false),
        Err(refusal) => (switched_off(offer, &terms, to).ok_or(refusal)?, true),
    };
    let heard = offer.heard(chosen.stream);
    let formats = to.tell_beside(from, chosen.formats);
    let direction = if off { Direction::Inactive } else { from.wish(chosen.stream.direction) };
    let layout = to.layout_for(chosen.stream.is_fax(), terms.live.is_none_or(|live| live == chosen.index));
    let offered = if from.is_anchored() {
        offer_anchored(&heard, &formats, direction, &layout, from, to)?
    } else {
        let sdp = pass(to, &heard, &chosen.formats, &layout);
        let (formats, numbers, mux) = (chosen.formats, chosen.stream.numbers, chosen.stream.mux);
        Offered { sdp, formats, numbers, direction, written: direction, mux, remote: Remote::NOWHERE }
    };

    let token = Arc::new(Token(offer.text().clone()));
    let reoffer = to.session.is_some();
    from.open(false, &token);
    to.open(true, &token);
    let asked = Asked {
        stream: *chosen.stream,
        spoken: from.tell(chosen.stream.formats.retain(|format| format.codec().is_none() || from.allowed().contains(format))),
        layout: offer.layout(chosen.index),
        times: offer.times().map(Into::into),
        off: off.then(|| chosen.stream.line.rejected(heard.text)),
    };
    Ok(PendingOffer { token, asked, layout, offered, reoffer })
}

/// An offer that was passed on and waits for its answer. Dropped before an answer is taken, it never was: both legs stand as before.
#[derive(Debug)]
pub struct PendingOffer {
    pub(super) token: Arc<Token>,
    pub(super) asked: Asked,
    /// The lines of our offer.
    pub(super) layout: Layout,
    pub(super) offered: Offered,
    /// The other leg had a session before.
    pub(super) reoffer: bool,
}

/// What our answer must know of the offer.
#[derive(Debug)]
pub(super) struct Asked {
    /// The line of it that is taken.
    pub(super) stream: Stream,
    /// What of it whoever asked may use, in its order.
    pub(super) spoken: FormatList,
    pub(super) layout: Layout,
    /// `t=`, if it can be read.
    pub(super) times: Option<Box<[u8]>>,
    /// The leg switched everything off: the other leg is put on hold, and this is how the answer repeats the line.
    pub(super) off: Option<Box<[u8]>>,
}

/// What our offer says.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) sdp: Arc<[u8]>,
    pub(super) formats: FormatList,
    pub(super) numbers: Numbers,
    /// What whoever made the offer wants.
    pub(super) direction: Direction,
    /// As we wrote it.
    pub(super) written: Direction,
    pub(super) mux: bool,
    /// Where whoever made the offer wants its media.
    pub(super) remote: Remote,
}

/// The leg switched everything off: the other leg is held, in the codecs that it has, and not cut off.
fn switched_off<'a>(offer: &'a Offer, terms: &Terms, to: &LegMedia) -> Option<Chosen<'a>> {
    let (index, stream) = offer.switched_off(terms)?;
    if stream.is_fax() {
        return Some(Chosen { index, stream, formats: FormatList::EMPTY });
    }
    let formats = to.session.as_ref().map(|session| session.formats).filter(|formats| formats.codec().is_some());
    Some(Chosen { index, stream, formats: formats.unwrap_or_else(|| to.allowed()) })
}

fn offer_anchored(
    heard: &Heard<'_>,
    formats: &FormatList,
    direction: Direction,
    layout: &Layout,
    from: &LegMedia,
    to: &mut LegMedia,
) -> Result<Offered, Refusal> {
    let (local, audio) = (to.local().ok_or(Refusal::NO_ENDPOINT)?, heard.stream);
    let our_end = from.local().ok_or(Refusal::NO_ENDPOINT)?;
    let remote = from.keep_host(audio.remote(Some(our_end.rtp.ip()))?);
    let mut numbers = Numbers::NONE;
    for format in formats.iter() {
        // Events that it has not are ours.
        let wish =
            audio.numbers.get(format).or_else(|| usual_number(format).filter(|_| format.is_event() && audio.formats.event().is_none()));
        if let Some(number) = to.book.number_for(format, wish) {
            numbers.set(format, number);
        }
    }
    let formats = formats.retain(|format| numbers.get(format).is_some());
    // Once shared, ports stay shared unless the answer says otherwise.
    let (mux, written) = (!audio.is_fax() && (audio.mux || to.session.as_ref().is_some_and(|session| session.mux)), to.offered(direction));
    let line = OurLine {
        end: End::Open(local.rtp),
        formats,
        numbers,
        like: Like::Heard(*heard),
        direction: written,
        mux,
        rtcp: rtcp_to_state(local),
        fax: audio.is_fax(),
    };
    let sdp = write(to, local.rtp.ip(), ALWAYS, layout, &line);
    Ok(Offered { sdp, formats, numbers, direction, written, mux, remote })
}

impl PendingOffer {
    /// What goes to the other leg.
    pub fn sdp(&self) -> &[u8] {
        &self.offered.sdp
    }

    /// It is one of fax.
    pub fn is_fax(&self) -> bool {
        self.asked.stream.is_fax()
    }

    /// The two legs as far as the first offer of a call describes them, for media that comes before the answer does: the
    /// leg that offered can be sent to, and the other may send what it was offered from the host of its signalling, if
    /// that is believed. `None` where media does not go through us.
    pub fn describe_early(&self, from: &LegMedia, to: &LegMedia) -> Option<EarlyMedia> {
        if !from.is_anchored() {
            return None;
        }
        let (offered, kind) = (&self.offered, kind_of(self.asked.stream.is_fax()));
        let wishes = Wishes::of_stream(&self.asked.stream, &self.token.0);
        let offerer = EndpointDescription {
            kind,
            rtp: offered.remote.rtp.filter(|_| offered.direction.receives()),
            rtcp: offered.remote.rtcp,
            rtcp_mux: false,
            source: from.source(offered.remote.host),
            receives: offered.direction.sends(),
            held: offered.direction != Direction::SendRecv,
            payloads: Box::default(),
            hearer: None,
            speech: from.speech_in(&self.asked.spoken, &self.asked.stream.numbers, &wishes, to),
            keys: from.keys_in(&self.asked.spoken, &self.asked.stream.numbers),
        };
        let answerer = EndpointDescription {
            kind,
            rtp: None,
            rtcp: None,
            rtcp_mux: false,
            source: to.source(None),
            receives: offered.direction.receives(),
            held: offerer.held,
            payloads: payload_rules(
                &offered.formats,
                &offered.numbers,
                None,
                // Before it answers nobody presses a key for it.
                &Hearer { speaks: (&self.asked.spoken, &self.asked.stream.numbers), keys: offerer.keys, listens: false },
            ),
            hearer: from.local().map(|local| local.leg),
            speech: None,
            keys: to.keys_in(&offered.formats, &offered.numbers),
        };
        Some(EarlyMedia { from: Box::new(offerer), to: Box::new(answerer) })
    }
}

/// Both legs before an answer. See [`PendingOffer::describe_early`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyMedia {
    /// The leg that offered.
    pub from: Box<EndpointDescription>,
    /// The leg that will answer.
    pub to: Box<EndpointDescription>,
}
