//! A leg that goes to another call, and the husk that it leaves behind.

use super::{Leg, State};
use crate::call::NodeFacts;
use crate::message::{HeaderName, Replaces};
use crate::negotiation::LegMedia;
use crate::transaction::TransactionKey;
use std::borrow::Cow;
use tandem_model::{EndedBy, LegEnd, LegId, LegProfile};

/// What Q.850 calls a call that was redirected to another place: so it is for the call that it leaves.
const REDIRECTED: u8 = 23;

/// How a husk ended; no other leg does so.
const MOVED: &str = "moved to another call";

/// How nobody ended; no leg does so.
const NOBODY: &str = "nobody";

/// A dialog of ours as the peer in it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facing {
    /// Under which URI that peer is reached.
    pub target: Box<str>,
    /// The value of a Replaces header that names the dialog to that peer.
    pub replaces: String,
}

impl Leg {
    /// Whether it may go to another call: nothing of ours is open towards its peer, nor of the peer's but its unanswered first INVITE.
    pub(crate) fn may_move(&self) -> bool {
        let is_quiet = self.client.is_none() && self.requests.is_empty() && self.awaiting_ack.is_none() && self.farewell.is_none();
        let asks_nothing = !self.has_held() && self.acknowledged.is_none();
        let stands = match self.state {
            State::Incoming => self.has_open_server_invite() && self.reliable.is_none(),
            State::Confirmed => self.server.is_none(),
            State::Outgoing | State::Leaving | State::Subscribed | State::Unsubscribed => false,
        };
        is_quiet && asks_nothing && stands
    }

    /// Whether the peer's open INVITE asks for the place of another leg (RFC 3891).
    pub(crate) fn asks_for_place(&self) -> bool {
        self.open_invite().is_some_and(|invite| invite.header(HeaderName::Replaces).is_some())
    }

    /// The transaction of the peer's unanswered INVITE.
    pub(crate) fn unanswered_invite(&self) -> Option<TransactionKey> {
        self.server.as_ref().filter(|server| server.is_unanswered()).map(|server| server.key)
    }

    /// What the call that it leaves keeps of it: nothing that could be ended.
    pub(crate) fn husk(&self) -> Leg {
        let (ends, media) = ((self.from.clone(), self.to.clone()), LegMedia::new(&[], false, None, 0));
        let mut husk = Leg::new(self.id, State::Leaving, self.endpoint.clone(), self.profile.clone(), media, ends, self.tag);
        (husk.status, husk.remote, husk.call_id) = (self.status, self.remote, self.call_id.clone());
        // Where it went tells how it ends.
        husk.session = self.session;
        husk.end = Some(LegEnd { sip_status: self.status, reason: Cow::Borrowed(MOVED), q850_cause: REDIRECTED, by: EndedBy::Node });
        husk
    }

    /// The place of a caller that is still to be called: nothing is open in it, and no record has it.
    pub(crate) fn nobody(node: &NodeFacts, id: LegId, endpoint: Box<str>) -> Leg {
        let (profile, media) = (LegProfile::default(), LegMedia::new(&[], false, None, 0));
        let mut nobody = Leg::new(id, State::Leaving, endpoint, profile, media, Default::default(), node.minter.tag(id));
        nobody.end = Some(LegEnd { sip_status: 0, reason: Cow::Borrowed(NOBODY), q850_cause: 0, by: EndedBy::Node });
        nobody
    }

    /// It is such a place.
    pub(crate) fn is_nobody(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.reason == NOBODY)
    }

    /// It is no leg of this call: nobody, or what another call's leg left behind, which the record of that call has.
    pub(crate) fn is_husk(&self) -> bool {
        self.is_nobody() || self.end.as_ref().is_some_and(|end| end.reason == MOVED)
    }

    /// How its peer names their dialog to somebody who is to take our place in it.
    pub(crate) fn facing(&self) -> Option<Facing> {
        let dialog = self.dialog.as_ref()?;
        // RFC 3891 §3: the tag of who gets it is its to-tag, and zero stands for none (RFC 2543).
        let (theirs, ours) = (dialog.remote_tag().unwrap_or("0"), dialog.local_tag());
        let replaces = [dialog.call_id(), ";to-tag=", theirs, ";from-tag=", ours].concat();
        Some(Facing { target: dialog.reached_at().into(), replaces })
    }

    /// Whether it has, or had, the dialog that its peer would name by these two.
    pub(crate) fn is_named_by_peer(&self, replaces: &Replaces<'_>) -> bool {
        self.is_in_dialog(replaces.call_id, replaces.to_tag)
    }

    /// Whether it has, or had, this dialog with its peer, and an INVITE made it.
    pub(crate) fn is_in_dialog(&self, call_id: &str, remote_tag: &str) -> bool {
        let mut dialogs = self.dialog.iter().chain(&self.early);
        // RFC 3891 §3: a tag of zero stands for none (RFC 2543).
        !self.is_subscription() && dialogs.any(|dialog| dialog.call_id() == call_id && dialog.remote_tag().unwrap_or("0") == remote_tag)
    }
}
