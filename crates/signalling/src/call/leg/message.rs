//! A leg that asks one thing of its peer outside of any dialog, and then is over: the far side of an exchange.

use super::held::{HeldId, finish_like};
use super::requests::Interest;
use super::{Asked, Context, Invitation, Leg, State};
use crate::message::{HeaderName, Message, Printer};
use crate::negotiation::LegMedia;
use tandem_model::{LegId, LegPlan};

/// CSeq of the one request.
const CSEQ: u32 = 1;

impl Leg {
    /// A leg that passes `request` on to the target of `plan` now. Of the request itself only the body goes along, what is said about
    /// that, and for how long it is of use (RFC 3428 §5).
    pub(crate) fn asking(context: &mut Context<'_>, id: LegId, plan: &LegPlan, invitation: &Invitation<'_>, request: &Message) -> Leg {
        let (tag, method) = (context.node.minter.tag(id), request.method());
        let media = LegMedia::new(&[], false, None, 0);
        let ends = (invitation.from_uri.into(), plan.uri.clone());
        let mut leg = Leg::new(id, State::Leaving, plan.endpoint.clone(), plan.profile.clone(), media, ends, tag);
        let way = leg.first_way(plan.destination.clone());
        let (serial, via) = leg.new_via(context, &way);
        let mut printer = Printer::request(method.as_str(), &plan.uri);
        printer.header_parts(HeaderName::Via, &via.parts());
        let presentation = plan.presentation.as_deref();
        if let Some(route) = presentation.and_then(|presentation| presentation.route.as_deref()) {
            printer.header_str(HeaderName::Route, route);
        }
        printer.header_number(HeaderName::MaxForwards, invitation.max_forwards);
        printer.header_parts(HeaderName::From, &[invitation.from, ";tag=", tag.as_str()]);
        printer.header_parts(HeaderName::To, &["<", &plan.uri, ">"]);
        printer.header_str(HeaderName::CallId, invitation.call_id);
        printer.header_cseq(CSEQ, method.as_str());
        invitation.identity.write(&mut printer);
        for (name, value) in presentation.into_iter().flat_map(|presentation| &presentation.headers) {
            printer.header_raw(name, value);
        }
        for name in [HeaderName::Date, HeaderName::Expires] {
            printer.copy_all(request, name);
        }
        let bytes = finish_like(printer, Some(request));
        let asked = Asked { id: HeldId::ONLY, settled: false };
        leg.send_asked(context, (serial, method), bytes, way, Interest::Asker(asked));
        leg
    }
}
