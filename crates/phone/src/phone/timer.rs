//! Session timers as a phone keeps them (RFC 4028), in both roles, and what the other side must get right.

use super::{CallIndex, Phone};
use crate::{Message, Offer, dialog::Stage, script::Act};
use std::time::Duration;
use tandem_model::Timestamp;

/// How a phone keeps session timers.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// The interval that its INVITE asks for, in seconds; `None`: it only says that it knows of timers.
    pub expires: Option<u32>,
    /// The shortest that it takes.
    pub min: u32,
    /// Whom it wants to refresh: `uac` or `uas`, of the exchange in which it says so.
    pub refresher: Option<&'static str>,
    /// It does not refresh, though it should.
    pub lazy: bool,
    /// It leaves the timer out of its answers to re-INVITE and UPDATE.
    pub forgetful: bool,
    /// It refreshes by re-INVITE, though the other side takes UPDATE.
    pub reinvites: bool,
}

impl Timer {
    /// Asks for that interval, and leaves it to the other side who refreshes.
    pub fn asking(seconds: u32) -> Timer {
        Timer { expires: Some(seconds), min: MIN, refresher: None, lazy: false, forgetful: false, reinvites: false }
    }

    /// Takes what is asked for.
    pub fn willing() -> Timer {
        Timer { expires: None, ..Timer::asking(MIN) }
    }

    /// With a wish who refreshes.
    #[must_use]
    pub fn refresher(mut self, who: &'static str) -> Timer {
        self.refresher = Some(who);
        self
    }

    /// With a minimum of its own.
    #[must_use]
    pub fn min(mut self, seconds: u32) -> Timer {
        self.min = seconds;
        self
    }
}

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// In seconds.
    pub interval: u32,
    /// We refresh.
    pub ours: bool,
    /// When the session is over.
    pub expires: Timestamp,
    due: Timestamp,
}

/// What a call knows of its timer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallTimer {
    pub(super) agreed: Option<Agreed>,
    /// The longest Min-SE that was asked of it.
    least: u32,
    peer_updates: bool,
    raises: u32,
    /// A request of ours was open when one of theirs was agreed to: which of both agreements holds the two sides may see differently.
    crossed: bool,
    /// A refresh of theirs was asked who sends it, and has not come again with an answer that is good enough.
    pub(super) asked_who: bool,
}

/// RFC 4028 §5.
const MIN: u32 = 90;
/// Times that a request is sent again with a longer interval.
const MAX_RAISES: u32 = 3;
/// A refresh that was not taken is tried again.
const AGAIN: Duration = Duration::from_secs(5);

fn seconds(value: u32) -> Duration {
    Duration::from_secs(value.into())
}

/// Interval and refresher of a message.
fn session_expires(message: &Message) -> Option<(u32, Option<String>)> {
    let value = message.header("Session-Expires").or(message.header("x"))?;
    let mut parts = value.split(';').map(str::trim);
    let interval = parts.next()?.parse().ok()?;
    let refresher = parts.find_map(|part| part.strip_prefix("refresher=")).map(str::to_owned);
    Some((interval, refresher))
}

fn min_se(message: &Message) -> Option<u32> {
    message.header("Min-SE")?.trim().parse().ok()
}

fn names_timer(message: &Message, header: &str) -> bool {
    message.list(header).iter().any(|tag| tag.eq_ignore_ascii_case("timer"))
}

impl super::Call {
    /// The session timer in force.
    pub fn timer(&self) -> Option<Agreed> {
        self.timer.agreed
    }

    /// When its timer wants something.
    pub(super) fn timer_due(&self) -> Option<Timestamp> {
        self.timer.agreed.map(|agreed| agreed.due).filter(|_| self.outcome.is_none())
    }

    /// The shortest interval that it takes.
    pub(super) fn least_interval(&self) -> u32 {
        self.script.habits.timer.as_ref().map_or(MIN, |habit| habit.min)
    }

    /// What its INVITEs and UPDATEs say.
    pub(super) fn write_timer(&self, message: &mut Message) {
        let Some(habit) = &self.script.habits.timer else { return };
        message.push("Supported", "timer");
        let least = habit.min.max(self.timer.least);
        let agreed = self.timer.agreed;
        let refresher = match (agreed, habit.refresher) {
            (Some(agreed), _) if agreed.ours => ";refresher=uac",
            (Some(_), _) => ";refresher=uas",
            (None, Some("uac")) => ";refresher=uac",
            (None, Some(_)) => ";refresher=uas",
            (None, None) => "",
        };
        if let Some(interval) = agreed.map(|agreed| agreed.interval).or(habit.expires) {
            message.push("Session-Expires", format!("{}{refresher}", interval.max(least)));
        }
        if least > MIN {
            message.push("Min-SE", least.to_string());
        }
    }
}

impl Phone {
    /// Whether an INVITE or UPDATE asks for too short an interval; it is checked by the way (RFC 4028 §7.1, §7.4).
    pub(super) fn is_too_short(&mut self, now: Timestamp, call: CallIndex, message: &Message) -> bool {
        let updates = message.list("Allow").contains(&"UPDATE");
        if message.header("Allow").is_some() {
            self.calls[call].timer.peer_updates = updates;
        }
        let Some((interval, refresher)) = session_expires(message) else { return false };
        let least = min_se(message).unwrap_or(MIN);
        if interval < MIN || interval < least || least < MIN {
            self.violate(now, "timer-interval", format!("{}: {interval} s, with a minimum of {least} s (§4, §5)", message.label()));
        }
        if refresher.as_ref().is_some_and(|who| who != "uac" && who != "uas") {
            self.violate(now, "timer-refresher", format!("{}: refresher {refresher:?}", message.label()));
        }
        if !names_timer(message, "Supported") {
            self.violate(now, "timer-supported", format!("{} asks for a timer and does not know of it (§7.1)", message.label()));
        }
        // §7.4: who refreshes goes on to, and the interval stays.
        if let (Some(agreed), Some(who)) = (self.calls[call].timer.agreed, refresher)
            && (who == "uac") == agreed.ours
            && !self.calls[call].timer.crossed
        {
            self.violate(now, "timer-refresher", format!("{}: {who} refreshes, and did not before (§7.4)", message.label()));
        }
        let own = &mut self.calls[call];
        own.timer.least = own.timer.least.max(least);
        own.script.habits.timer.as_ref().is_some_and(|habit| interval < habit.min)
    }

    /// The minimum of the plan that a first INVITE would meet, where it asks for less.
    pub(super) fn least_of_plan(&self, message: &Message) -> Option<u32> {
        let habit = self.plans.front().unwrap_or(&self.plan).habits.timer.as_ref()?;
        let (interval, _) = session_expires(message)?;
        (interval < habit.min && names_timer(message, "Supported")).then_some(habit.min)
    }

    /// 422 (RFC 4028 §6).
    pub(super) fn refuse_too_short(&mut self, now: Timestamp, server: usize, least: u32) {
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let own = self.servers[server].call.zip(self.servers[server].dialog);
        let tag = own.map_or_else(|| "stateless".to_owned(), |(call, dialog)| self.calls[call].dialogs[dialog].local_tag.clone());
        let (mut response, destination) = self.response_to(&request, source, 422, None, &tag);
        response.push("Min-SE", least.to_string());
        self.answer(now, server, &response, destination);
        if request.method() == "INVITE" {
            self.servers[server].timer = Some(self.new_timer(now, Some(crate::T2), super::write::transport_of(&request.print())));
        }
    }

    /// What a 2xx of ours to INVITE or UPDATE says (RFC 4028 §9).
    pub(super) fn time_reply(&mut self, now: Timestamp, call: CallIndex, request: &Message, response: &mut Message) {
        let mut clients = self.clients.iter().filter(|client| client.call == Some(call) && client.is_open());
        self.calls[call].timer.crossed = clients.any(|client| matches!(client.request.method(), "INVITE" | "UPDATE"));
        let own = &mut self.calls[call];
        let Some(habit) = own.script.habits.timer.clone() else {
            own.timer.agreed = None;
            return;
        };
        let later = crate::NameAddr::parse(request.header("To").unwrap_or_default()).tag().is_some();
        let asked = session_expires(request).or_else(|| self.kept(call, request));
        let own = &mut self.calls[call];
        let interval = asked.as_ref().map_or(habit.expires, |(interval, _)| Some(habit.expires.unwrap_or(*interval).min(*interval)));
        let Some(interval) = interval.filter(|_| !(later && habit.forgetful)) else {
            own.timer.agreed = None;
            return;
        };
        let interval = interval.max(min_se(request).unwrap_or(MIN)).max(habit.min);
        let knows = names_timer(request, "Supported");
        let refresher = match asked.and_then(|(_, refresher)| refresher) {
            Some(who) if knows => who,
            None if knows => habit.refresher.unwrap_or("uas").to_owned(),
            _ => "uas".to_owned(),
        };
        response.push("Supported", "timer");
        response.push("Session-Expires", format!("{interval};refresher={refresher}"));
        if knows {
            response.push("Require", "timer");
        }
        self.agree(now, call, interval, refresher == "uas");
    }

    /// What is in force, for a request that says nothing of it: whoever sent it did not know of it yet.
    fn kept(&self, call: CallIndex, request: &Message) -> Option<(u32, Option<String>)> {
        let agreed = self.calls[call].timer.agreed.filter(|_| names_timer(request, "Supported"))?;
        Some((agreed.interval, Some(if agreed.ours { "uas" } else { "uac" }.to_owned())))
    }

    /// Their 2xx to our INVITE or UPDATE (RFC 4028 §7.2).
    pub(super) fn time_accepted(&mut self, now: Timestamp, call: CallIndex, request: &Message, response: &Message) {
        if response.header("Allow").is_some() {
            self.calls[call].timer.peer_updates = response.list("Allow").contains(&"UPDATE");
        }
        let knows = names_timer(request, "Supported");
        let Some((interval, refresher)) = session_expires(response) else {
            if names_timer(response, "Require") {
                self.violate(now, "timer-require", format!("{} requires timers and has none (§7.2)", response.label()));
            }
            self.calls[call].timer.agreed = None;
            return;
        };
        let least = min_se(request).unwrap_or(MIN);
        let asked = session_expires(request);
        if interval < least || asked.as_ref().is_some_and(|(asked, _)| interval > *asked) {
            let text = format!("{}: {interval} s where {asked:?} was asked for, {least} s at least (§9)", response.label());
            self.violate(now, "timer-interval", text);
        }
        let wanted = asked.and_then(|(_, who)| who).filter(|_| knows);
        let is_wrong = match refresher.as_deref() {
            Some("uac") => !knows || wanted.as_deref() == Some("uas"),
            Some("uas") => wanted.as_deref() == Some("uac"),
            _ => true,
        };
        if is_wrong {
            self.violate(now, "timer-refresher", format!("{}: {refresher:?} where {wanted:?} was asked for (§9)", response.label()));
        }
        if names_timer(response, "Require") != knows {
            self.violate(now, "timer-require", format!("{}: Require is {:?} (§9)", response.label(), response.header("Require")));
        }
        if self.calls[call].script.habits.timer.is_some() {
            self.agree(now, call, interval, refresher.as_deref() == Some("uac"));
        }
    }

    fn agree(&mut self, now: Timestamp, call: CallIndex, interval: u32, ours: bool) {
        let whole = seconds(interval);
        // §10: refreshed after half of it, given up a third before its end, at most 32 s.
        let after = if ours { whole / 2 } else { whole.saturating_sub(seconds(32).min(whole / 3)) };
        let own = &mut self.calls[call];
        (own.timer.raises, own.timer.asked_who) = (0, false);
        own.timer.agreed = Some(Agreed { interval, ours, expires: now + whole, due: now + after });
    }

    /// A 422: the same again with the interval that it asks for (RFC 4028 §7.3). True if it goes out.
    pub(super) fn answer_too_short(&mut self, now: Timestamp, index: usize, response: &Message) -> bool {
        let client = &self.clients[index];
        let (Some(call), true) = (client.call, response.status() == 422) else { return false };
        let asked = session_expires(&client.request);
        let Some(least) = min_se(response) else {
            self.violate(now, "timer-interval", "422 without Min-SE (§6)");
            return false;
        };
        let Some((interval, refresher)) = asked.filter(|(interval, _)| *interval < least) else {
            self.violate(now, "timer-interval", "422 to an interval that is long enough");
            return false;
        };
        if self.calls[call].script.habits.timer.is_none() {
            self.violate(now, "timer-supported", format!("422 to {interval} s of one who does not know of timers (§9)"));
            return false;
        }
        let timer = &mut self.calls[call].timer;
        timer.raises += 1;
        timer.least = timer.least.max(least);
        if timer.raises > MAX_RAISES {
            return false;
        }
        let mut message = self.clients[index].request.clone();
        let refresher = refresher.map_or_else(String::new, |who| format!(";refresher={who}"));
        message.set("Session-Expires", format!("{least}{refresher}"));
        message.set("Min-SE", least.to_string());
        self.send_again(now, index, response, message);
        true
    }

    /// The timers that are due.
    pub(super) fn wake_timers(&mut self, now: Timestamp) {
        for call in 0..self.calls.len() {
            if self.calls[call].timer_due().is_some_and(|due| due <= now) {
                self.on_timer(now, call);
            }
        }
    }

    fn on_timer(&mut self, now: Timestamp, call: CallIndex) {
        let own = &mut self.calls[call];
        let (Some(agreed), Some(habit)) = (&mut own.timer.agreed, &own.script.habits.timer) else { return };
        let is_talking = own.dialogs.iter().any(|dialog| dialog.stage == Stage::Confirmed);
        if !is_talking {
            own.timer.agreed = None;
        } else if !agreed.ours {
            own.timer.agreed = None;
            if !own.timer.asked_who {
                self.violate(now, "refresh-missing", "the session was not refreshed in time (RFC 4028 §10)");
            }
            self.perform(now, call, Act::Bye);
        } else if habit.lazy && now < agreed.expires {
            agreed.due = agreed.expires;
        } else if habit.lazy {
            own.timer.agreed = None;
            self.violate(now, "timer-ignored", "they did not end a session that nobody refreshed (RFC 4028 §10)");
        } else if agreed.expires <= now {
            own.timer.agreed = None;
            self.perform(now, call, Act::Bye);
        } else {
            agreed.due = (now + AGAIN).min(agreed.expires);
            let offer = Offer { late: own.timer.peer_updates && !habit.reinvites, ..Offer::default() };
            let act = if offer.late { Act::Update(offer) } else { Act::Reinvite(offer) };
            self.perform(now, call, act);
        }
    }
}
