//! A call that takes the place of another (RFC 3891): said to others in attended transfer, and taken from them.

use super::{Call, CallIndex, Phone, refer::Refer};
use crate::{Message, dialog::Stage};
use tandem_model::Timestamp;

impl Call {
    /// The Replaces value by which the other side of this call is told to let go of it for another.
    pub fn replaces(&self) -> Option<String> {
        self.replaces_in(self.current()?)
    }

    /// The same of one of its dialogs, of which forks make several.
    pub fn replaces_in(&self, dialog: usize) -> Option<String> {
        let dialog = self.dialogs.get(dialog)?;
        Some(format!("{};to-tag={};from-tag={}", self.call_id, dialog.remote_tag, dialog.local_tag))
    }

    /// The REFER by which somebody else is joined to the other side of this call.
    pub fn attended(&self) -> Option<Refer> {
        let target = &self.dialogs[self.current()?].remote_target;
        Some(Refer::to(&format!("{target}?Replaces={}", escape(&self.replaces()?))))
    }
}

impl Phone {
    pub(super) fn refer_attended(&mut self, now: Timestamp, call: CallIndex) {
        let others = self.calls.iter().enumerate().filter(|(index, other)| *index != call && other.outcome.is_none());
        if let Some(refer) = others.rev().find_map(|(_, other)| other.attended()) {
            self.refer(now, call, &refer);
        }
    }

    /// An INVITE names a dialog of ours that it is to replace: `Err` with the status where there is none (RFC 3891 §3).
    pub(super) fn replaced_by(&mut self, now: Timestamp, message: &Message) -> Result<Option<(CallIndex, usize)>, u16> {
        let Some(value) = message.header("Replaces").map(str::to_owned) else { return Ok(None) };
        let param = |name: &str| value.split(';').skip(1).find_map(|param| param.trim().strip_prefix(name)?.strip_prefix('='));
        let (Some(local), Some(remote)) = (param("to-tag"), param("from-tag")) else {
            self.violate(now, "replaces", format!("Replaces {value:?} (RFC 3891 §6.1)"));
            return Err(400);
        };
        let call_id = value.split(';').next().unwrap_or_default().trim();
        let found = self.calls.iter().enumerate().filter(|(_, call)| call.call_id == call_id).find_map(|(index, call)| {
            let dialog = call.dialogs.iter().position(|dialog| dialog.local_tag == local && dialog.remote_tag == remote)?;
            Some((index, dialog))
        });
        let Some((call, dialog)) = found else {
            self.violate(now, "replaces", format!("Replaces {value:?} names no dialog of ours"));
            return Err(481);
        };
        match self.calls[call].dialogs[dialog].stage {
            Stage::Over => Err(603),
            Stage::Confirmed if value.contains("early-only") => Err(486),
            Stage::Confirmed => Ok(Some((call, dialog))),
            // RFC 3891 §3: an early dialog only where we called ourselves.
            Stage::Early if self.calls[call].role == super::Role::Caller => Ok(Some((call, dialog))),
            Stage::Early => Err(481),
        }
    }

    /// The call that replaces is answered: the one that it replaces ends.
    pub(super) fn let_go_of_replaced(&mut self, now: Timestamp, call: CallIndex) {
        let Some((old, dialog)) = self.calls[call].replaced.take() else { return };
        match self.calls[old].dialogs[dialog].stage {
            Stage::Confirmed => self.send_bye(now, old, dialog),
            Stage::Early => self.perform(now, old, crate::Act::Cancel),
            Stage::Over => {}
        }
    }
}

/// As the header of a URI (RFC 3261 §25.1 `hvalue`).
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
