//! Which sockets have something to read. Level-triggered for sockets, on purpose: one receive per readiness takes one packet, and what
//! is left is told again; an edge-triggered poller would cost a second receive that finds nothing for every packet.

use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};
use std::{io, os::fd::AsFd, time::Duration};

/// Sockets told at one wake-up; others that are ready are told at the next.
pub(super) const MAX_READY: usize = 256;

/// A set of sockets that are watched.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: Epoll,
    ready: Box<[EpollEvent; MAX_READY]>,
}

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Poller { epoll, ready: Box::new([EpollEvent::empty(); MAX_READY]) })
    }

    /// Watches a socket until it is closed.
    pub(super) fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }

    /// Watches for each time that an event counter is written to, until it is closed. Nobody need read it.
    pub(super) fn watch_writes(&self, counter: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.epoll.add(counter, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, token))?)
    }

    /// Watches a socket no longer, which is watched.
    pub(super) fn unwatch(&self, socket: impl AsFd) {
        // It can only fail for one that is not.
        let _ = self.epoll.delete(socket);
    }

    /// Waits until something is ready, or for as long as `timeout` says; `None`: for ever. Says how many are.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        // Up, not down: a timer that is early by a part of a millisecond would be asked for again and again.
        let millis = timeout.map(|timeout| u16::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(u16::MAX));
        match self.epoll.wait(&mut self.ready[..], millis.map_or(EpollTimeout::NONE, EpollTimeout::from)) {
            Err(Errno::EINTR) => Ok(0),
            ready => Ok(ready?),
        }
    }

    /// The token of one that is ready.
    pub(super) fn token(&self, index: usize) -> u64 {
        self.ready[index].data()
    }
}
