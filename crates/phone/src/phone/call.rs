//! A call of a phone and what is known of it.

use super::refer::{Referral, Referrer};
use crate::{
    Message, Script, When,
    dialog::{Dialog, Stage},
    media::Stream,
    sdp::Format,
};
use std::net::SocketAddr;
use tandem_model::Timestamp;

/// A call of this phone, in the order of their beginning.
pub type CallIndex = usize;

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This phone.
    Caller,
    /// The other side.
    Callee,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller got, or the callee gave, this final status of 300 and more.
    Failed(u16),
    /// No answer at all.
    TimedOut,
    /// Our BYE ended it.
    WeHungUp,
    /// Their BYE ended it.
    TheyHungUp,
    /// A request in the dialog got 481, 408 or nothing; or a 2xx of ours got no ACK.
    Lost,
    /// The phone was switched off and on again meanwhile.
    Forgotten,
    /// It is none: the dialog of a REFER outside of any.
    NoCall,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Who began it.
    pub role: Role,
    /// Its Call-ID.
    pub call_id: String,
    /// How it went, once it is over.
    pub outcome: Option<Outcome>,
    /// Responses to its first INVITE in the order in which the caller heard or the callee said them.
    pub statuses: Vec<(Timestamp, u16)>,
    pub(super) local_tag: String,
    pub(super) local: String,
    pub(super) remote: String,
    pub(super) script: Script,
    pub(super) started: Vec<bool>,
    pub(super) fired: Vec<When>,
    pub(super) dialogs: Vec<Dialog>,
    pub(super) invite_seq: u32,
    pub(super) cancel: Cancel,
    pub(super) bye_pending: bool,
    pub(super) media: SocketAddr,
    pub(super) session_id: u64,
    pub(super) acks_lost: u32,
    /// Via of each request to which the phone was deaf.
    pub(super) unheard: Vec<String>,
    pub(super) retries: u32,
    pub(super) formats: Vec<Format>,
    pub(super) direction: crate::sdp::Direction,
    /// How the offer that is being made holds.
    pub(super) hold: Option<crate::Hold>,
    pub(super) stream: Option<Stream>,
    pub(super) datagrams: Vec<Vec<u8>>,
    pub(super) referrals: Vec<Referral>,
    pub(super) referrer: Option<Referrer>,
    pub(super) replaced: Option<(CallIndex, usize)>,
    pub(super) timer: super::timer::CallTimer,
}

/// Requests that were not heard, and that a call remembers; what becomes of more is held against the other side.
pub(super) const MAX_UNHEARD: usize = 8;

/// Datagrams of fax that a call keeps; more are forgotten.
pub(super) const MAX_DATAGRAMS: usize = 1024;

/// Whether the caller wants its INVITE back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as a provisional response comes.
    Wanted,
    Sent,
}

impl Call {
    /// Whether a 2xx was exchanged.
    pub fn was_answered(&self) -> bool {
        self.dialogs.iter().any(|dialog| dialog.stage != Stage::Early && dialog.session.is_settled())
            || self.fired.contains(&When::Answered)
    }

    /// Datagrams that came while it faxed, in their order.
    pub fn datagrams(&self) -> &[Vec<u8>] {
        &self.datagrams
    }

    /// What became of its REFERs, in their order.
    pub fn referrals(&self) -> &[Referral] {
        &self.referrals
    }

    /// Where it has its media.
    pub fn media(&self) -> SocketAddr {
        self.media
    }

    /// Remembers a request that was not heard.
    pub(super) fn miss(&mut self, request: &Message) {
        let via = request.header("Via").unwrap_or_default();
        if self.unheard.len() < MAX_UNHEARD && !self.unheard.iter().any(|other| other == via) {
            self.unheard.push(via.to_owned());
        }
    }

    pub(super) fn is_faxing(&self) -> bool {
        let session = self.current().map(|dialog| &self.dialogs[dialog].session);
        session.and_then(|session| session.local.as_ref()).is_some_and(|local| local.fax_line().is_some())
    }

    /// How many dialogs there have been: one a fork.
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether something has happened.
    pub fn has(&self, when: When) -> bool {
        self.fired.contains(&when)
    }

    /// The status of the last final response to the first INVITE.
    pub fn final_status(&self) -> Option<u16> {
        self.statuses.iter().map(|(_, status)| *status).rfind(|status| *status >= 200)
    }

    /// The description that the other side stands by, of the call's last dialog.
    pub fn remote_sdp(&self) -> Option<&crate::sdp::Sdp> {
        self.dialogs.iter().rev().find_map(|dialog| dialog.session.remote.as_ref())
    }

    /// The sound of the call, if the phone has any.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    pub(super) fn current(&self) -> Option<usize> {
        let stage = |wanted| self.dialogs.iter().position(|dialog| dialog.stage == wanted);
        stage(Stage::Confirmed).or_else(|| stage(Stage::Early))
    }
}
