//! What makes a provisional response reliable (RFC 3262 §7).

use super::{HeaderName, Message, Method};

/// The option tag of reliable provisional responses.
pub const RELIABLE: &str = "100rel";

/// RAck (§7.2): which response a PRACK acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of that response.
    pub rseq: u32,
    /// The number in its CSeq.
    pub cseq: u32,
    /// The method in its CSeq.
    pub method: Method,
}

impl RAck {
    /// Reads the value.
    pub fn parse(text: &str) -> Option<RAck> {
        let mut parts = text.split([' ', '\t', '\r', '\n']).filter(|part| !part.is_empty());
        let (rseq, cseq, method) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        Some(RAck { rseq: number(rseq)?, cseq: number(cseq)?, method: Method::from_bytes(method.as_bytes()) })
            .filter(|_| parts.next().is_none())
    }
}

impl Message {
    /// Whether Supported or Require lists 100rel.
    pub fn knows_reliable(&self) -> bool {
        self.requires_reliable() || self.lists(HeaderName::Supported, RELIABLE)
    }

    /// Whether Require lists 100rel.
    pub fn requires_reliable(&self) -> bool {
        self.lists(HeaderName::Require, RELIABLE)
    }

    /// The RSeq of a response that is to be acknowledged with PRACK.
    pub fn rseq(&self) -> Option<u32> {
        let text = self.header(HeaderName::RSeq)?.trim();
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|_| self.requires_reliable())
    }

    /// The RAck of a PRACK, if it has one that can be read.
    pub fn rack(&self) -> Option<RAck> {
        RAck::parse(self.header(HeaderName::RAck)?)
    }

    fn lists(&self, name: HeaderName, tag: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rack_has_three_parts() {
        let rack = RAck::parse("776656 1\t INVITE").unwrap();
        assert_eq!(rack, RAck { rseq: 776_656, cseq: 1, method: Method::Invite });
        for text in ["", "1", "1 2", "1 2 INVITE 3", "x 2 INVITE", "1 -2 INVITE", "4294967296 1 INVITE"] {
            assert_eq!(RAck::parse(text), None, "{text}");
        }
    }
}
