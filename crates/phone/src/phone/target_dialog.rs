//! A REFER outside of any dialog that names one (RFC 4538), and the dialog that it makes for its subscription (RFC 3515 §2.4.4).

use super::{Call, CallIndex, Outcome, Phone, Role, refer::Refer, write::Outgoing};
use crate::{
    Habits, Message, NameAddr, Script,
    dialog::{Dialog, Reliable, Session, Stage},
    transaction::Purpose,
};
use std::collections::VecDeque;
use tandem_model::Timestamp;

impl Call {
    /// The Target-Dialog value that names this call to its other side: the tags are those that it sees (RFC 4538 §3).
    pub fn target_dialog(&self) -> Option<String> {
        let dialog = &self.dialogs[self.current()?];
        Some(format!("{};local-tag={};remote-tag={}", self.call_id, dialog.remote_tag, dialog.local_tag))
    }

    /// Whether it is no call, but the dialog of a REFER outside of any.
    pub fn is_aside(&self) -> bool {
        self.outcome == Some(Outcome::NoCall)
    }
}

impl Phone {
    /// It stands among the calls from now on, behind all that there are.
    pub(super) fn refer_outside(&mut self, now: Timestamp, call: CallIndex, refer: &Refer) {
        let own = &self.calls[call];
        let (Some(dialog), Some(named)) = (own.current(), own.target_dialog()) else { return };
        let uri = own.dialogs[dialog].remote_target.clone();
        let (local, remote) = (own.local.clone(), own.remote.clone());
        let habits = Habits { notify_status: own.script.habits.notify_status, ..Habits::default() };
        let call_id = format!("{}@{}", self.token(), self.setup.address.ip());
        let aside = self.new_call(Role::Caller, call_id, local, remote, Script { habits, ..Script::new() });
        let own = &mut self.calls[aside];
        own.outcome = Some(Outcome::NoCall);
        let mut message = Message::request("REFER", &uri)
            .with("Max-Forwards", "70")
            .with("From", format!("{};tag={}", own.local, own.local_tag))
            .with("To", own.remote.as_str())
            .with("Call-ID", own.call_id.as_str())
            .with("CSeq", format!("{} REFER", own.invite_seq))
            .with("Refer-To", refer.to.as_str())
            .with("Target-Dialog", named)
            .with("Contact", format!("<{}>", self.own_contact()));
        for route in &self.setup.record_route {
            message.push("Record-Route", route.as_str());
        }
        self.calls[aside].expect_referral();
        let destination = self.setup.outbound;
        let outgoing = Outgoing { message, destination, call: Some(aside), dialog: None, purpose: Purpose::Refer, edits: &refer.edits };
        self.start_client(now, outgoing);
    }

    /// The dialog that a REFER of ours makes: its first NOTIFY may come before its 2xx (RFC 6665 §4.1.3).
    pub(super) fn aside_of_notify(&mut self, message: &Message) -> Option<(CallIndex, usize)> {
        let to = NameAddr::parse(message.header("To")?).tag()?.to_owned();
        let from = NameAddr::parse(message.header("From")?).tag()?.to_owned();
        let is_it = |call: &Call| call.is_aside() && call.call_id == message.call_id() && call.local_tag == to && call.dialogs.is_empty();
        let call = self.calls.iter().position(is_it).filter(|_| message.method() == "NOTIFY")?;
        let routes = message.list("Record-Route").iter().map(|route| (*route).to_owned()).collect();
        self.open_aside(call, from, message, routes);
        Some((call, 0))
    }

    /// The final response to such a REFER.
    pub(super) fn on_aside_answered(&mut self, now: Timestamp, call: CallIndex, message: &Message, silent: bool) {
        let tag = NameAddr::parse(message.header("To").unwrap_or_default()).tag().unwrap_or_default().to_owned();
        let mut wrong = Vec::new();
        match self.calls[call].dialogs.first() {
            Some(dialog) if message.status() >= 300 => {
                wrong.push(format!("{} refuses, and a NOTIFY from {:?} came", message.label(), dialog.remote_tag));
            }
            Some(dialog) if dialog.remote_tag != tag => {
                wrong.push(format!(
                    "{} has To tag {tag:?}, its NOTIFY came from {:?} (RFC 6665 §4.4.1)",
                    message.label(),
                    dialog.remote_tag
                ));
            }
            Some(_) => {}
            None if message.status() >= 300 || silent => {}
            None => {
                let mut routes: Vec<String> = message.list("Record-Route").iter().map(|route| (*route).to_owned()).collect();
                routes.reverse();
                self.open_aside(call, tag.clone(), message, routes);
            }
        }
        let others = self.calls.iter().enumerate().filter(|(index, _)| *index != call).flat_map(|(_, other)| &other.dialogs);
        if message.status() < 300 && others.clone().any(|dialog| dialog.remote_tag == tag) {
            wrong.push(format!("{} has the To tag of another dialog (RFC 3515 §2.4.4)", message.label()));
        }
        for text in wrong {
            self.violate(now, "refer", text);
        }
    }

    fn open_aside(&mut self, call: CallIndex, remote_tag: String, message: &Message, routes: Vec<String>) {
        let own = self.own_contact();
        let target = NameAddr::parse(message.header("Contact").unwrap_or_default()).uri.to_owned();
        let call = &mut self.calls[call];
        call.dialogs.push(Dialog {
            local_tag: call.local_tag.clone(),
            remote_tag,
            remote_target: target,
            routes,
            contact: own,
            local_seq: call.invite_seq,
            remote_seq: None,
            past_contacts: Vec::new(),
            stage: Stage::Confirmed,
            accepted: None,
            acknowledged: None,
            acks: VecDeque::new(),
            session: Session::default(),
            reliable: Reliable::default(),
        });
    }
}
