//! All searches of a node: what they wait for, and what is known.

use super::cache::{Cache, Known};
use super::failed::FailedHops;
use super::search::{Progress, Search};
use super::{Asker, Located, Question, Reply, Sought};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tandem_model::{Hop, NoHop, Timestamp};

/// Searches under way; one more finds nothing.
pub const MAX_SEARCHES: usize = 1_024;

/// Questions that DNS may be asked at one time; what more is wanted counts as not answered. Half of them, and of the searches, are ours:
/// peers who write names that are slow to look up do not keep us from finding our trunks.
pub const MAX_QUESTIONS: usize = 256;

/// Those among them that one call asks for its peers; and as many searches.
pub const MAX_QUESTIONS_OF_ONE: usize = 16;

/// How long a search waits for what it can do without (RFC 8767 §5 calls it the client response timer).
const PATIENCE: Duration = Duration::from_secs(1);

/// Finds hops for whoever seeks; `K` says who.
#[derive(Debug)]
pub struct Locator<K> {
    cache: Cache,
    failed: FailedHops,
    searches: Vec<Seeking<K>>,
    /// What DNS has been asked, or is to be, and for whom.
    open: BTreeMap<Question, Asker>,
    to_ask: VecDeque<Question>,
    located: VecDeque<(K, Located)>,
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
            open: BTreeMap::new(),
            to_ask: VecDeque::new(),
            located: VecDeque::new(),
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
        let askers = self.searches.iter().map(|seeking| seeking.search.asker());
        if !has_room(askers, seeking.search.asker(), MAX_SEARCHES) {
            return Some((seeking.seeker, Err(NoHop::Unanswered)));
        }
        self.searches.push(seeking);
        None
    }

    /// DNS said that.
    pub fn answer(&mut self, now: Timestamp, question: &Question, reply: Reply) {
        let asker = self.open.remove(question);
        self.cache.take(now, question, reply, asker == Some(Asker::House));
        self.go_on_with(now, |seeking| seeking.wants.contains(question));
    }

    /// Whether that is asked for us, and not for peers alone.
    pub fn is_ours(&self, question: &Question) -> bool {
        self.open.get(question) == Some(&Asker::House)
    }

    /// Lets those that have waited long enough hurry.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let mut is_slow = false;
        for seeking in self.searches.iter_mut().filter(|seeking| !seeking.hurries && seeking.patient_until <= now) {
            seeking.hurries = true;
            is_slow = true;
        }
        if is_slow {
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
            let (cache, hurries, asker) = (&mut self.cache, seeking.hurries, seeking.search.asker());
            let mut to_renew = Vec::new();
            let progress = seeking.search.run(hurries, |question| match cache.look(now, question, asker == Asker::House) {
                Known::Fresh(answer) => Some(answer),
                Known::Stale(answer, is_slow) if hurries || is_slow => {
                    to_renew.push(question.clone());
                    Some(answer)
                }
                Known::Stale(..) | Known::Unknown => None,
            });
            for question in to_renew {
                if hurries {
                    self.cache.note_slow(now, &question);
                }
                self.ask(question, asker);
            }
            match progress {
                Progress::Done(Ok(mut hops)) => {
                    self.failed.sort(now, &mut hops);
                    return Some(Ok(hops.into()));
                }
                Progress::Done(Err(lost)) => return Some(Err(lost)),
                Progress::Wants(wants) => {
                    let unasked: Vec<_> = wants.iter().filter(|question| !self.ask((*question).clone(), asker)).cloned().collect();
                    seeking.wants = wants;
                    if unasked.is_empty() {
                        return None;
                    }
                    for question in unasked {
                        // That nobody was asked says nothing to anybody else.
                        let known = self.cache.look(now, &question, false);
                        seeking.search.go_without(question, if let Known::Stale(answer, _) = known { Some(answer) } else { None });
                    }
                }
            }
        }
    }

    /// False if as much is asked as may be.
    fn ask(&mut self, question: Question, asker: Asker) -> bool {
        if let Some(known) = self.open.get_mut(&question) {
            if asker == Asker::House {
                *known = asker;
            }
            return true;
        }
        if !has_room(self.open.values().copied(), asker, MAX_QUESTIONS) {
            return false;
        }
        self.open.insert(question.clone(), asker);
        self.to_ask.push_back(question);
        true
    }
}

/// Whether `asker` may be one more of at most `max` that are under way: peers together get half of them, and each a few.
fn has_room(under_way: impl ExactSizeIterator<Item = Asker>, asker: Asker, max: usize) -> bool {
    if under_way.len() >= max {
        return false;
    }
    if asker == Asker::House {
        return true;
    }
    let (mut peers, mut own) = (0, 0);
    for known in under_way {
        peers += usize::from(known != Asker::House);
        own += usize::from(known == asker);
    }
    peers < max / 2 && own < MAX_QUESTIONS_OF_ONE
}
