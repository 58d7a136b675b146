//! Back to audio where a leg answered an offer of fax with a rejected line: it has no stream left, and the one that offered
//! keeps its audio.

use super::{
    ExchangeEvent, PendingOffer, Refusal,
    answer::{Taken, answered_line, take},
    format::{FormatList, Numbers},
    leg::{LegMedia, Session, Token},
    write::{Layout, again},
};
use crate::sdp::Direction;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::EndpointDescription;

/// The audio that a leg had, offered to it again.
#[derive(Debug)]
pub struct PendingAudio {
    token: Arc<Token>,
    sdp: Arc<[u8]>,
    layout: Layout,
    formats: FormatList,
    numbers: Numbers,
}

impl PendingAudio {
    /// What goes to the leg.
    pub fn sdp(&self) -> &[u8] {
        &self.sdp
    }
}

/// The two legs after that: the one that offered fax, and the one that rejected it. `None` where media does not go through us.
pub type Restored = (Option<Box<EndpointDescription>>, Option<Box<EndpointDescription>>);

/// Offers `to`, which rejected the fax of `pending`, the audio that it had before, word for word.
///
/// # Errors
/// 488 where it had none.
pub fn offer_audio_again(pending: PendingOffer, to: &mut LegMedia) -> Result<PendingAudio, Refusal> {
    let lines = pending.layout.count();
    drop(pending);
    to.permit(ExchangeEvent::WeOffer, None)?;
    let session = to.session.as_ref().filter(|session| !session.fax).ok_or(Refusal::FAX_REJECTED)?;
    let (formats, numbers, said) = (session.formats, session.ours, Arc::clone(&session.said));
    // RFC 3264 §8: the line of the fax stays.
    let is_added = lines > session.layout.count();
    let layout = if is_added { session.layout.with_rejected_fax() } else { session.layout.clone() };
    let sdp = again(to, &said, is_added).ok_or(Refusal::FAX_REJECTED)?;
    let token = Arc::new(Token(Bytes::new()));
    to.open(true, &token);
    Ok(PendingAudio { token, sdp, layout, formats, numbers })
}

/// Takes the answer of `to`. `from` is the leg that offered fax.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_audio_again(pending: &PendingAudio, answer: &[u8], from: &LegMedia, to: &mut LegMedia) -> Result<Restored, Refusal> {
    if !to.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    settle(pending, answer, to).map_err(Refusal::of_answer)?;
    Ok((from.describe(to), to.describe(from)))
}

fn settle(pending: &PendingAudio, answer: &[u8], to: &mut LegMedia) -> Result<(), Refusal> {
    let (_, answered) = answered_line(answer, &pending.layout, false, &pending.numbers)?;
    let Taken { formats, remote, rejected } = take(&answered, &pending.formats, true, to)?;
    let Some(before) = &to.session else { return Err(Refusal::SUPERSEDED) };
    let direction = if rejected { Direction::Inactive } else { answered.direction.and(before.direction) };
    let session = Session {
        layout: pending.layout.clone(),
        formats,
        ours: pending.numbers,
        theirs: answered.numbers,
        direction,
        remote,
        mux: before.mux && answered.mux,
        fax: false,
        said: Arc::clone(&pending.sdp),
    };
    to.book.take_all(answered.listed);
    to.session = Some(session);
    Ok(())
}
