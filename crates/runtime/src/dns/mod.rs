//! DNS: what the machines of [`tandem_signalling::locate`] ask is put to the name servers here, away from the calls. What is remembered
//! of the answers is for those machines to say.

mod reply;

use hickory_resolver::{
    Hosts, TokioResolver,
    config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
    system_conf::read_system_conf,
};
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tandem_signalling::locate::{Kind, Question, Reply};

/// What has no answer by then was not answered.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// After so long a name server is asked again, or the next one; the system's configuration can only make it less.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Asks the name servers. Cheap to clone.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    /// The library has errors for what is not configured here.
    resolver: Option<TokioResolver>,
    /// The addresses of `/etc/hosts`, where that is looked at.
    hosts: Hosts,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// One that asks these servers; with none of them, those of the system, after `/etc/hosts`.
    pub fn new(servers: &[SocketAddr]) -> Resolver {
        let (config, mut options, hosts) = match servers {
            // Without a resolv.conf the name server is this machine, as everybody else has it (resolv.conf(5)).
            [] => {
                let usual = || (of_servers(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]), ResolverOpts::default());
                let (config, options) = read_system_conf().unwrap_or_else(|_| usual());
                (config, options, Hosts::from_system().unwrap_or_default())
            }
            servers => (of_servers(servers), ResolverOpts::default(), Hosts::default()),
        };
        options.timeout = options.timeout.min(PATIENCE);
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
        let resolver = builder.build().inspect_err(|error| tracing::error!(%error, "no names can be looked up")).ok();
        Resolver(Arc::new(Inner { resolver, hosts }))
    }

    /// What there is to a question.
    pub(crate) async fn ask(self, question: Question) -> Reply {
        if let Some(reply) = self.0.ask_hosts(&question) {
            return reply;
        }
        match tokio::time::timeout(DEADLINE, self.0.look_up(&question)).await {
            Ok(reply) => reply,
            Err(_) => Reply::Failed,
        }
    }
}

impl Inner {
    /// A name that `/etc/hosts` has is what is said there, and nothing else.
    fn ask_hosts(&self, question: &Question) -> Option<Reply> {
        // `_sip._udp.` and the like stand before a name.
        let host = question.name.trim_start_matches(['_']);
        let host = if host.len() < question.name.len() { host.splitn(3, '.').nth(2)? } else { host };
        let name = Name::from_utf8(host).ok()?;
        let find = |kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind));
        let found = [find(RecordType::A), find(RecordType::AAAA)];
        if found.iter().all(Option::is_none) {
            return None;
        }
        let [v4, v6] = found;
        let lookup = match question.kind {
            Kind::A => v4,
            Kind::Aaaa => v6,
            Kind::Naptr | Kind::Srv => None,
        };
        Some(lookup.map_or(Reply::Nothing(Some(HOSTS_TTL)), |lookup| reply::of_hosts(&lookup, question.kind)))
    }

    async fn look_up(&self, question: &Question) -> Reply {
        let (kind, mut name) = match (record_type(question.kind), Name::from_utf8(&question.name)) {
            (kind, Ok(name)) => (kind, name),
            (_, Err(_)) => return Reply::Nothing(None),
        };
        // A name of one label may stand in a domain of `search`; any other is whole.
        if question.name.contains('.') {
            name.set_fqdn(true);
        }
        let Some(resolver) = &self.resolver else { return Reply::Failed };
        match resolver.lookup(name, kind).await {
            Ok(lookup) => reply::of_records(lookup.answers(), question.kind),
            Err(error) => {
                log_failure(question, &error);
                reply::of_error(&error)
            }
        }
    }
}

/// How long it counts what `/etc/hosts` says. It is read again at a reload.
const HOSTS_TTL: Duration = Duration::from_secs(60);

fn log_failure(question: &Question, error: &NetError) {
    if !error.is_no_records_found() {
        tracing::debug!(name = %crate::log::Escaped(&question.name), kind = ?question.kind, "DNS: {}", crate::log::Escaped(&error.to_string()));
    }
}

fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    }
}

fn of_servers(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        server.connections.iter_mut().for_each(|connection| connection.port = address.port());
        server
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}

/// The first answer's addresses, of a question for those.
#[cfg(test)]
fn addresses(reply: &Reply) -> Vec<std::net::IpAddr> {
    match reply {
        Reply::Found(tandem_signalling::locate::Records::Addresses(addresses), _) => addresses.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_system_have_addresses_and_nothing_else() {
        let resolver = Resolver::new(&[]);
        let ask = |name: &str, kind| resolver.0.ask_hosts(&Question::new(name, kind));
        let found = ask("localhost", Kind::A).unwrap();
        assert_eq!(addresses(&found), [Ipv4Addr::LOCALHOST]);
        assert_eq!(ask("_sip._udp.localhost", Kind::Srv), Some(Reply::Nothing(Some(HOSTS_TTL))));
        assert_eq!(ask("no-such-host.invalid", Kind::A), None);
    }
}
