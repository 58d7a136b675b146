//! How many requests a second one key, or one address, may make.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tandem_model::neighbourhood;

/// Keys and addresses that are told apart; those beyond share one allowance.
const MAX_ASKERS: usize = 16_384;

/// Seconds of its rate that an asker may spend at once.
const BURST: f64 = 2.0;

/// Whose allowance a request is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// A key, by its name.
    Key(Arc<str>),
    /// An IPv4 address, or the /64 of an IPv6 one.
    Source(IpAddr),
    /// All for whom there is no room.
    Rest,
}

impl Asker {
    pub(crate) fn source(address: IpAddr) -> Asker {
        Asker::Source(neighbourhood(address))
    }
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

/// Who has how much left.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Asker, Allowance>>);

impl Rates {
    /// Takes one request from what `asker` may make at `rate` a second; else after how many whole seconds it may again.
    pub(crate) fn take(&self, asker: Asker, rate: u32, now: Instant) -> Result<(), u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (rate, most) = (f64::from(rate), f64::from(rate) * BURST);
        let left = |allowance: &Allowance| (allowance.left + rate * now.saturating_duration_since(allowance.at).as_secs_f64()).min(most);
        let mut asker = asker;
        if all.len() >= MAX_ASKERS && !all.contains_key(&asker) {
            // Who has all of it left is as good as forgotten.
            all.retain(|_, allowance| left(allowance) < most);
            if all.len() >= MAX_ASKERS {
                asker = Asker::Rest;
            }
        }
        let allowance = all.entry(asker).or_insert(Allowance { left: most, at: now });
        *allowance = Allowance { left: left(allowance), at: now };
        if allowance.left < 1.0 {
            return Err(((1.0 - allowance.left) / rate).ceil().max(1.0) as u32);
        }
        allowance.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_asker_gets_its_rate_and_others_theirs() {
        let (rates, begin) = (Rates::default(), Instant::now());
        let asker = || Asker::Key("a".into());
        let taken = (0..100).take_while(|_| rates.take(asker(), 10, begin).is_ok()).count();
        assert_eq!(taken, 20, "two seconds' worth at once");
        assert_eq!(rates.take(asker(), 10, begin), Err(1));
        assert_eq!(rates.take(Asker::Key("b".into()), 10, begin), Ok(()));
        assert_eq!(rates.take(asker(), 10, begin + Duration::from_millis(100)), Ok(()));
        assert!(rates.take(asker(), 10, begin + Duration::from_millis(150)).is_err());
        assert_eq!(rates.take(asker(), 10, begin + Duration::from_millis(200)), Ok(()));
    }

    #[test]
    fn an_ipv6_neighbourhood_is_one_asker_and_there_is_room_for_so_many() {
        let (rates, begin) = (Rates::default(), Instant::now());
        let source = |text: &str| Asker::source(text.parse().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::2"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        for number in 0..MAX_ASKERS as u32 + 100 {
            assert_eq!(rates.take(Asker::Source(IpAddr::from(number.to_be_bytes())), 100, begin), Ok(()));
        }
        assert!(rates.0.lock().unwrap().len() <= MAX_ASKERS + 1);
        let later = begin + Duration::from_secs(10);
        assert_eq!(rates.take(source("192.0.2.1"), 100, later), Ok(()));
        assert_eq!(rates.0.lock().unwrap().len(), 1, "those with all of theirs left are forgotten");
    }
}
