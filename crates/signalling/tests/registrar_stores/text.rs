//! Bindings that outlive the process: each is a line of text.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::str::Split;
use tandem_model::{Binding, Bindings};
use tandem_signalling::{Bearings, KeptBinding};

/// What is left when the process is gone.
pub(crate) type Disk = Rc<RefCell<String>>;

#[derive(Debug)]
pub(crate) struct TextBindings {
    here: Bearings,
    users: BTreeMap<Box<str>, Box<[Binding]>>,
    disk: Disk,
}

impl TextBindings {
    /// Takes up what is written there.
    pub(crate) fn open(here: Bearings, disk: Disk) -> TextBindings {
        let mut found: BTreeMap<Box<str>, Vec<Binding>> = BTreeMap::new();
        let mut left = String::new();
        for line in disk.borrow().lines() {
            let (user, kept) = read(line);
            if let Some(binding) = kept.restored(&here) {
                left.push_str(&format!("{line}\n"));
                found.entry(user).or_default().push(binding);
            }
        }
        disk.replace(left);
        let users = found.into_iter().map(|(user, bindings)| (user, bindings.into())).collect();
        TextBindings { here, users, disk }
    }
}

impl Bindings for TextBindings {
    fn of(&self, user: &str) -> &[Binding] {
        self.users.get(user).map_or(&[], |bindings| bindings)
    }

    fn keep(&mut self, user: &str, bindings: Vec<Binding>) {
        let prefix = format!("{user}\t");
        let mut text: String =
            self.disk.borrow().lines().filter(|line| !line.starts_with(&prefix)).map(|line| format!("{line}\n")).collect();
        let told: Vec<Binding> = bindings
            .into_iter()
            .map(|binding| {
                let Some(kept) = KeptBinding::of(&binding, &self.here) else { return binding };
                let line = write(user, &kept);
                text.push_str(&line);
                text.push('\n');
                // What is told from now on is what was written.
                let restored = read(&line).1.restored(&self.here).expect("it holds, and the listener is there");
                assert_eq!(restored, binding);
                restored
            })
            .collect();
        self.disk.replace(text);
        if told.is_empty() {
            self.users.remove(user);
        } else {
            self.users.insert(user.into(), told.into());
        }
    }

    fn users(&self) -> Vec<Box<str>> {
        self.users.keys().cloned().collect()
    }
}

fn write(user: &str, kept: &KeptBinding) -> String {
    let maybe = |value: Option<String>| value.map_or(String::new(), |value| format!("={value}"));
    let fields = [
        user.to_owned(),
        kept.contact.to_string(),
        kept.q.to_string(),
        kept.since_ms.to_string(),
        kept.until_ms.to_string(),
        kept.call_id.to_string(),
        kept.cseq.to_string(),
        kept.path.join("\u{1f}"),
        maybe(kept.instance.as_deref().map(str::to_owned)),
        maybe(kept.reg_id.map(|id| id.to_string())),
        kept.agent.to_string(),
        kept.came_to.to_string(),
        kept.came_from.to_string(),
        kept.leaves_from.to_string(),
        kept.hop.to_string(),
        maybe(kept.domain.as_deref().map(str::to_owned)),
        kept.over_flow.to_string(),
        kept.behind_nat.to_string(),
    ];
    fields.join("\t")
}

fn read(line: &str) -> (Box<str>, KeptBinding) {
    let mut fields = line.split('\t');
    let user = text(&mut fields);
    let kept = KeptBinding {
        contact: text(&mut fields),
        q: parsed(&mut fields),
        since_ms: parsed(&mut fields),
        until_ms: parsed(&mut fields),
        call_id: text(&mut fields),
        cseq: parsed(&mut fields),
        path: text(&mut fields).split('\u{1f}').filter(|value| !value.is_empty()).map(Box::from).collect(),
        instance: maybe(&mut fields),
        reg_id: maybe(&mut fields).map(|id| id.parse().expect("a number")),
        agent: text(&mut fields),
        came_to: text(&mut fields),
        came_from: parsed(&mut fields),
        leaves_from: text(&mut fields),
        hop: parsed(&mut fields),
        domain: maybe(&mut fields),
        over_flow: parsed(&mut fields),
        behind_nat: parsed(&mut fields),
    };
    (user, kept)
}

fn text(fields: &mut Split<'_, char>) -> Box<str> {
    fields.next().expect("a field").into()
}

fn maybe(fields: &mut Split<'_, char>) -> Option<Box<str>> {
    text(fields).strip_prefix('=').map(Box::from)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(fields: &mut Split<'_, char>) -> T {
    text(fields).parse().expect("as it was written")
}
