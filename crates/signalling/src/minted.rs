//! The tags, branches and Contact users that we make. Each decodes to the leg that it was made for and carries a
//! keyed check, so that a request finds its owner without a table of strings and a forged one finds nobody.

use crate::session_id::Uuid;
use siphasher::sip::SipHasher24;
use std::{fmt, hash::Hasher};
use tandem_model::{LegId, ListenerId};

/// RFC 3261 §8.1.1.7: what a branch must begin with.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

const LEG: usize = 8;
const SERIAL: usize = 2;
const CHECK: usize = 8;
const PLAIN: usize = LEG + CHECK;
const NUMBERED: usize = LEG + SERIAL + CHECK;
/// Longest text minted: the cookie and a numbered token.
const LONGEST: usize = MAGIC_COOKIE.len() + text_len(NUMBERED);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What each byte stands for, in either case; [`NO_DIGIT`] for what is no digit.
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        values[DIGITS[value].to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    values
};
const NO_DIGIT: u8 = u8::MAX;

const fn text_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// What a token is for: one made for one use is nothing in another.
#[derive(Clone, Copy)]
enum Purpose {
    Tag = 1,
    Branch = 2,
    Contact = 3,
    Stateless = 4,
    Line = 5,
    Session = 6,
    OurSession = 7,
}

/// A minted token, inline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Minted {
    text: [u8; LONGEST],
    len: u8,
}

impl Minted {
    /// The token as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).expect("minted from an ASCII alphabet")
    }

    fn encode(prefix: &str, bytes: &[u8]) -> Minted {
        let mut text = [0; LONGEST];
        text[..prefix.len()].copy_from_slice(prefix.as_bytes());
        // Five bytes are eight digits.
        for (five, digits) in bytes.chunks(5).zip(text[prefix.len()..].chunks_mut(8)) {
            let pool = (0..5).fold(0, |pool, place| pool << 8 | u64::from(five.get(place).copied().unwrap_or(0)));
            for (place, digit) in digits.iter_mut().enumerate().take(text_len(five.len())) {
                *digit = DIGITS[(pool >> (35 - 5 * place)) as usize & 31];
            }
        }
        Minted { text, len: (prefix.len() + text_len(bytes.len())) as u8 }
    }
}

impl fmt::Display for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != text_len(N) {
        return None;
    }
    let mut out = [0u8; N];
    let (mut pool, mut bits, mut filled) = (0u32, 0u32, 0);
    for byte in text.bytes() {
        let value = VALUES[usize::from(byte)];
        if value == NO_DIGIT {
            return None;
        }
        pool = (pool << 5) | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *out.get_mut(filled)? = (pool >> bits) as u8;
            filled += 1;
        }
    }
    // The bits left over are padding; anything but zero is not our spelling.
    (filled == N && pool & ((1 << bits) - 1) == 0).then_some(out)
}

/// Mints and reads tokens under the node's key.
#[derive(Clone)]
pub struct Minter {
    key: [u8; 16],
}

impl Minter {
    /// A minter under `key`, which comes from the operating system's generator and never leaves the node.
    pub fn new(key: [u8; 16]) -> Self {
        Minter { key }
    }

    /// Our tag on every dialog of `leg`.
    pub fn tag(&self, leg: LegId) -> Minted {
        self.plain(Purpose::Tag, leg)
    }

    /// The leg that `tag` was made for, if we made it.
    pub fn read_tag(&self, tag: &str) -> Option<LegId> {
        self.read_plain(Purpose::Tag, tag)
    }

    /// The user part of our Contact on `leg`.
    pub fn contact(&self, leg: LegId) -> Minted {
        self.plain(Purpose::Contact, leg)
    }

    /// The leg that a Contact user was made for, if we made it.
    pub fn read_contact(&self, user: &str) -> Option<LegId> {
        self.read_plain(Purpose::Contact, user)
    }

    /// The branch of `leg`'s client transaction number `serial`.
    pub fn branch(&self, leg: LegId, serial: u16) -> Minted {
        let mut bytes = [0; NUMBERED];
        bytes[..LEG].copy_from_slice(&leg.bits().to_be_bytes());
        bytes[LEG..LEG + SERIAL].copy_from_slice(&serial.to_be_bytes());
        let check = self.check(Purpose::Branch, &bytes[..LEG + SERIAL]);
        bytes[LEG + SERIAL..].copy_from_slice(&check);
        Minted::encode(MAGIC_COOKIE, &bytes)
    }

    /// The leg and serial that a branch was made for, if we made it.
    pub fn read_branch(&self, branch: &str) -> Option<(LegId, u16)> {
        let bytes: [u8; NUMBERED] = decode(branch.strip_prefix(MAGIC_COOKIE)?)?;
        let (named, check) = bytes.split_at(LEG + SERIAL);
        let leg = LegId::from_bits(u64::from_be_bytes(named[..LEG].try_into().ok()?));
        let serial = u16::from_be_bytes(named[LEG..].try_into().ok()?);
        (check == self.check(Purpose::Branch, named)).then_some((leg, serial))
    }

    /// The first leg that something of ours in `datagram` was made for: of a request it is its branch, of a response its To tag.
    pub fn leg_in(&self, datagram: &[u8]) -> Option<LegId> {
        let words = datagram.split(|byte| !byte.is_ascii_alphanumeric()).filter_map(|word| std::str::from_utf8(word).ok());
        let mut legs = words.filter_map(|word| self.read_branch(word).map(|(leg, _)| leg).or_else(|| self.read_tag(word)));
        legs.next()
    }

    /// The To tag of a stateless answer: computed from the request, so that each retransmission gets the same one
    /// (RFC 3261 §8.2.7). `parts` identify the request; the tag decodes to no leg.
    pub fn stateless_tag(&self, parts: &[&str]) -> Minted {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(Purpose::Stateless as u8);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        Minted::encode("", &hasher.finish().to_be_bytes())
    }

    /// What our Contact at the registrars of `trunk` has where `listener` registers, for as long as we run: nobody else can make it, and it
    /// decodes to no leg.
    pub fn line(&self, trunk: &str, listener: ListenerId) -> Minted {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(Purpose::Line as u8);
        hasher.write(&listener.0.to_be_bytes());
        hasher.write(trunk.as_bytes());
        Minted::encode("", &hasher.finish().to_be_bytes())
    }

    /// What names the peer of `leg` in Session-ID, should it not name itself (RFC 7989 §7).
    pub(crate) fn session(&self, leg: LegId) -> Uuid {
        self.uuid(Purpose::Session, leg)
    }

    /// What names us, where `leg` talks with us alone.
    pub(crate) fn session_of_ours(&self, leg: LegId) -> Uuid {
        self.uuid(Purpose::OurSession, leg)
    }

    fn uuid(&self, purpose: Purpose, leg: LegId) -> Uuid {
        let half = |number: u8| {
            let mut named = [number; LEG + 1];
            named[..LEG].copy_from_slice(&leg.bits().to_be_bytes());
            u128::from(u64::from_be_bytes(self.check(purpose, &named)))
        };
        Uuid::of_bits(half(0) << 64 | half(1))
    }

    fn plain(&self, purpose: Purpose, leg: LegId) -> Minted {
        let mut bytes = [0; PLAIN];
        bytes[..LEG].copy_from_slice(&leg.bits().to_be_bytes());
        let check = self.check(purpose, &bytes[..LEG]);
        bytes[LEG..].copy_from_slice(&check);
        Minted::encode("", &bytes)
    }

    fn read_plain(&self, purpose: Purpose, text: &str) -> Option<LegId> {
        let bytes: [u8; PLAIN] = decode(text)?;
        let (named, check) = bytes.split_at(LEG);
        let leg = LegId::from_bits(u64::from_be_bytes(named.try_into().ok()?));
        (check == self.check(purpose, named)).then_some(leg)
    }

    fn check(&self, purpose: Purpose, named: &[u8]) -> [u8; CHECK] {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(purpose as u8);
        hasher.write(named);
        hasher.finish().to_be_bytes()
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::CallId;

    fn leg() -> LegId {
        CallId::new(1_760_000_000_000, 9).leg(1).expect("within the bound")
    }

    #[test]
    fn what_we_mint_decodes_to_its_leg() {
        let minter = Minter::new([7; 16]);
        assert_eq!(minter.read_tag(minter.tag(leg()).as_str()), Some(leg()));
        assert_eq!(minter.read_contact(minter.contact(leg()).as_str()), Some(leg()));
        assert_eq!(minter.read_branch(minter.branch(leg(), 515).as_str()), Some((leg(), 515)));
    }

    #[test]
    fn a_token_of_one_purpose_or_key_is_nothing_in_another() {
        let (minter, other) = (Minter::new([7; 16]), Minter::new([8; 16]));
        assert_eq!(minter.read_contact(minter.tag(leg()).as_str()), None);
        assert_eq!(other.read_tag(minter.tag(leg()).as_str()), None);
        assert_eq!(minter.read_branch(minter.tag(leg()).as_str()), None);
    }

    #[test]
    fn every_changed_character_is_found() {
        let minter = Minter::new([7; 16]);
        let branch = minter.branch(leg(), 1).as_str().to_owned();
        for place in MAGIC_COOKIE.len()..branch.len() {
            let mut forged = branch.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(minter.read_branch(std::str::from_utf8(&forged).expect("ASCII")), None, "place {place}");
        }
    }

    #[test]
    fn a_stateless_tag_repeats_and_tells_requests_apart() {
        let minter = Minter::new([7; 16]);
        assert_eq!(minter.stateless_tag(&["a", "bc"]), minter.stateless_tag(&["a", "bc"]));
        assert_ne!(minter.stateless_tag(&["a", "bc"]), minter.stateless_tag(&["ab", "c"]));
        assert_eq!(minter.read_tag(minter.stateless_tag(&["a"]).as_str()), None);
    }
}
