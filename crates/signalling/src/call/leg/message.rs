//! A leg that asks one thing of its peer outside of any dialog, and then is over: the far side of an exchange.

use super::held::{HeldId, finish_like};
use super::requests::Interest;
use super::{Asked, Context, Invitation, Leg, State};
use crate::message::{HeaderName, Message};
use crate::negotiation::LegMedia;
use tandem_model::{LegId, LegPlan};

impl Leg {
    /// A leg that passes `request` on to the target of `plan` now. Of the request itself only the body goes along, what is said about
    /// that, and for how long it is of use (RFC 3428 §5).
    pub(crate) fn asking(context: &mut Context<'_>, id: LegId, plan: &LegPlan, invitation: &Invitation<'_>, request: &Message) -> Leg {
        let (tag, method) = (context.node.minter.tag(id), request.method());
        let media = LegMedia::new(&[], false, None, 0);
        let ends = (invitation.from_uri.into(), plan.uri.clone());
        let mut leg = Leg::new(id, State::Leaving, plan.endpoint.clone(), plan.profile.clone(), media, ends, tag);
        leg.target = plan.target;
        let way = leg.first_way(plan.destination.clone());
        let (serial, via) = leg.new_via(context, &way);
        let mut printer = leg.first_request(method, plan, &via, invitation);
        for name in [HeaderName::Date, HeaderName::Expires] {
            printer.copy_all(request, name);
        }
        let bytes = finish_like(printer, Some(request));
        let asked = Asked { id: HeldId::ONLY, settled: false };
        leg.seek_and_ask(context, (serial, method), bytes, way, Interest::Asker(asked));
        leg
    }
}
