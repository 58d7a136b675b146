//! Offer and answer of a leg that hears no other leg but a built-in.

use super::{
    ExchangeEvent, Offer, Refusal,
    answer::{Taken, answered_line, take},
    format::{Format, FormatList, Numbers},
    leg::{LegMedia, Session, Token},
    read::Stream,
    received::Terms,
    write::{ALWAYS, End, Layout, OurLine, rtcp_to_state, write},
};
use crate::sdp::Direction;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{BuiltIn, Codec, EndpointDescription, Tone};

/// What the tone sounds like.
const TONE_HZ: u16 = 440;

/// Milliseconds of sound in a packet of a leg that asks for none (RFC 3551 §4.2).
const USUAL_PACKET_MS: u16 = 20;

/// The numbers that we offer where nothing else decides, as most phones have them.
const USUAL_NUMBERS: [(Format, u8); 3] = [(Format::Opus, 111), (Format::Event8k, 101), (Format::Event48k, 110)];

/// A leg joined to a built-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Our answer; empty where the leg answered us.
    pub sdp: Arc<[u8]>,
    /// The leg, for its media session.
    pub describe: Box<EndpointDescription>,
    /// What it hears; `None` while audio is switched off.
    pub tone: Option<Tone>,
    /// What it speaks; `None` while audio is switched off.
    pub codec: Option<Codec>,
    /// The leg does not want to hear anything.
    pub holds: bool,
}

/// Our offer to a leg, for a built-in.
#[derive(Debug)]
pub struct PendingAlone {
    token: Arc<Token>,
    sdp: Arc<[u8]>,
    builtin: BuiltIn,
    formats: FormatList,
    numbers: Numbers,
    layout: Layout,
    mux: bool,
}

/// Answers an offer of `leg` on behalf of a built-in, at once.
///
/// # Errors
/// As [`super::translate_offer`]. A tone can be made in G.711 only, so anything else alone is 488.
pub fn answer_alone(offer: &Offer, leg: &mut LegMedia, builtin: BuiltIn) -> Result<Alone, Refusal> {
    leg.permit(ExchangeEvent::OfferArrives, Some(offer.text()))?;
    let local = leg.local().ok_or(Refusal::NO_ENDPOINT)?;
    // Nobody here sends or takes fax.
    let terms = Terms { fax: false, ..leg.terms() };
    let (index, audio, formats) = match offer.choose(&terms, &codecs(leg, builtin)) {
        Ok(chosen) => (chosen.index, chosen.stream, chosen.formats),
        Err(refusal) => {
            let (index, audio) = offer.switched_off(&terms).ok_or(refusal)?;
            (index, audio, FormatList::EMPTY)
        }
    };
    let off = (audio.line.port == 0).then(|| audio.line.rejected(offer.text()));
    let remote = leg.keep_host(audio.remote(Some(local.rtp.ip()))?);
    let mut formats = audio.formats.retain(|format| formats.contains(format));
    if builtin == BuiltIn::Tone {
        formats = formats.restrict(&FormatList::of_codecs(formats.codec().as_slice()));
    }
    let direction = if off.is_some() { Direction::Inactive } else { audio.direction.reversed() };
    let layout = offer.layout(index);
    let line = OurLine {
        end: off.as_deref().map_or(End::Open(local.rtp), End::Rejected),
        formats,
        numbers: audio.numbers,
        like: Some(offer.heard(audio)),
        direction,
        mux: audio.mux,
        rtcp: rtcp_to_state(local),
        fax: false,
    };
    let sdp = write(leg, local.rtp.ip(), offer.times().unwrap_or(ALWAYS), &layout, &line);
    leg.note_offer(audio);
    let (ours, theirs) = (audio.numbers, audio.numbers);
    let session = Session {
        layout,
        formats,
        ours,
        theirs,
        direction: direction.reversed(),
        remote,
        mux: audio.mux,
        fax: false,
        said: Arc::clone(&sdp),
    };
    join(leg, session, (builtin, packet_ms(audio)), off.is_some(), sdp)
}

/// Makes an offer to `leg` on behalf of a built-in, for an INVITE that brought none.
///
/// # Errors
/// 488 where the leg allows nothing that the built-in can make; 491 while another offer is open; 500 without ports.
pub fn offer_alone(leg: &mut LegMedia, builtin: BuiltIn) -> Result<PendingAlone, Refusal> {
    leg.permit(ExchangeEvent::WeOffer, None)?;
    let local = leg.local().ok_or(Refusal::NO_ENDPOINT)?;
    let codecs = codecs(leg, builtin);
    let mut all = codecs;
    Format::EVENTS.into_iter().for_each(|event| all.push(event));
    let formats = all.restrict(&codecs);
    if formats.codec().is_none() {
        return Err(Refusal::NO_CODEC);
    }
    let mut numbers = Numbers::NONE;
    for format in formats.iter() {
        let usual = USUAL_NUMBERS.into_iter().find(|(of, _)| *of == format).map(|(_, number)| number);
        if let Some(number) = leg.book.number_for(format, usual) {
            numbers.set(format, number);
        }
    }
    let layout = leg.layout();
    let mux = leg.session.as_ref().is_some_and(|session| session.mux);
    let (direction, rtcp) = (Direction::SendRecv, rtcp_to_state(local));
    let line = OurLine { end: End::Open(local.rtp), formats, numbers, like: None, direction, mux, rtcp, fax: false };
    let sdp = write(leg, local.rtp.ip(), ALWAYS, &layout, &line);
    let token = Arc::new(Token(Bytes::new()));
    leg.open(true, &token);
    Ok(PendingAlone { token, sdp, builtin, formats, numbers, layout, mux })
}

impl PendingAlone {
    /// What goes to the leg.
    pub fn sdp(&self) -> &[u8] {
        &self.sdp
    }
}

/// Takes the leg's answer to our offer.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_alone(pending: &PendingAlone, answer: &[u8], leg: &mut LegMedia) -> Result<Alone, Refusal> {
    if !leg.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    settle(pending, answer, leg).map_err(Refusal::of_answer)
}

fn settle(pending: &PendingAlone, answer: &[u8], leg: &mut LegMedia) -> Result<Alone, Refusal> {
    let (_, answered) = answered_line(answer, &pending.layout, false, &pending.numbers)?;
    let Taken { formats, remote, rejected } = take(&answered, &pending.formats, leg.session.is_some(), leg)?;
    leg.book.take_all(answered.listed);
    let direction = if rejected { Direction::Inactive } else { answered.direction };
    let mux = answered.mux && pending.mux;
    let (layout, ours, theirs) = (pending.layout.clone(), pending.numbers, answered.numbers);
    let session = Session { layout, formats, ours, theirs, direction, remote, mux, fax: false, said: Arc::clone(&pending.sdp) };
    join(leg, session, (pending.builtin, packet_ms(&answered)), rejected, Arc::default())
}

/// The codecs that the built-in can speak with the leg, the best first.
fn codecs(leg: &LegMedia, builtin: BuiltIn) -> FormatList {
    leg.allowed().retain(|format| builtin == BuiltIn::Echo || matches!(format, Format::Pcmu | Format::Pcma))
}

/// How much sound the leg wants in a packet (RFC 8866 §6.4).
fn packet_ms(audio: &Stream) -> u8 {
    let wanted = audio.ptime.unwrap_or(USUAL_PACKET_MS).min(audio.maxptime.unwrap_or(u16::MAX));
    wanted.try_into().unwrap_or(u8::MAX)
}

fn join(leg: &mut LegMedia, session: Session, (builtin, packet_ms): (BuiltIn, u8), off: bool, sdp: Arc<[u8]>) -> Result<Alone, Refusal> {
    let codec = session.formats.codec().filter(|_| !off);
    let payload = codec.and_then(|codec| session.theirs.get(Format::of(codec)));
    let tone = match builtin {
        BuiltIn::Echo => codec.map(|_| Tone::Echo),
        BuiltIn::Tone => payload.map(|payload| Tone::Sine { frequency_hz: TONE_HZ, payload, a_law: codec == Some(Codec::Pcma), packet_ms }),
    };
    let holds = !session.direction.receives();
    leg.session = Some(session);
    let describe = leg.describe(leg).ok_or(Refusal::NO_ENDPOINT)?;
    Ok(Alone { sdp, describe, tone, codec, holds })
}
