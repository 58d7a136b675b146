//! Keys that a peer presses, whatever way they come, and how each gets to the other peer: as that wants it.

use super::guest::talker;
use super::leg::{HeldId, Leg, Reply};
use super::phase::MediaState;
use super::{Call, Side, context};
use crate::message::KeyInfo;
use tandem_model::{EventKind, KeyPress, Keys, LegId, MediaCommand, Timestamp};

impl Call {
    /// A leg's peer has pressed a key in its media. Whoever hears that has it from there, unless they are to be told by INFO.
    pub(super) fn on_key(&mut self, now: Timestamp, leg: LegId, press: KeyPress) {
        self.notify(now, Some(leg), EventKind::LegDtmf(press));
        if self.talks(leg).is_err() {
            return;
        }
        let is_told = |far: &&Leg| far.id != leg && far.media.keys() == Keys::Info && far.media.is_anchored();
        let told: Vec<LegId> = self.talkers().filter(is_told).map(|far| far.id).filter(|far| self.lets_hear(leg, *far)).collect();
        for far in told {
            if let Some(far) = talker(&mut self.caller, &mut self.callee, &mut self.guests, far) {
                far.tell_key(context!(self, now), press);
            }
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
            self.press_for_company(now, leg, press);
        }
        let far = self.leg(side.other());
        let is_kept_back = far.is_some_and(|far| !self.lets_hear(leg, far.id));
        let is_heard = !is_kept_back && self.media == MediaState::Open && far.is_some_and(|far| far.media.hears_keys());
        if !is_heard && !is_kept_back && self.alone.is_none() {
            return false;
        }
        if let Some((press, far)) = pressed.filter(|_| is_heard).zip(self.leg(side.other()).map(|far| far.id)) {
            self.press(now, far, &[press]);
        }
        // RFC 6086 §4.2.1: what is no key for all that it says is a bad request.
        let status = if info == KeyInfo::Malformed { 400 } else { 200 };
        self.with_leg(side, now, |near, context| near.reply(context, id, &Reply::new(status, &[])));
        true
    }

    /// Presses keys for one who talks to hear, in the way that it wants them.
    pub(super) fn press(&mut self, now: Timestamp, leg: LegId, keys: &[KeyPress]) {
        let Some(leg) = talker(&mut self.caller, &mut self.callee, &mut self.guests, leg) else { return };
        if leg.media.keys() == Keys::Info {
            return keys.iter().for_each(|press| leg.tell_key(context!(self, now), *press));
        }
        let (call, leg) = (self.id, leg.id);
        self.media(MediaCommand::Press { call, leg, keys: keys.into() });
    }
}
