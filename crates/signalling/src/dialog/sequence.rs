//! CSeq numbers of a dialog (RFC 3261 §12.2.1.1, §12.2.2).

/// Where a request stands among those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As high as any before, or higher; gaps are allowed.
    InOrder,
    /// Lower than one before.
    OutOfOrder,
}

/// Both directions' counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    local: u32,
    remote: Option<u32>,
}

impl Sequence {
    /// Of the side that sent the INVITE, whose number was `local`. The peer's is unknown until its first request.
    pub(super) fn calling(local: u32) -> Self {
        Sequence { local, remote: None }
    }

    /// Of the side that got the INVITE, whose number was `remote`. Ours is free to begin anywhere below 2³¹.
    pub(super) fn answering(remote: u32) -> Self {
        Sequence { local: 0, remote: Some(remote) }
    }

    /// The number of our next request.
    pub(super) fn next_local(&mut self) -> u32 {
        self.local += 1;
        self.local
    }

    /// Takes the number of a request from the peer.
    pub(super) fn on_remote(&mut self, number: u32) -> Order {
        if self.remote.is_some_and(|seen| number < seen) {
            return Order::OutOfOrder;
        }
        self.remote = Some(number);
        Order::InOrder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_pass_and_steps_back_do_not() {
        let mut sequence = Sequence::answering(7);
        assert_eq!(sequence.on_remote(9), Order::InOrder);
        assert_eq!(sequence.on_remote(9), Order::InOrder);
        assert_eq!(sequence.on_remote(8), Order::OutOfOrder);
        assert_eq!(sequence.next_local(), 1);
    }

    #[test]
    fn the_callers_first_word_sets_the_peers_number() {
        let mut sequence = Sequence::calling(1);
        assert_eq!(sequence.on_remote(0), Order::InOrder);
        assert_eq!(sequence.next_local(), 2);
    }
}
