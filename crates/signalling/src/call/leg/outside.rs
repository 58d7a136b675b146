//! A REFER that came outside of any dialog and names this leg's (RFC 4538), and the dialog that it makes: one for its subscription alone
//! (RFC 3515 §2.4, RFC 6665 §4.4.1).

use super::held::{Came, Held, HeldId};
use super::server::begins_secure_dialog;
use super::{Context, Leg, LegEvent, OurContact, State, ends_of};
use crate::call::{NodeFacts, Output};
use crate::dialog::{Dialog, Verdict};
use crate::message::{HeaderName, Method, Printer, TargetDialog, reason_phrase};
use crate::minted::Minted;
use crate::negotiation::LegMedia;
use crate::outside::stateless_tag;
use crate::registrar::is_behind_nat;
use crate::tombstone::Tombstone;
use crate::wire::{Arrival, ReturnTo, Transmit};
use tandem_model::{LegId, Origin};

/// What may be asked in such a dialog.
const ALLOW: &str = "SUBSCRIBE";

impl Leg {
    /// Whether it has that dialog, and talks in it.
    pub(crate) fn is_target(&self, target: &TargetDialog<'_>) -> bool {
        self.state == State::Confirmed && self.is_in_dialog(target.call_id, target.remote_tag)
    }

    /// Keeps a REFER that names this leg's dialog until the call has its answer.
    ///
    /// # Errors
    /// The status that it is refused with.
    pub(crate) fn hold_outside(&mut self, node: &NodeFacts, arrival: Arrival) -> Result<HeldId, (Box<Arrival>, u16)> {
        // RFC 3515 §2.2: it has a Contact, to which the NOTIFYs go.
        let status = match Dialog::from_invite(&arrival.message, self.tag, self.over(node)) {
            Err(_) => 400,
            Ok(_) if arrival.message.has_description() => 415,
            Ok(_) if !self.has_room_to_hold() => 500,
            Ok(_) => return Ok(self.keep(arrival, Came::Outside(None))),
        };
        Err((Box::new(arrival), status))
    }

    /// Whether a held request came outside of the dialog.
    pub(crate) fn is_from_outside(&self, id: HeldId) -> bool {
        self.held_as(id).is_some_and(|came| came != Came::Inside)
    }

    /// The dialog that a held request from outside makes, as `id`, if it has made none. Its requests leave from where that came to.
    pub(crate) fn subscription(&mut self, node: &NodeFacts, held: HeldId, id: LegId) -> Option<Leg> {
        let tag = node.minter.tag(id);
        let (endpoint, mut profile, session) = (self.endpoint.clone(), self.profile.clone(), self.session);
        let held = self.held_mut(held).filter(|held| held.came == Came::Outside(None))?;
        profile.listener = held.flow.listener;
        let ends = ends_of(&held.request);
        let mut leg = Leg::new(id, State::Subscribed, endpoint, profile, LegMedia::new(&[], false, None, 0), ends, tag);
        leg.remote = Some(held.flow.remote);
        leg.home.address = Some(held.flow.remote.ip());
        leg.sips = begins_secure_dialog(&held.request);
        leg.dialog = Some(Dialog::from_invite(&held.request, tag, leg.over(node)).ok()?.in_session(session));
        leg.session = session;
        held.came = Came::Outside(Some(id));
        Some(leg)
    }

    /// Whether it is no leg of the conversation, but such a dialog.
    pub(crate) fn is_subscription(&self) -> bool {
        matches!(self.state, State::Subscribed | State::Unsubscribed)
    }

    /// Whether there may be more to tell in it.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.state == State::Subscribed
    }

    /// Nothing more is told in it.
    pub(crate) fn unsubscribe(&mut self) {
        if self.is_subscription() {
            self.state = State::Unsubscribed;
        }
    }

    /// A request in such a dialog: nothing but its subscription is there.
    pub(super) fn on_request_of_subscriber(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        let verdict = self.dialog.as_mut().map_or(Verdict::Stranger, |dialog| dialog.accept(&arrival.message));
        match (verdict, arrival.message.method()) {
            (Verdict::OutOfOrder, _) => self.refuse(context, &arrival, 500, |_| {}),
            (Verdict::Stranger, _) => self.refuse(context, &arrival, 481, |_| {}),
            // RFC 5057 §4: what belongs to a session or to a subscription of the other side finds none.
            (_, Method::Bye | Method::Prack | Method::Update | Method::Notify) => self.refuse(context, &arrival, 481, |_| {}),
            _ if self.state == State::Unsubscribed => self.refuse(context, &arrival, 481, |_| {}),
            _ if self.extensions().missing(&arrival.message).next().is_some() => self.refuse_extension(context, &arrival),
            (_, Method::Subscribe) => {
                self.note_remote(&arrival);
                if let Some(dialog) = &mut self.dialog {
                    // RFC 6665 §4.4.1: it refreshes the target.
                    dialog.refresh_target(&arrival.message);
                }
                return self.hold(context, arrival);
            }
            (_, Method::Other) => self.refuse(context, &arrival, 501, |_| {}),
            _ => self.refuse(context, &arrival, 405, |printer| {
                printer.header_str(HeaderName::Allow, ALLOW);
            }),
        }
        None
    }

    /// The To tag of the answer to a held request: of the leg's dialog, or of the one that the request makes.
    pub(super) fn tag_for(&self, node: &NodeFacts, held: &Held) -> Minted {
        match held.came {
            Came::Inside => self.tag,
            Came::Outside(Some(leg)) => node.minter.tag(leg),
            Came::Outside(None) => stateless_tag(&node.minter, &held.request),
        }
    }

    /// The Contact of that answer.
    pub(super) fn contact_for(&self, node: &NodeFacts, held: &Held) -> OurContact {
        match held.came {
            Came::Inside => self.contact(node),
            Came::Outside(leg) => OurContact::of(node, leg.unwrap_or(self.id), held.flow.listener, begins_secure_dialog(&held.request)),
        }
    }
}

/// Refuses what came outside of any dialog and is nobody's.
pub(crate) fn refuse_outside(context: &mut Context<'_>, arrival: &Arrival, origin: &Origin, status: u16, extra: &[(HeaderName, &str)]) {
    let (request, flow) = (&arrival.message, &arrival.flow);
    let to = ReturnTo::of(matches!(origin, Origin::User { .. }) && is_behind_nat(request, flow));
    let tag = stateless_tag(&context.node.minter, request);
    let mut printer = Printer::response_to(request, flow.remote, status, reason_phrase(status), Some(tag.as_str()));
    for (name, value) in extra {
        printer.header_str(*name, value);
    }
    let bytes = printer.finish();
    context.outputs.push_back(Output::Retire(arrival.key, Tombstone::Repeat(bytes.to_vec().into_boxed_slice(), to)));
    context.send(Transmit { listener: flow.listener, destination: to.destination(request, flow), bytes, trial: false });
}
