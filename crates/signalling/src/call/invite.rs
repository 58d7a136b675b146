//! The INVITE to somebody whom no INVITE of the caller asks for: a guest, or the target of a transfer.

use super::leg::{Invitation, Leg};
use super::setup::new_call_id;
use super::{Call, Output, context, parties};
use crate::message::HeaderName;
use crate::negotiation::LegMedia;
use crate::session_id::Uuid;
use std::sync::Arc;
use tandem_model::{EventKind, LegId, LegPlan, Prack, Presentation, Timestamp};

/// What it says beside what its plan says.
pub(super) struct Invited<'a> {
    /// Who calls.
    pub(super) said: &'a Presentation,
    /// Headers behind those that say so.
    pub(super) more: &'a [(HeaderName, Box<str>)],
    /// Whom it is to talk with, if that is one.
    pub(super) far: Option<Uuid>,
    pub(super) max_forwards: u32,
    pub(super) sdp: Option<&'a [u8]>,
    pub(super) prack: Prack,
}

impl Call {
    /// Invites somebody as that leg.
    pub(super) fn invite_aside(&mut self, now: Timestamp, id: LegId, plan: &LegPlan, media: LegMedia, invited: &Invited<'_>) -> Leg {
        let node = Arc::clone(&self.node);
        let host = parties::our_host(&node, plan);
        let (from, from_uri) = parties::our_from(None, Some(invited.said), host);
        let mut identity = parties::identity(None, Some(invited.said), host);
        invited.more.iter().for_each(|(name, value)| identity.push(*name, value));
        let call_id = new_call_id(&mut self.random);
        let (max_forwards, far, sdp, prack) = (invited.max_forwards, invited.far, invited.sdp, invited.prack);
        let invitation = Invitation { from: &from, from_uri: &from_uri, call_id: &call_id, max_forwards, identity, far, sdp, prack };
        self.outputs.push_back(Output::LegAdded(id));
        let leg = Leg::outgoing(context!(self, now), id, plan, media, &invitation);
        self.notify(now, Some(id), EventKind::LegCreated(leg.names()));
        leg
    }
}
