//! What a request outside of any dialog gets that begins nothing here, and one that there is no room for.

use crate::call::Announced;
use crate::dispatcher::Dispatcher;
use crate::message::{HeaderName, Message, Method, TargetDialog};
use crate::minted::{Minted, Minter};
use crate::registrar::Reply;
use crate::tombstone::Tombstone;
use crate::wire::{Arrival, ReturnTo, Transmit};
use tandem_model::{CallId, LegProfile, ReferRule, Timestamp};

/// The methods that begin something here, or end what was begun: what Allow says where another was sent outside of any dialog.
const ALLOW_OUTSIDE: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE";

/// The same where a REFER may name a dialog (RFC 4538).
const ALLOW_REFER_OUTSIDE: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, REFER";

/// The same for what is called and takes no messages.
pub(crate) const ALLOW_WITHOUT_MESSAGE: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// What says when to come again, beside a 500 to what will be possible soon.
pub(crate) const LATER: [(HeaderName, &str); 1] = [(HeaderName::RetryAfter, "2")];

/// The event packages that are known here: that of a REFER alone, inside its dialog (RFC 3515 §2.4.4).
pub(crate) const ALLOW_EVENTS: &str = "refer";

/// What Retry-After says while the node drains: it will not take this call any more.
pub const RETRY_WHEN_DRAINING_S: u32 = 60;

/// What a SUBSCRIBE or NOTIFY gets that belongs to no subscription here: 489 for an event that is not known (RFC 6665 §4.1.3, §4.2.1.1), 481
/// for one that is, whose subscriptions only a REFER makes.
pub(crate) fn bad_event(request: &Message) -> u16 {
    let event = request.header(HeaderName::Event).unwrap_or_default();
    let package = event.split(';').next().unwrap_or_default().trim();
    if package == ALLOW_EVENTS { 481 } else { 489 }
}

/// The To tag of an answer of which nothing is kept (RFC 3261 §8.2.7).
pub(crate) fn stateless_tag(minter: &Minter, request: &Message) -> Minted {
    let branch = request.branch().unwrap_or_default();
    minter.stateless_tag(&[request.call_id(), branch, request.header(HeaderName::From).unwrap_or_default()])
}

impl Dispatcher {
    /// Which call a REFER is for that came outside of any dialog: the one with the dialog that its Target-Dialog names (RFC 4538 §4).
    /// What else must fit, the call knows. It is to be [adopted](Dispatcher::adopt_refer), and given to the call.
    ///
    /// # Errors
    /// What it is answered with where there is none. Nothing is kept of it.
    pub fn referred_call(&mut self, now: Timestamp, arrival: &Arrival, profile: &LegProfile) -> Result<CallId, Transmit> {
        let to = ReturnTo::of(profile.nat);
        if profile.refer == ReferRule::Refuse {
            return Err(self.answer_with(now, arrival, to, 405, &[(HeaderName::Allow, ALLOW_OUTSIDE)]));
        }
        let unsupported: Vec<&str> = Announced::of(profile).tags().missing(&arrival.message).collect();
        if !unsupported.is_empty() {
            return Err(self.answer_with(now, arrival, to, 420, &[(HeaderName::Unsupported, &unsupported.join(", "))]));
        }
        // RFC 4538 §4: without a dialog that is known it is as any other request, and nobody may refer us who has none. Who guesses does not
        // learn which dialogs there are.
        let owner = match TargetDialog::of(&arrival.message) {
            Err(_) => Err(400),
            Ok(None) => Err(403),
            Ok(Some(target)) => self.owner_of_dialog(target.local_tag),
        };
        owner.map_err(|status| match status {
            500 => self.answer_with(now, arrival, to, status, &LATER),
            _ => self.answer_with(now, arrival, to, status, &[]),
        })
    }

    /// Answers what was let in and begins nothing ([`Verdict::Exchange`](crate::Verdict::Exchange), but for MESSAGE, which a
    /// [`MessageExchange`](crate::MessageExchange) passes on, and [REFER](Dispatcher::referred_call)): `docs/sip-coverage.md` has the table. `profile` is what a call of its
    /// sender would have.
    pub fn answer_outside(&mut self, now: Timestamp, arrival: &Arrival, profile: &LegProfile, is_draining: bool) -> Transmit {
        let (announced, to) = (Announced::of(profile), ReturnTo::of(profile.nat));
        let unsupported: Vec<&str> = announced.tags().missing(&arrival.message).collect();
        match arrival.message.method() {
            // RFC 3261 §21.5.2 against §21.4.6: unknown is one thing, known and not wanted here another.
            Method::Other => self.answer(now, arrival, to, 501, |printer| announced.write_allow(printer)),
            Method::Options if is_draining => self.refuse_for_now(now, arrival, to, RETRY_WHEN_DRAINING_S),
            // §8.2.2.3
            Method::Options if !unsupported.is_empty() => {
                self.answer_with(now, arrival, to, 420, &[(HeaderName::Unsupported, &unsupported.join(", "))])
            }
            // §11.2: what an INVITE in its place would be told.
            Method::Options => self.answer(now, arrival, to, 200, |printer| {
                announced.write_allow(printer);
                printer.header_str(HeaderName::Accept, "application/sdp");
                printer.header_str(HeaderName::AcceptEncoding, "identity");
                printer.header(HeaderName::Supported, announced.tags());
            }),
            Method::Subscribe | Method::Notify => match bad_event(&arrival.message) {
                489 => self.answer_with(now, arrival, to, 489, &[(HeaderName::AllowEvents, ALLOW_EVENTS)]),
                status => self.answer_with(now, arrival, to, status, &[]),
            },
            _ => {
                let allow = if profile.refer == ReferRule::Refuse { ALLOW_OUTSIDE } else { ALLOW_REFER_OUTSIDE };
                self.answer_with(now, arrival, to, 405, &[(HeaderName::Allow, allow)])
            }
        }
    }

    /// Answers a REGISTER as the registrar says.
    pub fn answer_register(&mut self, now: Timestamp, arrival: &Arrival, to: ReturnTo, reply: &Reply) -> Transmit {
        let mut transmit = self.reply(&arrival.message, &arrival.flow, reply.status, reply.reason, |printer| reply.write(printer));
        transmit.destination = to.destination(&arrival.message, &arrival.flow);
        if !arrival.flow.transport.is_reliable() {
            // Its copy has a nonce that was used.
            self.retire(now, arrival.key, Tombstone::Repeat(transmit.bytes.to_vec().into_boxed_slice(), to));
        }
        transmit
    }

    /// The node has no room for it, or takes nothing new: 503 (RFC 3261 §21.5.4).
    pub fn refuse_for_now(&mut self, now: Timestamp, arrival: &Arrival, to: ReturnTo, retry_after_s: u32) -> Transmit {
        self.answer_with(now, arrival, to, 503, &[(HeaderName::RetryAfter, &retry_after_s.to_string())])
    }

    fn answer_with(&mut self, now: Timestamp, arrival: &Arrival, to: ReturnTo, status: u16, headers: &[(HeaderName, &str)]) -> Transmit {
        self.answer(now, arrival, to, status, |printer| {
            for (name, value) in headers {
                printer.header(*name, value);
            }
        })
    }
}
