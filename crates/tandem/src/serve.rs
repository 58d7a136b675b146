//! `tandem serve`: a node from its configuration to its end.

use crate::{BAD_INPUT, OK, cli, configuration, say, signals::Signals, tell};
use anyhow::Context;
use std::{fmt::Write, net::SocketAddr};
use tandem_config::Config;
use tandem_model::Transport;
use tandem_runtime::{OpenNode, Setup, background, log, orders};

/// Runs until it is told to stop.
pub(crate) fn serve(options: &cli::Serve) -> anyhow::Result<u8> {
    let (config, rules) = match configuration::load(&options.config) {
        Ok(good) => good,
        Err(problems) => {
            tell(&problems);
            return Ok(BAD_INPUT);
        }
    };
    let _log = start_log(&config)?;
    let (background, _background_thread) = background::start().context("no second runtime")?;
    let node = OpenNode::open(Setup { config, rules, background: background.clone(), fault: None }, |_| todo_media())?;
    let (orders, taken) = orders();
    let signals = background.run(async { Signals::take() }).blocking_recv()?.context("signals cannot be taken")?;
    background.run(signals.give_orders(options.config.clone(), orders));
    say(ready_line(&node.addresses()));
    node.run(taken);
    Ok(OK)
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
