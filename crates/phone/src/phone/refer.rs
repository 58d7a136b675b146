//! Transfer as a phone does it: REFER and the NOTIFYs that tell what becomes of it (RFC 3515), on either side.

use super::{Call, CallIndex, Phone, write::Outgoing};
use crate::{Edit, Message, NameAddr, Place, Script, T1, dialog::Stage, transaction::Purpose};
use tandem_model::Timestamp;

/// A REFER.
#[derive(Clone, Debug, PartialEq)]
pub struct Refer {
    /// The value of Refer-To.
    pub to: String,
    /// Changes to the finished message.
    pub edits: Vec<Edit>,
}

impl Refer {
    /// To that URI.
    pub fn to(uri: &str) -> Refer {
        Refer { to: format!("<{uri}>"), edits: Vec::new() }
    }

    /// With a change.
    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Refer {
        self.edits.push(edit);
        self
    }
}

/// What became of a REFER of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// Its CSeq number, which a later REFER's NOTIFYs name (RFC 3515 §2.4.6).
    pub cseq: u32,
    /// Its final response.
    pub status: Option<u16>,
    /// The statuses that NOTIFYs told, in their order.
    pub progress: Vec<u16>,
    /// Why its subscription ended, once it has.
    pub ended: Option<String>,
    /// When our answer to a NOTIFY ended it, and nothing else has.
    refused: Option<Timestamp>,
    dialog: usize,
    /// There is none (RFC 4488).
    silent: bool,
}

/// The call that a REFER to us made us begin, and who is to be told of it.
#[derive(Clone, Debug)]
pub(super) struct Referrer {
    call: CallIndex,
    dialog: usize,
    cseq: u32,
}

impl Call {
    /// A REFER of ours that is to make a dialog of its own.
    pub(super) fn expect_referral(&mut self) {
        let cseq = self.invite_seq;
        self.referrals.push(Referral { cseq, status: None, progress: Vec::new(), ended: None, refused: None, dialog: 0, silent: false });
    }
}

impl Referral {
    /// Why no NOTIFY of it may come any more. One that was sent before our refusal was heard is nobody's fault: RFC 6665 §4.2.2 ends the
    /// subscription with the answer, and T1 is what that is thought to take at most (RFC 3261 §17.1.1.1).
    fn closed_by(&self, now: Timestamp) -> Option<&str> {
        let has_crossed = self.refused.is_some_and(|at| now.since(at) < T1);
        self.ended.as_deref().filter(|_| !has_crossed)
    }
}

impl Phone {
    pub(super) fn refer(&mut self, now: Timestamp, call: CallIndex, refer: &Refer) {
        let own = &self.calls[call];
        let Some(dialog) = own.current().filter(|_| own.outcome.is_none()) else { return };
        let mut edits = vec![Edit::add("Refer-To", &refer.to), Edit::add("Contact", &format!("<{}>", own.dialogs[dialog].contact))];
        edits.extend(refer.edits.iter().cloned());
        self.send_in_dialog(now, call, dialog, "REFER", Purpose::Refer, &edits, None);
        let cseq = self.calls[call].dialogs[dialog].local_seq;
        let referral = Referral { cseq, status: None, progress: Vec::new(), ended: None, refused: None, dialog, silent: false };
        self.calls[call].referrals.push(referral);
    }

    /// The final response to a REFER of ours.
    pub(super) fn on_referred(&mut self, now: Timestamp, client: usize, message: &Message) {
        let (request, Some(call)) = (self.clients[client].request.clone(), self.clients[client].call) else { return };
        let cseq = request.cseq().map_or(0, |(number, _)| number);
        let silent = message.header("Refer-Sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        if silent && request.header("Refer-Sub").is_none_or(|value| !value.eq_ignore_ascii_case("false")) {
            self.violate(now, "refer", "a subscription that was asked for is declined (RFC 4488 §4)");
        }
        if message.status() / 100 == 2 && message.header("Contact").is_none() {
            self.violate(now, "refer", "the 2xx to REFER has no Contact (RFC 3515 §2.2)");
        }
        let is_aside = self.calls[call].is_aside();
        if let Some(referral) = self.calls[call].referrals.iter_mut().find(|referral| is_aside || referral.cseq == cseq) {
            referral.status = Some(message.status());
            referral.silent = silent;
        }
        if is_aside {
            self.on_aside_answered(now, call, message, silent);
        }
    }

    /// A NOTIFY of event `refer` in a dialog of ours. False if there is nothing that it could be about.
    pub(super) fn on_refer_notify(&mut self, now: Timestamp, server: usize, (call, dialog): (CallIndex, usize), message: &Message) -> bool {
        let event = message.header("Event").unwrap_or_default().to_owned();
        if event.split(';').next().map(str::trim) != Some("refer") {
            return false;
        }
        let id = event.split(";id=").nth(1).and_then(|id| id.trim().parse::<u32>().ok());
        let referrals = &self.calls[call].referrals;
        let place = match id {
            Some(id) => referrals.iter().position(|referral| referral.cseq == id && referral.dialog == dialog),
            // The first that the other side took, whatever it refused or never heard before (RFC 3515 §2.4.6).
            None => referrals.iter().position(|one| one.dialog == dialog && one.status.is_none_or(|status| status / 100 == 2)),
        };
        let Some(place) = place.filter(|place| referrals[*place].status.is_none_or(|status| status / 100 == 2)) else {
            self.violate(now, "notify", format!("NOTIFY of {event:?}, which nothing of ours asked for"));
            self.refuse(now, server, 481);
            return true;
        };
        let state = message.header("Subscription-State").unwrap_or_default().to_owned();
        self.check_refer_notify(now, &self.calls[call].referrals[place].clone(), message, &state);
        let terminated = state.split(';').next().is_some_and(|word| word.trim().eq_ignore_ascii_case("terminated"));
        let referral = &mut self.calls[call].referrals[place];
        referral.progress.extend(fragment_status(message));
        if terminated {
            referral.refused = None;
            referral.ended = Some(state.split("reason=").nth(1).unwrap_or_default().to_owned());
        }
        let status = self.calls[call].script.habits.notify_status;
        if status == 0 {
            self.refuse(now, server, 200);
        } else {
            // RFC 6665 §4.2.2: the rest is about the one NOTIFY.
            if matches!(status, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 604) {
                let referral = &mut self.calls[call].referrals[place];
                referral.ended = Some(format!("refused with {status}"));
                if !terminated {
                    referral.refused.get_or_insert(now);
                }
            }
            self.refuse(now, server, status);
        }
        self.trigger(now, call, crate::When::Notified(self.calls[call].referrals[place].progress.last().copied().unwrap_or(0)));
        true
    }

    fn check_refer_notify(&mut self, now: Timestamp, referral: &Referral, message: &Message, state: &str) {
        let mut wrong = Vec::new();
        if referral.silent {
            wrong.push("a NOTIFY of a subscription that was declined (RFC 4488 §4)".to_owned());
        }
        if let Some(ended) = referral.closed_by(now) {
            wrong.push(format!("a NOTIFY after the end of its subscription ({ended})"));
        }
        if message.header("Contact").is_none() {
            wrong.push("a NOTIFY without a Contact (RFC 6665 §8.2)".to_owned());
        }
        let word = state.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !["active", "pending", "terminated"].contains(&word.as_str()) {
            wrong.push(format!("Subscription-State {state:?} (RFC 6665 §8.2.3)"));
        }
        if word == "active" && !state.contains("expires=") {
            wrong.push(format!("Subscription-State {state:?} says no time (RFC 3515 §2.4.4)"));
        }
        let status = fragment_status(message);
        if status.is_none() {
            wrong.push("a NOTIFY without a fragment that has a status (RFC 3515 §2.4.5)".to_owned());
        }
        if word == "terminated" && state.contains("noresource") && status.is_some_and(|status| status < 200) {
            wrong.push(format!("the transfer is said to be decided, by {status:?} (RFC 3515 §2.4.7)"));
        }
        if word == "active" && status.is_some_and(|status| status >= 200) {
            wrong.push(format!("{status:?} decides the transfer, and the subscription goes on (RFC 3515 §2.4.7)"));
        }
        if referral.progress.is_empty() && message.body.is_empty() {
            wrong.push("the first NOTIFY has no body".to_owned());
        }
        for text in wrong {
            self.violate(now, "notify", text);
        }
    }

    /// A REFER of the other side, which our habit is to obey: 202, and the call that it asks for.
    pub(super) fn obey_refer(&mut self, now: Timestamp, server: usize, (call, dialog): (CallIndex, usize), message: &Message) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let tag = self.calls[call].dialogs[dialog].local_tag.clone();
        let (response, destination) = self.response_to(&request, source, 202, None, &tag);
        let response = response.with("Contact", format!("<{}>", self.calls[call].dialogs[dialog].contact));
        self.answer(now, server, &response, destination);
        let to = NameAddr::parse(message.header("Refer-To").unwrap_or_default()).uri.to_owned();
        let (uri, headers) = to.split_once('?').unwrap_or((&to, ""));
        let cseq = message.cseq().map_or(0, |(number, _)| number);
        let referrer = Referrer { call, dialog, cseq };
        self.tell_referrer(now, &referrer, 100);
        let mut place = Place::new(uri).script(Script::new());
        for (name, value) in headers.split('&').filter_map(|header| header.split_once('=')) {
            place = place.edit(Edit::add(name, &unescape(value)));
        }
        if let Some(by) = message.header("Referred-By") {
            place = place.edit(Edit::add("Referred-By", by));
        }
        let begun = self.begin(now, place);
        self.calls[begun].referrer = Some(referrer);
    }

    /// The call that somebody asked us for has its final response.
    pub(super) fn on_obeyed(&mut self, now: Timestamp, call: CallIndex, status: u16) {
        if let Some(referrer) = self.calls[call].referrer.take_if(|_| status >= 200) {
            self.tell_referrer(now, &referrer, status);
        }
    }

    fn tell_referrer(&mut self, now: Timestamp, referrer: &Referrer, status: u16) {
        let Referrer { call, dialog, cseq } = *referrer;
        if self.calls[call].dialogs[dialog].stage == Stage::Over {
            return;
        }
        self.calls[call].dialogs[dialog].local_seq += 1;
        let next = self.calls[call].dialogs[dialog].local_seq;
        let (message, destination) = self.dialog_request(call, dialog, "NOTIFY", next);
        let state = if status < 200 { "active;expires=60" } else { "terminated;reason=noresource" };
        let mut message = message
            .with("Event", format!("refer;id={cseq}"))
            .with("Subscription-State", state)
            .with("Contact", format!("<{}>", self.calls[call].dialogs[dialog].contact));
        message.set_body("message/sipfrag;version=2.0", format!("SIP/2.0 {status} {}\r\n", super::write::phrase(status)).into_bytes());
        let outgoing = Outgoing { message, destination, call: Some(call), dialog: Some(dialog), purpose: Purpose::Notify, edits: &[] };
        self.start_client(now, outgoing);
    }
}

/// The status that a `message/sipfrag` body begins with.
fn fragment_status(message: &Message) -> Option<u16> {
    let kind = message.header("Content-Type")?.split(';').next()?.trim().to_ascii_lowercase();
    let text = std::str::from_utf8(&message.body).ok()?;
    let mut words = text.lines().next()?.split(' ');
    (kind == "message/sipfrag" && words.next() == Some("SIP/2.0")).then(|| words.next()?.parse().ok()).flatten()
}

/// RFC 3986 §2.1.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
