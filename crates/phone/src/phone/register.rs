//! REGISTER (RFC 3261 §10.2): where the phone is to be found.

use super::{Phone, write::Outgoing};
use crate::{Edit, Message, transaction::Purpose};
use tandem_model::Timestamp;

/// A REGISTER to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The domain that it goes to.
    pub domain: String,
    /// Whose it is; the phone's own name where `None`.
    pub user: Option<String>,
    /// Contact values; none asks what there is.
    pub contacts: Vec<String>,
    /// Expires.
    pub expires: Option<u32>,
    /// Changes to the finished message.
    pub edits: Vec<Edit>,
}

impl Register {
    /// One that asks what there is.
    pub fn query(domain: &str) -> Register {
        Register { domain: domain.into(), user: None, contacts: Vec::new(), expires: None, edits: Vec::new() }
    }

    /// One of this Contact value.
    #[must_use]
    pub fn contact(mut self, value: &str) -> Register {
        self.contacts.push(value.into());
        self
    }

    /// For so many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> Register {
        self.expires = Some(seconds);
        self
    }

    /// Of another user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Register {
        self.user = Some(user.into());
        self
    }

    /// With a change.
    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Register {
        self.edits.push(edit);
        self
    }
}

/// The registrations of a phone: all under one Call-ID (RFC 3261 §10.2).
#[derive(Debug, Default)]
pub(super) struct Registrations {
    call_id: String,
    cseq: u32,
    answers: Vec<Message>,
}

impl Phone {
    /// The Contact value of the phone itself.
    pub fn contact(&self) -> String {
        format!("<{}>", self.own_contact())
    }

    /// Sends a REGISTER. A challenge is answered with the phone's login.
    pub fn register(&mut self, now: Timestamp, register: &Register) {
        if self.registrations.call_id.is_empty() {
            self.registrations.call_id = format!("{}@{}", self.token(), self.setup.address.ip());
        }
        self.registrations.cseq += 1;
        let user = register.user.as_deref().unwrap_or(&self.setup.name);
        let own = format!("<sip:{user}@{}>", register.domain);
        let tag = self.token();
        let mut message = Message::request("REGISTER", &format!("sip:{}", register.domain))
            .with("Max-Forwards", "70")
            .with("From", format!("{own};tag={tag}"))
            .with("To", own)
            .with("Call-ID", self.registrations.call_id.as_str())
            .with("CSeq", format!("{} REGISTER", self.registrations.cseq));
        if !register.contacts.is_empty() {
            message.push("Contact", register.contacts.join(", "));
        }
        if let Some(seconds) = register.expires {
            message.push("Expires", seconds.to_string());
        }
        let destination = self.setup.outbound;
        let outgoing = Outgoing { message, destination, call: None, dialog: None, purpose: Purpose::Register, edits: &register.edits };
        self.start_client(now, outgoing);
    }

    /// The final answers to its REGISTERs, but for challenges that it has answered.
    pub fn registrations(&self) -> &[Message] {
        &self.registrations.answers
    }

    pub(super) fn on_registered(&mut self, message: &Message) {
        // The answer to a challenge took another number.
        let number = message.cseq().map_or(0, |(number, _)| number);
        self.registrations.cseq = self.registrations.cseq.max(number);
        self.registrations.answers.push(message.clone());
    }
}
