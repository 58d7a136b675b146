//! What names a transaction: RFC 3261 §17.1.3 and §17.2.3, folded into 128 keyed bits so that tables hold no strings.

use crate::message::{HeaderName, Message, Method};
use crate::minted::MAGIC_COOKIE;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use tandem_model::LegId;

/// A transaction's name within the node. Two requests share it when §17.2.3 says that they belong together: an
/// INVITE, its CANCEL and the ACK of its failure do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionKey(u128);

impl TransactionKey {
    /// The key as a number, for dumps.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// A key from [`TransactionKey::bits`].
    pub const fn from_bits(bits: u128) -> Self {
        TransactionKey(bits)
    }
}

/// Computes keys under a secret, so that nobody outside can make two collide.
#[derive(Clone, Debug)]
pub struct TransactionKeys {
    secret: [u8; 16],
}

impl TransactionKeys {
    /// Keys under `secret`.
    pub fn new(secret: [u8; 16]) -> Self {
        TransactionKeys { secret }
    }

    /// The server transaction that a request belongs to. ACK and CANCEL count as the INVITE that they are about.
    pub fn of_request(&self, request: &Message) -> TransactionKey {
        let method = match request.method() {
            Method::Ack | Method::Cancel => Method::Invite.as_str(),
            _ => request.method_token(),
        };
        match request.branch().zip(request.via().ok()) {
            Some((branch, via)) if has_cookie(branch) => self.fold(&[branch, via.host, method], via.port.unwrap_or(5060)),
            // §17.2.3: a branch without the cookie is an RFC 2543 peer's; ACK's To tag is the response's, so no To tag here.
            _ => {
                let cseq = request.cseq().map_or(0, |cseq| cseq.number);
                let from_tag = request.from_tag().unwrap_or_default();
                let via_text = request.values(HeaderName::Via).next().unwrap_or_default();
                self.fold(&[request.uri(), from_tag, request.call_id(), via_text, method], cseq)
            }
        }
    }

    /// The client transaction number `serial` of `leg`.
    pub fn of_client(&self, leg: LegId, serial: u16) -> TransactionKey {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write_u64(leg.bits());
        hasher.write_u16(serial);
        TransactionKey(hasher.finish128().as_u128())
    }

    /// What merged requests share (§8.2.2.2): Call-ID, From tag and CSeq.
    pub fn of_merged(&self, request: &Message) -> TransactionKey {
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let from_tag = request.from_tag().unwrap_or_default();
        self.fold(&["merged", request.call_id(), from_tag, request.method_token()], cseq)
    }

    fn fold(&self, parts: &[&str], number: impl Into<u32>) -> TransactionKey {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write_u32(number.into());
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        TransactionKey(hasher.finish128().as_u128())
    }
}

fn has_cookie(branch: &str) -> bool {
    // §8.1.1.7; compared without case because tokens are (§7.3.1), and some peers write it in capitals.
    branch.len() > MAGIC_COOKIE.len()
        && branch.is_char_boundary(MAGIC_COOKIE.len())
        && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
}
