//! What the transferor is told: the subscription of its REFER (RFC 3515 §2.4.4), one NOTIFY at a time.

use super::super::leg::{HeldId, Reply};
use super::super::{Call, context};
use crate::dialog::subscription::{Subscription, SubscriptionEvent, Tell};
use crate::message::{EventHeader, HeaderName, Method, reason_phrase, sipfrag};
use std::time::Duration;
use tandem_model::{LegId, Timestamp};

/// How long a subscription lasts unless it is refreshed.
const LASTS: Duration = Duration::from_secs(300);

/// Subscriptions of one call, those that are being ended among them.
const MAX_NOTICES: usize = 4;

/// A subscription, and what there is to tell.
#[derive(Debug)]
pub(super) struct Notice {
    /// Names it among those of the call.
    id: u16,
    /// Whose.
    leg: LegId,
    /// In whose dialog it is told: that leg's, unless the REFER made one of its own.
    dialog: LegId,
    /// The `id` of its Event.
    event: Option<u32>,
    state: Subscription,
    status: u16,
    /// Reason phrase, where it is not the usual one.
    reason: Option<Box<str>>,
    until: Timestamp,
}

impl Notice {
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.state.is_active().then_some(self.until)
    }

    fn event(&self) -> String {
        self.event.map_or_else(|| "refer".to_owned(), |id| format!("refer;id={id}"))
    }
}

impl Call {
    /// Room for one more subscription.
    pub(super) fn has_room_for_notice(&self) -> bool {
        self.transfers.as_ref().is_none_or(|transfers| transfers.notices.len() < MAX_NOTICES)
    }

    /// The REFER of `leg` with that CSeq number is accepted: its subscription begins, in the dialog `aside` if it made that, and says so
    /// at once.
    pub(super) fn subscribe(&mut self, now: Timestamp, leg: LegId, aside: Option<LegId>, cseq: u32) {
        let transfers = self.transfers.get_or_insert_default();
        // It is the first of a dialog that it made.
        let event = (aside.is_none() && transfers.referred.contains(&leg)).then_some(cseq);
        let id = u16::from(transfers.count);
        let (state, until) = (Subscription::Told, now + LASTS);
        transfers.notices.push(Notice { id, leg, dialog: aside.unwrap_or(leg), event, state, status: 100, reason: None, until });
        self.notice(now, id, SubscriptionEvent::Begun);
    }

    /// Tells the transferor how the transfer stands; the status of a final response ends the subscription.
    pub(super) fn tell(&mut self, now: Timestamp, leg: LegId, status: u16, reason: Option<&str>) {
        if status >= 200 {
            self.tell_commander(leg, status);
        }
        let notices = self.transfers.iter_mut().flat_map(|transfers| &mut transfers.notices);
        let Some(notice) = notices.filter(|notice| notice.leg == leg && notice.state.is_active()).last() else { return };
        if notice.status == status && status < 200 {
            return;
        }
        (notice.status, notice.reason) = (status, reason.map(Into::into));
        let id = notice.id;
        self.notice(now, id, if status < 200 { SubscriptionEvent::Progress } else { SubscriptionEvent::Decided });
    }

    /// The transferor answered a NOTIFY, or did not.
    pub(in super::super) fn on_noticed(&mut self, now: Timestamp, id: u16, accepted: bool) {
        self.notice(now, id, if accepted { SubscriptionEvent::Answered } else { SubscriptionEvent::Refused });
    }

    fn notice(&mut self, now: Timestamp, id: u16, event: SubscriptionEvent) {
        let Some(transfers) = &mut self.transfers else { return };
        let Some(place) = transfers.notices.iter().position(|notice| notice.id == id) else { return };
        let notice = &mut transfers.notices[place];
        let (state, tell) = notice.state.on(event);
        notice.state = state;
        let substate = match tell {
            Tell::Nothing => None,
            Tell::Active => Some(format!("active;expires={}", notice.until.since(now).as_secs())),
            Tell::Terminated(why) => Some(format!("terminated;reason={}", why.as_str())),
        };
        let (leg, package) = (notice.dialog, notice.event());
        let fragment = sipfrag(notice.status, notice.reason.as_deref().unwrap_or_else(|| reason_phrase(notice.status)));
        if state.is_over() {
            transfers.notices.remove(place);
            self.close_aside(leg);
        }
        let Some(substate) = substate else { return };
        let legs = std::iter::once(&mut self.caller).chain(&mut self.callee).chain(&mut self.strays);
        let sent = legs
            .into_iter()
            .find(|one| one.id == leg)
            .is_some_and(|leg| leg.notify(context!(self, now), id, (&package, &substate), fragment.as_bytes()));
        if !sent {
            self.notice(now, id, SubscriptionEvent::Refused);
        }
    }

    pub(super) fn expire_notices(&mut self, now: Timestamp) {
        while let Some(id) = self.transfers.as_ref().and_then(|transfers| {
            let due = |notice: &&Notice| notice.poll_timeout().is_some_and(|at| at <= now);
            transfers.notices.iter().find(due).map(|notice| notice.id)
        }) {
            self.notice(now, id, SubscriptionEvent::Expired);
        }
    }

    /// A SUBSCRIBE to what a REFER began (RFC 6665 §4.4.1): refreshes it, or lets go of it. False if the request is something else.
    pub(in super::super) fn on_subscribe(&mut self, now: Timestamp, leg: LegId, id: HeldId) -> bool {
        let Some(request) = self.any_leg(leg).and_then(|leg| leg.held(id)) else { return false };
        if request.method() != Method::Subscribe {
            return false;
        }
        let event = request.header(HeaderName::Event).and_then(EventHeader::parse);
        let asked = event.filter(EventHeader::is_refer).map(|event| event.id.and_then(|id| id.parse::<u32>().ok()));
        let expires = request.header(HeaderName::Expires).and_then(|value| value.trim().parse::<u32>().ok());
        // Without an id it is about the first REFER of the dialog.
        let notices = self.transfers.iter_mut().flat_map(|transfers| &mut transfers.notices);
        let mut notices = notices.filter(|notice| notice.dialog == leg && notice.state.is_active());
        let found = asked.and_then(|asked| notices.find(|notice| notice.event == asked));
        let (status, lasts, event) = match found {
            Some(notice) => {
                let lasts = expires.map_or(LASTS, |seconds| LASTS.min(Duration::from_secs(seconds.into())));
                notice.until = now + lasts;
                let event = if lasts.is_zero() { SubscriptionEvent::LetGo } else { SubscriptionEvent::Begun };
                (200, lasts, Some((notice.id, event)))
            }
            // RFC 6665 §4.2.1.2: nothing of the kind is there; another package is not known here.
            None => (if asked.is_some() { 481 } else { 489 }, Duration::ZERO, None),
        };
        let seconds = lasts.as_secs().to_string();
        let extra = [(HeaderName::Expires, seconds.as_str()), (HeaderName::AllowEvents, "refer")];
        let extra = match status {
            200 => &extra[..1],
            489 => &extra[1..],
            _ => &[],
        };
        let reply = Reply::new(status, extra);
        let legs = std::iter::once(&mut self.caller).chain(&mut self.callee).chain(&mut self.strays);
        if let Some(leg) = legs.into_iter().find(|one| one.id == leg) {
            leg.reply(context!(self, now), id, &reply);
        }
        if let Some((id, event)) = event {
            self.notice(now, id, event);
        }
        true
    }
}
