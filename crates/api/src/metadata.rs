//! What those who began calls over this interface said of them: kept beside the call, and written into its record.

use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tandem_model::CallId;

/// Calls of which something is said. The oldest is forgotten beyond that.
const MAX_CALLS: usize = 100_000;

/// Calls that are over of which it is remembered for those who hear of their end later.
const MAX_OVER: usize = 1_000;

/// What is said of calls.
#[derive(Debug, Default)]
pub struct Metadata(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    calls: BTreeMap<CallId, Value>,
    /// Calls that are over, in the order of their ends.
    over: VecDeque<CallId>,
}

impl Metadata {
    /// Whoever began a call says this of it.
    pub fn say(&self, call: CallId, metadata: Value) {
        let mut all = self.all();
        if all.calls.len() >= MAX_CALLS {
            all.calls.pop_first();
        }
        all.calls.insert(call, metadata);
    }

    /// What is said of a call.
    pub fn of(&self, call: CallId) -> Option<Value> {
        self.all().calls.get(&call).cloned()
    }

    /// The same, when its record is written: it is forgotten when others have ended.
    pub fn take(&self, call: CallId) -> Option<Value> {
        let mut all = self.all();
        let said = all.calls.get(&call).cloned()?;
        all.over.push_back(call);
        if all.over.len() > MAX_OVER
            && let Some(oldest) = all.over.pop_front()
        {
            all.calls.remove(&oldest);
        }
        Some(said)
    }

    fn all(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_said_is_known_for_a_while_after_the_end() {
        let (metadata, call) = (Metadata::default(), |number| CallId::new(number, 0));
        let last = MAX_OVER as u64;
        (0..=last).for_each(|number| metadata.say(call(number), json!(number)));
        (0..last).for_each(|number| drop(metadata.take(call(number))));
        assert_eq!(metadata.of(call(0)), Some(json!(0)));
        assert_eq!(metadata.take(call(last)), Some(json!(last)));
        assert_eq!((metadata.of(call(0)), metadata.take(call(0))), (None, None));
    }
}
