//! What a leg has already, offered to it once more: to refresh its session, or to give it back what it had before a change that came to
//! nothing.

use super::{
    ExchangeEvent, Refusal,
    answer::{Taken, answered_line, take},
    format::{FormatList, Numbers},
    leg::{LegMedia, Session, Token},
    write::{Layout, again, directed},
};
use crate::sdp::Direction;
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::EndpointDescription;

/// The session that a leg had, offered to it again.
#[derive(Debug)]
pub struct PendingAgain {
    token: Arc<Token>,
    sdp: Arc<[u8]>,
    layout: Layout,
    formats: FormatList,
    numbers: Numbers,
    /// What may flow, as we see it.
    direction: Direction,
    fax: bool,
}

impl PendingAgain {
    /// What goes to the leg.
    pub fn sdp(&self) -> &[u8] {
        &self.sdp
    }
}

/// Two legs as media is to know them after that. `None` where media does not go through us.
pub type Restored = (Option<Box<EndpointDescription>>, Option<Box<EndpointDescription>>);

/// Offers `to` the session that it has, word for word, and behind it the lines that were rejected since.
///
/// # Errors
/// 491 while another offer is open; 500 where it has no session.
pub fn offer_again(to: &mut LegMedia) -> Result<PendingAgain, Refusal> {
    to.permit(ExchangeEvent::WeOffer, None)?;
    let session = to.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let (said, direction) = (Arc::clone(&session.said), session.direction.reversed());
    offer_said(to, &said, direction)
}

/// The same in another direction; it must have audio.
pub(super) fn offer_directed(to: &mut LegMedia, direction: Direction) -> Result<PendingAgain, Refusal> {
    to.permit(ExchangeEvent::WeOffer, None)?;
    let session = to.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let said = directed(&session.said, direction).ok_or(Refusal::SUPERSEDED)?;
    offer_said(to, &said, direction)
}

fn offer_said(to: &mut LegMedia, said: &[u8], direction: Direction) -> Result<PendingAgain, Refusal> {
    let session = to.session.as_ref().ok_or(Refusal::SUPERSEDED)?;
    let (formats, numbers, fax, layout) = (session.formats, session.ours, session.fax, session.layout.clone());
    let sdp = again(to, said, &layout).ok_or(Refusal::SUPERSEDED)?;
    let token = Arc::new(Token(Bytes::new()));
    to.open(true, &token);
    Ok(PendingAgain { token, sdp, layout, formats, numbers, direction, fax })
}

/// Takes the answer of `to`.
///
/// # Errors
/// As [`super::translate_answer`].
pub fn settle_again(pending: &PendingAgain, answer: &[u8], to: &mut LegMedia) -> Result<(), Refusal> {
    if !to.awaits(&pending.token) {
        return Err(Refusal::SUPERSEDED);
    }
    settle(pending, answer, to).map_err(Refusal::of_answer)
}

fn settle(pending: &PendingAgain, answer: &[u8], to: &mut LegMedia) -> Result<(), Refusal> {
    let (_, answered) = answered_line(answer, &pending.layout, pending.fax, &pending.numbers)?;
    let Taken { formats, remote, rejected } = take(&answered, &pending.formats, true, to)?;
    let Some(before) = &to.session else { return Err(Refusal::SUPERSEDED) };
    let direction = if rejected { Direction::Inactive } else { answered.direction.and(pending.direction.reversed()) };
    let session = Session {
        layout: pending.layout.clone(),
        formats,
        ours: pending.numbers,
        theirs: answered.numbers,
        direction,
        remote,
        mux: before.mux && answered.mux,
        fax: pending.fax,
        said: Arc::clone(&pending.sdp),
    };
    to.book.take_all(answered.listed);
    to.session = Some(session);
    Ok(())
}

/// The two legs as they stand now, each heard by the other.
pub fn describe_both(near: &LegMedia, far: &LegMedia) -> Restored {
    (near.describe(far), far.describe(near))
}
