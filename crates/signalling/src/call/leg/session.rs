//! How a leg names its conversation (RFC 7989): its peer's UUID as that says it, or one of ours for a peer that says none, and that of
//! whom it talks with.

use super::Leg;
use crate::call::NodeFacts;
use crate::message::Message;
use crate::session_id::{SessionId, Uuid};
use tandem_model::LegNames;

impl Leg {
    /// Takes note of what the peer says of itself. §7: who says nothing is named by us.
    pub(super) fn hear_session(&mut self, node: &NodeFacts, message: &Message) {
        let named = Uuid::told_in(message).or(self.session.peer);
        // A proxy on the way answers 100 in nobody's name.
        let speaks = message.is_request() || message.status() > 100;
        let peer = named.or_else(|| speaks.then(|| node.minter.session(self.id)));
        self.set_session(SessionId { peer, ..self.session });
    }

    /// It talks with that one now.
    pub(crate) fn face(&mut self, far: Uuid) {
        self.set_session(SessionId { far: Some(far), ..self.session });
    }

    /// It talks with us, unless with somebody else.
    pub(super) fn face_us(&mut self, node: &NodeFacts) {
        if self.session.far.is_none() {
            self.face(node.minter.session_of_ours(self.id));
        }
    }

    /// The peer as whom it talks with knows it. Who does not want to be known is known by a UUID of ours.
    pub(crate) fn shown_session(&self, node: &NodeFacts) -> Option<Uuid> {
        if self.privacy.hides_caller() { Some(node.minter.session(self.id)) } else { self.session.peer }
    }

    /// As the leg is told it; empty as long as nobody has said anything.
    pub(crate) fn session_id(&self) -> Box<str> {
        if self.session == SessionId::default() { Box::default() } else { self.session.to_string().into() }
    }

    /// How the outside names it.
    pub(crate) fn names(&self) -> LegNames {
        LegNames { sip_call_id: self.call_id.clone(), session_id: self.session_id() }
    }

    fn set_session(&mut self, session: SessionId) {
        if self.session != session {
            self.session = session;
            self.dialog.iter_mut().chain(&mut self.early).for_each(|dialog| dialog.session = session);
        }
    }
}
