//! The session timer of a leg (RFC 4028): what its messages say of it, and what comes of that.

use super::challenged::Again;
use super::extensions::{OptionTags, TIMER};
use super::{Context, Leg, LegEvent, State, Way};
use crate::auth::again;
use crate::call::usage::ends_own_dialog;
use crate::dialog::session_timer::{Event, Keeper, Outcome, SessionTimer};
use crate::message::{HeaderName, Message, Method, Params, Printer};
use bytes::Bytes;
use std::time::Duration;
use tandem_model::{MIN_SESSION_S, Prack, Refresher, Timestamp};

/// How often one request is sent again with a longer interval: the peer and proxies before it may each want a longer one.
const MAX_RAISES: u8 = 4;

/// A timer that is longer than this, and than our own, shows in no useful time that a peer is gone: its silence does.
const LONGEST_WATCH_S: u32 = 7200;

/// The timer, and what was learned for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LegTimer {
    machine: SessionTimer,
    /// The longest Min-SE that came in this dialog, in seconds (§7.4).
    learned_min_s: u32,
    /// Requests that were sent again for a 422 since the last agreement.
    raises: u8,
}

/// Session-Expires, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    interval_s: u32,
    refresher: Option<Side>,
}

/// Who refreshes, in the words of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Uac,
    Uas,
}

impl Leg {
    /// What an INVITE or UPDATE of ours says (§7.1, §7.4), among the rest that it supports.
    pub(super) fn write_timer(&self, printer: &mut Printer, prack: Prack) {
        OptionTags::asked(&self.profile, prack).write(printer);
        self.write_interval(printer);
    }

    /// The same in an UPDATE. Before the answer there is no session yet that a timer could keep (§7.4): what its INVITE agrees on may
    /// already be under way.
    pub(super) fn write_mid_session(&self, printer: &mut Printer) {
        OptionTags::asked(&self.profile, Prack::Off).write(printer);
        if self.state == State::Confirmed {
            self.write_interval(printer);
        }
    }

    fn write_interval(&self, printer: &mut Printer) {
        let Some(terms) = self.profile.session_timer else { return };
        let least = self.least_interval();
        let interval = self.timer.machine.interval_s().unwrap_or(terms.expires_s).max(least);
        let refresher = match (self.timer.machine.keeper(), terms.refresher) {
            // §7.4: who refreshes goes on to.
            (Some(Keeper::Us | Keeper::UsAlone), _) | (None, Refresher::Us) => ";refresher=uac",
            (Some(Keeper::Peer), _) | (None, Refresher::Them) => ";refresher=uas",
            (None, Refresher::Auto) => "",
        };
        printer.header(HeaderName::SessionExpires, format_args!("{interval}{refresher}"));
        if least > MIN_SESSION_S {
            printer.header_number(HeaderName::MinSe, least);
        }
    }

    fn least_interval(&self) -> u32 {
        self.profile.session_timer.map_or(MIN_SESSION_S, |terms| terms.min_s).max(self.timer.learned_min_s)
    }

    /// The interval that the peer must not go below, where it asks for less (§9). One that knows no session timers could do nothing with
    /// a 422: it gets a longer interval instead (erratum 1687).
    pub(super) fn too_short(&self, request: &Message) -> Option<u32> {
        too_short(self.profile.session_timer.map(|terms| terms.min_s)?, request)
    }

    /// What our 2xx to the peer's INVITE or UPDATE says (§9), which holds from now on.
    pub(super) fn answer_timer(&mut self, now: Timestamp, request: &Message, printer: &mut Printer) {
        let Some(terms) = self.profile.session_timer else { return };
        let (asked, knows) = (Asked::of(request), knows_timers(request));
        // §9: no longer than it asks for, even if its own minimum is longer.
        self.learn_min(request, asked.map_or(u32::MAX, |asked| asked.interval_s));
        let before = self.timer.machine.keeper();
        let keeper = match (knows, asked.and_then(|asked| asked.refresher), terms.refresher) {
            // §9, table 2.
            (true, Some(Side::Uac), _) => Keeper::Peer,
            (true, Some(Side::Uas), _) => Keeper::Us,
            (true, None, Refresher::Them) => Keeper::Peer,
            (true, None, Refresher::Auto) if before == Some(Keeper::Peer) => Keeper::Peer,
            (true, None, _) => Keeper::Us,
            // It keeps none, but a proxy between may.
            (false, _, refresher) if asked.is_some() || refresher == Refresher::Us || before == Some(Keeper::UsAlone) => Keeper::UsAlone,
            (false, ..) => {
                self.timer.machine.on(now, Event::Dropped);
                return;
            }
        };
        let least = self.least_interval();
        let own = terms.expires_s.max(least);
        let interval = match asked {
            // §9: never longer than what was asked for.
            Some(asked) if knows => asked.interval_s.min(own),
            Some(asked) => asked.interval_s.min(own).max(least),
            None => own,
        };
        let refresher = if keeper == Keeper::Peer { "uac" } else { "uas" };
        printer.header(HeaderName::SessionExpires, format_args!("{interval};refresher={refresher}"));
        // §9: it must know that it is counted on, and may not be told so if it could not understand it.
        if knows {
            printer.header_str(HeaderName::Require, TIMER);
        }
        self.agree(now, interval, keeper);
    }

    /// The peer's 2xx to our INVITE or UPDATE (§7.2).
    pub(super) fn on_timer_answer(&mut self, now: Timestamp, response: &Message) {
        let Some(terms) = self.profile.session_timer.filter(|_| self.state == State::Confirmed) else { return };
        let refreshed = matches!(self.timer.machine.keeper(), Some(Keeper::Us | Keeper::UsAlone));
        match Asked::of(response) {
            Some(Asked { interval_s, refresher }) => {
                let keeper = if refresher == Some(Side::Uas) { Keeper::Peer } else { Keeper::Us };
                self.agree(now, interval_s.max(MIN_SESSION_S), keeper);
            }
            // We may refresh all the same, and do where we are asked to or did so before: some say nothing in the answer to a refresh.
            None if refreshed || terms.refresher == Refresher::Us => {
                let interval = self.timer.machine.interval_s().unwrap_or(terms.expires_s).max(self.least_interval());
                self.agree(now, interval, Keeper::UsAlone);
            }
            None => drop(self.timer.machine.on(now, Event::Dropped)),
        }
    }

    fn agree(&mut self, now: Timestamp, interval_s: u32, keeper: Keeper) {
        self.timer.raises = 0;
        self.timer.machine.on(now, Event::Agreed(interval_s, keeper));
    }

    /// §7.4: ours is never shorter from then on.
    fn learn_min(&mut self, message: &Message, most: u32) {
        if let Some(min) = min_se(message) {
            self.timer.learned_min_s = self.timer.learned_min_s.max(min.min(most));
        }
    }

    /// `request`, which got a 422, once more with the interval that this asks for, under the same Call-ID and the next CSeq number (§7.3).
    /// `None`: that would be no longer one, or has been tried often enough.
    pub(super) fn with_longer_interval(
        &mut self,
        context: &mut Context<'_>,
        way: &mut Way,
        request: &Bytes,
        response: &Message,
    ) -> Option<Again> {
        self.profile.session_timer?;
        let sent = Message::parse(request.clone()).ok()?;
        let before = Asked::of(&sent)?.interval_s;
        if self.timer.raises == MAX_RAISES || min_se(response)? <= before {
            return None;
        }
        self.timer.raises += 1;
        self.learn_min(response, u32::MAX);
        let (serial, via) = self.new_via(context, way);
        let cseq = self.next_cseq_like(&sent)?;
        let request = again(request, Some((&via.parts()[..], cseq)), &INTERVAL, |_, printer| self.write_interval(printer))?;
        let request = self.with_credentials(request, way);
        let request = self.fit(context.node, serial, way, request);
        Some(Again { serial, cseq, request })
    }

    /// When its session timer is due.
    pub(super) fn timer_due(&self) -> Option<Timestamp> {
        self.timer.machine.due().filter(|_| self.state == State::Confirmed)
    }

    /// Looks at the session timer.
    pub(super) fn timer_timeout(&mut self, now: Timestamp) -> Option<LegEvent> {
        self.timer_due().filter(|due| *due <= now)?;
        match self.timer.machine.on(now, Event::Due) {
            Outcome::Wait => None,
            Outcome::Refresh => Some(LegEvent::RefreshDue),
            Outcome::Expire => {
                self.timer.machine.on(now, Event::Dropped);
                Some(LegEvent::Expired)
            }
        }
    }

    /// Whether the session of this leg ends soon enough if it is not refreshed: who is silent is not gone.
    pub(crate) fn has_session_timer(&self) -> bool {
        let own = self.profile.session_timer.map_or(0, |terms| terms.expires_s);
        self.timer.machine.interval_s().is_some_and(|interval| interval <= own.max(LONGEST_WATCH_S))
    }

    /// Whether a refresh of ours is still wanted: an INVITE or UPDATE of either side that succeeded meanwhile is as good.
    pub(crate) fn wants_refresh(&self) -> bool {
        self.timer.machine.is_refreshing()
    }

    /// Whether the session is to be refreshed by UPDATE. What the peer has once refused so is tried as a re-INVITE, which every phone
    /// knows.
    pub(crate) fn refreshes_by_update(&self) -> bool {
        self.takes_update() && !self.timer.machine.is_refused()
    }

    /// Something else is on its way to the peer: the refresh comes after it.
    pub(crate) fn refresh_later(&mut self, now: Timestamp) {
        self.timer.machine.on(now, Event::Busy);
    }

    /// Our refresh was refused, and the dialog stands all the same (§10).
    pub(crate) fn refresh_refused(&mut self, now: Timestamp, after: Option<Duration>) {
        self.timer.machine.on(now, Event::Refused(after));
    }

    /// Our refresh never left.
    pub(crate) fn refresh_undelivered(&mut self, now: Timestamp) {
        self.timer.machine.on(now, Event::Undelivered);
    }

    /// The final response to a refresh by UPDATE; `None`: it could not be delivered.
    pub(super) fn on_refreshed(&mut self, context: &mut Context<'_>, response: Option<&Message>) -> Option<LegEvent> {
        let Some(response) = response else {
            self.refresh_undelivered(context.now);
            return None;
        };
        let after = match response.status() {
            200..300 => return None,
            // §10: as RFC 3261 §12.2.1.2 has it.
            status if ends_own_dialog(Method::Update, status) => return Some(LegEvent::Lost),
            405 | 501 => {
                self.give_up_update();
                Some(Duration::ZERO)
            }
            491 => Some(self.glare_pause(context.random)),
            _ => crate::call::reoffer::retry_after(response),
        };
        self.refresh_refused(context.now, after);
        None
    }
}

/// What a request with another interval says anew.
const INTERVAL: [HeaderName; 2] = [HeaderName::SessionExpires, HeaderName::MinSe];

/// As [`Leg::too_short`], before there is a leg.
pub(crate) fn too_short(min_s: u32, request: &Message) -> Option<u32> {
    let asked = Asked::of(request)?.interval_s;
    (asked < min_s && knows_timers(request)).then_some(min_s)
}

fn knows_timers(message: &Message) -> bool {
    let mut tags = message.values(HeaderName::Supported).chain(message.values(HeaderName::Require));
    tags.any(|tag| tag.eq_ignore_ascii_case(TIMER))
}

fn min_se(message: &Message) -> Option<u32> {
    seconds(message.header(HeaderName::MinSe)?).map(|(seconds, _)| seconds)
}

impl Asked {
    fn of(message: &Message) -> Option<Asked> {
        let (interval_s, params) = seconds(message.header(HeaderName::SessionExpires)?)?;
        let refresher = Params::parse(params).ok().and_then(|params| params.get("refresher"));
        let refresher = refresher.and_then(|who| match who {
            _ if who.eq_ignore_ascii_case("uac") => Some(Side::Uac),
            _ if who.eq_ignore_ascii_case("uas") => Some(Side::Uas),
            _ => None,
        });
        Some(Asked { interval_s, refresher })
    }
}

/// A number of seconds, and the parameters behind it. One that is too big for us is as long as we can count.
fn seconds(value: &str) -> Option<(u32, &str)> {
    let value = value.trim();
    let end = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let (digits, rest) = value.split_at(end);
    let rest = rest.trim_start();
    if digits.is_empty() || !(rest.is_empty() || rest.starts_with(';')) {
        return None;
    }
    Some((digits.parse().unwrap_or(LONGEST_S), rest))
}

/// About a hundred years.
const LONGEST_S: u32 = u32::MAX;
