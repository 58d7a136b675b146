//! What waits is sent until it is taken.

use super::receiver::{Answer, Receiver, receive};
use crate::{
    Block, Client, Guard, MAX_ON_THE_WAY, MemoryQueue, Notice, Queue, QueueError, Sender, Tally, Target, Url, Waiting, pace::Pace, sign,
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::JoinHandle,
};

/// Attempts follow each other at once.
const HASTE: Pace = Pace { first: Duration::from_millis(1), most: Duration::from_millis(2), give_up_after: Duration::from_secs(3600) };

fn notice(number: usize) -> Notice {
    Notice { id: format!("event-{number:05}").into(), body: Bytes::from(format!("{{\"id\":{number}}}")) }
}

fn sender<Q: Queue>(address: SocketAddr, queue: &Arc<Q>, pace: Pace) -> Sender<Q> {
    let guard = Guard::new([Block { first: [127, 0, 0, 1].into(), length: 32 }]);
    let target = Target { url: Url::parse(&format!("http://{address}/hook")).unwrap(), secret: "whsec".into() };
    Sender::new(Client::new(guard, None), target, queue.clone()).at(pace)
}

struct Running {
    give: mpsc::Sender<Notice>,
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

fn run<Q: Queue>(sender: Sender<Q>) -> Running {
    let (give, intake) = mpsc::channel(crate::MAX_INTAKE);
    Running { give, tally: sender.tally(), task: tokio::spawn(sender.run(intake)) }
}

async fn bodies(receiver: &mut Receiver, count: usize) -> BTreeMap<Bytes, usize> {
    let mut bodies = BTreeMap::new();
    for _ in 0..count {
        *bodies.entry(receiver.got.recv().await.unwrap().body).or_default() += 1;
    }
    bodies
}

fn of(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[tokio::test]
async fn each_event_is_sent_once_and_signed() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(204)).await;
    let queue = Arc::new(MemoryQueue::new(10_000));
    let running = run(sender(receiver.address, &queue, HASTE));
    for number in 0..500 {
        running.give.send(notice(number)).await.unwrap();
    }
    let mut ids = BTreeMap::<_, usize>::new();
    for _ in 0..500 {
        let got = receiver.got.recv().await.unwrap();
        let signature = got.signature.unwrap();
        let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        assert_eq!(signature, sign("whsec", time, &got.body));
        *ids.entry(got.body).or_default() += 1;
    }
    assert!(ids.len() == 500 && ids.values().all(|count| *count == 1));
    drop(running.give);
    running.task.await.unwrap();
    assert_eq!(of(&running.tally.taken), 500);
    assert!(receiver.most.load(Ordering::SeqCst) <= MAX_ON_THE_WAY);
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_until_it_is() {
    let mut receiver = receive("127.0.0.1", None, |number| Answer::Status(if number < 20 { 503 } else { 200 })).await;
    let queue = Arc::new(MemoryQueue::new(100));
    let running = run(sender(receiver.address, &queue, HASTE));
    for number in 0..10 {
        running.give.send(notice(number)).await.unwrap();
    }
    let bodies = bodies(&mut receiver, 30).await;
    assert_eq!((bodies.len(), bodies.values().sum::<usize>()), (10, 30));
    drop(running.give);
    running.task.await.unwrap();
    assert_eq!((of(&running.tally.taken), of(&running.tally.failed)), (10, 20));
    assert_eq!(queue.next_due_ms().await, Ok(None));
}

/// Whoever takes nothing holds up nobody, and is asked one at a time after its first failure.
#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody() {
    let permits = Arc::new(Semaphore::new(0));
    let held = permits.clone();
    let mut receiver = receive("127.0.0.1", None, move |_| Answer::When(held.clone())).await;
    let queue = Arc::new(MemoryQueue::new(100_000));
    let running = run(sender(receiver.address, &queue, HASTE));
    for number in 0..20_000 {
        running.give.send(notice(number)).await.unwrap();
    }
    // All that may be under way hangs, and what came after waits.
    assert_eq!(bodies(&mut receiver, MAX_ON_THE_WAY).await.len(), MAX_ON_THE_WAY);
    assert!(receiver.got.try_recv().is_err());
    permits.add_permits(20_000);
    assert_eq!(bodies(&mut receiver, 20_000 - MAX_ON_THE_WAY).await.len(), 20_000 - MAX_ON_THE_WAY);
    drop(running.give);
    running.task.await.unwrap();
    assert_eq!((of(&running.tally.taken), of(&running.tally.failed), of(&running.tally.lost)), (20_000, 0, 0));
}

#[tokio::test]
async fn what_waits_outlives_its_sender() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let queue = Arc::new(MemoryQueue::new(100));
    let never = Pace { first: Duration::from_millis(1), most: Duration::from_millis(1), ..HASTE };
    let running = run(sender(gone, &queue, never));
    for number in 0..10 {
        running.give.send(notice(number)).await.unwrap();
    }
    drop(running.give);
    running.task.await.unwrap();
    assert!(of(&running.tally.failed) > 0 && of(&running.tally.taken) == 0);
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(200)).await;
    let running = run(sender(receiver.address, &queue, HASTE));
    assert_eq!(bodies(&mut receiver, 10).await.len(), 10);
    drop(running.give);
    running.task.await.unwrap();
}

#[tokio::test]
async fn what_nobody_takes_is_given_up() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(500)).await;
    let queue = Arc::new(MemoryQueue::new(100));
    let running = run(sender(receiver.address, &queue, Pace { give_up_after: Duration::ZERO, ..HASTE }));
    for number in 0..5 {
        running.give.send(notice(number)).await.unwrap();
    }
    assert_eq!(bodies(&mut receiver, 5).await.len(), 5);
    drop(running.give);
    running.task.await.unwrap();
    assert_eq!(of(&running.tally.given_up), 5);
    assert_eq!(queue.next_due_ms().await, Ok(None));
}

#[tokio::test]
async fn what_finds_no_room_is_counted() {
    let permits = Arc::new(Semaphore::new(0));
    let held = permits.clone();
    let mut receiver = receive("127.0.0.1", None, move |_| Answer::When(held.clone())).await;
    let queue = Arc::new(MemoryQueue::new(3));
    let running = run(sender(receiver.address, &queue, HASTE));
    for number in 0..5 {
        running.give.send(notice(number)).await.unwrap();
    }
    assert_eq!(bodies(&mut receiver, 3).await.len(), 3);
    drop(running.give);
    permits.add_permits(5);
    running.task.await.unwrap();
    assert_eq!(of(&running.tally.taken), 3);
    assert_eq!(of(&running.tally.lost), 2);
}

/// A receiver that takes nothing is left alone for a while, however much comes for it meanwhile.
#[tokio::test]
async fn a_receiver_that_refuses_is_not_asked_all_the_time() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(503)).await;
    let queue = Arc::new(MemoryQueue::new(10_000));
    let pace = Pace { first: Duration::from_secs(3600), most: Duration::from_secs(3600), ..HASTE };
    let running = run(sender(receiver.address, &queue, pace));
    for number in 0..MAX_ON_THE_WAY {
        running.give.send(notice(number)).await.unwrap();
    }
    receiver.got.recv().await.unwrap();
    for number in MAX_ON_THE_WAY..500 {
        running.give.send(notice(number)).await.unwrap();
        tokio::task::yield_now().await;
    }
    drop(running.give);
    running.task.await.unwrap();
    assert!((1..=MAX_ON_THE_WAY as u64).contains(&of(&running.tally.failed)), "{:?}", running.tally);
}

/// A queue that shows what waits, and does not note at first what was taken: its disk is full, for example.
struct Forgetful {
    memory: MemoryQueue,
    refusals: AtomicU32,
    noted: Notify,
}

impl Queue for Forgetful {
    async fn put(&self, notices: &[Notice], now_ms: i64) -> Result<(), QueueError> {
        self.memory.put(notices, now_ms).await
    }

    async fn due(&self, now_ms: i64, most: usize) -> Result<Vec<Waiting>, QueueError> {
        self.memory.due(now_ms, most).await
    }

    async fn next_due_ms(&self) -> Result<Option<i64>, QueueError> {
        self.memory.next_due_ms().await
    }

    async fn done(&self, ids: &[Box<str>]) -> Result<(), QueueError> {
        if self.refusals.load(Ordering::SeqCst) > 0 {
            self.refusals.fetch_sub(1, Ordering::SeqCst);
            return Err(QueueError::Failed("the disk is full".into()));
        }
        self.memory.done(ids).await?;
        self.noted.notify_one();
        Ok(())
    }

    async fn postpone(&self, id: &str, due_ms: i64) -> Result<(), QueueError> {
        self.memory.postpone(id, due_ms).await
    }
}

#[tokio::test]
async fn what_the_queue_does_not_note_is_not_sent_again() {
    let mut receiver = receive("127.0.0.1", None, |_| Answer::Status(200)).await;
    let queue = Arc::new(Forgetful { memory: MemoryQueue::new(100), refusals: AtomicU32::new(2), noted: Notify::new() });
    let running = run(sender(receiver.address, &queue, HASTE));
    running.give.send(notice(1)).await.unwrap();
    queue.noted.notified().await;
    drop(running.give);
    running.task.await.unwrap();
    assert_eq!((of(&running.tally.taken), queue.next_due_ms().await), (1, Ok(None)));
    assert!(receiver.got.recv().await.is_some() && receiver.got.try_recv().is_err(), "it came once");
}
