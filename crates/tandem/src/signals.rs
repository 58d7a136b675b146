//! What the system's signals mean to a node.

use crate::reload::Reloader;
use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
};
use tandem_runtime::{Order, Orders, background::Background};
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

    /// Turns them into orders for as long as somebody takes orders: SIGTERM and SIGINT stop, SIGHUP reloads.
    pub(crate) async fn give_orders(mut self, told: Told) {
        loop {
            match poll_fn(|context| self.poll_next(context)).await {
                Meaning::Stop => {
                    if told.orders.send(Order::Stop).await.is_err() {
                        return;
                    }
                }
                Meaning::Reload => {
                    let reloader = told.reloader.clone();
                    // What is wrong has been logged; a machine too busy to read a file is told again.
                    if let Some(done) = told.background.run_blocking(move || reloader.reload()) {
                        let _ = done.await;
                    }
                }
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

/// Who is told what the signals mean.
pub(crate) struct Told {
    pub(crate) orders: Orders,
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) background: Background,
}

enum Meaning {
    Stop,
    Reload,
}
