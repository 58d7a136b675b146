//! What a caller asks to be kept from others, and what is told of it.

use serde::{Deserialize, Serialize};

/// The values of a Privacy header (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Privacy {
    /// The asserted identity.
    pub id: bool,
    /// What headers that the caller cannot leave out tell of it.
    pub header: bool,
    /// What it wrote of itself.
    pub user: bool,
    /// Where its media comes from.
    pub session: bool,
    /// Who was called before.
    pub history: bool,
    /// All of it, or no call.
    pub critical: bool,
    /// Something that nobody here knows.
    pub unknown: bool,
    /// Nothing is to be kept private, whatever else anybody thinks.
    pub none: bool,
}

impl Privacy {
    /// Adds the value of that name, which is compared without case.
    pub fn add(&mut self, value: &str) {
        let known = [
            ("id", &mut self.id),
            ("header", &mut self.header),
            ("user", &mut self.user),
            ("session", &mut self.session),
            ("history", &mut self.history),
            ("critical", &mut self.critical),
            ("none", &mut self.none),
        ];
        match known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value)) {
            Some((_, flag)) => *flag = true,
            None => self.unknown |= !value.is_empty(),
        }
    }

    /// Whether openness is asked for. `none` stands alone (RFC 3323 §4.2): who asks for anything beside it means that.
    pub fn is_none(self) -> bool {
        self == Privacy { none: true, ..Privacy::default() }
    }

    /// Whether the called person is not to know who calls.
    pub const fn hides_caller(self) -> bool {
        self.id || self.header || self.user
    }

    /// Whether the called person is not to know who was called before (RFC 7044 §10.1.1).
    pub const fn hides_history(self) -> bool {
        self.history || self.header
    }

    /// The known values that are asked for, as headers write them.
    pub fn values(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.is_none(), "none"),
            (self.id, "id"),
            (self.header, "header"),
            (self.user, "user"),
            (self.session, "session"),
            (self.history, "history"),
            (self.critical, "critical"),
        ];
        all.into_iter().filter_map(|(is_asked, name)| is_asked.then_some(name))
    }
}

/// Whom our From names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shows {
    /// Whom the caller's own From names, whatever else is known.
    #[default]
    Own,
    /// Who calls.
    Caller,
    /// Nobody (RFC 3323 §4.1.1.3).
    Nobody,
}

/// Our Privacy header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asks {
    /// What the caller asked for is asked of the next one.
    #[default]
    AsAsked,
    /// This is; with nothing in it there is no such header.
    Only(Privacy),
}
