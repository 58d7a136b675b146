//! A phone that loses its memory: power off, power on.

use super::{Outcome, Phone};
use tandem_model::Timestamp;

impl Phone {
    /// Forgets every call, dialog and transaction, as if it had just been switched on; what it is and how it treats calls stays. It
    /// answers 481 to what belongs to calls before, and says nothing to their responses (RFC 3261 §12.2.2, §18.1.2).
    ///
    /// For who looks on its calls keep what is known of them, with [`Outcome::Forgotten`] where they were not over.
    pub fn restart(&mut self, now: Timestamp) {
        self.known_branches.extend(self.clients.iter().map(|client| client.branch.clone()));
        for call in 0..self.calls.len() {
            self.finish(now, call, Outcome::Forgotten);
            self.calls[call].dialogs.clear();
        }
        self.clients.clear();
        self.servers.clear();
        self.scheduled.clear();
        self.asked.clear();
        self.outputs.clear();
    }

    /// Whether it knew that call once.
    pub(super) fn has_forgotten(&self, call_id: &str) -> bool {
        self.calls.iter().any(|call| call.dialogs.is_empty() && call.outcome.is_some() && call.call_id == call_id)
    }
}
