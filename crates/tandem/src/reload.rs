//! The configuration, read again while the node runs.

use crate::{
    configuration::{self, Loaded},
    consult,
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tandem_api::Interface;
use tandem_config::{Config, Difference, Problems};
use tandem_runtime::{Order, Orders, log::Escaped};

/// Reads a file again and puts it in force, as often as it is told to.
pub(crate) struct Reloader {
    file: PathBuf,
    running: Mutex<Config>,
    orders: Orders,
    interface: OnceLock<Arc<Interface>>,
}

impl Reloader {
    /// `running` was read from `file`.
    pub(crate) fn new(file: PathBuf, running: Config, orders: Orders) -> Reloader {
        Reloader { file, running: Mutex::new(running), orders, interface: OnceLock::new() }
    }

    /// Tells that interface too from now on.
    pub(crate) fn tell(&self, interface: Arc<Interface>) {
        // There is one.
        let _ = self.interface.set(interface);
    }

    /// What changed. Blocks on the files, one reload after the other.
    ///
    /// # Errors
    /// What is wrong with the file, or would need a restart: then what was in force stays.
    pub(crate) fn reload(&self) -> Result<Vec<String>, Problems> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let new = configuration::load(&self.file).and_then(|loaded| {
            let changes = Difference::between(&running, &loaded.config).reload()?;
            Ok((loaded, changes))
        });
        let (Loaded { config, rules, api_tls, warnings }, changes) = new.inspect_err(|problems| {
            problems.to_string().lines().for_each(|problem| tracing::error!("{}", Escaped(problem)));
            tracing::error!("the configuration was not reloaded: the one before stays in force");
        })?;
        warnings.iter().for_each(|warning| tracing::warn!("{}", Escaped(warning)));
        changes.iter().for_each(|change| tracing::info!("reloading: {}", Escaped(change)));
        if let (Some(interface), Some(api)) = (self.interface.get(), &config.api) {
            interface.renew(api, api_tls.as_ref(), consult::webex(&config));
        }
        *running = config;
        // A node that takes no orders any more is stopping.
        let _ = self.orders.blocking_send(Order::Reload(Box::new(rules)));
        Ok(changes)
    }
}
