//! `diversion` and `history_info`: what a trunk is told of those who were called before.

use tandem_config::TrailRule;
use tandem_model::{Moved, Passage, Trail};

/// One header, as one trunk is told it.
pub(crate) struct Telling<'a> {
    pub(crate) rule: Option<TrailRule>,
    /// What came from the caller's trunk is let in.
    pub(crate) lets_in: bool,
    /// What is to be kept private does not get there.
    pub(crate) enforces: bool,
    /// All of it is to be kept private.
    pub(crate) hides: bool,
    /// A number of theirs, as the trunk writes numbers.
    pub(crate) rewritten: &'a dyn Fn(&str) -> Box<str>,
}

impl Telling<'_> {
    /// What is told of the entries that came; `None` if there is to be no such header.
    fn tell(&self, came: Option<&Vec<Passage>>) -> Option<Vec<Passage>> {
        let rule = self.rule.filter(|rule| *rule != TrailRule::Drop)?;
        let told = came.into_iter().flatten().filter(|_| self.lets_in).map(|passage| Passage {
            number: (self.rewritten)(&passage.number),
            hidden: rule == TrailRule::Anonymise || (self.enforces && (self.hides || passage.private)),
            ..passage.clone()
        });
        Some(told.collect())
    }

    fn adds(&self) -> bool {
        self.rule == Some(TrailRule::Add)
    }
}

/// What a trunk is told. `moved` is the number that was dialled and the one that is called instead.
pub(crate) fn tell(
    diversion: &Telling<'_>,
    history: &Telling<'_>,
    came: Option<&Trail>,
    moved: Option<(&str, &str)>,
) -> Option<Box<Trail>> {
    let mut told = Trail {
        diversion: diversion.tell(came.and_then(|came| came.diversion.as_ref())),
        history: history.tell(came.and_then(|came| came.history.as_ref())),
        adds_diversion: diversion.adds(),
        adds_history: history.adds(),
        enforces: diversion.enforces,
        hides: diversion.hides,
    };
    if let Some((dialled, called)) = moved {
        let own = |number: &str, telling: &Telling<'_>, own| {
            let hidden = telling.enforces && telling.hides;
            Passage { number: (telling.rewritten)(number), hidden, own, ..Passage::default() }
        };
        if let Some(entries) = told.diversion.as_mut().filter(|_| diversion.adds()) {
            entries.insert(0, own(dialled, diversion, Some(Moved::ByRoute)));
        }
        if let Some(entries) = told.history.as_mut().filter(|_| history.adds()) {
            if entries.is_empty() {
                entries.push(Passage { params: ";index=1".into(), ..own(dialled, history, None) });
            }
            entries.push(own(called, history, Some(Moved::ByRoute)));
        }
    }
    (told.diversion.is_some() || told.history.is_some()).then(|| Box::new(told))
}
