//! Requests that the peer, or a proxy before it, challenges: sent again with credentials (RFC 3261 §22.2, §22.3).

use super::{Context, Leg, Way};
use crate::auth::{Tried, Unanswerable, again, copy_credentials};
use crate::message::{Message, Printer};
use bytes::Bytes;
use std::net::IpAddr;
use tandem_model::{Destination, LegProfile};

/// Where the peer is whom a leg logs in to: where its first INVITE went, or came from. A Contact that its peer writes can name anybody,
/// and who is there has no claim to an answer made with our password.
#[derive(Debug, Default)]
pub(super) struct Home {
    /// The name that the first INVITE was sent to, where there is something to answer with.
    host: Option<Box<str>>,
    /// Where the INVITE came from, or the latest answer to ours before there was a dialog.
    pub(super) address: Option<IpAddr>,
}

impl Home {
    /// Of a leg that is called there.
    pub(super) fn of(profile: &LegProfile, destination: &Destination) -> Home {
        match destination {
            Destination::Name { host, .. } | Destination::Domain { host, .. } if profile.login.is_some() => {
                Home { host: Some(host.clone()), address: None }
            }
            _ => Home::default(),
        }
    }

    fn is_named(&self, host: &str) -> bool {
        self.host.as_ref().is_some_and(|home| home.eq_ignore_ascii_case(host))
    }

    /// Whether that request goes there on that way. The first of a leg does.
    fn has(&self, way: &Way, request: &Message) -> bool {
        request.to_tag().is_none() || self.is_at(way)
    }

    /// Whether that way leads there.
    fn is_at(&self, way: &Way) -> bool {
        match &way.destination {
            Destination::Back { .. } => true,
            Destination::Address(address) => self.address == Some(address.ip()),
            Destination::Hop { address, domain } => self.address == Some(address.ip()) || self.is_named(domain),
            Destination::Name { host, .. } | Destination::Domain { host, .. } => self.is_named(host),
        }
    }
}

/// A request of ours once more.
pub(super) struct Again {
    pub(super) serial: u16,
    pub(super) cseq: u32,
    pub(super) request: Bytes,
}

/// Whether a response asks for the request once more, with credentials or with a longer session interval (RFC 4028 §7.3).
pub(super) fn asks_again(response: &Message) -> bool {
    matches!(response.status(), 401 | 407 | 422)
}

impl Leg {
    /// `request` once more, as `response` asks. `None`: it cannot be had so.
    pub(super) fn once_more(
        &mut self,
        context: &mut Context<'_>,
        way: &mut Way,
        request: &Bytes,
        tried: &mut Tried,
        response: &Message,
    ) -> Option<Again> {
        match response.status() {
            422 => self.with_longer_interval(context, way, request, response),
            _ => self.answered(context, way, request, tried, response),
        }
    }

    /// The CSeq number of a request that repeats `sent`.
    pub(super) fn next_cseq_like(&mut self, sent: &Message) -> Option<u32> {
        // A dialog that a fork left has numbers of its own.
        let mut dialogs = self.dialog.iter_mut().chain(&mut self.early);
        match dialogs.find(|dialog| sent.to_tag().is_some() && sent.to_tag() == dialog.remote_tag()) {
            Some(dialog) => Some(dialog.next_cseq()),
            None => Some(sent.cseq().ok()?.number + 1),
        }
    }

    /// `request` once more, on the same way, with credentials for `response` and as a transaction of its own (§22.2, §8.1.3.5). `None`: it cannot be
    /// answered, and [`Leg::why_unanswered`] says why.
    fn answered(
        &mut self,
        context: &mut Context<'_>,
        way: &mut Way,
        request: &Bytes,
        tried: &mut Tried,
        response: &Message,
    ) -> Option<Again> {
        let Some(login) = self.profile.login.clone() else {
            self.unanswered = Some(Unanswerable::NoLogin);
            return None;
        };
        let sent = Message::parse(request.clone()).ok()?;
        if !self.home.has(way, &sent) {
            self.unanswered = Some(Unanswerable::Elsewhere);
            return None;
        }
        let answers = self.answers.get_or_insert_default();
        if let Err(reason) = answers.take(Some(&login), tried, response, context.random) {
            self.unanswered = Some(reason);
            return None;
        }
        let (serial, via) = self.new_via(context, way);
        let cseq = self.next_cseq_like(&sent)?;
        let answers = self.answers.as_mut()?;
        let renewed = Some((&via.parts()[..], cseq));
        let request = again(request, renewed, &[], |request, printer| answers.write(&login, request, printer))?;
        let request = self.fit(context.node, serial, way, request);
        Some(Again { serial, cseq, request })
    }

    /// `request` with credentials for every realm that has challenged the leg before (§22.1), if it goes `way` to who those are for.
    pub(super) fn with_credentials(&mut self, request: Bytes, way: &Way) -> Bytes {
        let (Some(answers), Some(login)) = (&mut self.answers, &self.profile.login) else { return request };
        if answers.is_empty() || !Message::parse(request.clone()).is_ok_and(|request| self.home.has(way, &request)) {
            return request;
        }
        again(&request, None, &[], |request, printer| answers.write(login, request, printer)).unwrap_or(request)
    }

    /// An ACK has the credentials of its INVITE (§22.1): nobody could challenge it.
    pub(super) fn copy_credentials(&self, invite: &Bytes, way: &Way, ack: &mut Printer) {
        if self.answers.is_none() || !self.home.is_at(way) {
            return;
        }
        if let Ok(invite) = Message::parse(invite.clone()) {
            copy_credentials(&invite, ack);
        }
    }

    /// A 2xx may name the nonce for the next request.
    pub(super) fn take_next_nonce(&mut self, response: &Message) {
        if let Some(answers) = &mut self.answers {
            answers.renew(response);
        }
    }

    /// Why the last challenge was not answered, for who tells of it.
    pub(crate) fn why_unanswered(&mut self) -> Option<Box<str>> {
        self.unanswered.take().map(|reason| reason.to_string().into())
    }
}
