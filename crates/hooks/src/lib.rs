//! What the node says to others over HTTP because it was told to: events to a webhook, questions to whoever decides routes.
//!
//! What is here: a client that calls only addresses that it may ([`Guard`]), the signature of what is sent, and the sending of
//! events, again and again until they are taken, from a queue that outlives the process.
//!
//! What is deliberately not here: what an event or a question says, who listens to us (`tandem-api`), and where the queue lies
//! (`tandem-store`).
//!
//! Three types to know: [`Client`] posts, [`Queue`] keeps what is to be posted, and [`Sender`] sees to it that it is.

mod ask;
mod bearer;
mod client;
mod guard;
mod pace;
mod queue;
mod sender;
mod signature;
#[cfg(test)]
mod tests;
mod url;

pub use ask::{AskError, MAX_ANSWER, ask};
pub use bearer::bearer;
pub use client::{Client, MAX_REDIRECTS, PostError, Reply, Terms};
pub use guard::{Block, Guard};
pub use queue::{MemoryQueue, Notice, Queue, QueueError, Waiting};
pub use sender::{GIVE_UP_AFTER, MAX_INTAKE, MAX_ON_THE_WAY, Sender, Tally, Target};
pub use signature::{SIGNATURE_HEADER, sign};
pub use url::{BadUrl, Url};
