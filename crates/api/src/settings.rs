//! What the configuration says to a running interface, and what a reload changes of it.

use crate::WebexDialer;
use std::sync::{Arc, PoisonError, RwLock};
use tandem_config::{Api as Config, OpentokProject, Scope};
use tandem_model::Secret;

/// What holds for the requests that come from now on.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys: Box<[Key]>,
    pub(crate) cors: Box<[Box<str>]>,
    /// Requests a second.
    pub(crate) rate: u32,
    /// Bytes.
    pub(crate) body: usize,
    /// `[webex]`.
    pub(crate) webex: Option<Arc<WebexDialer>>,
    pub(crate) opentok: Box<[Arc<OpentokProject>]>,
}

/// One key of the configuration.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Arc<str>,
    pub(crate) key: Secret,
    pub(crate) scopes: Box<[Scope]>,
}

impl Settings {
    fn new(config: &Config, webex: Option<WebexDialer>) -> Settings {
        let key = |key: &tandem_config::ApiKey| Key { name: Arc::from(&*key.name), key: key.key.clone(), scopes: key.scopes.clone() };
        Settings {
            keys: config.keys.iter().map(key).collect(),
            cors: config.cors.clone(),
            rate: config.rate,
            body: usize::try_from(config.body).unwrap_or(usize::MAX),
            webex: webex.map(Arc::new),
            opentok: config.opentok.iter().cloned().map(Arc::new).collect(),
        }
    }
}

/// The settings in force.
#[derive(Debug)]
pub(crate) struct InForce(RwLock<Arc<Settings>>);

impl InForce {
    pub(crate) fn new(config: &Config, webex: Option<WebexDialer>) -> InForce {
        InForce(RwLock::new(Arc::new(Settings::new(config, webex))))
    }

    pub(crate) fn now(&self) -> Arc<Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn renew(&self, config: &Config, webex: Option<WebexDialer>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Settings::new(config, webex));
    }
}
