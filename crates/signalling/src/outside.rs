//! What a request outside of any dialog gets that begins nothing here, and one that there is no room for.

use crate::dispatcher::{ALLOW, Dispatcher};
use crate::message::{HeaderName, Method, unsupported_extensions};
use crate::wire::{Arrival, Transmit};
use tandem_model::Timestamp;

/// The methods that begin something here, or end what was begun: what Allow says where another was sent outside of any dialog.
const ALLOW_OUTSIDE: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// What Retry-After says while the node drains: it will not take this call any more.
pub const RETRY_WHEN_DRAINING_S: u32 = 60;

impl Dispatcher {
    /// Answers what was let in and is no INVITE ([`Verdict::Exchange`](crate::Verdict::Exchange)): OPTIONS here, the rest is not for us.
    pub fn answer_outside(&mut self, now: Timestamp, arrival: &Arrival, is_draining: bool) -> Transmit {
        let unsupported: Vec<&str> = unsupported_extensions(&arrival.message, &[]).collect();
        match arrival.message.method() {
            // RFC 3261 §21.5.2 against §21.4.6: unknown is one thing, known and not wanted here another.
            Method::Other => self.answer_with(now, arrival, 501, &[(HeaderName::Allow, ALLOW)]),
            Method::Options if is_draining => self.refuse_for_now(now, arrival, RETRY_WHEN_DRAINING_S),
            // §8.2.2.3: we know no extension that could be required.
            Method::Options if !unsupported.is_empty() => {
                self.answer_with(now, arrival, 420, &[(HeaderName::Unsupported, &unsupported.join(", "))])
            }
            // §11.2
            Method::Options => {
                let about = [
                    (HeaderName::Allow, ALLOW),
                    (HeaderName::Accept, "application/sdp"),
                    (HeaderName::AcceptEncoding, "identity"),
                    (HeaderName::Supported, ""),
                ];
                self.answer_with(now, arrival, 200, &about)
            }
            _ => self.answer_with(now, arrival, 405, &[(HeaderName::Allow, ALLOW_OUTSIDE)]),
        }
    }

    /// The node has no room for it, or takes nothing new: 503 (RFC 3261 §21.5.4).
    pub fn refuse_for_now(&mut self, now: Timestamp, arrival: &Arrival, retry_after_s: u32) -> Transmit {
        self.answer_with(now, arrival, 503, &[(HeaderName::RetryAfter, &retry_after_s.to_string())])
    }

    fn answer_with(&mut self, now: Timestamp, arrival: &Arrival, status: u16, headers: &[(HeaderName, &str)]) -> Transmit {
        self.answer(now, arrival, status, |printer| {
            for (name, value) in headers {
                printer.header(*name, value);
            }
        })
    }
}
