//! All searches of a node: what they wait for, and what is known.

use super::cache::{Cache, Known};
use super::failed::FailedHops;
use super::search::{Progress, Search};
use super::{Located, Question, Reply, Sought};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tandem_model::{Hop, NoHop, Timestamp};

/// Searches under way; one more finds nothing.
pub const MAX_SEARCHES: usize = 1_024;

/// Questions that DNS may be asked at one time; what more is wanted counts as not answered.
pub const MAX_QUESTIONS: usize = 256;

/// How long a search waits for what it can do without (RFC 8767 §5 calls it the client response timer).
const PATIENCE: Duration = Duration::from_secs(1);

/// How long DNS counts as down after it did not answer: what is known, out of date or not, is used at once.
const DOWN: Duration = Duration::from_secs(5);

/// Finds hops for whoever seeks; `K` says who.
#[derive(Debug)]
pub struct Locator<K> {
    cache: Cache,
    failed: FailedHops,
    searches: Vec<Seeking<K>>,
    /// What DNS has been asked, or is to be.
    open: BTreeSet<Question>,
    to_ask: VecDeque<Question>,
    located: VecDeque<(K, Located)>,
    down_until: Timestamp,
}

#[derive(Debug)]
struct Seeking<K> {
    seeker: K,
    search: Search,
    /// It waits for these.
    wants: Vec<Question>,
    /// Then it hurries.
    patient_until: Timestamp,
    hurries: bool,
}

impl<K> Default for Locator<K> {
    fn default() -> Self {
        Locator {
            cache: Cache::default(),
            failed: FailedHops::default(),
            searches: Vec::new(),
            open: BTreeSet::new(),
            to_ask: VecDeque::new(),
            located: VecDeque::new(),
            down_until: Timestamp::ZERO,
        }
    }
}

impl<K> Locator<K> {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Locator::default()
    }

    /// Begins a search. What is known at once comes back with its seeker; else it comes by [`Locator::poll_located`], once DNS has said enough.
    pub fn locate(&mut self, now: Timestamp, seeker: K, sought: Sought) -> Option<(K, Located)> {
        let mut seeking = Seeking { seeker, search: Search::new(sought), wants: Vec::new(), patient_until: now + PATIENCE, hurries: false };
        if let Some(located) = self.go_on(now, &mut seeking) {
            return Some((seeking.seeker, located));
        }
        if self.searches.len() >= MAX_SEARCHES {
            return Some((seeking.seeker, Err(NoHop::Unanswered)));
        }
        self.searches.push(seeking);
        None
    }

    /// DNS said that.
    pub fn answer(&mut self, now: Timestamp, question: &Question, reply: Reply) {
        self.open.remove(question);
        self.down_until = if reply == Reply::Failed { now + DOWN } else { Timestamp::ZERO };
        self.cache.take(now, question, reply);
        self.go_on_with(now, |seeking| seeking.wants.contains(question));
    }

    /// Lets those that have waited long enough hurry.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let mut is_slow = false;
        for seeking in self.searches.iter_mut().filter(|seeking| !seeking.hurries && seeking.patient_until <= now) {
            seeking.hurries = true;
            is_slow = true;
        }
        if is_slow {
            self.down_until = now + DOWN;
            self.go_on_with(now, |seeking| seeking.hurries);
        }
    }

    /// When to call [`Locator::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.searches.iter().filter(|seeking| !seeking.hurries).map(|seeking| seeking.patient_until).min()
    }

    /// The next question to DNS. Each must be answered, by [`Reply::Failed`] at last.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.to_ask.pop_front()
    }

    /// The next search that is over.
    pub fn poll_located(&mut self) -> Option<(K, Located)> {
        self.located.pop_front()
    }

    /// Nobody answered there, or not to the point: it is tried after the others for a minute, or for `span` where that is longer.
    pub fn hop_failed(&mut self, now: Timestamp, hop: Hop, span: Option<Duration>) {
        self.failed.note(now, hop, span);
    }

    /// Everything is to be asked anew; what was known is used where DNS does not answer.
    pub fn forget(&mut self, now: Timestamp) {
        self.cache.outdate(now);
    }

    fn go_on_with(&mut self, now: Timestamp, is_it: impl Fn(&Seeking<K>) -> bool) {
        for mut seeking in std::mem::take(&mut self.searches) {
            match is_it(&seeking).then(|| self.go_on(now, &mut seeking)).flatten() {
                Some(located) => self.located.push_back((seeking.seeker, located)),
                None => self.searches.push(seeking),
            }
        }
    }

    fn go_on(&mut self, now: Timestamp, seeking: &mut Seeking<K>) -> Option<Located> {
        loop {
            let (cache, uses_stale) = (&self.cache, seeking.hurries || self.down_until > now);
            let mut to_renew = Vec::new();
            let progress = seeking.search.run(seeking.hurries, |question| match cache.look(now, question) {
                Known::Fresh(answer) => Some(answer),
                Known::Stale(answer) if uses_stale => {
                    to_renew.push(question.clone());
                    Some(answer)
                }
                Known::Stale(_) | Known::Unknown => None,
            });
            to_renew.into_iter().for_each(|question| _ = self.ask(question));
            match progress {
                Progress::Done(Ok(mut hops)) => {
                    self.failed.sort(now, &mut hops);
                    return Some(Ok(hops.into()));
                }
                Progress::Done(Err(lost)) => return Some(Err(lost)),
                Progress::Wants(wants) => {
                    let unasked: Vec<_> = wants.iter().filter(|question| !self.ask((*question).clone())).cloned().collect();
                    seeking.wants = wants;
                    if unasked.is_empty() {
                        return None;
                    }
                    for question in unasked {
                        self.cache.take(now, &question, Reply::Failed);
                    }
                }
            }
        }
    }

    /// False if as much is asked as may be.
    fn ask(&mut self, question: Question) -> bool {
        if self.open.contains(&question) {
            return true;
        }
        if self.open.len() >= MAX_QUESTIONS {
            return false;
        }
        self.open.insert(question.clone());
        self.to_ask.push_back(question);
        true
    }
}
