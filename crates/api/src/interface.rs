//! What is served, and what it is made of.

use crate::{
    compat::{
        opentok::Rooms,
        webex_dialer::{MAX_BRIDGING, WebexDialer},
    },
    keeping::AskKeeping,
    kept::{Idempotency, Records},
    public::PublicEvent,
    rate::Rates,
    record::Record,
    router, server,
    settings::InForce,
    tls::Secured,
    view::Call,
};
use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tandem_config::Api as Config;

use tandem_model::{CallRecord, CallView};
use tandem_runtime::{Handle, Told, tls::TlsSettings};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Reads the configuration again and puts it in force, in whatever time that takes: what changed, or what is wrong with it.
pub type Reload = Box<dyn Fn() -> Result<Vec<String>, String> + Send + Sync>;

/// What an interface is made of.
pub struct Parts {
    /// `[api]`.
    pub config: Config,
    /// What its `tls` says.
    pub tls: Option<TlsSettings>,
    /// `[webex]`.
    pub webex: Option<WebexDialer>,
    /// The node.
    pub node: Handle,
    /// Where calls that are over are found.
    pub records: Arc<dyn Records>,
    /// Where answers are kept for requests that come again.
    pub idempotency: Arc<dyn Idempotency>,
    /// How that is which is kept, for `/metrics`.
    pub keeping: AskKeeping,
    /// As SIGHUP does.
    pub reload: Reload,
}

/// What all requests share.
pub struct Interface {
    pub(crate) settings: InForce,
    pub(crate) rates: Rates,
    pub(crate) node: Handle,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) idempotency: Arc<dyn Idempotency>,
    /// The rooms of the sessions of OpenTok.
    pub(crate) rooms: Rooms,
    /// Room for requests to join a meeting.
    pub(crate) bridging: Arc<Semaphore>,
    pub(crate) keeping: AskKeeping,
    secured: Arc<Secured>,
    draining: AtomicBool,
    reload: Reload,
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interface").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Interface {
    /// Whether the node drains, whoever told it to, or has stopped.
    pub(crate) async fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed) || self.node.figures().await.is_none_or(|figures| figures.draining)
    }

    /// Drains the node, and ends its calls at once if that is wanted. A node is told once: what it is told again ends its calls.
    pub(crate) async fn drain(&self, end_calls: bool) {
        let was_draining = self.is_draining().await;
        if !self.draining.swap(true, Ordering::Relaxed) && !was_draining {
            self.node.stop().await;
        }
        if end_calls {
            self.node.stop().await;
        }
    }

    /// A call as it is shown.
    pub(crate) fn shown(&self, view: &CallView) -> Call {
        Call::of(view, self.node.epoch())
    }

    /// What happened, as everybody outside sees it.
    pub fn event(&self, told: &Told) -> PublicEvent {
        PublicEvent::of(told, self.node.epoch())
    }

    /// The record of a call that is over.
    pub fn record(&self, record: &CallRecord) -> Record {
        self.rooms.forget(record.call);
        Record::of(record, self.node.epoch())
    }

    /// Reads the configuration again.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Vec<String>, String> {
        let interface = self.clone();
        spawn_blocking(move || (interface.reload)()).await.unwrap_or_else(|_| Err("it failed inside".to_owned()))
    }

    /// Other settings are in force from now on: those that a running interface can change.
    pub fn renew(&self, config: &Config, tls: Option<&TlsSettings>, webex: Option<WebexDialer>) {
        self.settings.renew(config, webex);
        if let Some(tls) = tls {
            self.secured.renew(tls);
        }
    }
}

/// A listener that is bound.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    connections: usize,
}

impl Server {
    /// Takes the address of `config`.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(config: &Config) -> io::Result<Server> {
        Ok(Server { listener: server::bind(*config.bind)?, connections: usize::try_from(config.connections).unwrap_or(usize::MAX) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Makes the interface that it will serve.
    pub fn interface(parts: Parts) -> Arc<Interface> {
        let Parts { config, tls, webex, node, records, idempotency, keeping, reload } = parts;
        if config.keys.is_empty() {
            tracing::warn!("[api] has no `keys`: programs on this machine may do everything over HTTP, and nobody else anything");
        }
        Arc::new(Interface {
            settings: InForce::new(&config, webex),
            rates: Rates::default(),
            node,
            records,
            idempotency,
            rooms: Rooms::default(),
            bridging: Arc::new(Semaphore::new(MAX_BRIDGING)),
            keeping,
            secured: Arc::new(Secured::new(tls.as_ref())),
            draining: AtomicBool::new(false),
            reload,
        })
    }

    /// Serves it for as long as it is polled, inside a tokio runtime.
    ///
    /// # Errors
    /// The system's, when the listener cannot be watched.
    pub async fn serve(self, interface: Arc<Interface>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (router, secured) = (router::router(&interface), interface.secured.clone());
        server::serve(listener, server::Served { router, secured, connections: self.connections }).await;
        Ok(())
    }
}
