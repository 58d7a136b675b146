//! `tandem check`: every mistake of a configuration at once.

use crate::{BAD_INPUT, OK, cli, configuration, say, tell};

/// Reads the file and says what is wrong with it.
pub(crate) fn check(options: &cli::Check) -> anyhow::Result<u8> {
    match configuration::load(&options.config) {
        Ok((config, rules)) => {
            let (listeners, trunks, routes) = (config.listeners.len(), config.trunks.len(), config.routes.len());
            let calls = rules.max_calls;
            say(format_args!("{}: good: {listeners} listeners, {trunks} trunks, {routes} routes; room for {calls} calls", config.file));
            Ok(OK)
        }
        Err(problems) => {
            tell(&problems);
            Ok(BAD_INPUT)
        }
    }
}
