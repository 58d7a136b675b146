//! What differs between two configurations: what a running node takes over, and what it would need a restart for.

use crate::{At, Config, Listener, Place, Problems, keys};
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
        difference.compare_files(old, new);
        difference.compare_abuse(old, new);
        difference.compare_api(old, new);
        difference.refuse_key(old.webhooks != new.webhooks, new, keys::WEBHOOKS.title, "allow");
        difference.apply(old.webex != new.webex, keys::WEBEX.title);
        difference.compare_trunks(old, new);
        difference.compare_users(old, new);
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

    /// Refuses a change of a key in a section that there is once: where it stands now, or else where it could stand.
    fn refuse_key(&mut self, is_changed: bool, new: &Config, title: &str, key: &str) {
        let what = format!("`{key}` in {title}");
        match new.written.key(title, key) {
            Some(place) => self.refuse(is_changed, place, &what),
            None => {
                let place = new.written.section(title).unwrap_or(Place::WHOLE);
                self.refuse(is_changed, place, &format!("{what}, no longer written,"));
            }
        }
    }

    fn compare_node(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.node, &new.node);
        for (is_changed, key) in [
            (was.name != is.name, "name"),
            (was.dump_dir != is.dump_dir, "dump_dir"),
            (was.flight_recorder != is.flight_recorder, "flight_recorder"),
            (was.store != is.store, "store"),
            (was.journal_dir != is.journal_dir, "journal_dir"),
            (was.keep_records != is.keep_records, "keep_records"),
            (was.drain_timeout != is.drain_timeout, "drain_timeout"),
        ] {
            self.refuse_key(is_changed, new, keys::NODE.title, key);
        }
        self.apply(was.domain != is.domain, "`domain` in [node]");
        self.apply(was.dns != is.dns, "`dns` in [node]");
        let (was, is) = (&old.log, &new.log);
        for (is_changed, key) in [(was.format != is.format, "format"), (was.level != is.level, "level")] {
            self.refuse_key(is_changed, new, keys::LOG.title, key);
        }
    }

    fn compare_listeners(&mut self, old: &Config, new: &Config) {
        // Listeners are known by their index: a new order is a change too.
        if old.listeners.len() != new.listeners.len() {
            self.refuse(true, place_of_count(old, new, |config| &config.listeners, |listener| &listener.name), "the number of [[listen]]");
            return;
        }
        for (was, is) in old.listeners.iter().zip(&new.listeners) {
            let kept = |listener: &At<Listener>| Listener { silent: false, tls: None, ..listener.value.clone() };
            self.refuse(kept(was) != kept(is), is.place, &format!("[[listen]] {}", is.name));
            self.apply(was.silent != is.silent, &format!("`silent` in [[listen]] {}", is.name));
            // What stands in the files is read again, whether or not they are others.
            self.apply(was.tls != is.tls, &format!("TLS in [[listen]] {}", is.name));
        }
    }

    fn compare_media(&mut self, old: &Config, new: &Config) {
        if old.media.len() != new.media.len() {
            self.refuse(true, place_of_count(old, new, |config| &config.media, |media| &media.name), "the number of [[media]]");
            return;
        }
        for (was, is) in old.media.iter().zip(&new.media) {
            self.refuse(was != is, is.place, &format!("[[media]] {}", is.name));
        }
    }

    fn compare_calls(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.calls, &new.calls);
        self.apply(was.max != is.max, "`max` in [calls]");
        self.apply(was.max_cps != is.max_cps, "`max_cps` in [calls]");
        self.apply(was.max_duration != is.max_duration, "`max_duration` in [calls]");
        self.apply(was.inactivity_timeout != is.inactivity_timeout, "`inactivity_timeout` in [calls]");
        self.apply(was.hold_timeout != is.hold_timeout, "`hold_timeout` in [calls]");
        self.refuse_key(was.shards != is.shards, new, keys::CALLS.title, "shards");
    }

    fn compare_files(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.files, &new.files);
        self.refuse_key(was.recordings != is.recordings, new, keys::FILES.title, "recordings");
        self.refuse_key(was.prompts != is.prompts, new, keys::FILES.title, "prompts");
    }

    fn compare_abuse(&mut self, old: &Config, new: &Config) {
        let (was, is) = (&old.abuse, &new.abuse);
        self.apply(was.answers != is.answers, "`answers` in [abuse]");
        self.apply(was.offences != is.offences, "`offences` in [abuse]");
        self.apply(was.ban != is.ban, "`ban` in [abuse]");
        self.apply(was.allow != is.allow, "`allow` in [abuse]");
    }

    fn compare_api(&mut self, old: &Config, new: &Config) {
        let (was, is) = match (&old.api, &new.api) {
            (Some(was), Some(is)) => (was, is),
            (None, None) => return,
            (_, _) => return self.refuse(true, new.written.section(keys::API.title).unwrap_or(Place::WHOLE), keys::API.title),
        };
        self.refuse_key(was.bind != is.bind, new, keys::API.title, "bind");
        self.refuse_key(was.connections != is.connections, new, keys::API.title, "connections");
        self.refuse_key(was.tls.is_some() != is.tls.is_some(), new, keys::API.title, "tls");
        self.refuse_key(was.webhook != is.webhook, new, keys::API.title, "webhook");
        self.apply(was.keys != is.keys, "`keys` in [api]");
        self.apply(was.tls != is.tls, "`tls` in [api]");
        self.apply(was.cors != is.cors, "`cors` in [api]");
        self.apply(was.rate != is.rate, "`rate` in [api]");
        self.apply(was.body != is.body, "`body` in [api]");
        self.apply(was.opentok != is.opentok, "`opentok` in [api]");
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

    fn compare_users(&mut self, old: &Config, new: &Config) {
        self.apply(old.registrar != new.registrar, "[registrar]");
        let by_name = |config: &Config| -> BTreeMap<Box<str>, usize> {
            config.users.iter().enumerate().map(|(index, user)| (user.name.clone(), index)).collect()
        };
        let (was, is) = (by_name(old), by_name(new));
        for (name, index) in &is {
            match was.get(name) {
                None => self.applied.push(format!("[[user]] {name} added")),
                Some(before) => self.apply(old.users[*before] != new.users[*index], &format!("[[user]] {name}")),
            }
        }
        for name in was.keys().filter(|name| !is.contains_key(*name)) {
            self.applied.push(format!("[[user]] {name} removed"));
        }
    }

    fn compare_routes(&mut self, old: &Config, new: &Config) {
        if old.routes != new.routes {
            self.applied.push(format!("[[route]]s changed: {} now", new.routes.len()));
        }
    }
}

/// Where it shows that there are more or fewer sections: at the first whose name is new, or at the first.
fn place_of_count<T>(old: &Config, new: &Config, sections: fn(&Config) -> &Vec<At<T>>, name: fn(&T) -> &str) -> Place {
    let is_new = |section: &&At<T>| sections(old).iter().all(|other| name(other) != name(section));
    let shown = sections(new).iter().find(is_new).or(sections(new).first());
    shown.map_or(Place::WHOLE, |section| section.place)
}
