//! Commands on their way to a media thread: a bounded queue and the bell that wakes the thread.

use super::sockets::Loan;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};
use tandem_media::{Adoptee, Playable};
use tandem_model::{CallId, LegId, MediaCommand, PlayFailure, PlayId, PortId};

/// Commands that may wait for a thread: what some 500 calls are set up with. Each `Open` that was let in may be followed
/// by one `Close` on top, so that no session is ever left open for want of room.
pub(super) const MAX_WAITING: usize = 2048;

/// Items that may wait for the thread to wake by itself.
const MAX_QUIET: usize = 16;

/// What a thread is sent.
#[derive(Debug)]
pub(super) enum Item {
    Command(MediaCommand),
    /// An `Open` or `Add` with ports from the stock, which its call knows already.
    At(MediaCommand, Box<[PortId]>),
    /// A prompt that a session waits for, or what is heard in its place.
    Loaded(CallId, PlayId, Result<Playable, PlayFailure>),
    /// A leg of a session of that call goes to another's.
    Leaves(Leaving),
    /// It comes from another session: what the call is told from now on is for when it is here.
    Comes(CallId, LegId),
    /// It is here, or there is none.
    Here(CallId, LegId, Option<Box<Passage>>),
    /// A pair that was lent is back.
    Returned(Loan),
    Stop,
    /// Makes the session panic, at once or at its next packet.
    #[cfg(test)]
    Fault(tandem_model::CallId, super::worker::Fault),
}

/// A leg that is to go from one session to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub(super) leg: LegId,
    pub(super) from: CallId,
    /// To whom, and which thread has that session.
    pub(super) call: CallId,
    pub(super) shard: usize,
}

/// Its endpoint between two sessions.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) adoptee: Box<Adoptee>,
    pub(super) loan: Loan,
}

impl Item {
    /// Whose session it is for, if for one.
    pub(super) fn call(&self) -> Option<CallId> {
        match self {
            Item::Command(command) | Item::At(command, _) => Some(command.call()),
            Item::Loaded(call, ..) | Item::Comes(call, _) | Item::Here(call, ..) => Some(*call),
            Item::Leaves(leaving) => Some(leaving.from),
            Item::Returned(_) | Item::Stop => None,
            #[cfg(test)]
            Item::Fault(call, _) => Some(*call),
        }
    }

    /// Whether it counts against the bound. The others have their place for certain: a `Close` for each session, a prompt for each that is being
    /// read, a leg for each transfer, of which a call has few, a pair for each leg, the end.
    fn counts(&self) -> bool {
        match self {
            Item::Command(command) => !matches!(command, MediaCommand::Close { .. }),
            Item::At(..) => true,
            Item::Loaded(..) | Item::Leaves(_) | Item::Comes(..) | Item::Here(..) | Item::Returned(_) | Item::Stop => false,
            #[cfg(test)]
            Item::Fault(..) => true,
        }
    }
}

/// The sending end.
#[derive(Debug)]
pub(super) struct Outlet {
    queue: Sender<Item>,
    bell: Arc<Bell>,
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Inbox {
    queue: Receiver<Item>,
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Bell {
    event: EventFd,
    /// Something was queued since the bell was last answered, whether or not it rang.
    filled: AtomicBool,
    /// It has rung and nobody has answered: whoever comes now need not ring.
    rung: AtomicBool,
    /// Items that count against the bound.
    waiting: AtomicUsize,
}

/// Both ends of a queue.
pub(super) fn inbox() -> io::Result<(Outlet, Inbox)> {
    let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
    let bell = Arc::new(Bell { event, filled: AtomicBool::new(false), rung: AtomicBool::new(false), waiting: AtomicUsize::new(0) });
    let (sender, receiver) = channel();
    Ok((Outlet { queue: sender, bell: bell.clone() }, Inbox { queue: receiver, bell }))
}

impl Outlet {
    /// Queues an item and rings.
    ///
    /// # Errors
    /// The command, when the queue is full or its thread gone.
    pub(super) fn push(&self, item: Item) -> Result<(), MediaCommand> {
        self.queue(item)?;
        self.bell.ring();
        Ok(())
    }

    /// Queues an item that is in time when the thread wakes for something else. It rings only where many wait.
    ///
    /// # Errors
    /// The command, when the queue is full or its thread gone.
    pub(super) fn push_quietly(&self, item: Item) -> Result<(), MediaCommand> {
        if self.queue(item)? >= MAX_QUIET {
            self.bell.ring();
        }
        Ok(())
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.bell.waiting.load(Ordering::Relaxed)
    }

    /// Queues an item and says how many were waiting.
    fn queue(&self, item: Item) -> Result<usize, MediaCommand> {
        let waiting = self.bell.waiting.fetch_add(1, Ordering::Relaxed);
        let refused = if waiting >= MAX_WAITING { Some(item) } else { self.queue.send(item).err().map(|refused| refused.0) };
        match refused {
            Some(Item::Command(command) | Item::At(command, _)) => {
                self.bell.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(command)
            }
            _ => {
                self.bell.filled.store(true, Ordering::Release);
                Ok(waiting)
            }
        }
    }

    /// Queues what has its place for certain.
    pub(super) fn push_reserved(&self, item: Item) {
        // A thread that is gone has no session left to close.
        if self.queue.send(item).is_ok() {
            self.bell.filled.store(true, Ordering::Release);
            self.bell.ring();
        }
    }
}

impl Inbox {
    /// What is written to when something is queued. It is never read: watch it by [`Poller::watch_writes`](super::poller::Poller).
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.event.as_fd()
    }

    /// Whether something was queued since the bell was last answered.
    pub(super) fn is_filled(&self) -> bool {
        self.bell.filled.load(Ordering::Acquire)
    }

    /// Silences the bell. Call this before taking what is queued.
    pub(super) fn answer(&self) {
        // What is queued before this is taken after it; what is queued after rings again.
        self.bell.filled.swap(false, Ordering::AcqRel);
        self.bell.rung.swap(false, Ordering::AcqRel);
    }

    /// The next item.
    pub(super) fn take(&self) -> Option<Item> {
        let item = self.queue.try_recv().ok()?;
        if item.counts() {
            self.bell.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Some(item)
    }
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // It can only fail when the bell has rung 2⁶⁴ times without an answer.
            let _ = self.event.write(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(counter: u16) -> Item {
        let call = CallId::new(1, counter);
        Item::Command(MediaCommand::Remove { call, leg: call.leg(0).unwrap() })
    }

    fn close() -> Item {
        Item::Command(MediaCommand::Close { call: CallId::new(1, 0) })
    }

    #[test]
    fn a_full_queue_gives_commands_back_and_still_takes_a_close() {
        let (outlet, inbox) = inbox().unwrap();
        assert!((0..MAX_WAITING).all(|_| outlet.push(play(0)).is_ok()));
        assert!(matches!(outlet.push(play(7)), Err(MediaCommand::Remove { call, .. }) if call == CallId::new(1, 7)));
        outlet.push_reserved(close());
        assert!(inbox.take().is_some());
        assert!(outlet.push(play(1)).is_ok());
        assert!(outlet.push(play(2)).is_err());
        assert_eq!(std::iter::from_fn(|| inbox.take()).count(), MAX_WAITING + 1);
        assert_eq!(inbox.bell.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_bell_rings_once_until_it_is_answered() {
        let (outlet, inbox) = inbox().unwrap();
        (0..3).for_each(|_| outlet.push_reserved(close()));
        assert_eq!(inbox.bell.event.read(), Ok(1));
        inbox.answer();
        outlet.push_reserved(close());
        assert_eq!(inbox.bell.event.read(), Ok(1));
    }

    #[test]
    fn what_is_queued_quietly_rings_only_when_many_wait() {
        let (outlet, inbox) = inbox().unwrap();
        (0..MAX_QUIET).for_each(|_| outlet.push_quietly(play(0)).unwrap());
        assert!(inbox.is_filled());
        assert!(inbox.bell.event.read().is_err(), "it has not rung");
        outlet.push_quietly(play(0)).unwrap();
        assert_eq!(inbox.bell.event.read(), Ok(1));
        inbox.answer();
        assert!(!inbox.is_filled());
    }

    #[test]
    fn a_thread_that_is_gone_refuses() {
        let (outlet, inbox) = inbox().unwrap();
        drop(inbox);
        assert!(outlet.push(play(0)).is_err());
    }
}
