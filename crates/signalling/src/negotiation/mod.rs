//! Offer and answer (RFC 3264) between two legs: what one of them offers, put so that the other can take it, and the
//! answer back.
//!
//! What is deliberately not here: who may offer when a request comes (the call knows its transactions), and media
//! itself. Media hears of the outcome by the [`EndpointDescription`](tandem_model::EndpointDescription)s that come out.
//!
//! Four types to know: [`LegMedia`], all that a leg has agreed to; [`Offer`], an offer as it came; [`PendingOffer`], one
//! that was passed on and not yet answered; and [`Settled`], what an answer brought about.
//!
//! # In which order
//!
//! A call has one [`LegMedia`] a leg. `a` called, `b` is called.
//!
//! ```text
//! early offer      offer = Offer::read(sdp)?                               400 if it is none
//! (INVITE has SDP) screen_offer(offer, a.codecs, b.codecs, anchored)?      488 before ports are spent
//!                  Media(Open) … a.set_local(…), b.set_local(…)            anchored only
//!                  pending = translate_offer(offer, a, b)?                 INVITE to b carries pending.sdp()
//!                  [describe pending.describe_early(a, b)]                 b may speak before it answers
//!                  183: s = translate_answer(&pending, sdp, a, b)?         183 to a carries s.answer; describe both
//!                  200: s = translate_answer(&pending, sdp, a, b)?         the same for 200; the last one counts
//!                  drop(pending)                                           settled
//!                  another b: join_answer(&pending, sdp, a, b)?            a keeps the answer that its 183 had
//!                  in another codec: part_answer(&pending, sdp, a, b)?     likewise; a is offered the like of b after its ACK
//!    not anchored   part_answer(&pending, sdp, a, b)?            likewise, and after its ACK: pending = offer_unheard(b, a)?
//!                  settle_unheard(&pending, sdp, b, a)?           true: b is offered what a said, likewise
//!    b only rings  x = answer_meanwhile(&offer, a, b)?                     183 to a carries x; then as for another b
//!    next target   drop(pending); translate_offer(offer, a, another b)?    a is as if never asked
//!
//! late offer       INVITE to b without SDP; b's 200 has the offer:
//! (INVITE without) offer = Offer::read(sdp)?
//!                  pending = translate_offer(offer, b, a)?                 200 to a carries pending.sdp()
//!    refused       decline_offer(offer, b)                                 ACK to b carries that, then BYE; a gets 488
//!                  ACK of a: s = translate_answer(&pending, sdp, b, a)?    ACK to b carries s.answer
//!    a's ACK bad   decline_offer(offer, b)                                 ACK to b carries that, then BYE both
//!
//! reliable 1xx     early offer: as 183 above, and PRACK to b without a body
//! (RFC 3262)       late offer, a takes part: b's 1xx has the offer, 1xx to a carries pending.sdp(), PRACK of a: translate_answer,
//!                  PRACK to b carries s.answer
//!                  late offer, a does not: x = answer_unasked(offer, b, a)?   PRACK to b carries x
//!                  b's 200: pending = offer_unasked(offer, b, a)?             200 to a carries pending.sdp(); then as the late offer
//!                  PRACK of a has an offer: x = answer_unasked(offer, a, b)?  its 200 carries x
//!
//! re-INVITE of a   as the early offer, without Open; of b: with a and b swapped. Without SDP: as the late offer.
//!    glare         translate_offer refuses with 491 or 500                 as the table in `Exchange` says
//!    b refuses     drop(pending)                                           both as before
//!    b's 200 cannot be used: translate_answer refuses, as where it rejects a line of fax
//!                  drop(pending)                                           488 to a
//!                  pending = offer_again(b)?                               re-INVITE to b carries pending.sdp()
//!                  settle_again(&pending, sdp, b)?                         describe both
//!    refresh of b  the same
//!
//! UPDATE           as a re-INVITE with an offer, also before the call is answered where the table allows it (RFC 3311 §5.1)
//!
//! own offer        pending = offer_own(b, a.codecs)?                      INVITE to b carries pending.sdp()
//! (INVITE without) 183, 200: settle_own(&pending, sdp, b)?                the same for both; the last one counts
//!                  pending = offer_like(b, a, b.direction())?             200 to a carries pending.sdp()
//!                  ACK of a: s = settle_like(&pending, sdp, b, a)?        describe both
//!    a answered    pending = offer_first_like(a, b, a.codecs, …)?           INVITE to b carries pending.sdp()
//!                  200: s = settle_like(&pending, sdp, a, b)?              describe both if they speak the same, else a is offered the like
//!    transfer      the same with c, who is dialled, for b; a has a session and gets its offer in a re-INVITE
//!
//! pick-up          c, who takes the place of b before b answers, has made an offer too:
//! (RFC 3891)       [x, y] = answer_both((offer, a), (its offer, c))?       200 to a carries x, 200 to c y; describe both
//!    a answered    y = answer_beside(its offer, c, a, offer)?              200 to c carries y; if they do not fit a is offered the like of c
//!    either none   as the early offer, the late offer or the own offer, with c for b
//!
//! echo, tone       x = answer_alone(offer, a, builtin)?                    200 carries x.sdp; describe, Play(x.tone)
//!    without SDP   pending = offer_alone(a, builtin)?                      200 carries pending.sdp()
//!                  ACK: x = settle_alone(&pending, sdp, a)?                describe, Play(x.tone)
//!
//! anchor = false   LegMedia::new(…, anchored = false, …) for both, no Open, no set_local: the same calls, and every
//!                  description is `None`.
//! ```

mod alone;
mod answer;
mod bandwidth;
mod crossed;
mod events;
mod format;
mod held;
mod leg;
mod offer;
mod own;
mod packing;
mod read;
mod received;
mod refusal;
mod restore;
mod state;
mod unasked;
mod unheard;
mod wishes;
mod write;

pub use alone::{Alone, PendingAlone, answer_alone, offer_alone, settle_alone};
pub use answer::{Settled, decline_offer, join_answer, part_answer, translate_answer};
pub use crossed::{answer_beside, answer_both};
pub use held::offer_hold;
pub use leg::LegMedia;
pub use offer::{EarlyMedia, PendingOffer, translate_offer};
pub use own::{PendingOwn, SettledLike, SettledOwn, offer_first_like, offer_like, offer_own, settle_like, settle_own};
pub use received::{Offer, Passage, screen_offer};
pub use refusal::Refusal;
pub use restore::{PendingAgain, Restored, describe_both, offer_again, settle_again};
pub use state::{Exchange, ExchangeEvent, ExchangeOutcome};
pub use unasked::{answer_meanwhile, answer_unasked, offer_unasked};
pub use unheard::{offer_unheard, settle_unheard};
