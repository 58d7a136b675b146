//! Bindings of users for the next process: told to whoever writes them down, and taken up from there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tandem_config::Config;
use tandem_model::{Binding, Bindings};
pub use tandem_signalling::KeptBinding;
use tandem_signalling::{Bearings, MemoryBindings};
use tokio::sync::Notify;

/// A user, and all of the bindings that outlive the process.
pub type UserBindings = (Box<str>, Vec<KeptBinding>);

/// Bindings of before, and where those of now are told.
#[derive(Clone, Debug, Default)]
pub struct BindingsKept {
    /// Those of the process before.
    pub before: Vec<UserBindings>,
    /// What is to be written down.
    pub changed: ChangedBindings,
}

/// What changed and is not written down yet: of each user the last alone, so that it never holds more than there are. Copies are of the
/// same one.
#[derive(Clone, Debug, Default)]
pub struct ChangedBindings(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    changed: Mutex<Changed>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Changed {
    users: BTreeMap<Box<str>, Vec<KeptBinding>>,
    is_over: bool,
}

impl ChangedBindings {
    fn changed(&self) -> MutexGuard<'_, Changed> {
        // Nobody does anything under the lock that could fail halfway.
        self.0.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, user: &str, bindings: Vec<KeptBinding>) {
        self.changed().users.insert(user.into(), bindings);
        self.0.news.notify_one();
    }

    fn end(&self) {
        self.changed().is_over = true;
        self.0.news.notify_one();
    }

    /// Whose bindings have changed, with all that they have now. `None`: the node has gone, and all was told. For one reader.
    pub async fn next(&self) -> Option<Vec<UserBindings>> {
        loop {
            let (users, is_over) = {
                let mut changed = self.changed();
                (std::mem::take(&mut changed.users), changed.is_over)
            };
            if !users.is_empty() {
                return Some(users.into_iter().collect());
            }
            if is_over {
                return None;
            }
            self.0.news.notified().await;
        }
    }
}

/// In memory, and told besides.
#[derive(Debug)]
pub(crate) struct ToldBindings {
    memory: MemoryBindings,
    here: Bearings,
    changed: ChangedBindings,
}

impl ToldBindings {
    /// Those of before that still hold here.
    pub(crate) fn new(kept: BindingsKept, here: Bearings) -> ToldBindings {
        let mut memory = MemoryBindings::default();
        for (user, bindings) in kept.before {
            memory.keep(&user, bindings.into_iter().filter_map(|binding| binding.restored(&here)).collect());
        }
        ToldBindings { memory, here, changed: kept.changed }
    }
}

impl Bindings for ToldBindings {
    fn of(&self, user: &str) -> &[Binding] {
        self.memory.of(user)
    }

    fn keep(&mut self, user: &str, bindings: Vec<Binding>) {
        self.changed.tell(user, bindings.iter().filter_map(|binding| KeptBinding::of(binding, &self.here)).collect());
        self.memory.keep(user, bindings);
    }

    fn users(&self) -> Vec<Box<str>> {
        self.memory.users()
    }
}

impl Drop for ToldBindings {
    fn drop(&mut self) {
        self.changed.end();
    }
}

/// What times and listeners mean to a node with this configuration whose clock says zero then.
pub(crate) fn bearings(config: &Config, unix_ms: u64) -> Bearings {
    let listeners = config.listeners.iter().map(|listener| (listener.name.clone(), listener.transport));
    Bearings { unix_ms, listeners: listeners.collect() }
}
