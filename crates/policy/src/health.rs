//! Which targets of the trunks can be called, and through which proxies: what pings, answers and registrars told.

use crate::Ruleset;
use std::time::Duration;
use tandem_config::{MAX_REGISTRARS, MAX_TARGETS};
use tandem_model::{Destination, HealthNews, ServiceRoute, Timestamp, TrunkId};

/// The longest that a target is left alone because it asked for that (Retry-After of a 503).
const MAX_CLOSED: Duration = Duration::from_secs(5 * 60);

/// What is known of every trunk of the ruleset in force, by its place there.
#[derive(Debug, Default)]
pub struct HealthBook {
    trunks: Vec<TrunkHealth>,
}

/// `targets` and `routes` are empty for as long as nobody told anything: most trunks are well.
#[derive(Debug)]
struct TrunkHealth {
    name: Box<str>,
    /// What the targets are, in the order of the configuration: news of others are worth nothing.
    uris: Box<[Box<str>]>,
    targets: Vec<TargetHealth>,
    /// By registrar.
    routes: Vec<Option<(Destination, ServiceRoute)>>,
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
            HealthNews::Routes { registrar, at, routes, .. } => trunk.take_routes(usize::from(*registrar), at, routes.as_ref()),
            HealthNews::Forgotten { .. } => {
                trunk.targets.iter_mut().for_each(|target| target.is_dead = false);
                trunk.routes.clear();
            }
        }
    }

    /// Whether that target of `trunk` can be called.
    pub(crate) fn is_open(&self, trunk: TrunkId, target: u8, now: Timestamp) -> bool {
        let health = self.trunks.get(usize::from(trunk.0)).and_then(|trunk| trunk.targets.get(usize::from(target)));
        health.is_none_or(|target| !target.is_dead && target.closed_until.is_none_or(|until| until <= now))
    }

    /// The proxies that calls of `trunk` to `hop` go through: what the registrar there said, or the first that said any.
    pub(crate) fn service_route(&self, trunk: TrunkId, hop: &Destination) -> Option<&ServiceRoute> {
        let routes = &self.trunks.get(usize::from(trunk.0))?.routes;
        let mut known = routes.iter().flatten();
        known.clone().find(|(at, _)| at == hop).or_else(|| known.next()).map(|(_, route)| route)
    }
}

impl TrunkHealth {
    fn new(name: &str) -> TrunkHealth {
        TrunkHealth { name: name.into(), uris: Box::default(), targets: Vec::new(), routes: Vec::new() }
    }

    fn target(&mut self, place: u8) -> Option<&mut TargetHealth> {
        if self.targets.is_empty() {
            self.targets = vec![TargetHealth::default(); self.uris.len().min(MAX_TARGETS)];
        }
        self.targets.get_mut(usize::from(place))
    }

    fn take_routes(&mut self, registrar: usize, at: &Destination, routes: Option<&ServiceRoute>) {
        if registrar >= MAX_REGISTRARS {
            return;
        }
        if self.routes.len() <= registrar {
            self.routes.resize(registrar + 1, None);
        }
        self.routes[registrar] = routes.map(|routes| (at.clone(), routes.clone()));
        if self.routes.iter().all(Option::is_none) {
            self.routes.clear();
        }
    }
}

/// The trunk of an endpoint.
fn name_of(endpoint: &str) -> Option<&str> {
    endpoint.strip_prefix("trunk:")?.split('/').next()
}
