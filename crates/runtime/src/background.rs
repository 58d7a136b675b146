//! The second runtime, on a thread of its own: everything that may take its time and must not hold up a call. Names are
//! looked up here, files are read and written here.

use std::{
    future::Future,
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tokio::{runtime, sync::oneshot};

/// Threads for what blocks (the system's resolver, files), started when needed.
const MAX_BLOCKING_THREADS: usize = 4;

/// How long such a thread waits for more to do before it ends.
const IDLE: Duration = Duration::from_secs(1);

/// Pieces of blocking work that may be in hand, waiting or under way.
const MAX_BLOCKING_WORK: usize = 64;

/// How long blocking work that was accepted may still take when the thread is to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// A handle to the second runtime, for any thread.
#[derive(Clone, Debug)]
pub struct Background {
    runtime: runtime::Handle,
    blocking: Arc<InHand>,
}

/// Keeps the second runtime going. Dropping it ends the thread: blocking work that was accepted gets two seconds to be done, all
/// else that had not finished is given up.
pub struct BackgroundThread {
    blocking: Arc<InHand>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Starts it.
///
/// # Errors
/// The system's, when it has no thread or no descriptor to give.
pub fn start() -> io::Result<(Background, BackgroundThread)> {
    let mut builder = runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).thread_keep_alive(IDLE).build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new().name("tandem-background".into()).spawn(move || {
        // Either a word to stop or the other end gone: the same.
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    })?;
    let blocking = Arc::<InHand>::default();
    Ok((Background { runtime: handle, blocking: blocking.clone() }, BackgroundThread { blocking, stop: Some(stop), thread: Some(thread) }))
}

impl Background {
    /// Runs `work` there; the result comes back by awaiting what is returned, which fails only while the node stops.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        self.runtime.spawn(async move {
            // Whoever asked may be gone by now.
            let _ = done.send(work.await);
        });
        result
    }

    /// Runs what blocks on a thread of its own, and to its end if the node stops meanwhile. `None`: as much is in hand as may be, and
    /// `work` is dropped.
    pub fn run_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<oneshot::Receiver<T>> {
        let (done, result) = oneshot::channel();
        let one = InHand::one(&self.blocking)?;
        self.runtime.spawn_blocking(move || {
            let _ = done.send(work());
            drop(one);
        });
        Some(result)
    }
}

/// Work that was accepted and is not done.
#[derive(Debug, Default)]
struct InHand {
    left: Mutex<usize>,
    done: Condvar,
}

impl InHand {
    /// One more, if there is room for it.
    fn one(all: &Arc<InHand>) -> Option<One> {
        let mut left = all.left.lock().unwrap_or_else(PoisonError::into_inner);
        if *left >= MAX_BLOCKING_WORK {
            return None;
        }
        *left += 1;
        Some(One(all.clone()))
    }

    /// Whether all of it was done within `patience`.
    fn wait(&self, patience: Duration) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.done.wait_timeout_while(left, patience, |left| *left > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

/// One piece of it: done, panicked or given up when this is dropped.
struct One(Arc<InHand>);

impl Drop for One {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.done.notify_all();
    }
}

impl Drop for BackgroundThread {
    fn drop(&mut self) {
        if !self.blocking.wait(PATIENCE) {
            tracing::warn!("work in the background did not end in time and is given up");
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn work_is_done_elsewhere_and_its_result_comes_back() {
        let (background, thread) = start().unwrap();
        let here = thread::current().id();
        let elsewhere = background.run(async { thread::current().id() }).blocking_recv().unwrap();
        let blocking = background.run_blocking(|| thread::current().id()).unwrap().blocking_recv().unwrap();
        assert!(elsewhere != here && blocking != here);
        drop(thread);
    }

    #[test]
    fn blocking_work_that_was_accepted_is_done_before_the_thread_is_gone() {
        let (background, thread) = start().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 1..MAX_BLOCKING_WORK {
            let done = done.clone();
            let accepted = background.run_blocking(move || {
                (0..1_000).for_each(|_| thread::yield_now());
                done.fetch_add(1, Ordering::SeqCst);
            });
            assert!(accepted.is_some());
        }
        assert!(background.run_blocking(|| assert_eq!(1, 2, "this panic is part of the test")).is_some());
        drop(thread);
        assert_eq!(done.load(Ordering::SeqCst), MAX_BLOCKING_WORK - 1);
    }

    #[test]
    fn no_more_work_is_accepted_than_may_wait() {
        let (background, thread) = start().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let wait = || {
            let held = held.clone();
            background.run_blocking(move || held.lock().unwrap().recv().unwrap_err())
        };
        let accepted: Vec<_> = (0..MAX_BLOCKING_WORK).filter_map(|_| wait()).collect();
        assert_eq!(accepted.len(), MAX_BLOCKING_WORK);
        assert!(wait().is_none());
        drop(release);
        assert!(accepted.into_iter().all(|result| result.blocking_recv().is_ok()));
        assert!(thread.blocking.wait(PATIENCE));
        assert!(wait().is_some());
    }

    #[test]
    fn work_that_does_not_end_is_not_waited_for_without_end() {
        let (background, thread) = start().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let result = background.run_blocking(move || held.recv()).unwrap();
        assert!(!thread.blocking.wait(Duration::ZERO));
        drop(release);
        result.blocking_recv().unwrap().unwrap_err();
        assert!(thread.blocking.wait(PATIENCE));
    }
}
