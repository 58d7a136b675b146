//! Bindings that are kept for as long as the process lives.

use std::collections::BTreeMap;
use tandem_model::{Binding, Bindings};

/// In memory.
#[derive(Debug, Default)]
pub struct MemoryBindings {
    users: BTreeMap<Box<str>, Box<[Binding]>>,
}

impl Bindings for MemoryBindings {
    fn of(&self, user: &str) -> &[Binding] {
        self.users.get(user).map_or(&[], |bindings| bindings)
    }

    fn keep(&mut self, user: &str, bindings: Vec<Binding>) {
        if bindings.is_empty() {
            self.users.remove(user);
        } else {
            self.users.insert(user.into(), bindings.into());
        }
    }

    fn users(&self) -> Vec<Box<str>> {
        self.users.keys().cloned().collect()
    }
}
