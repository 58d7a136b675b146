//! What differs between two configurations: what a running node takes over, and what it would need a restart for.

use crate::{At, Config, Listener, Place, Problems};
use std::collections::BTreeMap;

/// What a new configuration changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What a running node takes over, in words: `[[trunk]] carrier changed`.
    pub applied: Vec<String>,
    /// What it cannot: each is a reason to refuse the new file whole.
    pub restart: Problems,
}

impl Difference {
    /// What changes when `new` takes the place of `old`. Where things stand in the file does not matter, except for the
    /// order of routes.
    pub fn between(old: &Config, new: &Config) -> Difference {
        let mut difference = Difference { applied: Vec::new(), restart: Problems::new(&new.file) };
        difference.compare_node(old, new);
        difference.compare_listeners(old, new);
        difference.compare_media(old, new);
        difference.compare_calls(old, new);
        difference.compare_trunks(old, new);
        difference.compare_routes(old, new);
        difference
    }

    /// The list of what a running node takes over.
    ///
    /// # Errors
    /// Every change that needs a restart.
    pub fn reload(self) -> Result<Vec<String>, Problems> {
        self.restart.or(self.applied)
    }

    fn apply(&mut self, is_changed: bool, key: &str) {
        if is_changed {
            self.applied.push(format!("{key} changed"));
        }
    }

    fn refuse(&mut self, is_changed: bool, place: Place, key: &str) {
        if is_changed {
            self.restart.add(place, format!("{key} changed: that needs a restart"));
        }
    }

    fn compare_node(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.node, &new.node);
        self.refuse(was.name != is.name, Place::START, "`name` in [node]");
        self.refuse(was.domain != is.domain, Place::START, "`domain` in [node]");
        self.refuse(was.dump_dir != is.dump_dir, Place::START, "`dump_dir` in [node]");
        self.refuse(was.flight_recorder != is.flight_recorder, Place::START, "`flight_recorder` in [node]");
        self.refuse(old.log != new.log, Place::START, "[log]");
        self.refuse(was.drain_timeout != is.drain_timeout, Place::START, "`drain_timeout` in [node]");
    }

    fn compare_listeners(&mut self, old: &Config, new: &Config) {
        // Listeners are known by their index: a new order is a change too.
        if old.listeners.len() != new.listeners.len() {
            let place = new.listeners.first().map_or(Place::START, |listener| listener.place);
            self.refuse(true, place, "the number of [[listen]]");
            return;
        }
        for (was, is) in old.listeners.iter().zip(&new.listeners) {
            let kept = |listener: &At<Listener>| Listener { silent: false, ..listener.value.clone() };
            self.refuse(kept(was) != kept(is), is.place, &format!("[[listen]] {}", is.name));
            self.apply(was.silent != is.silent, &format!("`silent` in [[listen]] {}", is.name));
        }
    }

    fn compare_media(&mut self, old: &Config, new: &Config) {
        if old.media.len() != new.media.len() {
            let place = new.media.first().map_or(Place::START, |media| media.place);
            self.refuse(true, place, "the number of [[media]]");
            return;
        }
        for (was, is) in old.media.iter().zip(&new.media) {
            self.refuse(was != is, is.place, &format!("[[media]] {}", is.name));
        }
    }

    fn compare_calls(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.calls, &new.calls);
        self.refuse(was.shards != is.shards, Place::START, "`shards` in [calls]");
        self.apply(was.max != is.max, "`max` in [calls]");
        self.apply(was.max_cps != is.max_cps, "`max_cps` in [calls]");
        self.refuse(was.max_duration != is.max_duration, Place::START, "`max_duration` in [calls]");
        self.refuse(was.inactivity_timeout != is.inactivity_timeout, Place::START, "`inactivity_timeout` in [calls]");
        self.refuse(was.hold_timeout != is.hold_timeout, Place::START, "`hold_timeout` in [calls]");
    }

    fn compare_trunks(&mut self, old: &Config, new: &Config) {
        let by_name = |config: &Config| -> BTreeMap<Box<str>, usize> {
            config.trunks.iter().enumerate().map(|(index, trunk)| (trunk.name.clone(), index)).collect()
        };
        let (was, is) = (by_name(old), by_name(new));
        for (name, index) in &is {
            match was.get(name) {
                None => self.applied.push(format!("[[trunk]] {name} added")),
                Some(before) => self.apply(old.trunks[*before] != new.trunks[*index], &format!("[[trunk]] {name}")),
            }
        }
        for name in was.keys().filter(|name| !is.contains_key(*name)) {
            self.applied.push(format!("[[trunk]] {name} removed"));
        }
    }

    fn compare_routes(&mut self, old: &Config, new: &Config) {
        if old.routes != new.routes {
            self.applied.push(format!("[[route]]s changed: {} now", new.routes.len()));
        }
    }
}
