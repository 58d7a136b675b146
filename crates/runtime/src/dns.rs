//! Host names, looked up away from the calls (A and AAAA, by the system's resolver) and remembered for a while.

use crate::background::Background;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_model::Timestamp;

/// Names remembered at most; when they are all fresh, a new one replaces the one that would be forgotten first.
pub(crate) const MAX_NAMES: usize = 1_024;

/// How long an answer is good for. The system's resolver does not tell the record's own time to live.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(30);

/// How long a name that could not be found is not asked for again.
pub(crate) const REMEMBERED_FAILURE: Duration = Duration::from_secs(3);

/// A look-up that has not answered by then has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its addresses, in the resolver's order.
    Addresses(Box<[IpAddr]>),
    /// It has none, or nobody answered.
    Nothing,
}

impl Known {
    /// The first address that a socket bound to `local` can send to.
    pub(crate) fn first_for(&self, local: SocketAddr, port: u16) -> Option<SocketAddr> {
        match self {
            Known::Addresses(addresses) => {
                addresses.iter().find(|address| address.is_ipv4() == local.is_ipv4()).map(|address| (*address, port).into())
            }
            Known::Nothing => None,
        }
    }
}

struct Entry {
    known: Known,
    until: Timestamp,
}

/// Looks names up and remembers them.
pub(crate) struct Names {
    background: Background,
    known: RefCell<BTreeMap<Box<str>, Entry>>,
}

impl Names {
    /// Knows no name yet; asks on `background`.
    pub(crate) fn new(background: Background) -> Self {
        Names { background, known: RefCell::default() }
    }

    /// What is known of `host` now, without asking anybody.
    pub(crate) fn recall(&self, host: &str, now: Timestamp) -> Option<Known> {
        self.known.borrow().get(host).filter(|entry| entry.until > now).map(|entry| entry.known.clone())
    }

    /// The names that `address` is remembered under.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<Box<str>> {
        let has_it = |known: &Known| matches!(known, Known::Addresses(addresses) if addresses.contains(&address));
        self.known.borrow().iter().filter(|(_, entry)| has_it(&entry.known)).map(|(name, _)| name.clone()).collect()
    }

    /// Asks for `host`. What it learns is remembered from `now` on.
    pub(crate) async fn look_up(&self, host: Box<str>, now: impl Fn() -> Timestamp) -> Known {
        let name = host.clone();
        let answer = self.background.run(async move {
            let looked_up = tokio::net::lookup_host((&*name, 0));
            match tokio::time::timeout(DEADLINE, looked_up).await {
                Ok(Ok(addresses)) => Known::Addresses(addresses.map(|address| address.ip()).collect()),
                Ok(Err(_)) | Err(_) => Known::Nothing,
            }
        });
        let known = answer.await.unwrap_or(Known::Nothing);
        self.remember(host, known.clone(), now());
        known
    }

    fn remember(&self, host: Box<str>, known: Known, now: Timestamp) {
        let until = now + if known == Known::Nothing { REMEMBERED_FAILURE } else { REMEMBERED };
        let mut names = self.known.borrow_mut();
        if names.len() >= MAX_NAMES && !names.contains_key(&host) {
            names.retain(|_, entry| entry.until > now);
            let first = names.iter().min_by_key(|(_, entry)| entry.until).map(|(name, _)| name.clone());
            if names.len() >= MAX_NAMES
                && let Some(first) = first
            {
                names.remove(&first);
            }
        }
        names.insert(host, Entry { known, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background;

    #[test]
    fn a_name_is_asked_for_once_and_then_known_for_a_while() {
        let (background, _thread) = background::start().unwrap();
        let names = Names::new(background);
        let now = Timestamp::from_millis(1);
        assert_eq!(names.recall("localhost", now), None);
        let known = crate::transport::test_runtime().block_on(names.look_up("localhost".into(), || now));
        let local = "127.0.0.1:5060".parse().unwrap();
        assert_eq!(known.first_for(local, 5070), "127.0.0.1:5070".parse().ok());
        assert_eq!(names.recall("localhost", now), Some(known));
        assert_eq!(names.names_of("127.0.0.1".parse().unwrap()), ["localhost".into()]);
        assert_eq!(names.recall("localhost", now + REMEMBERED), None);
    }

    #[test]
    fn a_name_that_does_not_exist_is_known_not_to() {
        let (background, _thread) = background::start().unwrap();
        let names = Names::new(background);
        let known = crate::transport::test_runtime().block_on(names.look_up("no-such-host.invalid".into(), || Timestamp::ZERO));
        assert_eq!(known, Known::Nothing);
        assert_eq!(names.recall("no-such-host.invalid", Timestamp::ZERO), Some(Known::Nothing));
        assert_eq!(names.recall("no-such-host.invalid", Timestamp::ZERO + REMEMBERED_FAILURE), None);
    }

    #[test]
    fn the_names_known_are_bounded() {
        let (background, _thread) = background::start().unwrap();
        let names = Names::new(background);
        for number in 0..MAX_NAMES as u64 + 10 {
            names.remember(format!("host{number}").into(), Known::Nothing, Timestamp::from_millis(number));
        }
        assert_eq!(names.known.borrow().len(), MAX_NAMES);
        assert_eq!(names.recall("host0", Timestamp::from_millis(1)), None);
    }
}
