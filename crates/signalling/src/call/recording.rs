//! Recordings of the call and of its legs.

use super::Call;
use tandem_model::{EventKind, RecordingDone, Timestamp};

impl Call {
    /// A recording has ended, and its file is whole.
    pub(super) fn on_recorded(&mut self, now: Timestamp, done: RecordingDone) {
        self.notify(now, None, EventKind::RecordingReady(Box::new(done)));
    }
}
