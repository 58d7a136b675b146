//! The rules of a configuration, in the shape in which they are asked.

use crate::{
    abuse::AbuseRules,
    agents::compile_agents,
    headers::{lets_in, lets_out, sets},
    manner::Manner,
    routing::{ActionRule, AskRule, EndpointRule, RouteRule},
    targets::{TargetRule, Targets},
    trunk::Admission,
    users::Users,
};
use std::sync::Arc;
use tandem_config::{At, Config, Do, Endpoint, From, Limits, Outside, Problems, Trunk, TrunkTarget};
use tandem_model::{
    Account, Accounts, AgentPlan, Challenge, Crossing, LegProfile, ListenerId, MediaSide, Origin, Shown, Strategy, TrunkId,
};

/// All that is needed to decide. Immutable: a reload makes another.
#[derive(Clone, Debug)]
pub struct Ruleset {
    pub(crate) admission: Admission,
    pub(crate) trunks: Box<[TrunkRule]>,
    pub(crate) users: Users,
    pub(crate) routes: Box<[RouteRule]>,
    /// How calls to a bare URI are put.
    pub(crate) plain: Manner,
    /// Of each listener, whether it is silent to strangers.
    pub(crate) silent: Box<[bool]>,
    /// What strangers get, and who is none.
    pub(crate) abuse: Arc<AbuseRules>,
    agents: Box<[AgentPlan]>,
    /// How calls are put that we are told to make: who calls in them, whoever tells us says.
    told: Manner,
    /// For what is said of one call alone.
    pub(crate) config: Arc<Config>,
    /// Some route is to an emergency service.
    pub(crate) has_emergency: bool,
}

/// One `[[trunk]]`.
#[derive(Clone, Debug)]
pub(crate) struct TrunkRule {
    pub(crate) name: Box<str>,
    pub(crate) limits: Limits,
    /// How its calls are put.
    pub(crate) manner: Manner,
    /// Where its calls are sent and how they are spoken with.
    pub(crate) targets: Targets,
    /// How it is spoken with when it calls, by the listener that it comes in at.
    pub(crate) incoming: Box<[LegProfile]>,
    /// What it must prove when it calls.
    pub(crate) challenge: Option<Arc<Challenge>>,
    /// It registers all numbers at once: its calls name theirs in the Request-URI (RFC 6140).
    pub(crate) bulk: bool,
}

impl Ruleset {
    /// Turns a configuration into rules.
    ///
    /// # Errors
    /// What is wrong with the rules as a whole: trunks that could both be the caller.
    pub fn compile(config: &Config) -> Result<Ruleset, Problems> {
        let mut problems = Problems::new(&config.file);
        let rules = compile(config, &mut problems);
        problems.or(rules)
    }

    /// Each trunk's name and limits, in the order of their ids.
    pub fn trunks(&self) -> impl Iterator<Item = (&str, &Limits)> {
        self.trunks.iter().map(|trunk| (&*trunk.name, &trunk.limits))
    }

    /// What is to be kept up for the trunks beside their calls; nothing for most.
    pub fn agents(&self) -> &[AgentPlan] {
        &self.agents
    }

    /// Each trunk's name and the URIs of its targets in the order of the configuration, in the order of their ids.
    pub fn targets(&self) -> impl Iterator<Item = (&str, Box<[Box<str>]>)> {
        self.trunks.iter().map(|trunk| (&*trunk.name, trunk.targets.uris()))
    }

    /// What is counted: `trunk:NAME`, `route:NAME` or `user:NAME`, its limits, its call-minutes an hour, and whether nothing limits it.
    pub(crate) fn limited(&self) -> impl Iterator<Item = (Box<str>, &Limits, Option<u32>, bool)> {
        const NONE: &Limits = &Limits { calls: None, cps: None, status: 480 };
        let trunks = self.trunks.iter().map(|trunk| {
            let key = format!("trunk:{}", trunk.name).into();
            (key, &trunk.limits, trunk.manner.toll.minutes_per_hour, false)
        });
        let routes = self.routes.iter().filter(|route| route.limits.is_some() || route.emergency);
        let routes =
            routes.map(|route| (format!("route:{}", route.name).into(), route.limits.as_ref().unwrap_or(NONE), None, route.emergency));
        let users = self.users.limited();
        let users = users.map(|user| (format!("user:{}", user.name).into(), &user.limits, user.manner.toll.minutes_per_hour, false));
        trunks.chain(routes).chain(users)
    }

    /// How the calls of `origin` are put. Its id may be of older rules.
    pub(crate) fn manner_of(&self, origin: &Origin) -> &Manner {
        let (id, name) = match origin {
            Origin::Trunk { id, name } => (id, name),
            Origin::User { name } => return self.users.find(name).map_or(&self.users.gone, |user| &user.manner),
            Origin::Api { .. } => return &self.told,
        };
        let by_id = self.trunks.get(usize::from(id.0)).filter(|trunk| trunk.name == *name);
        by_id.or_else(|| self.trunks.iter().find(|trunk| trunk.name == *name)).map_or(&self.plain, |trunk| &trunk.manner)
    }

    /// How calls to that endpoint are put.
    pub(crate) fn manner_of_endpoint(&self, endpoint: &str) -> &Manner {
        Origin::of_endpoint(endpoint).map_or(&self.plain, |origin| self.manner_of(&origin))
    }

    /// The names of the routes that ring their members in turn.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &str> {
        let takes_turns =
            |route: &&RouteRule| matches!(&route.action, ActionRule::Ring { terms, .. } if terms.strategy == Strategy::RoundRobin);
        self.routes.iter().filter(takes_turns).map(|route| &*route.name)
    }

    /// The trunk of that name.
    pub fn trunk(&self, name: &str) -> Option<TrunkId> {
        self.trunks.iter().position(|trunk| &*trunk.name == name).and_then(|index| u16::try_from(index).ok()).map(TrunkId)
    }
}

/// Reads a configuration that refers to no other file, and makes its rules. `env` answers what an environment variable says;
/// `descriptors` is how many this process may open, if that is to be checked.
///
/// # Errors
/// Everything that is wrong, all at once.
pub fn load(
    text: &str,
    file_name: &str,
    env: &dyn Fn(&str) -> Option<String>,
    descriptors: Option<u64>,
) -> Result<(Config, Ruleset), Problems> {
    load_with(text, file_name, Outside::variables(env), descriptors)
}

/// As [`load`], where secrets may be in files of their own.
///
/// # Errors
/// Everything that is wrong, all at once.
pub fn load_with(text: &str, file_name: &str, outside: Outside<'_>, descriptors: Option<u64>) -> Result<(Config, Ruleset), Problems> {
    let tandem_config::Reading { config, mut problems } = tandem_config::read(text, file_name, outside);
    let rules = compile(&config, &mut problems);
    if problems.is_empty()
        && let Some(Err(too_few)) = descriptors.map(|descriptors| config.check_descriptors(descriptors))
    {
        problems.extend(too_few);
    }
    problems.or((config, rules))
}

/// What cannot be resolved is left out: reading has reported it.
fn compile(config: &Config, problems: &mut Problems) -> Ruleset {
    let mut rules = Ruleset {
        admission: Admission::compile(config, problems),
        trunks: config.trunks.iter().map(|trunk| compile_trunk(config, trunk)).collect(),
        users: Users::compile(config),
        routes: config.routes.iter().map(|route| compile_route(config, route)).collect(),
        plain: Manner::default(),
        has_emergency: config.routes.iter().any(|route| route.emergency),
        silent: config.listeners.iter().map(|listener| listener.silent).collect(),
        abuse: AbuseRules::compile(config).into(),
        agents: compile_agents(config),
        told: Manner::of_user(&Trunk::default()),
        config: Arc::new(config.clone()),
    };
    for index in 0..rules.trunks.len() {
        let trunk = &rules.trunks[index];
        let shown = shown_of(&rules, &trunk.manner, |route| route.is_from(&trunk.name));
        rules.trunks[index].incoming.iter_mut().for_each(|profile| profile.shown = shown);
    }
    let manner = Manner::of_user(&Trunk::default());
    let shown = shown_of(&rules, &manner, RouteRule::is_from_users);
    let shown = Shown { caller: true, ..shown };
    rules.users.iter_mut().flat_map(|user| &mut user.profiles).for_each(|profile| profile.shown = shown);
    rules
}

/// What must be read of the calls of whoever puts them like that: no more than the rules of those whom they can reach look at.
fn shown_of(rules: &Ruleset, origin: &Manner, is_theirs: impl Fn(&RouteRule) -> bool) -> Shown {
    let mut shown =
        Shown { called_from: origin.called_from, caller_id: origin.identity.header, caller: false, headers: false, trail: false };
    for route in rules.routes.iter().filter(|route| is_theirs(route)) {
        if matches!(route.action, ActionRule::Ask(_)) {
            // Whoever is asked is shown all, and may send the call anywhere.
            return Shown { caller: true, headers: true, trail: true, ..shown };
        }
        for endpoint in route.action.endpoints() {
            let called = match endpoint {
                EndpointRule::Trunk { trunk, .. } | EndpointRule::By { trunk, .. } => {
                    rules.trunks.get(usize::from(trunk.0)).map_or(&rules.plain, |trunk| &trunk.manner)
                }
                EndpointRule::User { name, .. } => rules.users.find(name).map_or(&rules.plain, |user| &user.manner),
                EndpointRule::Uri { .. } => &rules.plain,
            };
            shown.caller |= origin.shows_caller_to(called);
            shown.headers |= called.takes_headers();
            shown.trail |= called.looks_at_trail();
        }
    }
    shown
}

fn compile_trunk(config: &Config, trunk: &Trunk) -> TrunkRule {
    let targets = (0..).zip(&trunk.targets).filter_map(|(place, target)| {
        let TrunkTarget { uri, priority, weight } = &target.value;
        let sides = config.sides(Some(trunk), uri)?;
        let profile = profile(Some(trunk), sides.listener, sides.media);
        let hop = config.hop(trunk, uri);
        Some(TargetRule { place, target: uri.clone(), hop, priority: *priority, weight: *weight, profile })
    });
    let incoming = (0..config.listeners.len()).map(|index| {
        let listener = ListenerId(u16::try_from(index).unwrap_or(u16::MAX));
        profile(Some(trunk), listener, config.media_beside(Some(trunk), listener).unwrap_or(MediaSide(0)))
    });
    let challenge = trunk.challenge.as_ref().map(|asked| Challenge {
        trunk: trunk.name.clone(),
        realm: asked.login.realm.as_ref().or(config.node.domain.as_ref()).unwrap_or(&config.node.name).clone(),
        algorithms: asked.algorithms.clone(),
        accounts: Accounts::One(Account { username: asked.login.username.clone(), password: asked.login.password.clone() }),
    });
    TrunkRule {
        name: trunk.name.clone(),
        limits: trunk.limits,
        manner: Manner::of(trunk),
        targets: Targets::new(targets),
        incoming: incoming.collect(),
        challenge: challenge.map(Arc::new),
        bulk: trunk.register.iter().any(|register| register.bulk),
    }
}

const USER_TO_USER: &str = "User-to-User";

/// How a leg of `trunk` is spoken with; a leg to a plain URI is spoken with as with a trunk that says nothing.
pub(crate) fn profile(trunk: Option<&Trunk>, listener: ListenerId, media: MediaSide) -> LegProfile {
    let plain = Trunk::default();
    let trunk = trunk.unwrap_or(&plain);
    LegProfile {
        listener,
        media,
        codecs: trunk.codecs.as_slice().into(),
        nat: trunk.nat,
        over_flow: false,
        trying_timeout: trunk.trying_timeout,
        ring_timeout: trunk.ring_timeout,
        failover: trunk.failover,
        follows_redirects: trunk.follows_redirects,
        shown: Shown::default(),
        login: trunk.login.as_ref().map(|login| login.value.clone()),
        t38: trunk.t38,
        transcode: trunk.transcode,
        dtmf: trunk.dtmf,
        ptime_ms: trunk.ptime_ms,
        session_timer: trunk.session_timer,
        prack: trunk.prack,
        refer: trunk.refer,
        // Who may take the place of a leg is not to be configured yet.
        replaces: trunk.replaces,
        user_to_user: Crossing {
            lets_in: lets_in(&trunk.headers_in, USER_TO_USER) && !sets(&trunk.headers_in, USER_TO_USER),
            lets_out: lets_out(&trunk.headers_out, USER_TO_USER) && !sets(&trunk.headers_out, USER_TO_USER),
        },
        number: None,
    }
}

fn compile_route(config: &Config, route: &At<tandem_config::Route>) -> RouteRule {
    let mut from: Vec<Box<str>> = route.from.trunks().iter().map(|name| name.value.clone()).collect();
    from.sort();
    let from = (route.from != From::Anybody).then(|| from.into());
    let users = !matches!(route.from, From::Trunks(_));
    let action = compile_action(config, &route.action.value, route.anchor);
    let (limits, emergency) = (route.limits, route.emergency);
    let (name, to, record) = (route.name.clone(), route.to.clone(), route.record);
    RouteRule { name, from, users, to, action, limits, emergency, record }
}

/// What an action comes to; endpoints that there are not are left out.
pub(crate) fn compile_action(config: &Config, action: &Do, anchor: bool) -> ActionRule {
    match action {
        Do::Answer(built_in) => ActionRule::Answer(*built_in),
        Do::Reject { status, reason } => ActionRule::Reject { status: *status, reason: reason.clone() },
        Do::Announce(announce) => ActionRule::Announce(announce.clone()),
        Do::Ask(ask) => ActionRule::Ask(Box::new(AskRule {
            url: ask.url.clone(),
            timeout: ask.timeout,
            secret: ask.secret.clone(),
            default: compile_action(config, &ask.default.value, anchor),
        })),
        Do::Bridge { endpoints, timeout, ringback } => {
            ActionRule::Bridge { endpoints: compile_endpoints(config, endpoints), timeout: *timeout, anchor, ringback: ringback.clone() }
        }
        Do::Ring { endpoints, terms, ringback } => {
            ActionRule::Ring { endpoints: compile_endpoints(config, endpoints), terms: *terms, anchor, ringback: ringback.clone() }
        }
    }
}

fn compile_endpoints(config: &Config, endpoints: &[At<Endpoint>]) -> Box<[EndpointRule]> {
    endpoints.iter().filter_map(|endpoint| compile_endpoint(config, endpoint)).collect()
}

pub(crate) fn compile_endpoint(config: &Config, endpoint: &Endpoint) -> Option<EndpointRule> {
    match endpoint {
        Endpoint::Trunk { name, number } => {
            let index = config.trunks.iter().position(|trunk| trunk.name == *name)?;
            let text = match number {
                Some(number) => format!("trunk:{name}/{number}"),
                None => format!("trunk:{name}"),
            };
            Some(EndpointRule::Trunk { trunk: TrunkId(u16::try_from(index).ok()?), text: text.into(), number: number.clone() })
        }
        Endpoint::User(name) => Some(EndpointRule::User { name: name.clone(), text: ["user:", name].concat().into() }),
        Endpoint::Uri(target) => {
            let sides = config.sides(None, target)?;
            let profile = profile(None, sides.listener, sides.media);
            Some(EndpointRule::Uri { text: target.uri(), target: Box::new(target.clone()), profile: Box::new(profile) })
        }
    }
}
