//! A room: a call with nobody in the place of the caller, so that all in it are guests and none of them is more than another. It ends with the
//! last of them.

use super::super::phase::{MediaState, Phase};
use super::super::setup::MEDIA_OPEN_TIMEOUT;
use super::super::{Call, Reason};
use super::Stage;
use std::time::Duration;
use tandem_model::{EndReason, EndpointRequest, LegId, LocalEndpoint, MAX_LEGS, Manner, MediaCommand, Timestamp};

/// How long a room waits for somebody to be added to it.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a room ends with that nobody came to.
const NOBODY_CAME: EndReason = EndReason::Failed(480);

const _: () = assert!((MAX_LEGS as u32) < u64::BITS);

/// The legs that somebody of that manner hears: a bit each, by their index.
pub(super) fn heard_by(manner: &Manner) -> u64 {
    let bit = |leg: &LegId| 1 << leg.index();
    manner.hears.as_ref().map_or(u64::MAX, |legs| legs.iter().map(bit).fold(0, |all: u64, one: u64| all | one))
}

impl Call {
    /// All who are in the call are guests.
    pub(in super::super) fn is_room(&self) -> bool {
        self.outward.as_ref().is_some_and(|outward| outward.is_room())
    }

    /// The call is a room, and nobody is there yet.
    pub(in super::super) fn open_room(&mut self) {
        self.phase = Phase::Talking;
    }

    /// A room to which nobody was added is given up then.
    pub(super) fn room_deadline(&self) -> Option<(Timestamp, Reason)> {
        let is_new = self.ended.is_none() && self.is_room() && self.guests.is_none();
        is_new.then(|| (self.began + EMPTY_TIMEOUT, Reason::Guest))
    }

    pub(super) fn on_room_deadline(&mut self, now: Timestamp) {
        if self.room_deadline().is_some_and(|(at, _)| at <= now) {
            self.end(now, NOBODY_CAME, None);
        }
    }

    /// A guest is out: the room is over if it was the last, and nobody else is to come.
    pub(super) fn leave_room(&mut self, now: Timestamp, reason: EndReason) {
        let is_awaited = self.guests.as_ref().is_some_and(|guests| !guests.list.is_empty() || !guests.searches.is_empty());
        if self.is_room() && !is_awaited {
            self.end(now, reason, None);
        }
    }

    /// Asks for the ports of a guest. The first of a room brings the session, and others wait until that is there.
    pub(super) fn ask_guest_ports(&mut self, now: Timestamp, endpoint: EndpointRequest) {
        match self.media {
            MediaState::None => {
                self.media = MediaState::Opening(now + MEDIA_OPEN_TIMEOUT);
                self.open_session([endpoint].into());
            }
            MediaState::Open => self.media(MediaCommand::Add { call: self.id, endpoint }),
            MediaState::Opening(_) | MediaState::Closing(_) => {}
        }
    }

    /// The session of a room is there, with those ports.
    pub(in super::super) fn on_room_opened(&mut self, locals: &[LocalEndpoint]) {
        if !self.is_room() || !matches!(self.media, MediaState::Opening(_)) {
            return;
        }
        self.media = MediaState::Open;
        let is_there = |leg: LegId| locals.iter().any(|local| local.leg == leg);
        let waiting: Vec<_> =
            self.guests().iter().filter_map(|guest| guest.wanted_endpoint()).filter(|wanted| !is_there(wanted.leg)).collect();
        for endpoint in waiting {
            self.media(MediaCommand::Add { call: self.id, endpoint });
        }
    }

    /// There are no ports for the session of a room. False: it is none.
    pub(in super::super) fn on_room_refused(&mut self, now: Timestamp) -> bool {
        if !self.is_room() {
            return false;
        }
        self.media = MediaState::None;
        for key in self.guest_keys() {
            let waits = self.guests().iter().any(|guest| guest.key == key && matches!(guest.stage, Stage::Opening(..)));
            if waits {
                self.guest_out(now, key, 503, None);
            }
        }
        true
    }
}
