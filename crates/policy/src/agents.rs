//! What is to be kept up for the trunks: the plans of their agents.

use tandem_config::{At, Config, Register, Target, Trunk};
use tandem_model::{AgentPlan, Destination, ListenerId, PingPlan, PingTarget, RegistrarPlan};

/// The plan of each trunk that registers or pings. What cannot be resolved is left out: reading has reported it.
pub(crate) fn compile_agents(config: &Config) -> Box<[AgentPlan]> {
    config.trunks.iter().filter_map(|trunk| compile_agent(config, trunk)).collect()
}

fn compile_agent(config: &Config, trunk: &At<Trunk>) -> Option<AgentPlan> {
    let registrars: Box<[_]> = trunk.register.iter().filter_map(|register| registrar(config, trunk, register)).collect();
    let pings = trunk.ping.map(|ping| PingPlan {
        targets: trunk.targets.iter().filter_map(|target| ping_target(config, trunk, &target.uri)).collect(),
        every: ping.every,
        down_after: ping.down_after,
    });
    if registrars.is_empty() && pings.is_none() {
        return None;
    }
    let instance = format!("{}/{}", config.node.name, trunk.name);
    let login = trunk.login.as_ref().map(|login| login.value.clone());
    Some(AgentPlan { trunk: trunk.name.clone(), registrars, pings, login, instance: instance.into() })
}

fn registrar(config: &Config, trunk: &Trunk, register: &Register) -> Option<RegistrarPlan> {
    let uri = &register.uri;
    let user = match (&uri.user, &trunk.login) {
        (Some(user), _) => user.to_string(),
        (None, Some(login)) => Target::escape_user(&login.username),
        (None, None) => return None,
    };
    let (listener, destination, route) = way(config, trunk, uri)?;
    let (registrar, aor) = (uri.domain(), uri.aor(&user));
    Some(RegistrarPlan { registrar, aor, listener, destination, route, expires_s: register.expires_s, bulk: register.bulk })
}

fn ping_target(config: &Config, trunk: &Trunk, target: &Target) -> Option<PingTarget> {
    let (listener, destination, route) = way(config, trunk, target)?;
    Some(PingTarget { uri: target.uri(), listener, destination, route })
}

/// Listener, first hop and Route of a request to `target`.
fn way(config: &Config, trunk: &Trunk, target: &Target) -> Option<(ListenerId, Destination, Option<Box<str>>)> {
    let listener = config.sides(Some(trunk), target)?.listener;
    let route = trunk.proxy.as_ref().map(|proxy| format!("<{}>", proxy.uri()).into());
    Some((listener, config.hop(trunk, target), route))
}
