//! A REFER that comes outside of any dialog and names one of ours (RFC 4538): it is taken as one of that leg's peer, but its subscription
//! has a dialog of its own (RFC 3515 §2.4.4), which stands among the strays for as long as there is something to tell.

use super::super::leg::{Asked, HeldId, LegEvent, refuse_outside};
use super::super::usage::ends_subscription;
use super::super::{Call, Output, Side, context};
use crate::message::{HeaderName, Message, TargetDialog, reason_phrase, sipfrag};
use crate::outside::LATER;
use crate::wire::Arrival;
use tandem_model::{LegId, Origin, Timestamp};

/// Such dialogs of one call in its life: each takes the id of a leg.
const MAX_DIALOGS: usize = 8;

/// One of them.
#[derive(Debug)]
pub(super) struct Aside {
    dialog: LegId,
    /// Whose peer tells of the transfer, if that carries it out.
    told_by: Option<LegId>,
}

impl Call {
    /// A REFER outside of any dialog, of whoever is let in as `origin`.
    pub(in super::super) fn on_referred(&mut self, now: Timestamp, arrival: Arrival, origin: &Origin) {
        let refused = match self.why_not_outside(&arrival.message, origin) {
            Err(status) => Some((Box::new(arrival), status)),
            Ok(side) => {
                let leg = side.of(&mut self.caller, &mut self.callee);
                let Some(leg) = leg else { return };
                match leg.hold_outside(&self.node, arrival) {
                    Ok(id) => return self.on_refer(now, side, id),
                    Err(refused) => Some(refused),
                }
            }
        };
        if let Some((arrival, status)) = refused {
            let extra: &[(HeaderName, &str)] = match status {
                415 => &[(HeaderName::Accept, "*/*")],
                500 => &LATER,
                _ => &[],
            };
            refuse_outside(context!(self, now), &arrival, origin, status, extra);
        }
    }

    /// The leg whose dialog it names, which must be one of who sends it.
    fn why_not_outside(&self, request: &Message, origin: &Origin) -> Result<Side, u16> {
        let Ok(Some(target)) = TargetDialog::of(request) else { return Err(400) };
        let named = self.node.minter.read_tag(target.local_tag);
        let is_theirs = |endpoint: &str| Origin::of_endpoint(endpoint).is_some_and(|of| of.is_same(origin));
        let side = [Side::Caller, Side::Callee]
            .into_iter()
            .find(|side| self.leg(*side).is_some_and(|leg| Some(leg.id) == named && leg.is_target(&target) && is_theirs(&leg.endpoint)));
        // RFC 4538 §4: it is authorised by a dialog of ours that it knows; whose that is, is a rule of ours.
        let side = side.ok_or(403_u16)?;
        let has_room = self.transfers.as_ref().is_none_or(|transfers| transfers.asides.len() < MAX_DIALOGS);
        if has_room && self.id.leg(self.legs_created).is_some() { Ok(side) } else { Err(403) }
    }

    /// Whether a REFER of that side came outside of its dialog.
    pub(super) fn is_from_outside(&self, side: Side, id: HeldId) -> bool {
        self.leg(side).is_some_and(|leg| leg.is_from_outside(id))
    }

    /// The dialog that a REFER from outside makes. `None` for one from inside, or if it has made one. `told_by`: whose peer carries
    /// it out, if one does.
    pub(super) fn open_aside(&mut self, of: LegId, id: HeldId, told_by: Option<LegId>) -> Option<LegId> {
        let dialog = self.id.leg(self.legs_created)?;
        let legs = std::iter::once(&mut self.caller).chain(&mut self.callee);
        let leg = legs.into_iter().find(|leg| leg.id == of)?.subscription(&self.node, id, dialog)?;
        self.legs_created += 1;
        self.outputs.push_back(Output::LegAdded(dialog));
        self.strays.push(leg);
        self.transfers.get_or_insert_default().asides.push(Aside { dialog, told_by });
        Some(dialog)
    }

    /// Nothing more is told in it. A leg of the conversation stays as it is.
    pub(super) fn close_aside(&mut self, dialog: LegId) {
        if let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == dialog) {
            stray.unsubscribe();
        }
    }

    /// What such a dialog tells of NOTIFYs that were passed on in it.
    pub(super) fn on_aside_event(&mut self, now: Timestamp, dialog: LegId, event: LegEvent) {
        let asides = self.transfers.as_ref().map(|transfers| transfers.asides.as_slice()).unwrap_or_default();
        let told_by = asides.iter().find(|aside| aside.dialog == dialog).and_then(|aside| aside.told_by);
        let is_teller = |side: &Side| told_by.is_some() && self.leg(*side).map(|leg| leg.id) == told_by;
        let Some(side) = [Side::Caller, Side::Callee].into_iter().find(is_teller) else { return };
        let is_over = !matches!(&event, LegEvent::Replied(_, response) if !ends_subscription(response.status()));
        match event {
            LegEvent::Replied(asked, response) => self.on_replied(now, side.other(), inside(asked), &response),
            LegEvent::Unanswered(asked) => self.on_no_reply(now, side.other(), inside(asked)),
            LegEvent::Undelivered(asked, delivery) => self.on_undelivered(now, side.other(), inside(asked), delivery),
            _ => return,
        }
        if is_over {
            // RFC 6665 §4.2.2.
            self.forget_passed(dialog);
        }
    }

    /// The call ends: whoever waits for news of a transfer that another peer carries out hears that there are no more.
    pub(super) fn end_asides(&mut self, now: Timestamp) {
        let Some(transfers) = &mut self.transfers else { return };
        transfers.passed.retain(|passed| !passed.is_from_outside());
        let passed = transfers.asides.iter().filter(|aside| aside.told_by.is_some());
        let passed: Vec<LegId> = passed.map(|aside| aside.dialog).collect();
        passed.into_iter().for_each(|dialog| self.end_aside(now, dialog));
    }

    /// Nothing more will be heard of the transfer that is told in that dialog.
    pub(super) fn end_aside(&mut self, now: Timestamp, dialog: LegId) {
        let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == dialog && stray.is_subscribed()) else { return };
        // Nobody waits for the answer.
        let about = ("refer", "terminated;reason=noresource");
        stray.notify(context!(self, now), u16::MAX, about, sipfrag(487, reason_phrase(487)).as_bytes());
        stray.unsubscribe();
    }
}

/// The peer's own dialog is not at stake.
fn inside(asked: Asked) -> Asked {
    Asked { settled: false, ..asked }
}
