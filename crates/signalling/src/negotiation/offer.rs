//! One leg's offer for another leg.

use super::{
    ExchangeEvent, Refusal,
    format::{FormatList, Numbers},
    leg::{LegMedia, Offer, Session, payload_rules},
    read::{Audio, Remote, Terms, choose, switched_off},
    write::{AudioLine, End, Layout, pass, rtcp_to_state, write},
};
use crate::sdp::{Description, Direction};
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{Codec, EndpointDescription};

/// Whether an offer can be translated at all between legs that allow these codecs: asked before ports are spent on it.
///
/// # Errors
/// What [`translate_offer`] would refuse, but for what depends on our own addresses.
pub fn screen_offer(offer: &[u8], from: &[Codec], to: &[Codec], anchored: bool) -> Result<(), Refusal> {
    let description = Description::parse(offer)?;
    let terms = Terms { anchored, audio: None, local: None };
    let codecs = || to.iter().copied().filter(|codec| from.contains(codec));
    choose(&description, &terms, codecs).map(|_| ())
}

/// Makes of an offer that `from` sent the offer that `to` gets.
///
/// # Errors
/// 400 for what is no description; 488 where no audio line can be taken; 491 and 500 while another offer is open
/// ([`super::Exchange`]); 500 where an anchored leg has no ports yet.
pub fn translate_offer(offer: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<PendingOffer, Refusal> {
    from.permit(ExchangeEvent::OfferArrives, Some(offer))?;
    to.permit(ExchangeEvent::WeOffer, None)?;
    let description = Description::parse(offer)?;
    let codecs = || to.codecs().filter(|codec| from.allows(*codec));
    let chosen = match choose(&description, &from.terms(), codecs) {
        Ok((index, audio, formats)) => Chosen { index, audio, formats, off: false },
        Err(refusal) => Chosen::switched_off(&description, from, to).ok_or(refusal)?,
    };
    let layout = to.layout();
    let offered =
        if from.is_anchored() { offer_anchored(&chosen, &layout, from, to)? } else { offer_passed(&description, &chosen, &layout, to) };

    let token = Arc::new(Offer(offer.into()));
    let before = (from.session.clone(), to.session.clone());
    from.open(false, &token);
    to.open(true, &token);
    let pending = Pending { audio: chosen.index, off: chosen.off, layout, offered, before };
    Ok(PendingOffer { token, pending: Box::new(pending) })
}

/// An offer that was passed on and waits for its answer. Dropped, it never was: both legs stand as before.
#[derive(Debug)]
pub struct PendingOffer {
    pub(super) token: Arc<Offer>,
    pub(super) pending: Box<Pending>,
}

#[derive(Debug)]
pub(super) struct Pending {
    /// Which line of the offer is taken.
    pub(super) audio: usize,
    /// The leg switched its audio off: the other leg is put on hold, and the answer has port 0.
    pub(super) off: bool,
    /// The lines of our offer.
    pub(super) layout: Layout,
    pub(super) offered: Offered,
    /// What stood on both legs before.
    pub(super) before: (Option<Session>, Option<Session>),
}

/// What our offer says.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) sdp: Bytes,
    pub(super) formats: FormatList,
    pub(super) numbers: Numbers,
    pub(super) direction: Direction,
    pub(super) mux: bool,
    /// Numbers and address of whoever made the offer.
    pub(super) theirs: Numbers,
    pub(super) remote: Remote,
}

/// The audio line of an offer that is gone on with.
struct Chosen<'a> {
    index: usize,
    audio: Audio<'a>,
    formats: FormatList,
    off: bool,
}

impl<'a> Chosen<'a> {
    /// The leg switched its audio off: the other leg is held, in the codecs that it has, and not cut off.
    fn switched_off(description: &Description<'a>, from: &LegMedia, to: &LegMedia) -> Option<Chosen<'a>> {
        let (index, audio) = switched_off(description, &from.terms())?;
        let formats = to.session.as_ref().map(|session| session.formats).filter(|formats| formats.codec().is_some());
        let formats = formats.unwrap_or_else(|| to.allowed());
        Some(Chosen { index, audio, formats, off: true })
    }
}

fn offer_anchored(chosen: &Chosen<'_>, layout: &Layout, from: &LegMedia, to: &mut LegMedia) -> Result<Offered, Refusal> {
    let (local, audio) = (to.local().ok_or(Refusal::NO_ENDPOINT)?, &chosen.audio);
    let our_end = from.local().ok_or(Refusal::NO_ENDPOINT)?;
    let remote = from.keep_host(audio.remote(Some(our_end.rtp.ip()))?);
    let mut numbers = Numbers::NONE;
    for format in chosen.formats.iter() {
        if let Some(number) = to.book.number_for(format, audio.numbers.get(format)) {
            numbers.set(format, number);
        }
    }
    let formats = chosen.formats.retain(|format| numbers.get(format).is_some());
    let direction = if chosen.off { Direction::Inactive } else { audio.direction };
    // Once shared, ports stay shared unless the answer says otherwise.
    let mux = audio.mux || to.session.as_ref().is_some_and(|session| session.mux);
    let line = AudioLine { end: End::Open(local.rtp), formats, numbers, like: Some(audio), direction, mux, rtcp: rtcp_to_state(local) };
    let sdp = write(to, local.rtp.ip(), b"0 0", layout, &line);
    Ok(Offered { sdp, formats, numbers, direction, mux, theirs: audio.numbers, remote })
}

fn offer_passed(description: &Description<'_>, chosen: &Chosen<'_>, layout: &Layout, to: &mut LegMedia) -> Offered {
    let audio = &chosen.audio;
    let sdp = pass(to, description, audio, &chosen.formats, layout);
    let direction = if chosen.off { Direction::Inactive } else { audio.direction };
    Offered {
        sdp,
        formats: chosen.formats,
        numbers: audio.numbers,
        direction,
        mux: audio.mux,
        theirs: audio.numbers,
        remote: Remote::NOWHERE,
    }
}

impl PendingOffer {
    /// What goes to the other leg.
    pub fn sdp(&self) -> &[u8] {
        &self.pending.offered.sdp
    }

    /// The same, without a copy.
    pub fn sdp_bytes(&self) -> Bytes {
        self.pending.offered.sdp.clone()
    }

    /// The two legs as far as the first offer of a call describes them, for media that comes before the answer does: the
    /// leg that offered can be sent to, and the other may send what it was offered from the host of its signalling, if
    /// that is believed. `None` where media does not go through us.
    pub fn describe_early(&self, from: &LegMedia, to: &LegMedia) -> Option<EarlyMedia> {
        if !from.is_anchored() {
            return None;
        }
        let offered = &self.pending.offered;
        let offerer = EndpointDescription {
            rtp: offered.remote.rtp.filter(|_| offered.direction.receives()),
            rtcp: offered.remote.rtcp,
            rtcp_mux: false,
            source: from.source(offered.remote.host),
            receives: offered.direction.sends(),
            held: offered.direction != Direction::SendRecv,
            payloads: Box::default(),
        };
        let answerer = EndpointDescription {
            rtp: None,
            rtcp: None,
            rtcp_mux: false,
            source: to.source(None),
            receives: offered.direction.receives(),
            held: offerer.held,
            payloads: payload_rules(&offered.formats, &offered.numbers, None, &offered.theirs),
        };
        Some(EarlyMedia { from: Box::new(offerer), to: Box::new(answerer) })
    }

    /// Puts both legs back to where they stood before the offer, also after a provisional answer to it, and gives their
    /// descriptions then. Without such an answer, to drop the offer does the same.
    pub fn roll_back(self, from: &mut LegMedia, to: &mut LegMedia) -> RolledBack {
        (from.session, to.session) = self.pending.before;
        RolledBack { describe_from: from.describe(to), describe_to: to.describe(from) }
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

/// Both legs after an offer failed; `None` for a leg that had no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The leg that had offered.
    pub describe_from: Option<Box<EndpointDescription>>,
    /// The leg that had been offered to.
    pub describe_to: Option<Box<EndpointDescription>>,
}
