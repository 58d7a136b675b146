//! What the system's signals mean to a node.

use crate::configuration::{self, Loaded};
use std::{
    future::poll_fn,
    io,
    path::{Path, PathBuf},
    task::{Context, Poll},
};
use tandem_config::{Config, Difference};
use tandem_runtime::{Order, Orders, log::Escaped};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a node listens to.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them over. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn take() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Turns them into orders for as long as somebody takes orders: SIGTERM and SIGINT stop, SIGHUP reads `file` again,
    /// which `running` was read from.
    pub(crate) async fn give_orders(mut self, file: PathBuf, mut running: Config, orders: Orders) {
        loop {
            let order = match poll_fn(|context| self.poll_next(context)).await {
                Meaning::Stop => Some(Order::Stop),
                Meaning::Reload => reload(&file, &mut running),
            };
            if let Some(order) = order
                && orders.send(order).await.is_err()
            {
                return;
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Meaning> {
        let stops = [&mut self.terminate, &mut self.interrupt].map(|signal| signal.poll_recv(context).is_ready());
        if stops.contains(&true) {
            return Poll::Ready(Meaning::Stop);
        }
        self.hangup.poll_recv(context).map(|_| Meaning::Reload)
    }
}

enum Meaning {
    Stop,
    Reload,
}

/// The new rules; `None` where the file is bad or asks for more than a running node can change, and then what was in
/// force stays.
fn reload(file: &Path, running: &mut Config) -> Option<Order> {
    let new = configuration::load(file).and_then(|loaded| {
        let changes = Difference::between(running, &loaded.config).reload()?;
        Ok((loaded, changes))
    });
    match new {
        Ok((Loaded { config, rules, warnings }, changes)) => {
            warnings.iter().for_each(|warning| tracing::warn!("{}", Escaped(warning)));
            changes.iter().for_each(|change| tracing::info!("reloading: {}", Escaped(change)));
            *running = config;
            Some(Order::Reload(Box::new(rules)))
        }
        Err(problems) => {
            problems.to_string().lines().for_each(|problem| tracing::error!("{}", Escaped(problem)));
            tracing::error!("the configuration was not reloaded: the one before stays in force");
            None
        }
    }
}
