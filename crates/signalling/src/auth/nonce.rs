//! Nonces that prove themselves: a time, a number that no other has, who was given it, and a keyed check over all of this and whom it is
//! for. Nothing is kept of one until it is used.

use super::digest::Hex;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tandem_model::{Challenge, Timestamp, neighbourhood};

/// How long a nonce may be answered, from its making. Whoever comes later is given another with `stale=true`.
pub(super) const NONCE_LIFETIME: Duration = Duration::from_secs(60);

const TIME: usize = 6;
const NUMBER: usize = 6;
/// The round, and whether the holder has an IPv6 address.
const ROUND: usize = 1;
/// An IPv4 address, or the network of an IPv6 one.
const HOLDER: usize = 8;
const NAMED: usize = TIME + NUMBER + ROUND + HOLDER;
const WHOLE: usize = NAMED + 16;

/// Beside the round: the holder has an IPv6 address.
const V6: u8 = 0x80;

/// Whom a nonce was sent to, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The network that it went to. Whoever forges the address of another never sees what we answer, so this one is real.
    pub(super) holder: IpAddr,
    /// Wrong answers that came before it.
    pub(super) round: u8,
}

/// What a nonce turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Ours, and young enough. Numbers grow from one to the next.
    Fresh { number: u64, until: Timestamp },
    /// Ours, and too old.
    Old,
    /// Not made by us, or for another trunk.
    Foreign,
}

#[derive(Clone)]
pub(super) struct Nonces {
    key: [u8; 16],
    next: u64,
}

impl Nonces {
    /// Nonces under a key of their own, made from `secret`.
    pub(super) fn new(secret: [u8; 16]) -> Self {
        let mut hasher = SipHasher24::new_with_key(&secret);
        hasher.write(b"nonces");
        Nonces { key: hasher.finish128().as_u128().to_be_bytes(), next: 1 }
    }

    pub(super) fn make(&mut self, now: Timestamp, challenge: &Challenge, given: Given) -> Hex {
        let mut bytes = [0; WHOLE];
        bytes[..TIME].copy_from_slice(&now.as_millis().to_be_bytes()[8 - TIME..]);
        bytes[TIME..TIME + NUMBER].copy_from_slice(&self.next.to_be_bytes()[8 - NUMBER..]);
        let (family, network) = match neighbourhood(given.holder) {
            IpAddr::V4(address) => (0, u64::from(address.to_bits())),
            IpAddr::V6(address) => (V6, (address.to_bits() >> 64) as u64),
        };
        bytes[TIME + NUMBER] = family | given.round.min(V6 - 1);
        bytes[NAMED - HOLDER..NAMED].copy_from_slice(&network.to_be_bytes());
        let check = self.check(&bytes[..NAMED], challenge);
        bytes[NAMED..].copy_from_slice(&check);
        self.next += 1;
        Hex::of(&bytes)
    }

    /// What it is, and who was given it if it is ours.
    pub(super) fn read(&self, now: Timestamp, nonce: &str, challenge: &Challenge) -> (Found, Option<Given>) {
        let Some(bytes) = decode(nonce) else { return (Found::Foreign, None) };
        let (named, check) = bytes.split_at(NAMED);
        if !bool::from(check.ct_eq(&self.check(named, challenge))) {
            return (Found::Foreign, None);
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let until = Timestamp::from_millis(number(&named[..TIME])) + NONCE_LIFETIME;
        let (round, network) = (named[TIME + NUMBER], number(&named[NAMED - HOLDER..]));
        let holder = match round & V6 {
            0 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(network).unwrap_or_default())),
            _ => IpAddr::V6(Ipv6Addr::from_bits(u128::from(network) << 64)),
        };
        let found = if now < until { Found::Fresh { number: number(&named[TIME..TIME + NUMBER]), until } } else { Found::Old };
        (found, Some(Given { holder, round: round & !V6 }))
    }

    fn check(&self, named: &[u8], challenge: &Challenge) -> [u8; 16] {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        for part in [named, challenge.trunk.as_bytes(), challenge.realm.as_bytes()] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish128().as_u128().to_be_bytes()
    }
}

fn decode(text: &str) -> Option<[u8; WHOLE]> {
    if text.len() != WHOLE * 2 {
        return None;
    }
    let mut bytes = [0; WHOLE];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        });
        *byte = high? << 4 | low?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::{Account, Accounts, DigestAlgorithm, Secret};

    fn challenge(trunk: &str) -> Challenge {
        Challenge {
            trunk: trunk.into(),
            realm: "r".into(),
            algorithms: [DigestAlgorithm::Md5].into(),
            accounts: Accounts::One(Account { username: "u".into(), password: Secret::new("p") }),
        }
    }

    const GIVEN: Given = Given { holder: IpAddr::V4(Ipv4Addr::LOCALHOST), round: 0 };

    #[test]
    fn a_nonce_says_who_was_given_it() {
        let (mut nonces, now, pbx) = (Nonces::new([7; 16]), Timestamp::from_millis(5_000), challenge("pbx"));
        for (address, holder) in [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
        {
            let given = Given { holder: address.parse().unwrap(), round: 1 };
            let nonce = nonces.make(now, &pbx, given);
            assert_eq!(nonces.read(now, nonce.as_str(), &pbx).1, Some(Given { holder: holder.parse().unwrap(), round: 1 }));
        }
    }

    #[test]
    fn a_nonce_lives_for_a_minute_and_for_its_trunk() {
        let (mut nonces, now, pbx) = (Nonces::new([7; 16]), Timestamp::from_millis(5_000), challenge("pbx"));
        let nonce = nonces.make(now, &pbx, GIVEN);
        let until = now + NONCE_LIFETIME;
        assert_eq!(nonces.read(now, nonce.as_str(), &pbx).0, Found::Fresh { number: 1, until });
        assert_eq!(
            nonces.read(now + (NONCE_LIFETIME - Duration::from_millis(1)), nonce.as_str(), &pbx).0,
            Found::Fresh { number: 1, until }
        );
        assert_eq!(nonces.read(until, nonce.as_str(), &pbx).0, Found::Old);
        assert_eq!(nonces.read(now, nonce.as_str(), &challenge("carrier")).0, Found::Foreign);
        assert_eq!(Nonces::new([8; 16]).read(now, nonce.as_str(), &pbx).0, Found::Foreign);
        assert_ne!(nonces.make(now, &pbx, GIVEN), nonce);
    }

    #[test]
    fn every_changed_digit_is_found() {
        let (mut nonces, now, pbx) = (Nonces::new([7; 16]), Timestamp::from_millis(5_000), challenge("pbx"));
        let nonce = nonces.make(now, &pbx, GIVEN).as_str().to_owned();
        for place in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(nonces.read(now, std::str::from_utf8(&forged).unwrap(), &pbx).0, Found::Foreign, "digit {place}");
        }
        for broken in ["", "00", &nonce.to_uppercase(), &format!("{nonce}0"), &"\u{e4}".repeat(28)] {
            assert_eq!(nonces.read(now, broken, &pbx).0, Found::Foreign);
        }
    }
}
