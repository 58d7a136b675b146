//! The `[[user]]`s: how they are challenged, spoken with, and named in the calls that they make.

use crate::{Ruleset, manner::Manner, ruleset::profile};
use std::sync::Arc;
use tandem_config::{At, Config, Limits, Toll, User};
use tandem_model::{Account, Accounts, Challenge, LegProfile, ListenerId, MediaSide, Origin, Route};

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    /// Sorted by name.
    rules: Box<[UserRule]>,
    /// What a stranger is asked; `None` where there is no user.
    pub(crate) challenge: Option<Arc<Challenge>>,
    /// How the calls of one are put that is in the configuration no more.
    pub(crate) gone: Manner,
}

/// One `[[user]]`.
#[derive(Clone, Debug)]
pub(crate) struct UserRule {
    pub(crate) name: Box<str>,
    /// Whom its calls are from.
    number: Box<str>,
    pub(crate) manner: Manner,
    pub(crate) limits: Limits,
    /// How it is spoken with, by the listener that it is at.
    pub(crate) profiles: Box<[LegProfile]>,
}

impl Users {
    pub(crate) fn compile(config: &Config) -> Users {
        let mut users: Vec<&At<User>> = config.users.iter().collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        let account = |user: &&At<User>| Account { username: user.name.clone(), password: user.password.clone() };
        let challenge = (!users.is_empty()).then(|| Challenge {
            trunk: "users".into(),
            realm: config.node.domain.as_ref().unwrap_or(&config.node.name).clone(),
            algorithms: config.registrar.algorithms.clone(),
            accounts: Accounts::Any(users.iter().map(account).collect()),
        });
        Users {
            rules: users.into_iter().map(|user| compile_user(config, user)).collect(),
            challenge: challenge.map(Arc::new),
            gone: Manner::of_nobody(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&UserRule> {
        self.rules.binary_search_by(|user| (*user.name).cmp(name)).ok().map(|place| &self.rules[place])
    }

    /// Those that have limits, or of whom it is told what they may not call.
    pub(crate) fn limited(&self) -> impl Iterator<Item = &UserRule> {
        let is_limited = |user: &&UserRule| user.limits != Limits::default() || user.manner.toll != Toll::default();
        self.rules.iter().filter(is_limited)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut UserRule> {
        self.rules.iter_mut()
    }
}

fn number_of(user: &User) -> &str {
    user.number.as_ref().unwrap_or(&user.name)
}

fn compile_user(config: &Config, user: &User) -> UserRule {
    let profiles = (0..config.listeners.len()).map(|index| {
        let listener = ListenerId(u16::try_from(index).unwrap_or(u16::MAX));
        let media = config.media_beside(Some(&user.spoken), listener).unwrap_or(MediaSide(0));
        // RFC 5626: a phone that connects to us need not take connections itself.
        let over_flow = config.listeners[index].transport.is_reliable();
        let number = Some(Arc::from(number_of(user)));
        LegProfile { over_flow, number, ..profile(Some(&user.spoken), listener, media) }
    });
    UserRule {
        name: user.name.clone(),
        number: number_of(user).into(),
        manner: Manner::of_user(&user.spoken),
        limits: user.spoken.limits,
        profiles: profiles.collect(),
    }
}

impl Ruleset {
    /// Whether that is a user.
    pub fn has_user(&self, name: &str) -> bool {
        self.users.find(name).is_some()
    }

    /// The call of a user, with who it is from in the place of whom it says that it is from. `None` for another's call.
    pub(crate) fn as_user(&self, call: &Route) -> Option<Route> {
        let Origin::User { name } = &call.origin else { return None };
        let number = self.users.find(name).map_or(name, |user| &user.number);
        let mut call = call.clone();
        if let Some(caller) = &mut call.caller {
            if *caller.number != **name && caller.number != *number {
                caller.name = None;
            }
            (caller.number, caller.is_screened) = (number.clone(), true);
        }
        Some(call)
    }
}
