//! Which source a leg's packets come from.
//!
//! Each remote description arms the latch anew. From then on a packet is let in when its source fits, and pins the
//! source; other sources are strangers. How well a source fits is one of three, and only a better fit takes the place
//! of the pinned one:
//!
//! 1. the very address and port that the description names: final until the next description;
//! 2. another port of the host that [`SourceRule`] names (a phone that sends from another port than it receives at, a
//!    port translated on the way): the first one stays, unless 1 turns up;
//! 3. the source that was pinned before a description which moved the leg to another address or port: likely
//!    packets of the old stream still under way, so both 1 and 2 take its place.
//!
//! The description's own address is no stranger, so letting it win costs no safety; without that, a packet which
//! somebody at the same host sent first, or the last one of the old stream, would lock the leg out.
//!
//! A source may also move without a word (a port translated anew on the way, a peer whose other half takes over). Another
//! port of the right host takes the place of the pinned one where something speaks for it: see [`Claim`]. Another host never
//! does.

use std::net::SocketAddr;
use tandem_model::SourceRule;

/// How well a source fits, the better the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Left,
    Host,
    Described,
}

/// What speaks for a packet from another port than the one that is pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nothing.
    None,
    /// The pinned source has long been silent. Anybody at the host can wait for that, so where packets to the leg go to the
    /// described address, they still do.
    Vacant,
    /// The packet goes on with the stream of the pinned source, whose SSRC only those know who see its packets.
    Continues,
}

/// The latch of one socket of a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latch {
    rule: SourceRule,
    /// As the description says, if it says.
    described: Option<SocketAddr>,
    /// As the last description that named one said.
    last_described: Option<SocketAddr>,
    pin: Option<(Fit, SocketAddr)>,
    /// Pinned before the description …
    before: Option<SocketAddr>,
    /// … which moved the leg elsewhere.
    moved: bool,
    /// Where a leg that sent from its described address has gone on sending from: it listens there too (RFC 4961).
    followed: Option<SocketAddr>,
}

impl Latch {
    /// A latch that lets nothing in.
    pub(crate) fn closed() -> Self {
        Latch { rule: SourceRule::None, described: None, last_described: None, pin: None, before: None, moved: false, followed: None }
    }

    /// Takes a new remote description.
    pub(crate) fn arm(&mut self, rule: SourceRule, described: Option<SocketAddr>) {
        let moves = matches!((self.last_described, described), (Some(last), Some(new)) if !is_same(last, new));
        self.moved = moves || (self.moved && self.pin.is_none());
        self.before = self.pinned().or(self.before);
        self.followed = self.followed.filter(|_| !moves);
        self.rule = rule;
        self.described = described;
        self.last_described = described.or(self.last_described);
        self.pin = None;
    }

    /// Whether a packet from `source` is the leg's. Call it only for packets that are otherwise in order: the first
    /// that fits pins its source.
    pub(crate) fn admit(&mut self, source: SocketAddr, claim: Claim) -> bool {
        if self.pinned().is_some_and(|pinned| is_same(pinned, source)) {
            return true;
        }
        let Some(fit) = self.fit(source) else { return false };
        let is_better = self.pin.is_none_or(|(pinned, _)| fit > pinned);
        if !is_better && claim == Claim::None {
            return false;
        }
        let was_symmetric = self.followed.is_some() || matches!(self.pin, Some((Fit::Described, _)));
        self.followed = match claim {
            _ if fit == Fit::Described => None,
            Claim::Continues if was_symmetric => Some(source),
            _ => self.followed,
        };
        self.pin = Some((fit, source));
        true
    }

    /// Whether `source` may be the leg's. It is not pinned for this.
    pub(crate) fn may_be(&self, source: SocketAddr) -> bool {
        self.fit(source).is_some()
    }

    fn fit(&self, source: SocketAddr) -> Option<Fit> {
        let is_described = self.described.is_some_and(|described| is_same(described, source));
        let is_left = self.moved && self.before.is_some_and(|before| is_same(before, source));
        match self.rule {
            SourceRule::None => None,
            // RTCP may be at another host than RTP (RFC 3605).
            SourceRule::Described(_) if is_described => Some(Fit::Described),
            SourceRule::Described(host) | SourceRule::Host(host) if host != source.ip() => None,
            _ if is_described => Some(Fit::Described),
            _ if is_left => Some(Fit::Left),
            _ => Some(Fit::Host),
        }
    }

    /// Where the leg's packets come from, once one has.
    pub(crate) fn pinned(&self) -> Option<SocketAddr> {
        self.pin.map(|(_, source)| source)
    }

    /// Where packets to the leg go: where its own come from if the rule says so, else, and until then, where the
    /// description says, or where the leg has moved from there. Where that is what it was, so is where its packets came from
    /// before.
    pub(crate) fn target(&self, described: SocketAddr) -> SocketAddr {
        match self.rule {
            SourceRule::Host(host) => {
                let before = self.before.filter(|before| !self.moved && before.ip() == host);
                self.pinned().or(before).unwrap_or(described)
            }
            SourceRule::Described(_) => self.followed.unwrap_or(described),
            SourceRule::None => described,
        }
    }
}

/// The same address and port; scope and flow label aside, which descriptions do not have.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip() == other.ip()
}

#[cfg(test)]
mod tests;
