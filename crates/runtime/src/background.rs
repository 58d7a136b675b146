//! The second runtime, on a thread of its own: everything that may take its time and must not hold up a call. Names are
//! looked up here, files are read and written here.

use std::{future::Future, io, thread};
use tokio::{runtime, sync::oneshot};

/// Threads for what blocks (the system's resolver, files), started when needed.
const MAX_BLOCKING_THREADS: usize = 4;

/// A handle to the second runtime, for any thread.
#[derive(Clone, Debug)]
pub struct Background(runtime::Handle);

/// Keeps the second runtime going; dropping it ends the thread, and what had not finished is given up.
pub struct BackgroundThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Starts it.
///
/// # Errors
/// The system's, when it has no thread or no descriptor to give.
pub fn start() -> io::Result<(Background, BackgroundThread)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new().name("tandem-background".into()).spawn(move || {
        // Either a word to stop or the other end gone: the same.
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    })?;
    Ok((Background(handle), BackgroundThread { stop: Some(stop), thread: Some(thread) }))
}

impl Background {
    /// Runs `work` there; the result comes back by awaiting what is returned, which fails only while the node stops.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        self.0.spawn(async move {
            // Whoever asked may be gone by now.
            let _ = done.send(work.await);
        });
        result
    }

    /// Runs what blocks on a thread of its own.
    pub fn run_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        self.0.spawn_blocking(move || {
            let _ = done.send(work());
        });
        result
    }
}

impl Drop for BackgroundThread {
    fn drop(&mut self) {
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

    #[test]
    fn work_is_done_elsewhere_and_its_result_comes_back() {
        let (background, thread) = start().unwrap();
        let here = thread::current().id();
        let elsewhere = background.run(async { thread::current().id() }).blocking_recv().unwrap();
        let blocking = background.run_blocking(|| thread::current().id()).blocking_recv().unwrap();
        assert!(elsewhere != here && blocking != here);
        drop(thread);
    }
}
