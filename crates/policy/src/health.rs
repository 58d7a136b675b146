//! Which targets of the trunks can be called, and through which proxies: what pings, answers and registrars told.

use crate::Ruleset;
use std::time::Duration;
use tandem_config::MAX_TARGETS;
use tandem_model::{AgentPlan, Destination, HealthNews, ServiceRoute, Timestamp, TrunkId};

/// The longest that a target is left alone because it asked for that (Retry-After of a 503).
const MAX_CLOSED: Duration = Duration::from_secs(5 * 60);

/// What is known of every trunk of the ruleset in force, by its place there.
#[derive(Debug, Default)]
pub struct HealthBook {
    trunks: Vec<TrunkHealth>,
}

/// `targets` is empty for as long as nobody told anything: most trunks are well.
#[derive(Debug)]
struct TrunkHealth {
    name: Box<str>,
    /// What the targets are, in the order of the configuration: news of others are worth nothing.
    uris: Box<[Box<str>]>,
    targets: Vec<TargetHealth>,
    registrars: Vec<RegistrarHealth>,
}

/// What one of the trunk's registrars has said.
#[derive(Debug)]
struct RegistrarHealth {
    at: Destination,
    /// It has our binding.
    is_in: bool,
    /// The proxies that it wants calls to go through, if it wants any.
    route: Option<ServiceRoute>,
}

#[derive(Clone, Copy, Debug, Default)]
struct TargetHealth {
    is_dead: bool,
    closed_until: Option<Timestamp>,
}

impl HealthBook {
    /// The book for `rules`: everybody is well.
    pub fn new(rules: &Ruleset) -> Self {
        let mut book = HealthBook::default();
        book.reload(rules);
        book
    }

    /// Goes over to other rules. A trunk that keeps its name and its targets keeps what is known of them.
    pub fn reload(&mut self, rules: &Ruleset) {
        let mut before = std::mem::take(&mut self.trunks);
        self.trunks = rules
            .targets()
            .map(|(name, uris)| {
                let known = before.iter().position(|trunk| *trunk.name == *name).map(|place| before.swap_remove(place));
                let mut trunk = known.unwrap_or_else(|| TrunkHealth::new(name));
                if trunk.uris != uris {
                    trunk.targets.clear();
                    trunk.uris = uris;
                }
                trunk.take_registrars(rules.agents().iter().find(|plan| *plan.trunk == *name));
                trunk
            })
            .collect();
    }

    /// Takes news.
    pub fn take(&mut self, now: Timestamp, news: &HealthNews) {
        let name = match news {
            HealthNews::Closed { endpoint, .. } => name_of(endpoint),
            HealthNews::Target { trunk, .. } | HealthNews::Routes { trunk, .. } | HealthNews::Forgotten { trunk } => Some(&**trunk),
        };
        let Some(trunk) = name.and_then(|name| self.trunks.iter_mut().find(|trunk| *trunk.name == *name)) else { return };
        match news {
            HealthNews::Closed { target, span, .. } => {
                if let Some(target) = trunk.target(*target) {
                    target.closed_until = Some(now + (*span).min(MAX_CLOSED));
                }
            }
            HealthNews::Target { target, is_alive, .. } => {
                if let Some(target) = trunk.target(*target) {
                    target.is_dead = !is_alive;
                }
            }
            HealthNews::Routes { registrar, at, is_in, route, .. } => {
                let registrar = trunk.registrars.get_mut(usize::from(*registrar)).filter(|registrar| registrar.at == *at);
                if let Some(registrar) = registrar {
                    (registrar.is_in, registrar.route) = (*is_in, route.clone());
                }
            }
            HealthNews::Forgotten { .. } => {
                trunk.targets.iter_mut().for_each(|target| target.is_dead = false);
                trunk.registrars.iter_mut().for_each(|registrar| (registrar.is_in, registrar.route) = (false, None));
            }
        }
    }

    /// Whether that target of `trunk` can be called.
    pub(crate) fn is_open(&self, trunk: TrunkId, target: u8, now: Timestamp) -> bool {
        let health = self.trunks.get(usize::from(trunk.0)).and_then(|trunk| trunk.targets.get(usize::from(target)));
        health.is_none_or(|target| !target.is_dead && target.closed_until.is_none_or(|until| until <= now))
    }

    /// Until when that target of `trunk` wants to be left alone, if it does.
    pub fn rests_until(&self, trunk: TrunkId, target: usize, now: Timestamp) -> Option<Timestamp> {
        self.trunks.get(usize::from(trunk.0))?.targets.get(target)?.closed_until.filter(|until| *until > now)
    }

    /// The proxies that calls of `trunk` to `hop` go through (RFC 3608 §5): what the registrar there says, and nobody else; where none is,
    /// the first that has our binding.
    pub(crate) fn service_route(&self, trunk: TrunkId, hop: &Destination) -> Option<&ServiceRoute> {
        let registrars = &self.trunks.get(usize::from(trunk.0))?.registrars;
        let mut there = registrars.iter().filter(|registrar| registrar.at == *hop).peekable();
        if there.peek().is_some() {
            return there.find_map(|registrar| registrar.route.as_ref());
        }
        registrars.iter().find(|registrar| registrar.is_in)?.route.as_ref()
    }
}

impl TrunkHealth {
    fn new(name: &str) -> TrunkHealth {
        TrunkHealth { name: name.into(), uris: Box::default(), targets: Vec::new(), registrars: Vec::new() }
    }

    fn target(&mut self, place: u8) -> Option<&mut TargetHealth> {
        if self.targets.is_empty() {
            self.targets = vec![TargetHealth::default(); self.uris.len().min(MAX_TARGETS)];
        }
        self.targets.get_mut(usize::from(place))
    }

    /// Those that stay where they were keep what they said.
    fn take_registrars(&mut self, plan: Option<&AgentPlan>) {
        let mut before = std::mem::take(&mut self.registrars);
        let places = plan.into_iter().flat_map(|plan| &plan.registrars).map(|registrar| &registrar.destination);
        self.registrars = places
            .map(|at| match before.iter().position(|known| known.at == *at) {
                Some(place) => before.swap_remove(place),
                None => RegistrarHealth { at: at.clone(), is_in: false, route: None },
            })
            .collect();
    }
}

/// The trunk of an endpoint.
fn name_of(endpoint: &str) -> Option<&str> {
    endpoint.strip_prefix("trunk:")?.split('/').next()
}
