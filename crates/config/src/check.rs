//! What the sections of one file say about each other.

use crate::{At, Config, Endpoint, From, Listener, Place, Problems, Route, Target, Trunk, nearest::nearest, print_duration};
use std::collections::BTreeMap;
use tandem_model::{Destination, Transport};

/// Every name that stands in the file, also of sections that could not be read: those exist, they are only wrong.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) listeners: Vec<Named>,
    pub(crate) media: Vec<Named>,
    pub(crate) trunks: Vec<Named>,
    pub(crate) users: Vec<Named>,
    pub(crate) routes: Vec<Named>,
}

/// A section that has a name.
pub(crate) struct Named {
    pub(crate) name: At<Box<str>>,
    /// Something in it is wrong and reported: what is missing from it may only seem so.
    pub(crate) is_faulty: bool,
}

impl Names {
    /// The trunk of that name, if all of it could be read.
    fn whole_trunk<'c>(&self, config: &'c Config, name: &str) -> Option<&'c At<Trunk>> {
        let named = self.trunks.iter().find(|named| *named.name.value == *name)?;
        if named.is_faulty { None } else { config.trunks.iter().find(|trunk| *trunk.name == *name) }
    }
}

/// Legs that one route may try: the targets of all its endpoints together.
const MAX_PLAN: usize = 32;

pub(crate) fn check(config: &Config, names: &Names, problems: &mut Problems) {
    let kinds = [
        ("[[listen]]", &names.listeners),
        ("[[media]]", &names.media),
        ("[[trunk]]", &names.trunks),
        ("[[user]]", &names.users),
        ("[[route]]", &names.routes),
    ];
    for (title, names) in kinds {
        check_unique(title, names, problems);
    }
    check_presence(config, names, problems);
    check_listeners(config, problems);
    check_media(config, problems);
    for trunk in &config.trunks {
        check_trunk(config, names, trunk, problems);
    }
    for name in config.api.iter().flat_map(|api| &api.opentok).filter_map(|project| project.trunk.as_ref()) {
        check_reference("trunk", name, &names.trunks, problems);
    }
    check_users(config, names, problems);
    check_routes(config, names, problems);
    check_webex(config, names, problems);
    if problems.is_empty() {
        config.check_ports(problems);
    }
}

fn check_unique(title: &str, names: &[Named], problems: &mut Problems) {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    for Named { name, .. } in names {
        if let Some(place) = first.get(&*name.value) {
            problems.add(name.place, format!("another {title} is called `{}` already, in line {}", name.value.escape_debug(), place.line));
        } else {
            first.insert(&name.value, name.place);
        }
    }
}

fn check_presence(config: &Config, names: &Names, problems: &mut Problems) {
    if !problems.is_empty() {
        // A section may only seem to be missing because its key is misspelt.
        return;
    }
    if config.listeners.is_empty() && names.listeners.is_empty() {
        problems.add(Place::START, "there is no [[listen]]: nobody could call");
    }
    if config.media.is_empty() && names.media.is_empty() {
        problems.add(Place::START, "there is no [[media]]: no call could have audio");
    }
}

fn check_listeners(config: &Config, problems: &mut Problems) {
    for (index, listener) in config.listeners.iter().enumerate() {
        let bind = *listener.bind;
        let clash = config.listeners[..index].iter().find(|other| {
            let overlaps = other.bind.ip() == bind.ip() || other.bind.ip().is_unspecified() || bind.ip().is_unspecified();
            other.transport.is_reliable() == listener.transport.is_reliable()
                && bind.port() != 0
                && other.bind.port() == bind.port()
                && other.bind.is_ipv4() == bind.is_ipv4()
                && overlaps
        });
        if let Some(other) = clash {
            problems.add(listener.bind.place, format!("`bind` {bind}: listener `{}` has that port already", other.name));
        }
    }
}

fn check_media(config: &Config, problems: &mut Problems) {
    for (index, media) in config.media.iter().enumerate() {
        let overlaps = |other: std::net::IpAddr| {
            other.is_ipv4() == media.bind.is_ipv4() && (other == *media.bind || other.is_unspecified() || media.bind.is_unspecified())
        };
        for other in config.media[..index].iter().filter(|other| overlaps(*other.bind)) {
            if media.ports.first <= other.ports.last && other.ports.first <= media.ports.last {
                problems.add(media.ports.place, format!("`ports` {}: side `{}` has some of them already", *media.ports, other.name));
            }
        }
        let datagrams = |listener: &Listener| listener.transport == Transport::Udp;
        for listener in config.listeners.iter().filter(|listener| datagrams(listener) && overlaps(listener.bind.ip())) {
            if (media.ports.first..=media.ports.last).contains(&listener.bind.port()) {
                problems.add(
                    media.ports.place,
                    format!("`ports` {}: listener `{}` uses {}", *media.ports, listener.name, listener.bind.port()),
                );
            }
        }
    }
}

fn check_trunk(config: &Config, names: &Names, trunk: &At<Trunk>, problems: &mut Problems) {
    let matched = trunk.matching.as_ref().and_then(|matching| matching.listen.as_ref());
    for name in trunk.listen.iter().chain(matched) {
        check_reference("listener", name, &names.listeners, problems);
    }
    if let Some(name) = &trunk.media {
        check_reference("media side", name, &names.media, problems);
    }
    check_match(config, trunk, problems);
    check_tls_name(config, names, trunk, problems);
    if trunk.trying_timeout >= trunk.ring_timeout {
        let (trying, ring) = (print_duration(trunk.trying_timeout), print_duration(trunk.ring_timeout));
        let message = format!("[[trunk]] {}: `trying_timeout` ({trying}) never comes: `ring_timeout` ({ring}) is not longer", trunk.name);
        problems.add(trunk.place, message);
    }
    let listener = trunk.listen.as_ref().and_then(|name| Some((name, config.listeners.get(usize::from(config.listener(name)?.0))?)));
    let media = trunk.media.as_ref().and_then(|name| Some((name, config.media.get(usize::from(config.media_side(name)?.0))?)));
    if let (Some((_, listener)), Some((name, media))) = (listener, media)
        && listener.bind.is_ipv4() != media.bind.is_ipv4()
    {
        let message = format!("listener `{}` and media side `{}` are of different address families", listener.name, media.name);
        problems.add(name.place, message);
    }
    let registrars = trunk.register.iter().map(|register| (&register.uri, register.place));
    let targets = trunk.targets.iter().map(|target| (&target.uri, target.place)).chain(registrars);
    let proxy = trunk.proxy.iter().map(|proxy| (&proxy.value, proxy.place));
    if let Some(proxy) = trunk.proxy.as_ref().filter(|proxy| proxy.transport != Some(Transport::Tls)) {
        for (_, place) in targets.clone().filter(|(uri, _)| uri.sips) {
            let message = format!("`sips:` asks for TLS all the way, and the `proxy` of [[trunk]] {} is not spoken to over it", trunk.name);
            problems.add(place, format!("{message} (line {})", proxy.place.line));
        }
    }
    // Through a proxy, nothing is sent to the targets themselves.
    let hops = proxy.chain(targets.filter(|_| trunk.proxy.is_none()));
    for (hop, place) in hops {
        if let Some((_, listener)) = listener {
            check_hop(listener, hop, place, problems);
        }
        check_sides(config, names, Some(trunk), hop, place, problems);
    }
}

fn check_users(config: &Config, names: &Names, problems: &mut Problems) {
    for user in &config.users {
        if let Some(name) = &user.spoken.media {
            check_reference("media side", name, &names.media, problems);
        }
        if user.spoken.trying_timeout >= user.spoken.ring_timeout {
            let (trying, ring) = (print_duration(user.spoken.trying_timeout), print_duration(user.spoken.ring_timeout));
            let message = format!("[[user]] {}: `trying_timeout` ({trying}) never comes: `ring_timeout` ({ring}) is not longer", user.name);
            problems.add(user.place, message);
        }
    }
    if let Some(user) =
        config.users.first().filter(|_| config.listeners.iter().all(|listener| listener.silent) && !config.listeners.is_empty())
    {
        let message = format!("[[user]] {}: every [[listen]] is silent, and nobody can register at one that is", user.name);
        problems.add(user.place, message);
    }
    if let Some(named) = names.trunks.iter().find(|named| &*named.name.value == "users") {
        problems.add(named.name.place, "a trunk cannot be called `users`: in `from` that means all users");
    }
}

/// Whether a request to `hop` can leave from `listener`.
fn check_hop(listener: &Listener, hop: &Target, place: Place, problems: &mut Problems) {
    if let Destination::Address(address) = &hop.destination
        && !listener.reaches(address.ip())
    {
        let message = format!("listener `{}` ({}) cannot reach {}", listener.name, listener.bind.ip(), address.ip());
        problems.add(place, message);
    }
    if let Some(transport) = hop.transport.filter(|transport| *transport != listener.transport) {
        let (ours, theirs) = (listener.transport.token(), transport.token());
        problems.add(place, format!("listener `{}` speaks {ours}, and the target asks for {theirs}", listener.name));
    }
    // RFC 3263 §4.1: a sip: URI that says nothing is never TLS.
    if hop.transport.is_none() && listener.transport.is_secure() {
        let message = format!("listener `{}` speaks TLS, which the target does not ask for: add `;transport=tls`", listener.name);
        problems.add(place, message);
    }
}

/// A network of one address family never comes in at a listener of the other.
fn check_match(config: &Config, trunk: &Trunk, problems: &mut Problems) {
    let Some(matching) = &trunk.matching else { return };
    let Some(name) = &matching.listen else { return };
    let Some(listener) = config.listener(name).and_then(|id| config.listeners.get(usize::from(id.0))) else { return };
    for source in matching.sources.iter().filter(|source| source.address.is_ipv4() != listener.bind.is_ipv4()) {
        let message = format!("`{}` never comes in at listener `{}`, which is of the other address family", source.value, listener.name);
        problems.add(source.place, message);
    }
}

/// Only who must show a certificate can be known by it.
fn check_tls_name(config: &Config, names: &Names, trunk: &Trunk, problems: &mut Problems) {
    let Some(matching) = &trunk.matching else { return };
    let Some(tls_name) = matching.tls_name.as_ref().filter(|_| config.listeners.len() == names.listeners.len()) else { return };
    // Of a listener whose files could not be read that has been told.
    let asks =
        |listener: &At<Listener>| listener.transport == Transport::Tls && listener.tls.as_ref().is_none_or(|tls| tls.client_ca.is_some());
    let can_match = |listener: &At<Listener>| matching.listen.as_ref().is_none_or(|name| *name.value == *listener.name);
    if !config.listeners.iter().any(|listener| can_match(listener) && asks(listener)) {
        let which = if matching.listen.is_some() { "the [[listen]] of its `listen` has no" } else { "no [[listen]] has a" };
        let message = format!("`tls_name` in `match` in [[trunk]] {}: {which} `client_ca`, so nobody shows a certificate", trunk.name);
        problems.add(tls_name.place, message);
    }
}

/// Whether there is any listener and any media side for a request to `target`.
fn check_sides(config: &Config, names: &Names, trunk: Option<&Trunk>, target: &Target, place: Place, problems: &mut Problems) {
    let is_read = config.listeners.len() == names.listeners.len() && config.media.len() == names.media.len();
    let is_named = trunk.is_some_and(|trunk| trunk.listen.is_some() || trunk.media.is_some());
    if is_read && !is_named && !config.listeners.is_empty() && !config.media.is_empty() && config.sides(trunk, target).is_none() {
        let transport = target.transport.map_or(String::new(), |transport| format!(" over {}", transport.token()));
        problems.add(place, format!("no listener and media side of one address family reach {}{transport}", target.destination));
    }
}

fn check_routes(config: &Config, names: &Names, problems: &mut Problems) {
    for route in &config.routes {
        for name in route.from.trunks() {
            check_reference("trunk", name, &names.trunks, problems);
            if let Some(trunk) = names.whole_trunk(config, name).filter(|trunk| !trunk.calls_us()) {
                let message = format!("trunk `{}` has no `match` and no `register`: no call ever comes from it", trunk.name);
                problems.add(name.place, message);
            }
        }
        if let From::Users(users, _) = &route.from
            && names.users.is_empty()
        {
            problems.add(users.place, "there is no [[user]]: no call ever comes from one");
        }
        let endpoints = route.action.value.endpoints();
        for endpoint in endpoints {
            match &endpoint.value {
                Endpoint::Trunk { name, .. } => {
                    let name = At::new(name.clone(), endpoint.place);
                    check_reference("trunk", &name, &names.trunks, problems);
                    if let Some(trunk) = names.whole_trunk(config, &name).filter(|trunk| trunk.targets.is_empty()) {
                        problems.add(name.place, format!("trunk `{}` has no `targets`: it cannot be called", trunk.name));
                    }
                }
                Endpoint::User(name) => check_reference("user", &At::new(name.clone(), endpoint.place), &names.users, problems),
                Endpoint::Uri(target) => check_sides(config, names, None, target, endpoint.place, problems),
            }
        }
        let legs: usize = endpoints.iter().map(|endpoint| config.legs_of(&endpoint.value)).sum();
        if legs > MAX_PLAN {
            problems.add(route.action.place, format!("{} would try {legs} targets; at most {MAX_PLAN} are possible", title_of(route)));
        }
    }
    check_reachable(config, problems);
}

fn check_webex(config: &Config, names: &Names, problems: &mut Problems) {
    let Some(webex) = &config.webex else { return };
    let other = Some(&webex.endpoint_trunk).filter(|other| **other != webex.trunk);
    for name in [&webex.trunk].into_iter().chain(other) {
        check_reference("trunk", name, &names.trunks, problems);
    }
    if config.api.is_none() && problems.is_empty() {
        problems.add(webex.trunk.place, "[webex] is asked over HTTP, and there is no [api]");
    }
}

impl Config {
    fn legs_of(&self, endpoint: &Endpoint) -> usize {
        match endpoint {
            Endpoint::Trunk { name, .. } => self.trunks.iter().find(|trunk| trunk.name == *name).map_or(0, |trunk| trunk.targets.len()),
            Endpoint::User(_) | Endpoint::Uri(_) => 1,
        }
    }
}

fn check_reference(kind: &str, name: &At<Box<str>>, names: &[Named], problems: &mut Problems) {
    if names.iter().any(|named| named.name == *name) {
        return;
    }
    let hint = match nearest(name, names.iter().map(|named| &*named.name.value)) {
        Some(near) => format!("the nearest is `{}`", near.escape_debug()),
        None => "there is none at all".to_owned(),
    };
    problems.add(name.place, format!("there is no {kind} `{}`; {hint}", name.escape_debug()));
}

fn title_of(route: &Route) -> String {
    format!("[[route]] {}", route.name)
}

/// A route is dead when one before it takes all calls that it would take. Only what is certain is told: patterns are
/// compared as text.
fn check_reachable(config: &Config, problems: &mut Problems) {
    /// Routes with one pattern (`None`: all numbers), by whose calls they take.
    type Taken<'c> = BTreeMap<Option<&'c str>, Vec<&'c At<Route>>>;
    let mut taken: Taken<'_> = BTreeMap::new();
    for route in &config.routes {
        let pattern = route.to.as_ref().map(|to| to.text()).filter(|text| !is_everything(text));
        let mut before = [None, pattern].into_iter().filter_map(|key| taken.get(&key)).flatten();
        if let Some(earlier) = before.find(|earlier| takes_all(&earlier.from, &route.from)) {
            let message =
                format!("{} is never reached: {} in line {} takes all its calls", title_of(route), title_of(earlier), earlier.place.line);
            problems.add(route.place, message);
        }
        taken.entry(pattern).or_default().push(route);
    }
}

fn is_everything(pattern: &str) -> bool {
    matches!(pattern.trim_start_matches('^').trim_end_matches('$'), "" | ".*")
}

fn takes_all(earlier: &From, later: &From) -> bool {
    match (earlier, later) {
        (From::Anybody, _) => true,
        (_, From::Anybody) | (From::Trunks(_), From::Users(..)) => false,
        (earlier, later) => later.trunks().iter().all(|name| earlier.trunks().contains(name)),
    }
}
