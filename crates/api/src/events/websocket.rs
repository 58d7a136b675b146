//! Events over a WebSocket (RFC 6455): a message each. Nothing is expected from the other side but answers to pings.

use super::{Listening, Next, PING};
use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::Response,
};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long one message may take to be sent.
const SEND_TIME: Duration = Duration::from_secs(30);

/// The longest message that is taken, in bytes.
const MAX_MESSAGE: usize = 4096;

/// Pings that may go unanswered.
const MAX_PINGS: u32 = 2;

pub(super) fn stream(upgrade: WebSocketUpgrade, listening: Listening) -> Response {
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .write_buffer_size(0)
        .max_write_buffer_size(1 << 20)
        .on_upgrade(|socket| tell(socket, listening))
}

async fn tell(mut socket: WebSocket, mut listening: Listening) {
    let (mut unanswered, mut ping_at) = (0, Instant::now() + PING);
    loop {
        let message = tokio::select! {
            next = listening.next() => match next {
                Some(Next::Event(_, json) | Next::Missed(json)) => Message::text(json),
                None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(_)) => {
                    unanswered = 0;
                    continue;
                }
                _ => return,
            },
            () = tokio::time::sleep_until(ping_at) => {
                if unanswered >= MAX_PINGS {
                    return;
                }
                unanswered += 1;
                ping_at = Instant::now() + PING;
                Message::Ping(bytes::Bytes::new())
            },
        };
        if !matches!(timeout(SEND_TIME, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(SEND_TIME, socket.send(Message::Close(None))).await;
}
