//! Who lately took no connection: a request that has another way need not try again (RFC 3261 §18.1.1).

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokio::time::Instant;

/// How long it is remembered.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Addresses that are remembered; the oldest goes when there are more.
const MAX_REFUSALS: usize = 1_024;

/// Addresses where no connection could be made, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<SocketAddr, Instant>);

impl Refusals {
    /// Nobody took our connection there.
    pub(super) fn note(&mut self, remote: SocketAddr) {
        let now = Instant::now();
        if self.0.len() >= MAX_REFUSALS {
            self.0.retain(|_, until| *until > now);
            let oldest = self.0.iter().min_by_key(|(_, until)| **until).map(|(remote, _)| *remote);
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= MAX_REFUSALS) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(remote, now + REMEMBERED);
    }

    /// Somebody did.
    pub(super) fn forget(&mut self, remote: SocketAddr) {
        self.0.remove(&remote);
    }

    /// Whether it is not worth trying.
    pub(super) fn has(&self, remote: SocketAddr) -> bool {
        self.0.get(&remote).is_some_and(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_until_a_connection_is_taken_and_the_oldest_makes_room() {
        let mut refusals = Refusals::default();
        let address = |number: usize| SocketAddr::from(([192, 0, 2, 1], u16::try_from(number).unwrap()));
        (0..=MAX_REFUSALS).for_each(|number| refusals.note(address(number)));
        assert_eq!((refusals.0.len(), refusals.has(address(0)), refusals.has(address(1))), (MAX_REFUSALS, false, true));
        refusals.forget(address(1));
        assert!(!refusals.has(address(1)));
    }
}
