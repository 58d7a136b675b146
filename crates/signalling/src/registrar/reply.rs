//! What a REGISTER is answered with.

use super::Registrar;
use super::date::date;
use super::request::{OUTBOUND, PATH, Wish, supports};
use crate::message::{HeaderName, Message, Printer};
use std::time::Duration;
use tandem_model::{Binding, Timestamp};

/// The status of an answer, and the headers that it has beside the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 699.
    pub status: u16,
    /// Reason phrase, where the usual one says too little.
    pub reason: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
    raw: Vec<(&'static str, String)>,
}

impl Reply {
    /// A refusal.
    pub(super) fn new(status: u16) -> Reply {
        Reply { status, reason: None, headers: Vec::new(), raw: Vec::new() }
    }

    pub(super) fn because(status: u16, reason: &'static str) -> Reply {
        Reply { reason: Some(reason), ..Reply::new(status) }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    fn with_raw(mut self, name: &'static str, value: String) -> Reply {
        self.raw.push((name, value));
        self
    }

    /// Puts its headers into the message.
    pub fn write(&self, printer: &mut Printer) {
        for (name, value) in &self.headers {
            printer.header_str(*name, value);
        }
        for (name, value) in &self.raw {
            printer.header_raw(name, value);
        }
    }
}

impl Registrar {
    /// RFC 3261 §10.3 step 8: all bindings that hold now.
    pub(super) fn done(&self, now: Timestamp, unix_ms: Option<u64>, user: &str, request: &Message, wish: &Wish<'_>) -> Reply {
        let mut reply = Reply::new(200);
        let held = self.bindings.of(user).iter().filter(|binding| binding.until > now);
        let contacts: Vec<String> = held.map(|binding| written(binding, now)).collect();
        if !contacts.is_empty() {
            reply = reply.with(HeaderName::Contact, contacts.join(", "));
        }
        // RFC 3327 §5.3: who said that it knows them is told the proxies that calls go through.
        if !wish.path.is_empty() && supports(request, PATH) {
            reply = reply.with(HeaderName::Path, wish.path.join(", "));
        }
        let is_outbound = wish.contacts.iter().any(|contact| contact.reg_id.is_some());
        reply = reply.with(HeaderName::Supported, [PATH, OUTBOUND].join(", "));
        if is_outbound {
            // RFC 5626 §6.
            reply = reply.with(HeaderName::Require, OUTBOUND);
            if let Some(span) = self.terms.flow_timer {
                reply = reply.with_raw("Flow-Timer", span.as_secs().to_string());
            }
        }
        match unix_ms {
            Some(unix_ms) => reply.with(HeaderName::Date, date(unix_ms)),
            None => reply,
        }
    }
}

/// One Contact value.
fn written(binding: &Binding, now: Timestamp) -> String {
    let mut text = format!("<{}>;expires={}", binding.contact, seconds_left(binding.until, now));
    if binding.q < 1_000 {
        text.push_str(&format!(";q=0.{:03}", binding.q));
    }
    if let Some(instance) = &binding.instance {
        text.push_str(&format!(";+sip.instance=\"{instance}\""));
    }
    if let Some(reg_id) = binding.reg_id {
        text.push_str(&format!(";reg-id={reg_id}"));
    }
    text
}

/// Begun seconds count whole: a binding that holds is never told to have none left.
fn seconds_left(until: Timestamp, now: Timestamp) -> u64 {
    let left = until.since(now);
    left.as_secs() + u64::from(left > Duration::from_secs(left.as_secs()))
}
