//! What those who began calls over this interface said of them: kept beside the call, and written into its record.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tandem_model::CallId;

/// Calls of which something is said. The oldest is forgotten beyond that.
const MAX_CALLS: usize = 100_000;

/// What is said of calls.
#[derive(Debug, Default)]
pub struct Metadata(Mutex<BTreeMap<CallId, Value>>);

impl Metadata {
    /// Whoever began a call says this of it.
    pub fn say(&self, call: CallId, metadata: Value) {
        let mut all = self.all();
        if all.len() >= MAX_CALLS {
            all.pop_first();
        }
        all.insert(call, metadata);
    }

    /// What is said of a call.
    pub fn of(&self, call: CallId) -> Option<Value> {
        self.all().get(&call).cloned()
    }

    /// The same, for the last time: its record is written.
    pub fn take(&self, call: CallId) -> Option<Value> {
        self.all().remove(&call)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<CallId, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
