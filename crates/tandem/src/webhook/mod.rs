//! Events of the node, sent to the program that `webhook` of `[api]` names.

mod queue;

pub(crate) use queue::EventQueue;

use anyhow::Context;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tandem_api::{Interface, WebhookFigures};
use tandem_config::Webhook;
use tandem_hooks::{Client, MAX_INTAKE, Notice, Sender, Tally, Target, Url};
use tandem_model::Secret;
use tandem_runtime::{Feed, Heard, background::Background};
use tokio::sync::{mpsc, oneshot};

/// Tells of events, once it was started.
pub(crate) struct Teller {
    sender: Sender<EventQueue>,
    watch: Watch,
}

/// Sees what becomes of them.
#[derive(Clone)]
pub(crate) struct Watch {
    queue: Arc<EventQueue>,
    tally: Arc<Tally>,
}

impl Teller {
    pub(crate) fn new(webhook: &Webhook, client: Client, queue: EventQueue) -> anyhow::Result<Teller> {
        let url = Url::parse(&webhook.url).context("`webhook` in [api]")?;
        let secret = webhook.secret.as_ref().map(Secret::expose).unwrap_or_default().into();
        let queue = Arc::new(queue);
        let sender = Sender::new(client, Target { url, secret }, queue.clone());
        let tally = sender.tally();
        Ok(Teller { sender, watch: Watch { queue, tally } })
    }

    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Tells all that is heard from `feed`, in the words of `interface`, until that ends; then it is done once what could be sent was.
    pub(crate) fn start(self, feed: Feed, interface: Arc<Interface>, background: &Background) -> oneshot::Receiver<()> {
        let (give, intake) = mpsc::channel(MAX_INTAKE);
        drop(background.run(hand_on(feed, interface, give, self.watch.tally)));
        background.run(self.sender.run(intake))
    }
}

impl Watch {
    pub(crate) async fn figures(&self) -> WebhookFigures {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WebhookFigures {
            waiting: self.queue.waiting().await,
            taken: of(&self.tally.taken),
            failed: of(&self.tally.failed),
            given_up: of(&self.tally.given_up),
            lost: of(&self.tally.lost),
        }
    }
}

/// What waits here, because the queue takes none, lies in the history of the node: what that forgets is lost.
async fn hand_on(mut feed: Feed, interface: Arc<Interface>, give: mpsc::Sender<Notice>, tally: Arc<Tally>) {
    while let Some(heard) = feed.next().await {
        let told = match heard {
            Heard::Event(told) => told,
            Heard::Missed(missed) => {
                tally.lose(missed);
                continue;
            }
        };
        let event = interface.event(&told);
        let notice = Notice { id: event.id.as_str().into(), body: event.json().into() };
        if give.send(notice).await.is_err() {
            return;
        }
    }
}
