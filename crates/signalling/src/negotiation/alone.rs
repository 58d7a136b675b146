//! Offer and answer of a leg that hears no other leg but a built-in.

use super::{
    ExchangeEvent, Offer, Refusal,
    format::FormatList,
    leg::{LegMedia, Session},
    own::{PendingOwn, offer_formats, settle},
    received::{Allowed, Terms},
    wishes::{Like, Wishes},
    write::{ALWAYS, End, OurLine, rtcp_to_state, write},
};
use crate::sdp::Direction;
use std::sync::Arc;
use tandem_model::{BuiltIn, Codec, EndpointDescription};

/// A leg joined to a built-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Our answer; empty where the leg answered us.
    pub sdp: Arc<[u8]>,
    /// The leg, for its media session.
    pub describe: Box<EndpointDescription>,
    /// What it hears; `None` while audio is switched off.
    pub hears: Option<BuiltIn>,
    /// What it speaks; `None` while audio is switched off.
    pub codec: Option<Codec>,
    /// The leg does not want to hear anything.
    pub holds: bool,
}

/// Our offer to a leg, for a built-in.
#[derive(Debug)]
pub struct PendingAlone {
    own: PendingOwn,
    builtin: BuiltIn,
}

/// Answers an offer of `leg` on behalf of a built-in, at once.
///
/// # Errors
/// As [`super::translate_offer`].
pub fn answer_alone(offer: &Offer, leg: &mut LegMedia, builtin: BuiltIn) -> Result<Alone, Refusal> {
    leg.permit(ExchangeEvent::OfferArrives, Some(offer.text()))?;
    let local = leg.local().ok_or(Refusal::NO_ENDPOINT)?;
    // Nobody here sends or takes fax.
    let terms = Terms { fax: false, ..leg.terms() };
    let (index, audio, formats) = match offer.choose(&terms, &Allowed::alone(leg.allowed())) {
        Ok(chosen) => (chosen.index, chosen.stream, chosen.formats),
        Err(refusal) => {
            let (index, audio) = offer.switched_off(&terms).ok_or(refusal)?;
            (index, audio, FormatList::EMPTY)
        }
    };
    let off = (audio.line.port == 0).then(|| audio.line.rejected(offer.text()));
    let remote = leg.keep_host(audio.remote(Some(local.rtp.ip()))?);
    let mut formats = audio.formats.retain(|format| formats.contains(format));
    if builtin != BuiltIn::Echo {
        formats = formats.restrict(&FormatList::of_codecs(formats.codec().as_slice()));
    }
    let formats = leg.tell(formats);
    let direction = if off.is_some() { Direction::Inactive } else { leg.answered(audio.direction.reversed(), audio.direction) };
    let layout = offer.layout(index);
    let line = OurLine {
        end: off.as_deref().map_or(End::Open(local.rtp), End::Rejected),
        formats,
        numbers: audio.numbers,
        like: Like::Heard(offer.heard(audio)),
        direction,
        mux: audio.mux,
        rtcp: rtcp_to_state(local),
        fax: false,
    };
    let sdp = write(leg, local.rtp.ip(), offer.times().unwrap_or(ALWAYS), &layout, &line);
    leg.note_offer(audio);
    let (ours, theirs) = (audio.numbers, audio.numbers);
    leg.wishes = Wishes::of_stream(audio, offer.text());
    leg.session = Some(Session {
        layout,
        formats,
        ours,
        theirs,
        direction: direction.reversed(),
        remote,
        mux: audio.mux,
        fax: false,
        said: Arc::clone(&sdp),
    });
    join(leg, builtin, off.is_some(), sdp)
}

/// Makes an offer to `leg` on behalf of a built-in, for an INVITE that brought none.
///
/// # Errors
/// As [`super::offer_own`].
pub fn offer_alone(leg: &mut LegMedia, builtin: BuiltIn) -> Result<PendingAlone, Refusal> {
    let codecs = leg.allowed();
    Ok(PendingAlone { own: offer_formats(leg, &codecs)?, builtin })
}

impl PendingAlone {
    /// What goes to the leg.
    pub fn sdp(&self) -> &[u8] {
        self.own.sdp()
    }
}

/// Takes the leg's answer to our offer.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_alone(pending: &PendingAlone, answer: &[u8], leg: &mut LegMedia) -> Result<Alone, Refusal> {
    let answered = settle(&pending.own, answer, leg)?;
    join(leg, pending.builtin, answered.line.port == 0, Arc::default())
}

/// What the leg hears, now that it has a session.
fn join(leg: &LegMedia, builtin: BuiltIn, off: bool, sdp: Arc<[u8]>) -> Result<Alone, Refusal> {
    let session = leg.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let codec = session.formats.codec().filter(|_| !off);
    let hears = codec.map(|_| builtin);
    let holds = !session.direction.receives();
    let describe = leg.describe(leg).ok_or(Refusal::NO_ENDPOINT)?;
    Ok(Alone { sdp, describe, hears, codec, holds })
}
