//! One leg's offer for another leg, and the other leg's answer back.

use super::{
    ExchangeEvent, Refusal,
    format::{FormatList, Numbers},
    leg::{LegMedia, Offer, Session, payload_rules},
    read::{Audio, Remote, Terms, choose, is_audio},
    write::{AudioLine, Layout, decline, pass, times, write},
};
use crate::sdp::{Description, Direction};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc};
use tandem_model::{Codec, EndpointDescription, LocalEndpoint};

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
    token: Arc<Offer>,
    pending: Box<Pending>,
}

#[derive(Debug)]
struct Pending {
    /// Which line of the offer is taken.
    audio: usize,
    /// The leg switched its audio off: the other leg is put on hold, and the answer has port 0.
    off: bool,
    /// The lines of our offer.
    layout: Layout,
    offered: Offered,
    /// What stood on both legs before.
    before: (Option<Session>, Option<Session>),
}

/// What our offer says.
#[derive(Debug)]
struct Offered {
    sdp: Bytes,
    formats: FormatList,
    numbers: Numbers,
    direction: Direction,
    mux: bool,
    /// Numbers and address of whoever made the offer.
    theirs: Numbers,
    remote: Remote,
}

/// The audio line of an offer that is gone on with.
struct Chosen<'a> {
    index: usize,
    audio: Audio<'a>,
    formats: FormatList,
    off: bool,
}

impl<'a> Chosen<'a> {
    /// The audio in use now has port 0. Some hold a call so, therefore the other leg is held and not cut off.
    fn switched_off(description: &Description<'a>, from: &LegMedia, to: &LegMedia) -> Option<Chosen<'a>> {
        let index = from.session.as_ref()?.layout.audio();
        if !is_audio(description, index) {
            return None;
        }
        let audio = Audio::read(description, index, &Numbers::NONE).filter(|audio| audio.media.port == 0)?;
        let formats = to.session.as_ref().map(|session| session.formats).filter(|formats| formats.codec().is_some());
        let formats = formats.unwrap_or_else(|| FormatList::of_codecs(to.codecs().collect::<Vec<_>>().as_slice()));
        Some(Chosen { index, audio, formats, off: true })
    }
}

fn offer_anchored(chosen: &Chosen<'_>, layout: &Layout, from: &LegMedia, to: &mut LegMedia) -> Result<Offered, Refusal> {
    let (local, audio) = (to.local().ok_or(Refusal::NO_ENDPOINT)?, &chosen.audio);
    let our_end = from.local().ok_or(Refusal::NO_ENDPOINT)?;
    let remote = if chosen.off { Remote::NOWHERE } else { audio.remote(Some(our_end.rtp.ip()))? };
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
    let line = AudioLine { at: Some(local.rtp), formats, numbers, like: Some(audio), direction, mux, rtcp: rtcp_to_state(local) };
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

/// RFC 3605 §2: only RTCP that is not on the next port must be told of.
pub(super) fn rtcp_to_state(local: LocalEndpoint) -> Option<SocketAddr> {
    let next = local.rtp.port().checked_add(1).map(|port| SocketAddr::new(local.rtp.ip(), port));
    (next != Some(local.rtcp)).then_some(local.rtcp)
}

/// What an answer brought about. `from` is the leg that offered, `to` the one that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Our answer to the leg that offered.
    pub answer: Bytes,
    /// The leg that offered, for its media session; `None` where media does not go through us.
    pub describe_from: Option<Box<EndpointDescription>>,
    /// The leg that answered, likewise.
    pub describe_to: Option<Box<EndpointDescription>>,
    /// The codec that both sides put first; `None` while audio is switched off.
    pub codec: Option<Codec>,
    /// The leg that offered does not want to hear the other.
    pub from_holds: bool,
    /// The leg that answered does not want to hear the other, though it was asked to.
    pub to_holds: bool,
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

/// Takes the answer of `to` to a pending offer and makes the answer to `from` of it. It may be called again with a later
/// answer to the same offer (a provisional and the final one, or another fork's): the last one counts.
///
/// # Errors
/// 488 where the answer is no description, does not fit the offer or leaves no codec: nothing was changed, the leg that
/// answered is to be hung up, and the leg that offered told so.
pub fn translate_answer(pending: &PendingOffer, answer: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    if !to.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    settle(pending, answer, from, to).map_err(Refusal::of_answer)
}

fn settle(token: &PendingOffer, answer: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    let pending = &*token.pending;
    let (offer, answer) = (Description::parse(&token.token.0)?, Description::parse(answer)?);
    let asked = Audio::read(&offer, pending.audio, &Numbers::NONE).ok_or(Refusal::NO_AUDIO)?;
    let answered = answered_audio(&answer, &pending.layout, &pending.offered.numbers)?;
    let rejected = answered.media.port == 0;
    let formats = if rejected {
        if to.session.is_none() {
            return Err(Refusal::AUDIO_REJECTED);
        }
        FormatList::EMPTY
    } else {
        accepted_formats(&answered, &pending.offered.formats, to.is_anchored())?
    };
    let remote = if to.is_anchored() && !rejected { answered.remote(to.local().map(|local| local.rtp.ip()))? } else { Remote::NOWHERE };

    let off = rejected || pending.off;
    let offered = &pending.offered;
    let direction = if off { Direction::Inactive } else { answered.direction.and(offered.direction.reversed()) };
    let in_order = order_for(&asked, &formats);
    let layout = Layout::of(&offer, pending.audio);
    let answer_text = if from.is_anchored() {
        let local = from.local().ok_or(Refusal::NO_ENDPOINT)?;
        let line = AudioLine {
            at: Some(local.rtp).filter(|_| !off),
            formats: in_order,
            numbers: asked.numbers,
            like: Some(&answered),
            direction,
            mux: asked.mux,
            rtcp: rtcp_to_state(local),
        };
        write(from, local.rtp.ip(), times(offer.session()), &layout, &line)
    } else {
        pass(from, &answer, &answered, &formats, &layout)
    };

    let codec = formats.codec().filter(|_| !off);
    note_numbers(from, &asked, &in_order);
    to.book.take_all(answered.listed);
    from.session = Some(Session {
        layout,
        formats,
        ours: asked.numbers,
        theirs: asked.numbers,
        direction: direction.reversed(),
        remote: if off { Remote::NOWHERE } else { offered.remote },
        mux: asked.mux,
    });
    let (ours, theirs) = (offered.numbers, answered.numbers);
    to.session =
        Some(Session { layout: pending.layout.clone(), formats, ours, theirs, direction, remote, mux: offered.mux && answered.mux });
    Ok(Settled {
        answer: answer_text,
        describe_from: from.describe(to),
        describe_to: to.describe(from),
        codec,
        from_holds: !offered.direction.receives(),
        to_holds: offered.direction.sends() && !direction.receives(),
    })
}

/// The audio line of an answer to an offer of that layout (RFC 3264 §6: a line for each line, in the same order).
pub(super) fn answered_audio<'a>(answer: &Description<'a>, layout: &Layout, asked: &Numbers) -> Result<Audio<'a>, Refusal> {
    if answer.media().len() != layout.count() || !is_audio(answer, layout.audio()) {
        return Err(Refusal::LINE_COUNT);
    }
    Audio::read(answer, layout.audio(), asked).ok_or(Refusal::LINE_COUNT)
}

/// What an answer takes of what was offered.
pub(super) fn accepted_formats(answered: &Audio<'_>, offered: &FormatList, anchored: bool) -> Result<FormatList, Refusal> {
    answered.check_protocol(anchored)?;
    let formats = answered.formats.retain(|format| offered.contains(format));
    if formats.codec().is_none() { Err(Refusal::NO_CODEC) } else { Ok(formats) }
}

/// The order of our answer: that of the offer (RFC 3264 §6.1), but for the codec that the other side speaks, which is
/// first so that both speak the same.
fn order_for(asked: &Audio<'_>, formats: &FormatList) -> FormatList {
    let mut ordered = FormatList::EMPTY;
    formats.iter().take(1).filter(|format| asked.formats.contains(*format)).for_each(|format| ordered.push(format));
    asked.formats.iter().filter(|format| formats.contains(*format)).for_each(|format| ordered.push(format));
    ordered
}

/// Notes the numbers of an offer that is answered with the same ones.
pub(super) fn note_numbers(leg: &mut LegMedia, asked: &Audio<'_>, answered: &FormatList) {
    leg.book.take_all(asked.listed);
    for format in answered.iter() {
        if let Some(number) = asked.numbers.get(format) {
            leg.book.assign(format, number);
        }
    }
}

/// An answer that takes nothing of an offer, for an offer in a 2xx that must be acknowledged before it can be hung up
/// (RFC 3261 §13.2.2.4). `None` if the offer cannot be read.
pub fn decline_offer(offer: &[u8], leg: &mut LegMedia) -> Option<Bytes> {
    let description = Description::parse(offer).ok()?;
    Some(decline(leg, &description))
}
