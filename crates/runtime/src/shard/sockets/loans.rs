//! Pairs that a leg takes along to a session of another thread. Their port stays in the part of the thread that opened them, which has them back,
//! to rest, when that session lets go of them.

use super::{Pair, SOCKETS_PER_PAIR, Slot, Sockets, to_token};
use crate::shard::inbox::Item;
use std::{io, sync::atomic::Ordering::Relaxed};
use tandem_media::Channel;
use tandem_model::{PortId, Timestamp};

/// Where a pair is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    shard: usize,
    port: PortId,
}

/// An open pair between two threads: watched by neither, and what arrives waits in it.
#[derive(Debug)]
pub(in crate::shard) struct Loan {
    home: Home,
    side: usize,
    port: u16,
    pair: Pair,
}

impl Sockets {
    /// A pair goes to another session.
    pub(in crate::shard) fn lend(&mut self, port: PortId) -> Option<Loan> {
        let slot = self.slots.get_mut(port.0 as usize)?;
        let pair = slot.pair.take()?;
        slot.session = None;
        self.poller.unwatch(&pair.rtp);
        self.poller.unwatch(&pair.rtcp);
        let own = Home { shard: self.index, port };
        let loan = Loan { home: slot.home.take().unwrap_or(own), side: slot.side, port: slot.port, pair };
        if loan.home != own {
            self.vacant.push(port);
        }
        Some(loan)
    }

    /// A pair comes from another session, which may be another thread's.
    ///
    /// # Errors
    /// The system does not let it be watched; it is on its way home.
    pub(in crate::shard) fn borrow(&mut self, loan: Loan, session: u32) -> io::Result<PortId> {
        let Loan { home, side, port, pair } = loan;
        let is_home = home.shard == self.index;
        let place = if is_home { home.port } else { self.vacancy() };
        if let Err(error) = self.watch(&pair, place) {
            if !is_home {
                self.vacant.push(place);
            }
            self.send_home(Loan { home, side, port, pair });
            return Err(error);
        }
        let slot = Slot { side, port, pair: Some(pair), stocked: false, session: Some(session), home: (!is_home).then_some(home) };
        self.slots[place.0 as usize] = slot;
        Ok(place)
    }

    /// A place for a pair that is not at home here.
    fn vacancy(&mut self) -> PortId {
        self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot { side: 0, port: 0, pair: None, stocked: false, session: None, home: None });
            PortId(self.slots.len() as u32 - 1)
        })
    }

    fn watch(&self, pair: &Pair, place: PortId) -> io::Result<()> {
        self.poller.watch(&pair.rtp, to_token(place.0 as usize, Channel::Rtp))?;
        self.poller.watch(&pair.rtcp, to_token(place.0 as usize, Channel::Rtcp)).inspect_err(|_| self.poller.unwatch(&pair.rtp))
    }

    /// It is not wanted here.
    pub(in crate::shard) fn send_home(&self, loan: Loan) {
        self.shared.outlets[loan.home.shard].push_reserved(Item::Returned(loan));
    }

    /// A pair of this thread is back.
    pub(in crate::shard) fn welcome(&mut self, now: Timestamp, loan: Loan) {
        let Loan { home, pair, .. } = loan;
        if self.watch(&pair, home.port).is_ok() {
            self.slots[home.port.0 as usize].pair = Some(pair);
        } else {
            // It is opened anew when it is wanted.
            self.open -= SOCKETS_PER_PAIR;
            self.shared.counters.sockets.fetch_sub(SOCKETS_PER_PAIR, Relaxed);
        }
        self.give_back(now, home.port, true);
    }
}
