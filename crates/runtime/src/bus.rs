//! What happens, told to whoever listens on other threads, from a bounded history; and what is kept of calls, which nobody may miss.
//!
//! The signalling thread never waits for a reader: it holds the lock for as long as a pointer takes to be put down, and so do they. Who
//! reads too slowly is told how much it has missed.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tandem_model::{Epoch, Event, EventKind, LegId, Timestamp};
use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
};

/// Events that are kept for those who come later, or read slowly.
pub const EVENTS_KEPT: usize = 16_384;

/// Records of calls that may wait for whoever writes them down.
pub const MAX_RECORDS: usize = 16_384;

/// An event with its number and its time.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its number: one more than that of the event before. A later run of the node begins above all numbers of this one.
    pub seq: u64,
    /// When it happened: microseconds since the Unix epoch.
    pub unix_us: i64,
    /// What.
    pub event: Arc<Event>,
    /// Of a leg that has ended, or failed: which one it was.
    pub over: Option<Arc<LegOver>>,
}

/// A leg that is over: how long what took of it, in milliseconds; `None` where it never came to that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegOver {
    /// Call-ID of its dialog.
    pub sip_call_id: Box<str>,
    /// It rang.
    pub ringing_ms: Option<u64>,
    /// From its beginning to its answer.
    pub setup_ms: Option<u64>,
    /// From its answer to its end.
    pub duration_ms: Option<u64>,
}

/// When things happened to a leg that goes on.
#[derive(Debug)]
struct LegTimes {
    sip_call_id: Box<str>,
    began: Timestamp,
    rang: Option<Timestamp>,
    answered: Option<Timestamp>,
}

impl LegTimes {
    fn over(self, ended: Timestamp) -> LegOver {
        let ms = |from: Timestamp, to: Timestamp| u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX);
        LegOver {
            sip_call_id: self.sip_call_id,
            ringing_ms: self.rang.map(|rang| ms(rang, self.answered.unwrap_or(ended))),
            setup_ms: self.answered.map(|answered| ms(self.began, answered)),
            duration_ms: self.answered.map(|answered| ms(answered, ended)),
        }
    }
}

/// What a [`Feed`] hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Something happened.
    Event(Told),
    /// So many events are kept no longer, and whatever an earlier run had told beside them.
    Missed(u64),
}

/// The end that records come out of.
pub type Records = mpsc::Receiver<Told>;

/// A queue for the records of calls (`call.ended`), [`MAX_RECORDS`] long.
pub fn records() -> (mpsc::Sender<Told>, Records) {
    mpsc::channel(MAX_RECORDS)
}

#[derive(Debug, Default)]
struct History {
    /// The number of the first event of this run.
    first: u64,
    /// The number of the next event.
    next: u64,
    kept: VecDeque<Told>,
    closed: bool,
}

#[derive(Debug)]
pub(crate) struct Shared {
    history: Mutex<History>,
    news: Notify,
}

impl Shared {
    /// Nobody does anything under the lock that could fail halfway.
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears what happens from now on.
    pub(crate) fn subscribe(self: &Arc<Self>) -> Feed {
        let next = self.history().next;
        Feed { shared: self.clone(), next }
    }

    /// Hears what happened from that number on, as far as it is kept; from 0 on: since the node began.
    pub(crate) fn subscribe_from(self: &Arc<Self>, seq: u64) -> Feed {
        let next = if seq == 0 { self.history().first } else { seq };
        Feed { shared: self.clone(), next }
    }
}

/// The node's end.
pub(crate) struct Bus {
    shared: Arc<Shared>,
    epoch: Epoch,
    records: Option<mpsc::Sender<Told>>,
    records_lost: Cell<u64>,
    /// Of the legs of all calls in progress.
    legs: RefCell<BTreeMap<LegId, LegTimes>>,
}

impl Bus {
    /// A bus on which nothing has happened yet. Records of calls go to `records` besides.
    pub(crate) fn new(epoch: Epoch, records: Option<mpsc::Sender<Told>>) -> Bus {
        // No run has more events than microseconds.
        let first = u64::try_from(epoch.unix_us(Timestamp::ZERO)).unwrap_or_default();
        let history = History { first, next: first, ..History::default() };
        let shared = Arc::new(Shared { history: history.into(), news: Notify::new() });
        Bus { shared, epoch, records, records_lost: Cell::new(0), legs: RefCell::default() }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Events that were told.
    pub(crate) fn events(&self) -> u64 {
        let history = self.shared.history();
        history.next - history.first
    }

    /// Records that wait for whoever keeps them.
    pub(crate) fn records_waiting(&self) -> usize {
        self.records.as_ref().map_or(0, |records| records.max_capacity() - records.capacity())
    }

    /// Records that found no room.
    pub(crate) fn records_lost(&self) -> u64 {
        self.records_lost.get()
    }

    /// Tells it everybody.
    pub(crate) fn tell(&self, event: Event) {
        let is_record = matches!(event.kind, EventKind::CallEnded(_));
        let over = self.note(&event).map(Arc::new);
        let (unix_us, event) = (self.epoch.unix_us(event.time), Arc::new(event));
        let mut history = self.shared.history();
        let told = Told { seq: history.next, unix_us, event, over };
        history.next += 1;
        let oldest = if history.kept.len() >= EVENTS_KEPT { history.kept.pop_front() } else { None };
        let record = is_record.then(|| told.clone());
        history.kept.push_back(told);
        drop(history);
        self.shared.news.notify_waiters();
        drop(oldest);
        if let Some(record) = record {
            self.keep(record);
        }
    }

    /// Notes when it happened to its leg; of one that is over, how long what took.
    fn note(&self, event: &Event) -> Option<LegOver> {
        let (mut legs, time) = (self.legs.borrow_mut(), event.time);
        if let EventKind::CallEnded(record) = &event.kind {
            // Of legs whose end was told by nobody.
            record.legs.iter().for_each(|leg| drop(legs.remove(&leg.leg)));
        }
        let leg = event.leg?;
        match &event.kind {
            EventKind::LegCreated(names) => {
                legs.insert(leg, LegTimes { sip_call_id: names.sip_call_id.clone(), began: time, rang: None, answered: None });
            }
            EventKind::LegRinging => drop(legs.get_mut(&leg).map(|times| times.rang.get_or_insert(time))),
            EventKind::LegAnswered => drop(legs.get_mut(&leg).map(|times| times.answered.get_or_insert(time))),
            EventKind::LegEnded(_) | EventKind::LegFailed(_) => return legs.remove(&leg).map(|times| times.over(time)),
            _ => {}
        }
        None
    }

    fn keep(&self, record: Told) {
        let Some(records) = &self.records else { return };
        let Err(refused) = records.try_send(record) else { return };
        let (TrySendError::Full(record) | TrySendError::Closed(record)) = refused;
        let lost = self.records_lost.get() + 1;
        self.records_lost.set(lost);
        // Losses come in crowds, and the log is no place for one.
        if lost.is_power_of_two() {
            tracing::error!(call = %record.event.call, lost, "the record of a call is not kept: as many wait to be written as may");
        }
    }
}

/// Nothing happens any more.
impl Drop for Bus {
    fn drop(&mut self) {
        self.shared.history().closed = true;
        self.shared.news.notify_waiters();
    }
}

/// Hears what happens, one event after the other.
#[derive(Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    next: u64,
}

impl Feed {
    /// The next event, or how many are missing before it; `None` once the node has stopped and all is heard.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            let shared = self.shared.clone();
            // From here on nothing goes by unheard.
            let news = shared.news.notified();
            match self.try_next() {
                Next::Heard(heard) => return Some(heard),
                Next::Over => return None,
                Next::Nothing => news.await,
            }
        }
    }

    fn try_next(&mut self) -> Next {
        let history = self.shared.history();
        let oldest = history.next - history.kept.len() as u64;
        if self.next < oldest {
            let missed = oldest - self.next.max(history.first);
            self.next = oldest;
            return Next::Heard(Heard::Missed(missed));
        }
        // A number that is yet to come is nobody's to wait for.
        self.next = self.next.min(history.next);
        let told = usize::try_from(self.next - oldest).ok().and_then(|place| history.kept.get(place)).cloned();
        match told {
            Some(told) => {
                self.next += 1;
                Next::Heard(Heard::Event(told))
            }
            None if history.closed => Next::Over,
            None => Next::Nothing,
        }
    }
}

enum Next {
    Heard(Heard),
    Nothing,
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tandem_model::{CallId, CallRecord, EndReason, EndedBy, LegEnd, LegNames};
    use tokio::runtime::{Builder, Runtime};

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    fn bus(records: Option<mpsc::Sender<Told>>) -> Bus {
        Bus::new(Epoch::new(Duration::from_secs(1000)), records)
    }

    fn event(micros: u64) -> Event {
        Event { time: Timestamp::from_micros(micros), call: CallId::new(1, 1), leg: None, kind: EventKind::CallCreated }
    }

    fn record() -> Event {
        let (call, at) = (CallId::new(1, 1), Timestamp::ZERO);
        let record = CallRecord {
            call,
            route: "".into(),
            began: at,
            rang: None,
            answered: None,
            ended: at,
            reason: EndReason::Cancelled,
            metadata: None,
            legs: [].into(),
        };
        Event { kind: EventKind::CallEnded(Box::new(record)), ..event(0) }
    }

    fn number(heard: Option<Heard>) -> u64 {
        match heard {
            Some(Heard::Event(told)) => told.seq,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_end_of_a_leg_says_how_long_what_took() {
        let bus = bus(None);
        let mut feed = bus.shared().subscribe();
        let (call, end) = (CallId::new(1, 1), || LegEnd { sip_status: 200, reason: "OK".into(), q850_cause: 16, by: EndedBy::Peer });
        let tell = |ms: u64, leg: u8, kind: EventKind| bus.tell(Event { leg: call.leg(leg), kind, ..event(1_000 * ms) });
        let names = |id: &str| LegNames { sip_call_id: id.into(), session_id: "".into() };
        tell(0, 0, EventKind::LegCreated(names("one")));
        tell(10, 1, EventKind::LegCreated(names("two")));
        tell(100, 0, EventKind::LegRinging);
        tell(150, 0, EventKind::LegRinging);
        tell(300, 0, EventKind::LegAnswered);
        tell(1_300, 0, EventKind::LegEnded(end()));
        tell(1_400, 1, EventKind::LegFailed(end()));
        let ended = LegOver { sip_call_id: "one".into(), ringing_ms: Some(200), setup_ms: Some(300), duration_ms: Some(1_000) };
        let heard = (0..7).map(|_| runtime().block_on(feed.next()));
        let over = heard.filter_map(|heard| if let Some(Heard::Event(told)) = heard { told.over } else { None });
        let over: Vec<LegOver> = over.map(Arc::unwrap_or_clone).collect();
        assert_eq!(over, [ended, LegOver { sip_call_id: "two".into(), ..LegOver::default() }]);
        assert!(bus.legs.borrow().is_empty());
    }

    #[test]
    fn who_listens_hears_all_in_order_and_the_end() {
        let bus = bus(None);
        bus.tell(event(1));
        let mut feed = bus.shared().subscribe();
        (2..5).for_each(|micros| bus.tell(event(micros)));
        drop(bus);
        runtime().block_on(async {
            for micros in 2..5 {
                let Some(Heard::Event(told)) = feed.next().await else { panic!("an event") };
                assert_eq!((told.unix_us, told.event.time.as_micros()), (1_000_000_000 + micros, micros as u64));
            }
            assert!(feed.next().await.is_none());
        });
    }

    #[test]
    fn who_waits_is_woken() {
        let bus = bus(None);
        let mut feed = bus.shared().subscribe();
        let other = std::thread::spawn(move || runtime().block_on(async { number(feed.next().await) }));
        bus.tell(event(1));
        assert_eq!(other.join().unwrap(), 1_000_000_000);
    }

    #[test]
    fn who_comes_back_hears_what_it_missed_and_how_much_is_gone() {
        let (bus, runtime) = (bus(None), runtime());
        let mut slow = bus.shared().subscribe();
        (0..EVENTS_KEPT as u64 + 10).for_each(|micros| bus.tell(event(micros)));
        let first = 1_000_000_000;
        assert!(matches!(runtime.block_on(slow.next()), Some(Heard::Missed(10))));
        assert_eq!(number(runtime.block_on(slow.next())), first + 10);
        let mut back = bus.shared().subscribe_from(first + 100);
        assert_eq!(number(runtime.block_on(back.next())), first + 100);
        let mut of_an_earlier_run = bus.shared().subscribe_from(5);
        assert!(matches!(runtime.block_on(of_an_earlier_run.next()), Some(Heard::Missed(10))));
        let mut from_the_future = bus.shared().subscribe_from(u64::MAX);
        assert!(matches!(from_the_future.try_next(), Next::Nothing));
        bus.tell(event(7));
        assert_eq!(number(runtime.block_on(from_the_future.next())), first + EVENTS_KEPT as u64 + 10);
    }

    #[test]
    fn records_wait_in_a_queue_of_their_own_and_losses_are_counted() {
        let (sender, mut waiting) = records();
        let bus = bus(Some(sender));
        (0..MAX_RECORDS + 3).for_each(|_| bus.tell(record()));
        bus.tell(event(1));
        assert_eq!(bus.records_lost(), 3);
        let mut came = 0;
        while let Ok(told) = waiting.try_recv() {
            assert!(matches!(told.event.kind, EventKind::CallEnded(_)));
            came += 1;
        }
        assert_eq!(came, MAX_RECORDS);
    }
}
