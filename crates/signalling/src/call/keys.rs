//! Keys that a peer presses, whatever way they come, and how each gets to the other peer: as that wants it.

use super::leg::{HeldId, Reply};
use super::phase::MediaState;
use super::{Call, Side, context};
use crate::message::KeyInfo;
use tandem_model::{EventKind, KeyPress, Keys, LegId, MediaCommand, Timestamp};

impl Call {
    /// A leg's peer has pressed a key in its media. Whoever hears that has it from there, unless it is to be told by INFO.
    pub(super) fn on_key(&mut self, now: Timestamp, leg: LegId, press: KeyPress) {
        self.notify(now, Some(leg), EventKind::LegDtmf(press));
        let side = if leg == self.caller.id { Side::Caller } else { Side::Callee };
        let is_heard = self.leg(side.other()).is_some_and(|far| self.lets_hear(leg, far.id));
        if is_heard && self.leg(side).is_some_and(|near| near.id == leg) {
            self.with_leg(side.other(), now, |far, context| {
                if far.media.keys() == Keys::Info && far.media.is_anchored() {
                    far.tell_key(context, press);
                }
            });
        }
    }

    /// An INFO of a peer that tells of a key. False if it does not, or is to reach the other peer as it is: because that wants an INFO, or
    /// cannot be told in another way. Whoever is not to hear its sender is told nothing.
    pub(super) fn on_key_info(&mut self, now: Timestamp, side: Side, id: HeldId) -> bool {
        let Some(near) = self.leg(side) else { return false };
        let Some(info) = near.held(id).and_then(KeyInfo::of) else { return false };
        let pressed = if let KeyInfo::Pressed(press) = info { Some(press) } else { None };
        let leg = near.id;
        if let Some(press) = pressed {
            self.notify(now, Some(leg), EventKind::LegDtmf(press));
        }
        let far = self.leg(side.other());
        let is_kept_back = far.is_some_and(|far| !self.lets_hear(leg, far.id));
        let is_heard = !is_kept_back && self.media == MediaState::Open && far.is_some_and(|far| far.media.hears_keys());
        if !is_heard && !is_kept_back && self.alone.is_none() {
            return false;
        }
        if let Some(press) = pressed.filter(|_| is_heard) {
            self.press(now, side.other(), &[press]);
        }
        // RFC 6086 §4.2.1: what is no key for all that it says is a bad request.
        let status = if info == KeyInfo::Malformed { 400 } else { 200 };
        self.with_leg(side, now, |near, context| near.reply(context, id, &Reply::new(status, &[])));
        true
    }

    /// Presses keys for one of the two to hear, in the way that it wants them.
    pub(super) fn press(&mut self, now: Timestamp, side: Side, keys: &[KeyPress]) {
        let Some(leg) = side.of(&mut self.caller, &mut self.callee) else { return };
        if leg.media.keys() == Keys::Info {
            return keys.iter().for_each(|press| leg.tell_key(context!(self, now), *press));
        }
        let (call, leg) = (self.id, leg.id);
        self.media(MediaCommand::Press { call, leg, keys: keys.into() });
    }
}
