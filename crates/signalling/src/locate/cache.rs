//! What DNS has said, for as long as it may be used.

use super::{MAX_ADDRESSES, MAX_RECORDS, Question, Records, Reply};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::Timestamp;

/// Answers that are kept; the one that is out of date first makes room.
pub(super) const MAX_ANSWERS: usize = 2_048;

/// However short the time to live of a record is, it is used for so long: else each call would wait for DNS.
pub(super) const MIN_TTL: Duration = Duration::from_secs(1);

/// However long it is, the record is asked for again then.
pub(super) const MAX_TTL: Duration = Duration::from_secs(60 * 60);

/// How long it counts that there is nothing, at most: who adds a record wants to see it used.
pub(super) const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(5 * 60);

/// The same where no SOA record says (RFC 2308 §5 lets such an answer not be kept at all).
pub(super) const UNSAID_NEGATIVE_TTL: Duration = Duration::from_secs(5);

/// How long a question that nobody answered is not asked again.
pub(super) const RETRY: Duration = Duration::from_secs(3);

/// How long what is known of a question is used at once, out of date or not, when DNS was slow to say anything newer.
const SLOW: Duration = Duration::from_secs(5);

/// How long after its time an answer is still better than none, while DNS does not answer (RFC 8767 §5).
pub(super) const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer as a search uses it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Found(Records),
    Nothing,
    Failed,
}

/// What there is to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It may be used.
    Fresh(Arc<Answer>),
    /// Only if nothing better is to be had; whether that is so already: DNS was slow to say anything newer.
    Stale(Arc<Answer>, bool),
    Unknown,
}

#[derive(Debug)]
struct Entry {
    answer: Arc<Answer>,
    fresh_until: Timestamp,
    usable_until: Timestamp,
    /// DNS did not say anything newer in time, and is not waited for until then.
    slow_until: Timestamp,
    /// The configuration has the name: it stays for as long as there are others that can go.
    is_ours: bool,
}

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<Question, Entry>);

impl Cache {
    /// `is_ours`: the configuration has the name.
    pub(super) fn look(&mut self, now: Timestamp, question: &Question, is_ours: bool) -> Known {
        let Some(entry) = self.0.get_mut(question) else { return Known::Unknown };
        entry.is_ours |= is_ours;
        match () {
            () if entry.fresh_until > now => Known::Fresh(entry.answer.clone()),
            () if entry.usable_until > now => Known::Stale(entry.answer.clone(), entry.slow_until > now),
            () => Known::Unknown,
        }
    }

    /// DNS is slow to say something newer. Nothing follows from that for other names: each has servers of its own.
    pub(super) fn note_slow(&mut self, now: Timestamp, question: &Question) {
        if let Some(entry) = self.0.get_mut(question) {
            entry.slow_until = now + SLOW;
        }
    }

    /// Keeps what DNS said. `is_ours`: the configuration has the name.
    pub(super) fn take(&mut self, now: Timestamp, question: &Question, reply: Reply, is_ours: bool) {
        let (answer, span, stale) = match reply {
            Reply::Found(records, ttl) => match bounded(records) {
                records if records.is_empty() => (Answer::Nothing, UNSAID_NEGATIVE_TTL, Duration::ZERO),
                records => (Answer::Found(records), ttl.clamp(MIN_TTL, MAX_TTL), MAX_STALE),
            },
            Reply::Nothing(ttl) => (Answer::Nothing, ttl.unwrap_or(UNSAID_NEGATIVE_TTL).clamp(MIN_TTL, MAX_NEGATIVE_TTL), MAX_STALE),
            Reply::Failed => match self.0.get_mut(question).filter(|entry| entry.usable_until > now) {
                // RFC 8767 §5: what was known is used, and DNS left in peace for a moment.
                Some(entry) => {
                    entry.fresh_until = entry.fresh_until.max(now + RETRY);
                    entry.slow_until = now + SLOW;
                    return;
                }
                None => (Answer::Failed, RETRY, Duration::ZERO),
            },
        };
        let answer = Arc::new(answer);
        self.make_room(now, question);
        let fresh_until = now + span;
        let is_ours = is_ours || self.0.get(question).is_some_and(|entry| entry.is_ours);
        let entry = Entry { answer, fresh_until, usable_until: fresh_until + stale, slow_until: Timestamp::ZERO, is_ours };
        self.0.insert(question.clone(), entry);
    }

    /// Nothing is up to date any more.
    pub(super) fn outdate(&mut self, now: Timestamp) {
        self.0.values_mut().for_each(|entry| entry.fresh_until = entry.fresh_until.min(now));
    }

    fn make_room(&mut self, now: Timestamp, question: &Question) {
        if self.0.len() < MAX_ANSWERS || self.0.contains_key(question) {
            return;
        }
        self.0.retain(|_, entry| entry.usable_until > now);
        let first = self.0.iter().min_by_key(|(_, entry)| (entry.is_ours, entry.fresh_until)).map(|(question, _)| question.clone());
        if let Some(first) = first.filter(|_| self.0.len() >= MAX_ANSWERS) {
            self.0.remove(&first);
        }
    }
}

/// What of an absurd answer is kept.
fn bounded(records: Records) -> Records {
    match records {
        Records::Naptr(mut records) if records.len() > MAX_RECORDS => {
            records.sort_by_key(|record| (record.order, record.preference));
            Records::Naptr(records.into_iter().take(MAX_RECORDS).collect())
        }
        Records::Srv(mut records) if records.len() > MAX_RECORDS => {
            records.sort_by_key(|record| record.priority);
            Records::Srv(records.into_iter().take(MAX_RECORDS).collect())
        }
        Records::Addresses(addresses) if addresses.len() > MAX_ADDRESSES => {
            Records::Addresses(addresses.into_iter().take(MAX_ADDRESSES).collect())
        }
        records => records,
    }
}
