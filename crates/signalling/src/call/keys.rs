//! Keys that a peer presses, whatever way they come.

use super::Call;
use tandem_model::{EventKind, KeyPress, LegId, Timestamp};

impl Call {
    /// A leg's peer has pressed a key.
    pub(super) fn on_key(&mut self, now: Timestamp, leg: LegId, press: KeyPress) {
        self.notify(now, Some(leg), EventKind::LegDtmf(press));
    }
}
