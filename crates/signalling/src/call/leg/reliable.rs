//! The leg as user agent server: provisional responses that are sent until their PRACK comes (RFC 3262 §3).

use super::held::RETRY_AFTER_RANGE;
use super::{Context, Leg, LegEvent, State, sdp_of};
use crate::dialog::reliable::{Sending, SendingAct, SendingEvent};
use crate::message::{HeaderName, Message, Method, RELIABLE};
use crate::transaction::{Backoff, T1, TRANSACTION_TIMEOUT};
use crate::wire::Arrival;
use std::collections::VecDeque;
use std::sync::Arc;
use tandem_model::{Prack, Timestamp};

/// Responses that wait for the PRACK of the one before them; of one more the oldest without a description is dropped.
const MAX_QUEUED: usize = 8;

/// §3: the first RSeq is from 1 to 2³¹−1.
const FIRST_RSEQ_RANGE: u64 = (1 << 31) - 1;

/// The reliable responses to the peer's first INVITE.
#[derive(Debug)]
pub(super) struct ReliableResponses {
    state: Sending,
    /// Of the one that is out, or was last.
    rseq: u32,
    /// Of the INVITE.
    cseq: u32,
    exchange: Described,
    again: Backoff,
    give_up: Timestamp,
    queue: VecDeque<Queued>,
    /// The description of the 2xx that waits, if it has one.
    success: Option<Arc<[u8]>>,
}

/// What these responses have brought of offer and answer (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Described {
    /// Nothing.
    Nothing,
    /// The answer to the INVITE's offer is out.
    Answer,
    /// Our offer is out: the PRACK has the answer.
    Offer,
    /// The answer is acknowledged, or our offer answered.
    Settled,
}

/// A response that waits.
#[derive(Debug)]
struct Queued {
    status: u16,
    reason: Box<str>,
    sdp: Option<Arc<[u8]>>,
}

impl ReliableResponses {
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        matches!(self.state, Sending::Waiting { .. } | Sending::Holding).then(|| self.again.due().min(self.give_up))
    }

    fn on(&mut self, event: SendingEvent) -> SendingAct {
        let (next, act) = self.state.on(event);
        self.state = next;
        act
    }

    /// A description is out already, or will be with one that waits: another would be a new offer.
    fn is_described(&self) -> bool {
        self.exchange != Described::Nothing || self.queue.iter().any(|queued| queued.sdp.is_some())
    }

    fn enqueue(&mut self, queued: Queued) {
        // What waits is no more than news: the newer of two alike is enough.
        if queued.sdp.is_none()
            && let Some(alike) = self.queue.iter_mut().find(|waiting| waiting.status == queued.status)
        {
            alike.reason = queued.reason;
            return;
        }
        if self.queue.len() == MAX_QUEUED {
            let oldest = self.queue.iter().position(|waiting| waiting.sdp.is_none()).unwrap_or(0);
            self.queue.remove(oldest);
        }
        self.queue.push_back(queued);
    }

    /// A 2xx is to go out. `None`: it waits for the PRACK; else what description it has.
    pub(super) fn on_success<'s>(&mut self, sdp: Option<&'s [u8]>) -> Option<Option<&'s [u8]>> {
        // §5, RFC 6337 §3.1: what was answered reliably is not said again: it would be an offer.
        let sdp = sdp.filter(|_| self.exchange == Described::Nothing);
        if self.on(SendingEvent::Success) == SendingAct::Hold {
            self.success = sdp.map(Into::into);
            return None;
        }
        self.queue.clear();
        Some(sdp)
    }

    /// A 3xx to 6xx goes out.
    pub(super) fn on_failure(&mut self) {
        self.on(SendingEvent::Failure);
        self.queue.clear();
    }
}

impl Leg {
    /// Whether the peer gets provisional responses reliably.
    pub(crate) fn rings_reliably(&self) -> bool {
        self.state == State::Incoming && self.profile.prack != Prack::Off && self.open_invite().is_some_and(Message::knows_reliable)
    }

    /// Whether it may get no others.
    fn rings_only_reliably(&self) -> bool {
        self.profile.prack == Prack::Required || self.open_invite().is_some_and(Message::requires_reliable)
    }

    /// Whether offer and answer are complete with the peer though its INVITE has no final response: an UPDATE may bring the next
    /// offer (RFC 3311 §5.1).
    pub(crate) fn is_settled_early(&self) -> bool {
        self.reliable.as_ref().is_some_and(|reliable| reliable.exchange == Described::Settled)
    }

    /// Whether a provisional response went to it reliably.
    pub(crate) fn rang_reliably(&self) -> bool {
        self.reliable.is_some()
    }

    /// Whether its INVITE, or ours to it, got a 2xx.
    pub(crate) fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a description has gone to the peer that it is bound to.
    pub(crate) fn is_described_reliably(&self) -> bool {
        self.reliable.as_ref().is_some_and(|reliable| reliable.is_described())
    }

    /// 101 to 199 to the peer's first INVITE, which knows reliable ones.
    pub(super) fn ring_reliably(&mut self, context: &mut Context<'_>, status: u16, reason: &str, sdp: Option<&[u8]>) {
        let is_described = self.is_described_reliably();
        let sdp = sdp.filter(|_| !is_described);
        if sdp.is_none() && !is_described && self.offered().is_none() {
            // RFC 3261 §13.2.1: the first reliable response to an INVITE without an offer makes one. Without one to make it goes
            // unreliably, or not at all.
            if !self.rings_only_reliably() {
                self.ring(context, status, reason, None, None);
            }
            return;
        }
        let cseq = self.open_invite().and_then(|invite| invite.cseq().ok()).map_or(0, |cseq| cseq.number);
        let now = context.now;
        let reliable = self.reliable.get_or_insert_with(|| {
            Box::new(ReliableResponses {
                state: Sending::Clear,
                rseq: u32::try_from(context.random.below(FIRST_RSEQ_RANGE)).unwrap_or(0),
                cseq,
                exchange: Described::Nothing,
                again: Backoff::new(now, T1, TRANSACTION_TIMEOUT),
                give_up: now,
                queue: VecDeque::new(),
                success: None,
            })
        });
        match reliable.on(SendingEvent::Provisional { described: sdp.is_some() }) {
            SendingAct::Send => self.send_reliable(context, status, reason, sdp),
            SendingAct::Queue => reliable.enqueue(Queued { status, reason: reason.into(), sdp: sdp.map(Into::into) }),
            _ => {}
        }
    }

    fn send_reliable(&mut self, context: &mut Context<'_>, status: u16, reason: &str, sdp: Option<&[u8]>) {
        let is_late = self.offered().is_none();
        let Some(reliable) = &mut self.reliable else { return };
        reliable.rseq += 1;
        reliable.again = Backoff::new(context.now, T1, TRANSACTION_TIMEOUT);
        reliable.give_up = context.now + TRANSACTION_TIMEOUT;
        if sdp.is_some() {
            reliable.exchange = if is_late { Described::Offer } else { Described::Answer };
        }
        let rseq = reliable.rseq;
        self.ring(context, status, reason, Some(rseq), sdp);
    }

    /// A PRACK in the dialog.
    pub(super) fn on_prack(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        let Some(rack) = arrival.message.rack() else {
            self.refuse(context, &arrival, 400, |_| {});
            return None;
        };
        let Some(reliable) = &mut self.reliable else {
            self.refuse(context, &arrival, 481, |_| {});
            return None;
        };
        let is_it = (rack.rseq, rack.cseq, rack.method) == (reliable.rseq, reliable.cseq, Method::Invite);
        let was = reliable.state;
        if reliable.on(if is_it { SendingEvent::Prack } else { SendingEvent::StrayPrack }) == SendingAct::Refuse {
            self.refuse(context, &arrival, 481, |_| {});
            return None;
        }
        let sdp = sdp_of(&arrival.message);
        // A call that has failed takes no more descriptions.
        let is_over = matches!(was, Sending::Final { .. });
        match (reliable.exchange, sdp) {
            _ if is_over => {}
            (Described::Offer, sdp) => {
                reliable.exchange = Described::Settled;
                self.answer_plainly(context, &arrival, 200);
                return Some(LegEvent::PrackAnswered(sdp));
            }
            // RFC 3264 §4: no offer before the one before it is answered.
            (Described::Nothing, Some(_)) => {
                self.refuse_prack(context, &arrival, 500);
                return self.ring_on(context).then_some(LegEvent::Accepting);
            }
            (Described::Answer | Described::Settled, Some(offer)) => {
                reliable.exchange = Described::Settled;
                return Some(LegEvent::PrackOffered(Box::new(arrival), offer));
            }
            (Described::Answer, None) => reliable.exchange = Described::Settled,
            (Described::Nothing | Described::Settled, None) => {}
        }
        self.answer_plainly(context, &arrival, 200);
        self.ring_on(context).then_some(LegEvent::Accepting)
    }

    /// 200 to a PRACK that made an offer, with the answer.
    pub(crate) fn answer_prack(&mut self, context: &mut Context<'_>, prack: &Arrival, answer: &[u8]) {
        let printer = self.plain_response(prack, 200);
        self.answer_wholly(context, prack, printer.finish_with_body("application/sdp", answer));
    }

    /// A PRACK whose description is not taken. The response that it names is acknowledged all the same.
    pub(crate) fn refuse_prack(&mut self, context: &mut Context<'_>, prack: &Arrival, status: u16) {
        let seconds = context.random.below(RETRY_AFTER_RANGE);
        self.refuse(context, prack, status, |printer| {
            if status == 500 {
                printer.header(HeaderName::RetryAfter, seconds);
            }
        });
    }

    /// What waited for the PRACK: the 2xx (then true), or the next of the provisional responses.
    pub(crate) fn ring_on(&mut self, context: &mut Context<'_>) -> bool {
        let Some(reliable) = &mut self.reliable else { return false };
        match reliable.state {
            Sending::Final { open: false } if self.state == State::Incoming => {
                let sdp = reliable.success.take();
                self.accept_now(context, sdp.as_deref());
                true
            }
            Sending::Clear => {
                if let Some(next) = reliable.queue.pop_front() {
                    reliable.on(SendingEvent::Provisional { described: next.sdp.is_some() });
                    self.send_reliable(context, next.status, &next.reason, next.sdp.as_deref());
                }
                false
            }
            _ => false,
        }
    }

    /// The response that is out once more, or its end.
    pub(super) fn reliable_timeout(&mut self, context: &mut Context<'_>) -> Option<LegEvent> {
        let reliable = self.reliable.as_mut().filter(|reliable| reliable.poll_timeout().is_some_and(|at| at <= context.now))?;
        if reliable.give_up <= context.now {
            reliable.queue.clear();
            let is_rejected = reliable.on(SendingEvent::GivenUp) == SendingAct::Reject;
            return is_rejected.then_some(LegEvent::PrackMissing);
        }
        reliable.again.advance(context.now);
        if reliable.on(SendingEvent::Due) == SendingAct::Again {
            self.repeat_ringing(context);
        }
        None
    }
}

/// The headers of a reliable response (§7.1).
pub(super) fn write_reliable(printer: &mut crate::message::Printer, rseq: u32) {
    printer.header_str(HeaderName::Require, RELIABLE);
    printer.header_number(HeaderName::RSeq, rseq);
}
