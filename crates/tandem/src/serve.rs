//! `tandem serve`: a node from its configuration to its end.

use crate::{
    BAD_INPUT, OK, UNWRITABLE, announce, cli,
    configuration::{self, Loaded},
    consult, demo,
    records::Keeper,
    reload::Reloader,
    signals::{Signals, Told},
    tell,
};
use anyhow::Context;
use std::{fmt::Write, net::SocketAddr, path::Path, sync::Arc};
use tandem_api::{Parts, Server};
use tandem_config::Config;
use tandem_model::Transport;
use tandem_runtime::{
    MediaEvents, MediaPort, OpenNode, Setup, background, limits,
    log::{self, Escaped},
    orders,
    prompts::PromptStore,
    records,
    shard::{ShardConfig, Shards, SideConfig},
};

/// Runs until it is told to stop.
pub(crate) fn serve(options: &cli::Serve) -> anyhow::Result<u8> {
    let Loaded { config, rules, api_tls, warnings } = match configuration::load(&options.config) {
        Ok(good) => good,
        Err(problems) => {
            tell(&problems);
            return Ok(BAD_INPUT);
        }
    };
    let _log = start_log(&config)?;
    warnings.iter().for_each(|warning| tracing::warn!("{}", Escaped(warning)));
    let (background, _background_thread) = background::start().context("no second runtime")?;
    let media = media(&config);
    let (prompts, reads) = (Arc::new(PromptStore::new(Path::new(&*config.files.prompts))), background.clone());
    let start_media = move |events: MediaEvents, clock| {
        let tell = Arc::new(move |call, event| events.send(call, event));
        Shards::start(&media, clock, tell).map(|shards| Box::new(shards.with_prompts(prompts, reads)) as Box<dyn MediaPort>)
    };
    let (running, api, webex) = (config.clone(), config.api.clone(), consult::webex(&config));
    let server = api.as_ref().map(Server::bind).transpose().with_context(|| format!("[api] cannot bind {}", bound(&config)))?;
    let (keep, kept) = records();
    let client = consult::client(&config);
    let mut keeper = Keeper::new(&config, &client, &background)?;
    let consultations = Some(consult::start(&background, client));
    let bindings = keeper.bindings(&background)?;
    let node = OpenNode::open(
        Setup { config, rules, background: background.clone(), records: Some(keep), consultations, bindings, fault: None },
        start_media,
    )?;
    let (orders, taken) = orders();
    let signals = background.run(async { Signals::take() }).blocking_recv()?.context("signals cannot be taken")?;
    let reloader = Arc::new(Reloader::new(options.config.clone(), running, orders.clone()));
    let addresses = node.addresses();
    let mut ready = ready_line(&addresses);
    if let Some((config, server)) = api.zip(server) {
        let _ = write!(ready, " http={}", server.address()?);
        let again = reloader.clone();
        let reload = Box::new(move || again.reload().map_err(|problems| problems.to_string()));
        let (records, idempotency, keeping) = (keeper.records(), keeper.answers(), keeper.figures());
        let node = node.handle(&orders);
        let feed = node.subscribe();
        let parts = Parts { config, tls: api_tls, webex, node, records, idempotency, keeping, reload };
        let interface = Server::interface(parts);
        reloader.tell(interface.clone());
        keeper.show(interface.clone(), feed, &background);
        background.run(server.serve(interface));
    }
    let keeping = keeper.start(kept, &background);
    background.run(signals.give_orders(Told { orders, reloader, background: background.clone() }));
    announce(ready).context(UNWRITABLE)?;
    if let Some((_, address)) = addresses.first().filter(|_| options.options.demo) {
        demo::start(&background, *address);
    }
    node.run(taken);
    keeping.end(&background);
    Ok(OK)
}

/// Where `[api]` should listen, for messages.
fn bound(config: &Config) -> String {
    config.api.as_ref().map_or_else(String::new, |api| api.bind.to_string())
}

/// What `[[media]]` and `[calls]` say to the media threads.
fn media(config: &Config) -> ShardConfig {
    let side = |media: &tandem_config::Media| SideConfig {
        bind: *media.bind,
        advertise: media.advertised(),
        ports: media.ports.first..=media.ports.last,
        dscp: media.dscp,
    };
    let descriptors = limits::raise_descriptor_limit().unwrap_or(0);
    let max_sockets = usize::try_from(config.media_sockets(descriptors)).unwrap_or(usize::MAX);
    ShardConfig {
        sides: config.media.iter().map(|media| side(media)).collect(),
        threads: config.calls.shards as usize,
        max_sockets,
        recordings: config.files.recordings.as_ref().into(),
    }
}

fn start_log(config: &Config) -> anyhow::Result<log::LogWriter> {
    let format = match config.log.format {
        tandem_config::LogFormat::Text => log::LogFormat::Text,
        tandem_config::LogFormat::Json => log::LogFormat::Json,
    };
    log::start(format, config.log.level.word(), Box::new(std::io::stderr())).context("no log")
}

/// `tandem ready sip=udp:127.0.0.1:5060,udp:[::1]:5060`
fn ready_line(addresses: &[(Transport, SocketAddr)]) -> String {
    let mut line = String::from("tandem ready sip=");
    for (index, (transport, address)) in addresses.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a String does not fail.
        let _ = write!(line, "{comma}{}:{address}", transport.token().to_ascii_lowercase());
    }
    line
}
