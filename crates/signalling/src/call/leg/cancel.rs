//! Taking our INVITE back (RFC 3261 §9.1), and what else follows it hop by hop.

use super::hops::Hops;
use super::{Context, Leg, MAX_FORWARDS, State, Way};
use crate::auth::copy_credentials;
use crate::message::{HeaderName, Message, Method, Printer};
use crate::transaction::TRANSACTION_TIMEOUT;
use bytes::Bytes;
use tandem_model::Timestamp;

/// How far the cancelling of an INVITE has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// To be sent with the first provisional response: before it, nobody could match it (§9.1).
    Wanted(Option<Box<str>>),
    /// CANCEL is sent, or BYE, which ends an open INVITE too (§15.1.2); a final response is awaited no longer than this (§9.1).
    Sent(Timestamp),
}

impl Leg {
    /// Takes back our INVITE: CANCEL now, or with the first provisional response.
    pub(crate) fn cancel(&mut self, context: &mut Context<'_>, reason: Option<&str>) {
        if self.state == State::Outgoing {
            self.state = State::Leaving;
            // What a peer that has it owes us, and will seldom have said before the call is recorded.
            if self.client.as_ref().is_some_and(|client| client.has_provisional()) {
                self.status = 487;
            }
        }
        // Nobody has it yet.
        self.client.take_if(|client| matches!(client.hops, Hops::Sought));
        let Some(client) = self.client.as_mut().filter(|client| client.cancel == Cancel::No && !client.is_accepted()) else { return };
        client.cancel = Cancel::Wanted(reason.map(Into::into));
        // §9.1: until a provisional response is here the CANCEL waits, and the INVITE is repeated: the peer may have it and ring,
        // and what it said be lost.
        if client.has_provisional() {
            self.send_cancel(context);
        }
    }

    /// CANCEL, where one waits to be sent.
    pub(super) fn send_cancel(&mut self, context: &mut Context<'_>) {
        let Some(client) = &mut self.client else { return };
        let Cancel::Wanted(reason) = std::mem::replace(&mut client.cancel, Cancel::Sent(context.now + TRANSACTION_TIMEOUT)) else { return };
        // It goes where the INVITE went, or nowhere.
        let (serial, way) = (client.serial, Way { trial: false, ..client.way.clone() });
        if let Some(bytes) = hop_request(&client.request, Method::Cancel, None, reason.as_deref()) {
            self.send_request(context, serial, Method::Cancel, bytes, way);
        }
    }

    /// The dialog ends while an INVITE of ours is open in it: the peer owes it a 487 (§15.1.2), but need not be waited for without end.
    pub(super) fn abandon_invite(&mut self, context: &Context<'_>) {
        if let Some(client) = self.client.as_mut().filter(|client| client.cancel == Cancel::No) {
            client.cancel = Cancel::Sent(context.now + TRANSACTION_TIMEOUT);
        }
    }
}

/// A request that follows the INVITE `request` hop by hop: its CANCEL (§9.1), or the ACK of its failure `response`
/// (§17.1.1.3). Both share its Request-URI, top Via, From, Call-ID, CSeq number, Route and credentials (§22.1).
pub(crate) fn hop_request(request: &Bytes, method: Method, response: Option<&Message>, reason: Option<&str>) -> Option<Bytes> {
    let invite = Message::parse(request.clone()).ok()?;
    let mut printer = Printer::request(method.as_str(), invite.uri());
    printer.header_str(HeaderName::Via, invite.header(HeaderName::Via)?);
    printer.copy_all(&invite, HeaderName::Route);
    printer.header_number(HeaderName::MaxForwards, MAX_FORWARDS);
    printer.header_str(HeaderName::From, invite.header(HeaderName::From)?);
    printer.header_str(HeaderName::To, response.unwrap_or(&invite).header(HeaderName::To)?);
    printer.header_str(HeaderName::CallId, invite.call_id());
    printer.header_cseq(invite.cseq().ok()?.number, method.as_str());
    // RFC 7989 §6: both are about the INVITE, and named like it.
    printer.copy_all(&invite, HeaderName::SessionId);
    copy_credentials(&invite, &mut printer);
    if method == Method::Cancel {
        // RFC 4028 §7.1, RFC 3262 §4: what a request supports stands in each but ACK.
        printer.copy_all(&invite, HeaderName::Supported);
    }
    if let Some(reason) = reason {
        printer.header_str(HeaderName::Reason, reason);
    }
    Some(printer.finish())
}
