//! Who is nobody's: how much they are answered, and when no more is heard of them.
//!
//! Over UDP a source address proves nothing. So nothing that could have been sent in somebody's name bans that somebody: a ban counts
//! only what was done over a connection, or as the answer to a challenge that was sent to the one who is banned. What is merely sent
//! is bounded by what is answered. A trunk's own addresses are never banned and never answered less.

mod flows;
mod known;
mod window;

pub(crate) use known::AbuseRules;

use crate::Ruleset;
use flows::TrustedFlows;
use known::LocatedHops;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tandem_config::Abuse;
use tandem_model::{Fate, Flow, Hop, RegistrationChange, Timestamp, Transport, neighbourhood};
use window::Window;

/// How long offences of one source are counted together.
const PERIOD: Duration = Duration::from_secs(60);

/// Sources whose offences are counted, and banned ones; with more the oldest go.
const MAX_OFFENDERS: usize = 16_384;

/// How long it is remembered who has proved to be somebody. Who has registered is remembered for as long as that holds.
const TRUST: Duration = Duration::from_secs(60 * 60);

/// So many times as often may a challenge be answered wrong, or a connection come to nothing, from where somebody is known to be: where
/// many share an address, one phone with an old password is no attack.
const WITH_OTHERS: u32 = 4;

/// How much longer an answer may be than what it answers: half as long again, and so many bytes. Otherwise whoever forges the address
/// of another could have us send them much by sending us little.
const LONGER_BYTES: usize = 400;

/// What somebody has done who could not have been another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offence {
    /// A challenge of ours was answered wrong.
    Credentials,
    /// A request over a connection, from nobody whom we know.
    Stranger,
    /// A connection brought what is no SIP.
    NoSip,
    /// A connection brought no message in time, or none that is anybody's.
    Slow,
    /// A connection brought no TLS, or none that is good enough.
    NoTls,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Offence::Credentials => "wrong credentials",
            Offence::Stranger => "requests of a stranger",
            Offence::NoSip => "no SIP",
            Offence::Slow => "idle connections",
            Offence::NoTls => "no TLS",
        })
    }
}

/// Somebody is heard no more for a while, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// An IPv4 address, or the first of an IPv6 network of 2⁶⁴.
    pub source: IpAddr,
    /// The last thing that was too much.
    pub offence: Offence,
    /// Offences that led to it.
    pub offences: u32,
    /// How long; zero: it is only told.
    pub lasts: Duration,
    /// Flows of that source that are known to be somebody's, and stay served.
    pub served: usize,
}

/// Who somebody is, before anything is known of what they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A trunk's address, one of `[abuse] allow`, or a flow that has proved to be somebody's.
    Known,
    /// Anybody.
    Stranger,
    /// Nobody who is heard.
    Banned,
}

/// What strangers have had of us, and who is banned. One a node.
#[derive(Debug)]
pub struct AbuseBook {
    rules: Arc<AbuseRules>,
    window: Window,
    offences: BTreeMap<IpAddr, u32>,
    /// When each of them is forgotten.
    forgotten: VecDeque<(Timestamp, IpAddr)>,
    bans: BTreeMap<IpAddr, Timestamp>,
    lifted: VecDeque<(Timestamp, IpAddr)>,
    trusted: TrustedFlows,
    located: LocatedHops,
}

impl AbuseBook {
    /// Nobody is banned.
    pub fn new(rules: &Ruleset) -> AbuseBook {
        AbuseBook {
            rules: rules.abuse.clone(),
            window: Window::default(),
            offences: BTreeMap::new(),
            forgotten: VecDeque::new(),
            bans: BTreeMap::new(),
            lifted: VecDeque::new(),
            trusted: TrustedFlows::default(),
            located: LocatedHops::default(),
        }
    }

    /// Goes over to other rules. Bans last as long as they were meant to; whose address is known now is heard at once.
    pub fn reload(&mut self, rules: &Ruleset) {
        self.rules = rules.abuse.clone();
        self.located.keep(&self.rules);
    }

    /// Whether that is the name of a trunk's target, registrar or proxy.
    pub fn is_trunks(&self, host: &str) -> bool {
        self.rules.names(host)
    }

    /// Such a name led there.
    pub fn located(&mut self, now: Timestamp, host: &str, hops: &[Hop]) {
        hops.iter().for_each(|hop| self.located.note(now, host, hop.address.ip()));
    }

    /// Whether anybody is banned.
    pub fn has_bans(&self) -> bool {
        !self.bans.is_empty()
    }

    /// Whether what comes from there is dropped unread.
    pub fn is_banned(&self, now: Timestamp, remote: SocketAddr) -> bool {
        self.has_bans() && self.bans.get(&neighbourhood(remote.ip())).is_some_and(|until| now < *until) && !self.is_known(now, remote)
    }

    /// Who is at the other end of a connection, or of a datagram.
    pub fn standing(&self, now: Timestamp, remote: SocketAddr) -> Standing {
        match self.is_banned(now, remote) {
            true => Standing::Banned,
            false if self.is_known(now, remote) => Standing::Known,
            false => Standing::Stranger,
        }
    }

    /// Whether that flow has proved to be somebody's.
    pub fn is_trusted(&self, now: Timestamp, remote: SocketAddr) -> bool {
        self.trusted.has(now, remote)
    }

    /// Whether what came over `flow` from nobody in particular may be answered: `asked` bytes with `answer` bytes.
    pub fn may_answer(&mut self, now: Timestamp, flow: &Flow, asked: usize, answer: usize) -> bool {
        if flow.transport == Transport::Udp && answer > asked + asked / 2 + LONGER_BYTES {
            self.window.withheld += 1;
            return false;
        }
        if self.is_known(now, flow.remote) {
            return true;
        }
        let may = self.window.take(now, neighbourhood(flow.remote.ip()), self.rules.terms.answers);
        self.window.withheld += u64::from(!may);
        may
    }

    /// Answers that were withheld since this was asked last.
    pub fn take_withheld(&mut self) -> u64 {
        std::mem::take(&mut self.window.withheld)
    }

    /// A request that came over `flow` was let in: it was somebody's, and its sender has `proved` so where a password was asked for.
    pub fn let_in(&mut self, now: Timestamp, flow: &Flow, proved: bool) {
        if self.rules.knows(flow.remote.ip()) {
            return;
        }
        if proved {
            // The challenge before it was no stranger's after all.
            self.window.give_back(neighbourhood(flow.remote.ip()));
        }
        // Renewed no more than twice in the time that it lasts.
        let is_new = self.trusted.until(flow.remote).is_none_or(|until| until < now + TRUST / 2);
        if (proved || flow.transport.is_reliable()) && is_new {
            self.trusted.forget(now);
            self.trusted.trust(flow.remote, now + TRUST);
        }
    }

    /// What a user's phone registered holds, or does no longer.
    pub fn registration(&mut self, change: &RegistrationChange) {
        let holds = matches!(change.fate, Fate::Added | Fate::Refreshed | Fate::Moved);
        if holds && !self.rules.knows(change.flow.remote.ip()) {
            self.trusted.trust(change.flow.remote, change.until);
        }
    }

    /// Nobody has registered from there any more.
    pub fn left(&mut self, now: Timestamp, remote: SocketAddr) {
        self.trusted.leave(now, remote);
    }

    /// Somebody did what could not have been done in another's name. If that was too much, the ban that comes of it.
    pub fn offence(&mut self, now: Timestamp, source: IpAddr, offence: Offence) -> Option<Ban> {
        self.forget(now);
        let source = neighbourhood(source);
        if self.rules.knows_some_of(source) || self.located.knows_some_of(now, source) || self.bans.contains_key(&source) {
            return None;
        }
        if !self.offences.contains_key(&source) {
            if self.offences.len() == MAX_OFFENDERS {
                forget_first(&mut self.forgotten, &mut self.offences);
            }
            self.forgotten.push_back((now + PERIOD, source));
        }
        let count = self.offences.entry(source).or_default();
        *count += 1;
        let offences = *count;
        let Abuse { offences: most, ban: lasts, .. } = self.rules.terms;
        let served = self.trusted.count_of(source);
        let by_mistake = matches!(offence, Offence::Credentials | Offence::Slow);
        let share = if by_mistake && served > 0 { WITH_OTHERS } else { 1 };
        if offences < most.saturating_mul(share) {
            return None;
        }
        // Its place in the queue stays: what it points to is begun anew.
        *count = 0;
        if !lasts.is_zero() {
            if self.bans.len() == MAX_OFFENDERS {
                forget_first(&mut self.lifted, &mut self.bans);
            }
            self.bans.insert(source, now + lasts);
            self.lifted.push_back((now + lasts, source));
        }
        Some(Ban { source, offence, offences, lasts, served })
    }

    /// A challenge was answered wrong over a flow that has proved to be somebody's: done too often, it is a stranger's again. `holder` is
    /// who was asked; an answer in their name from elsewhere changes nothing.
    pub fn answered_wrong(&mut self, now: Timestamp, remote: SocketAddr, holder: IpAddr) {
        if neighbourhood(remote.ip()) == neighbourhood(holder) {
            self.trusted.answered_wrong(now, remote);
        }
    }

    /// What is held: (sources answered in this second, sources with offences, bans, trusted flows).
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        (self.window.len(), self.offences.len(), self.bans.len(), self.trusted.len())
    }

    /// Addresses that names of trunks led to.
    pub fn count_located(&self) -> usize {
        self.located.len()
    }

    /// Drops what is due.
    pub fn forget(&mut self, now: Timestamp) {
        let is_due = |queue: &VecDeque<(Timestamp, IpAddr)>| queue.front().is_some_and(|(until, _)| *until <= now);
        while is_due(&self.forgotten) {
            forget_first(&mut self.forgotten, &mut self.offences);
        }
        while is_due(&self.lifted) {
            forget_first(&mut self.lifted, &mut self.bans);
        }
        self.trusted.forget(now);
    }

    fn is_known(&self, now: Timestamp, remote: SocketAddr) -> bool {
        self.rules.knows(remote.ip()) || self.is_trusted(now, remote) || self.located.knows(now, remote.ip())
    }
}

fn forget_first<T>(queue: &mut VecDeque<(Timestamp, IpAddr)>, table: &mut BTreeMap<IpAddr, T>) {
    if let Some((_, source)) = queue.pop_front() {
        table.remove(&source);
    }
}
