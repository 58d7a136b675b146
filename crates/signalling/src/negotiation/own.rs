//! Offers that we make ourselves: to a leg that nobody has offered anything to, and to one that is to hear another which has
//! settled already.

use super::{
    ExchangeEvent, Refusal,
    answer::{Taken, answered_line, take},
    format::{Format, FormatList, Numbers},
    leg::{LegMedia, Session, Token},
    read::Stream,
    wishes::{Like, Wishes},
    write::{ALWAYS, End, Layout, OurLine, rtcp_to_state, write},
};
use crate::sdp::Direction;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{Codec, EndpointDescription};

/// The numbers that we offer where nothing else decides, as most phones have them.
const USUAL_NUMBERS: [(Format, u8); 3] = [(Format::Opus, 111), (Format::Event8k, 101), (Format::Event48k, 110)];

/// An offer of ours that waits for its answer. Dropped before an answer is taken, it never was: the leg stands as before.
#[derive(Debug)]
pub struct PendingOwn {
    token: Arc<Token>,
    sdp: Arc<[u8]>,
    layout: Layout,
    formats: FormatList,
    numbers: Numbers,
    /// As we wrote it.
    direction: Direction,
    mux: bool,
}

impl PendingOwn {
    /// What goes to the leg.
    pub fn sdp(&self) -> &[u8] {
        &self.sdp
    }
}

/// What the answer to an offer of ours brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledOwn {
    /// The codec that the leg puts first; `None` where it has switched its audio off.
    pub codec: Option<Codec>,
    /// The leg does not want to hear anything, though it was asked to.
    pub holds: bool,
}

/// What the answer to an offer like another leg's brought about. `of` is the leg that had settled, `to` the one that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledLike {
    /// The leg that had settled, for its media session.
    pub describe_of: Option<Box<EndpointDescription>>,
    /// The leg that answered, likewise.
    pub describe_to: Option<Box<EndpointDescription>>,
    /// The codec that `to` speaks; `None` where it has switched its audio off.
    pub codec: Option<Codec>,
    /// `to` does not want to hear the other, though it was asked to.
    pub to_holds: bool,
}

/// Offers `to` audio both ways in those of `codecs` that it may use: what it answers, another leg is to be offered by
/// [`offer_like`], so they are to be those that the other may use.
///
/// # Errors
/// 488 where no codec is left, and where media does not go through us: there is no address to offer. 491 while another offer is
/// open; 500 without ports.
pub fn offer_own(to: &mut LegMedia, codecs: &[Codec]) -> Result<PendingOwn, Refusal> {
    let theirs = FormatList::of_codecs(codecs);
    let allowed = to.allowed().retain(|format| theirs.contains(format));
    offer_formats(to, &allowed)
}

/// The same, of these codecs.
pub(super) fn offer_formats(to: &mut LegMedia, codecs: &FormatList) -> Result<PendingOwn, Refusal> {
    let mut all = *codecs;
    Format::EVENTS.into_iter().for_each(|event| all.push(event));
    offer(to, all.restrict(codecs), usual_number, Direction::SendRecv, Like::Nobody)
}

/// Offers `to` what `of` has settled on: its codec with the telephone events that go with it, its packet times and
/// parameters. Where what one says may be said to the other in another codec, all that `to` may use come behind it; else it is
/// one codec and no choice, so that both speak the same. `direction` is what our offer says: that of `of`
/// ([`LegMedia::direction`]), or another; a leg on hold is resumed by [`Direction::SendRecv`].
///
/// # Errors
/// 488 where `of` has no audio, or `to` is left without a codec, and where media does not go through us; 491 while another
/// offer is open; 500 without ports.
pub fn offer_like(of: &LegMedia, to: &mut LegMedia, direction: Direction) -> Result<PendingOwn, Refusal> {
    let session = of.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let codec = session.formats.codec().ok_or(Refusal::NO_CODEC)?;
    let spoken = FormatList::of_codecs(&[codec]).retain(|format| to.allowed().contains(format));
    let others = if of.may_say_again(to) { to.allowed() } else { FormatList::EMPTY };
    // What `of` wants to be sent under a number, `to` may as well send under the same.
    let formats = to.tell_beside(of, session.formats.restrict_and_make(&spoken, &others));
    let wish = |format| session.theirs.get(format).or_else(|| usual_number(format));
    offer(to, formats, wish, direction, Like::Noted(&of.wishes))
}

/// The same, and after that codec those of `codecs` that `to` may use: what it answers may be another than `of`
/// speaks. All that it may use if it may use none of those, where what one says may be said to the other in another codec.
///
/// # Errors
/// As [`offer_like`], but for a codec that `to` may not use while there are others.
pub fn offer_first_like(of: &LegMedia, to: &mut LegMedia, codecs: &[Codec], direction: Direction) -> Result<PendingOwn, Refusal> {
    let session = of.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let listed = FormatList::of_codecs(codecs);
    let mut wanted = FormatList::of_codecs(session.formats.codec().as_slice()).retain(|format| to.allowed().contains(format));
    to.allowed().iter().filter(|format| listed.contains(*format)).for_each(|format| wanted.push(format));
    if wanted.codec().is_none() && of.may_say_again(to) {
        wanted = to.allowed();
    }
    let mut all = wanted;
    Format::EVENTS.into_iter().for_each(|event| all.push(event));
    let wish = |format| session.theirs.get(format).or_else(|| usual_number(format));
    offer(to, all.restrict(&wanted), wish, direction, Like::Noted(&of.wishes))
}

pub(super) fn usual_number(format: Format) -> Option<u8> {
    USUAL_NUMBERS.into_iter().find(|(of, _)| *of == format).map(|(_, number)| number)
}

fn offer(
    to: &mut LegMedia,
    formats: FormatList,
    wish: impl Fn(Format) -> Option<u8>,
    direction: Direction,
    like: Like<'_>,
) -> Result<PendingOwn, Refusal> {
    to.permit(ExchangeEvent::WeOffer, None)?;
    if !to.is_anchored() {
        return Err(Refusal::NOT_THROUGH_US);
    }
    let local = to.local().ok_or(Refusal::NO_ENDPOINT)?;
    if formats.codec().is_none() {
        return Err(Refusal::NO_CODEC);
    }
    let formats = to.tell(formats);
    let mut numbers = Numbers::NONE;
    for format in formats.iter() {
        if let Some(number) = to.book.number_for(format, wish(format)) {
            numbers.set(format, number);
        }
    }
    let formats = formats.retain(|format| numbers.get(format).is_some());
    // A line of fax is turned back to audio.
    let layout = to.layout_for(false, false);
    let mux = to.session.as_ref().is_some_and(|session| session.mux);
    let direction = to.offered(direction);
    let line = OurLine { end: End::Open(local.rtp), formats, numbers, like, direction, mux, rtcp: rtcp_to_state(local), fax: false };
    let sdp = write(to, local.rtp.ip(), ALWAYS, &layout, &line);
    let token = Arc::new(Token(Bytes::new()));
    to.open(true, &token);
    Ok(PendingOwn { token, sdp, layout, formats, numbers, direction, mux })
}

/// Takes the answer of `to` to our offer. It may be called again with a later answer to the same offer (a provisional and the
/// final one, or another fork's): the last one counts. What media must know of the leg is in [`LegMedia::describe`], once the
/// leg that it is to hear has settled too.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_own(pending: &PendingOwn, answer: &[u8], to: &mut LegMedia) -> Result<SettledOwn, Refusal> {
    settle(pending, answer, to)?;
    let (codec, direction) = (to.codec(), to.direction().unwrap_or(Direction::Inactive));
    Ok(SettledOwn { codec, holds: pending.direction.sends() && !direction.receives() })
}

/// Takes the answer of `to` to an offer like what `of` has settled on; the two hear each other from now on. Of `of` nothing
/// changes but where its packets go, and under which numbers.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_like(pending: &PendingOwn, answer: &[u8], of: &LegMedia, to: &mut LegMedia) -> Result<SettledLike, Refusal> {
    let SettledOwn { codec, holds } = settle_own(pending, answer, to)?;
    Ok(SettledLike { describe_of: of.describe(to), describe_to: to.describe(of), codec, to_holds: holds })
}

/// Takes an answer, and says what its line is.
pub(super) fn settle(pending: &PendingOwn, answer: &[u8], to: &mut LegMedia) -> Result<Stream, Refusal> {
    if !to.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    read_answer(pending, answer, to).map_err(Refusal::of_answer)
}

fn read_answer(pending: &PendingOwn, answer: &[u8], to: &mut LegMedia) -> Result<Stream, Refusal> {
    let (_, stream) = answered_line(answer, &pending.layout, false, &pending.numbers)?;
    let Taken { formats, remote, rejected } = take(&stream, &pending.formats, to.session.is_some(), to)?;
    let direction = if rejected { Direction::Inactive } else { stream.direction.and(pending.direction.reversed()) };
    to.book.take_all(stream.listed);
    to.wishes = Wishes::of_answer(&stream, answer);
    to.session = Some(Session {
        layout: pending.layout.clone(),
        formats,
        ours: pending.numbers,
        theirs: stream.numbers,
        direction,
        remote,
        mux: stream.mux && pending.mux,
        fax: false,
        said: Arc::clone(&pending.sdp),
    });
    Ok(stream)
}
