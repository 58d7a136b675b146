//! The certificate in force.

use std::sync::{Arc, PoisonError, RwLock};
use tandem_runtime::tls::TlsSettings;
use tokio_rustls::rustls::ServerConfig;

/// How connections are secured; `None`: not at all.
#[derive(Debug)]
pub(crate) struct Secured(RwLock<Option<Arc<ServerConfig>>>);

impl Secured {
    pub(crate) fn new(settings: Option<&TlsSettings>) -> Secured {
        Secured(RwLock::new(settings.map(TlsSettings::server)))
    }

    pub(crate) fn now(&self) -> Option<Arc<ServerConfig>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn renew(&self, settings: &TlsSettings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(settings.server());
    }
}
