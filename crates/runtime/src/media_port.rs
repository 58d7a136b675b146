//! Between calls and media threads: commands one way, events the other.

use crate::{figures::MediaFigures, node::Node};
use std::rc::Rc;
use tandem_model::{CallId, Event, EventKind, MediaCommand, MediaEvent, RecordingDone};
use tandem_signalling::Input;
use tokio::sync::mpsc;

/// Where commands go.
pub trait MediaPort {
    /// Takes a command, without waiting. What comes of it is told as an event, or at once where it is known.
    ///
    /// # Errors
    /// The command itself, when as many are queued as may be.
    fn command(&self, command: MediaCommand) -> Result<Option<MediaEvent>, MediaCommand>;

    /// What there is to say of the threads; nothing, where there are none.
    fn figures(&self) -> MediaFigures {
        MediaFigures::default()
    }
}

/// Media events taken at one wake-up.
const EVENT_BATCH: usize = 64;

/// Events that may wait for the signalling thread. Each call has a few under way at most: one `Opened`, one `Closed`, an
/// `Inactive` a leg.
pub(crate) const MAX_EVENTS: usize = 65_536;

/// Hands what the media threads tell to the calls.
pub(crate) async fn deliver(node: Rc<Node>, mut events: mpsc::Receiver<(CallId, MediaEvent)>) {
    let mut batch = Vec::with_capacity(EVENT_BATCH);
    while events.recv_many(&mut batch, EVENT_BATCH).await > 0 {
        for (call, event) in batch.drain(..) {
            let recorded = if let MediaEvent::Recorded { .. } = &event { Some(event.clone()) } else { None };
            // The session of a call that is gone has nobody to tell.
            let delivered = node.routes.deliver(call, Input::Media(Box::new(event)));
            if let (Err(_), Some(MediaEvent::Recorded { recording, file, ms, end })) = (delivered, recorded) {
                // But its file is there, and somebody waits for it.
                let kind = EventKind::RecordingReady(Box::new(RecordingDone { recording, file, ms, end }));
                node.notify(Event { time: node.clock.now(), call, leg: None, kind });
            }
        }
    }
}
