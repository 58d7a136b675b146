//! What RTCP may take of the bandwidth (RFC 3556). Between two it takes so little that only nothing at all is a limit.

use crate::sdp::number;

/// `b=RS` and `b=RR`: whether who sends, and who only receives, may report at all; `None` where nothing is said of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ControlShares {
    senders: Option<bool>,
    receivers: Option<bool>,
}

impl ControlShares {
    /// Takes a `b=` line.
    pub(super) fn note(&mut self, value: &[u8]) {
        let Some((kind, share)) = value.split_at_checked(3) else { return };
        let is_any = || number(share.trim_ascii()).map(|share| share > 0);
        if kind.eq_ignore_ascii_case(b"RS:") {
            self.senders = self.senders.or_else(is_any);
        } else if kind.eq_ignore_ascii_case(b"RR:") {
            self.receivers = self.receivers.or_else(is_any);
        }
    }

    /// What a medium does not say its session says.
    pub(super) fn or(self, session: ControlShares) -> ControlShares {
        ControlShares { senders: self.senders.or(session.senders), receivers: self.receivers.or(session.receivers) }
    }

    /// There is to be no RTCP (RFC 3556 §2: both are zero).
    pub(super) fn are_none(self) -> bool {
        (self.senders, self.receivers) == (Some(false), Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(lines: &[&str]) -> ControlShares {
        let mut shares = ControlShares::default();
        lines.iter().for_each(|line| shares.note(line.as_bytes()));
        shares
    }

    #[test]
    fn only_two_zeros_are_no_rtcp() {
        assert!(shares(&["RS:0", "RR:0"]).are_none());
        assert!(shares(&["AS:64", "rr:0", "rs: 0"]).are_none());
        for some in
            [&["RS:0"][..], &["RR:0"], &["RS:0", "RR:600"], &["RS:800", "RR:0"], &["RS:", "RR:0"], &["RS:x", "RR:0"], &["AS:0"], &[]]
        {
            assert!(!shares(some).are_none(), "{some:?}");
        }
    }

    #[test]
    fn a_medium_has_the_word_before_its_session() {
        assert!(shares(&[]).or(shares(&["RS:0", "RR:0"])).are_none());
        assert!(shares(&["RR:0"]).or(shares(&["RS:0", "RR:600"])).are_none());
        assert!(!shares(&["RR:600"]).or(shares(&["RS:0", "RR:0"])).are_none());
    }
}
