//! The other leg's answer back to the leg that offered.

use super::{
    Exchange, Offer, PendingOffer, Refusal,
    format::{Format, FormatList, Numbers},
    leg::{LegMedia, Session},
    read::{Head, Heard, Remote, Stream, is_fax},
    wishes::{Like, Wishes},
    write::{ALWAYS, End, Layout, OurLine, REJECTED_FAX, decline, pass, rtcp_to_state, write},
};
use crate::sdp::{Description, Direction, Media};
use std::sync::Arc;
use tandem_model::{Codec, EndpointDescription};

/// What an answer brought about. `from` is the leg that offered, `to` the one that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Our answer to the leg that offered.
    pub answer: Arc<[u8]>,
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

/// Takes the answer of `to` to a pending offer and makes the answer to `from` of it. It may be called again with a later
/// answer to the same offer (a provisional and the final one, or another fork's): the last one counts.
///
/// # Errors
/// 488 where the answer is no description, does not fit the offer or leaves no codec: nothing was changed, the leg that
/// answered is to be hung up, or offered its session again, and the leg that offered told so. 500 where `to` was offered something else since. A leg that
/// has a session has answered all the same: the lines of the offer are there from now on (RFC 3264 §8).
pub fn translate_answer(pending: &PendingOffer, answer: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    if !to.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    settle(pending, answer, from, to).map_err(|refusal| {
        to.keep_lines(pending.layout.count(), pending.asked.stream.is_fax());
        refusal.of_answer()
    })
}

fn settle(pending: &PendingOffer, text: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    let (asked, offered) = (&pending.asked, &pending.offered);
    let is_fax = asked.stream.is_fax();
    let (head, answered) = answered_line(text, &pending.layout, is_fax, &offered.numbers)?;
    let taken = take(&answered, &offered.formats, pending.reoffer, to)?;
    let off = taken.rejected || asked.off.is_some();
    let wanted = if off { Direction::Inactive } else { to.wish(answered.direction).and(offered.direction.reversed()) };
    let direction = if off { wanted } else { from.answered(wanted, asked.stream.direction) };
    let far = if taken.rejected { Direction::Inactive } else { answered.direction.and(offered.written.reversed()) };
    let heard = Heard { text, head: &head, stream: &answered };
    let spoken = pending.spoken(&taken, from, to);
    let answer = answer_to(pending, from, &heard, &taken, &spoken, direction)?;
    let Taken { formats, remote, .. } = taken;

    (from.unheard, to.unheard) = (None, None);
    from.note_offer(&asked.stream);
    from.wishes = Wishes::of_stream(&asked.stream, &pending.token.0);
    to.wishes = Wishes::of_stream(&answered, text);
    to.book.take_all(answered.listed);
    from.session = Some(Session {
        layout: asked.layout.clone(),
        formats: if asked.off.is_some() { FormatList::EMPTY } else { spoken },
        ours: asked.stream.numbers,
        theirs: asked.stream.numbers,
        direction: direction.reversed(),
        remote: offered.remote,
        mux: asked.stream.mux,
        fax: is_fax,
        said: Arc::clone(&answer),
    });
    to.session = Some(answerers_session(pending, &answered, formats, far, remote));
    Ok(Settled {
        answer,
        describe_from: from.describe(to),
        describe_to: to.describe(from),
        codec: formats.codec().filter(|_| !off),
        from_holds: !offered.direction.receives(),
        to_holds: offered.written.sends() && !far.receives(),
    })
}

/// Our answer to the leg that offered.
fn answer_to(
    pending: &PendingOffer,
    from: &mut LegMedia,
    heard: &Heard<'_>,
    taken: &Taken,
    spoken: &FormatList,
    direction: Direction,
) -> Result<Arc<[u8]>, Refusal> {
    let asked = &pending.asked;
    if !from.is_anchored() {
        return Ok(pass(from, heard, &taken.formats, &asked.layout));
    }
    let local = from.local().ok_or(Refusal::NO_ENDPOINT)?;
    let is_fax = asked.stream.is_fax();
    let gone = asked.off.as_deref().or((taken.rejected && is_fax).then_some(REJECTED_FAX));
    let line = OurLine {
        end: gone.map_or(End::Open(local.rtp), End::Rejected),
        formats: order_for(&asked.stream, spoken),
        numbers: asked.stream.numbers,
        like: Like::Heard(*heard),
        direction,
        mux: asked.stream.mux,
        rtcp: rtcp_to_state(local),
        fax: is_fax,
    };
    Ok(write(from, local.rtp.ip(), asked.times.as_deref().unwrap_or(ALWAYS), &asked.layout, &line))
}

impl PendingOffer {
    /// Whether the two speak different codecs and the leg that offered should be offered the other's: because it has that, or because
    /// nothing may be said to it again.
    pub fn could_be_alike(&self, from: &LegMedia, to: &LegMedia) -> bool {
        let is_had = to.codec().is_none_or(|codec| self.asked.spoken.contains(Format::of(codec)));
        from.codec() != to.codec() && (is_had || !from.may_say_again(to))
    }

    /// What the leg that offered speaks from now on, the other having taken that: what both have, or else one codec of its own; events if both have any. One that
    /// answers by rejecting what it had taken before is off, and whoever offered is held and not cut off.
    fn spoken(&self, taken: &Taken, from: &LegMedia, to: &LegMedia) -> FormatList {
        let other = if taken.rejected { self.offered.formats } else { taken.formats };
        let both = other.retain(|format| self.asked.spoken.contains(format));
        let mut spoken = both;
        if both.codec().is_none() {
            spoken = FormatList::of_codecs(self.asked.spoken.codec().as_slice());
            // We hear its noise, and make such, whatever the other side does.
            self.asked.spoken.push_noise_to(&mut spoken);
        }
        from.speak_beside(to, &self.asked.spoken, &other, spoken)
    }
}

/// The answer of another `to` to the same offer, when `from` has been told an answer already and may not be told another
/// (RFC 3261 §13.2.1): the two are joined on what it was told, which is what [`Settled`] has as the answer.
///
/// # Errors
/// 488 where the two would not speak the same codec, or media does not go through us; nothing was changed. 500 where `to` was offered
/// something else since.
pub fn join_answer(pending: &PendingOffer, answer: &[u8], from: &LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    settle_beside(pending, answer, from, to, true)
}

/// The same where the two may say different things until one has been offered what the other says ([`super::offer_like`]; or, where media
/// does not go through us, [`super::offer_unheard`]). Also where `from` has changed its session since with another phone behind `to`.
///
/// # Errors
/// As [`join_answer`], but for the codecs and media that does not go through us.
pub fn part_answer(pending: &PendingOffer, answer: &[u8], from: &LegMedia, to: &mut LegMedia) -> Result<Settled, Refusal> {
    let settled = settle_beside(pending, answer, from, to, false)?;
    to.unheard = (!to.is_anchored()).then(|| answer.into());
    if !to.awaits(&pending.token) {
        to.go_back_to(&pending.offered.sdp);
    }
    Ok(settled)
}

fn settle_beside(pending: &PendingOffer, answer: &[u8], from: &LegMedia, to: &mut LegMedia, same: bool) -> Result<Settled, Refusal> {
    if !(to.awaits(&pending.token) || (!same && to.exchange() == Exchange::Stable)) {
        return Err(Refusal::SUPERSEDED);
    }
    let (is_fax, offered) = (pending.asked.stream.is_fax(), &pending.offered);
    let is_joined = !same || from.is_anchored();
    let told = from.session.as_ref().filter(|told| is_joined && told.fax == is_fax).ok_or(Refusal::NO_CODEC)?;
    let (_, answered) = answered_line(answer, &pending.layout, is_fax, &offered.numbers).map_err(Refusal::of_answer)?;
    let Taken { formats, remote, rejected } = take(&answered, &offered.formats, pending.reoffer, to).map_err(Refusal::of_answer)?;
    if rejected || (same && !from.may_say_again(to) && formats.codec() != told.formats.codec()) {
        return Err(Refusal::NO_CODEC.of_answer());
    }
    let direction = answered.direction.and(offered.written.reversed());
    to.book.take_all(answered.listed);
    to.wishes = Wishes::of_stream(&answered, answer);
    to.session = Some(answerers_session(pending, &answered, formats, direction, remote));
    Ok(Settled {
        answer: Arc::clone(&told.said),
        describe_from: from.describe(to),
        describe_to: to.describe(from),
        codec: formats.codec(),
        from_holds: !offered.direction.receives(),
        to_holds: offered.written.sends() && !direction.receives(),
    })
}

/// What stands with the leg that answered `pending` so.
fn answerers_session(pending: &PendingOffer, answered: &Stream, formats: FormatList, direction: Direction, remote: Remote) -> Session {
    let offered = &pending.offered;
    Session {
        layout: pending.layout.clone(),
        formats,
        ours: offered.numbers,
        theirs: answered.numbers,
        direction,
        remote,
        mux: offered.mux && answered.mux,
        fax: pending.asked.stream.is_fax(),
        said: Arc::clone(&offered.sdp),
    }
}

/// What a leg takes of an offer of ours.
pub(super) struct Taken {
    /// In the order of the answer; empty if it rejects the audio.
    pub(super) formats: FormatList,
    pub(super) remote: Remote,
    pub(super) rejected: bool,
}

/// Reads what `leg` takes of `offered`. Only where it has a session may it reject the audio.
pub(super) fn take(answered: &Stream, offered: &FormatList, established: bool, leg: &LegMedia) -> Result<Taken, Refusal> {
    // While it faxes already there is no audio to go back to.
    if answered.line.port == 0 && answered.is_fax() && leg.session.as_ref().is_none_or(|session| !session.fax) {
        return Err(Refusal::FAX_REJECTED);
    }
    if answered.line.port == 0 {
        let rejected = Taken { formats: FormatList::EMPTY, remote: leg.keep_host(Remote::NOWHERE), rejected: true };
        return if established { Ok(rejected) } else { Err(Refusal::AUDIO_REJECTED) };
    }
    answered.check_protocol(leg.is_anchored())?;
    let formats = answered.formats.retain(|format| offered.contains(format));
    if formats.codec().is_none() && !answered.is_fax() {
        return Err(Refusal::NO_CODEC);
    }
    let local = leg.local().map(|local| local.rtp.ip());
    let remote = if leg.is_anchored() { leg.keep_host(answered.remote(local)?) } else { Remote::NOWHERE };
    Ok(Taken { formats, remote, rejected: false })
}

/// The line of an answer, of audio or fax, to an offer of that layout (RFC 3264 §6: a line for each line, in the same order).
pub(super) fn answered_line(answer: &[u8], layout: &Layout, fax: bool, asked: &Numbers) -> Result<(Head, Stream), Refusal> {
    let description = Description::parse(answer)?;
    let fits = |media: &&Media<'_>| if fax { is_fax(media) } else { media.is_audio() };
    let media = description.media().get(layout.live()).filter(fits).filter(|_| description.media().len() == layout.count());
    let head = Head::read(answer, &description);
    let audio = Stream::read(answer, media.ok_or(Refusal::LINE_COUNT)?, &head, asked);
    Ok((head, audio))
}

/// The order of our answer: that of the offer (RFC 3264 §6.1), but for the codec that the other side speaks, which is
/// first so that both speak the same.
pub(super) fn order_for(asked: &Stream, spoken: &FormatList) -> FormatList {
    let first = spoken.codec().map(Format::of).filter(|format| asked.formats.contains(*format));
    let mut ordered = FormatList::EMPTY;
    first.into_iter().chain(asked.formats.iter().filter(|format| spoken.contains(*format))).for_each(|format| ordered.push(format));
    ordered
}

/// An answer that takes nothing of an offer, for an offer in a 2xx that must be acknowledged before it can be hung up
/// (RFC 3261 §13.2.2.4).
pub fn decline_offer(offer: &Offer, leg: &mut LegMedia) -> Arc<[u8]> {
    decline(leg, offer)
}
