//! Recordings go to their files on a thread of their own: a media thread neither writes nor waits, and a disk that is slow or full costs
//! a recording and never a call.
//!
//! [`Recorder::begin`] gives a [`Tape`] for each recording. What is written to it lies in a bounded queue until the thread has put it
//! into the file; it is told to the call when the file is whole.

mod name;
#[cfg(test)]
mod tests;
mod wav_file;
mod writer;

use crate::shard::Sink;
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tandem_media::Format;
use tandem_model::{CallId, RecordingEnd, RecordingFailure, RecordingId};
use writer::Writer;

/// Recordings that may run at a time, in all calls: each has an open file.
const MAX_TAPES: usize = 1_024;

/// Blocks of one recording that may wait to be written, of half a second each. One more, and the recording ends: the disk is too slow.
const MAX_BLOCKS: usize = 20;

/// Bytes of all recordings that may wait, likewise.
const MAX_BYTES: usize = 64 << 20;

/// Places in the queue: more than as many blocks as [`MAX_BYTES`] are, and the beginnings and ends of all recordings.
const MAX_WORK: usize = 16_384;

/// How long what waits to be written is waited for when the program ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where recordings begin. Every media thread has one.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    queue: SyncSender<Work>,
    totals: Arc<Totals>,
}

/// Keeps the thread going until everything that recordings begin at and write to is gone, and waits for it then.
#[derive(Debug)]
pub(crate) struct RecorderThread {
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// One recording. Dropped, it ends: who was recorded has gone.
#[derive(Debug)]
pub(crate) struct Tape {
    recording: RecordingId,
    queue: SyncSender<Work>,
    state: Arc<State>,
    /// Buffers that were written, to be filled anew.
    spare: Receiver<Vec<u8>>,
    /// Buffers that were made.
    made: usize,
    size: usize,
}

/// The recording takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over;

/// What all recordings have together.
#[derive(Debug, Default)]
struct Totals {
    tapes: AtomicUsize,
    bytes: AtomicUsize,
}

/// What both ends of a recording know of it.
#[derive(Debug)]
struct State {
    totals: Arc<Totals>,
    /// Blocks that wait.
    waiting: AtomicUsize,
    /// The file takes no more.
    is_over: AtomicBool,
    /// Why it is to end, once it is. Whoever says so first is right.
    end: Mutex<Option<RecordingEnd>>,
}

/// What the thread is to do.
enum Work {
    Begin(Box<Begin>),
    /// Bytes of the recording with that state.
    Block(Arc<State>, Vec<u8>),
    /// Look at the ends.
    End,
    #[cfg(test)]
    Wait(Receiver<()>),
}

/// A recording that begins.
struct Begin {
    call: CallId,
    recording: RecordingId,
    file: Box<str>,
    format: Format,
    state: Arc<State>,
    spare: SyncSender<Vec<u8>>,
}

/// Starts the thread. Files come to be below `folder`; `tell` is told of each that is whole.
///
/// # Errors
/// The system's, when it has no thread to give.
pub(crate) fn start(folder: PathBuf, tell: Sink) -> io::Result<(Recorder, RecorderThread)> {
    let (queue, work) = sync_channel(MAX_WORK);
    let (finished, done) = sync_channel(1);
    let thread = thread::Builder::new().name("recorder".into()).spawn(move || {
        Writer::new(folder, tell).run(&work);
        // Nobody may wait for it.
        let _ = finished.send(());
    })?;
    Ok((Recorder { queue, totals: Arc::default() }, RecorderThread { done, thread: Some(thread) }))
}

impl Recorder {
    /// A recording of `call` begins. What becomes of its file is told later.
    ///
    /// # Errors
    /// It does not begin, and nothing more will be told.
    pub(crate) fn begin(&self, call: CallId, recording: RecordingId, file: Box<str>, format: Format) -> Result<Tape, RecordingEnd> {
        if self.totals.tapes.fetch_add(1, Relaxed) >= MAX_TAPES {
            self.totals.tapes.fetch_sub(1, Relaxed);
            return Err(RecordingEnd::Failed(RecordingFailure::TooMany));
        }
        let state =
            State { totals: self.totals.clone(), waiting: AtomicUsize::new(0), is_over: AtomicBool::new(false), end: Mutex::default() };
        let state = Arc::new(state);
        let (back, spare) = sync_channel(MAX_BLOCKS);
        let begin = Begin { call, recording, file, format, state: state.clone(), spare: back };
        let tape = Tape { recording, queue: self.queue.clone(), state, spare, made: 0, size: format.block() };
        match self.queue.try_send(Work::Begin(Box::new(begin))) {
            Ok(()) => Ok(tape),
            Err(_) => Err(RecordingEnd::Failed(RecordingFailure::Slow)),
        }
    }

    /// Has the thread wait until this is sent something, which is taken when it has come so far, or dropped.
    #[cfg(test)]
    fn wait(&self) -> SyncSender<()> {
        let (until, wait) = sync_channel(0);
        self.queue.send(Work::Wait(wait)).unwrap();
        until
    }
}

impl Tape {
    pub(crate) fn recording(&self) -> RecordingId {
        self.recording
    }

    /// Hands on a block of the recording, no larger than its format says.
    ///
    /// # Errors
    /// It has ended by itself, or ends by this: too much waits already. The call is told why.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if self.state.is_over.load(Relaxed) {
            return Err(Over);
        }
        let Some(mut buffer) = self.buffer() else { return Err(self.give_up()) };
        buffer.extend_from_slice(bytes);
        self.state.take(buffer.len());
        let size = buffer.len();
        self.queue.try_send(Work::Block(self.state.clone(), buffer)).map_err(|_| {
            self.state.give_back(size);
            self.give_up()
        })
    }

    /// Ends it: its file is whole when what waits has been written.
    pub(crate) fn end(self, end: RecordingEnd) {
        self.state.end(end);
    }

    fn give_up(&self) -> Over {
        self.state.end(RecordingEnd::Failed(RecordingFailure::Slow));
        Over
    }

    /// An empty buffer, if less waits than may.
    fn buffer(&mut self) -> Option<Vec<u8>> {
        if self.state.totals.bytes.load(Relaxed) + self.size > MAX_BYTES {
            return None;
        }
        if let Ok(buffer) = self.spare.try_recv() {
            return Some(buffer);
        }
        self.made += 1;
        (self.made <= MAX_BLOCKS).then(|| Vec::with_capacity(self.size))
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.state.end(RecordingEnd::LegGone);
        // A queue that is full brings the thread to look at the ends too.
        let _ = self.queue.try_send(Work::End);
    }
}

impl State {
    fn take(&self, bytes: usize) {
        self.waiting.fetch_add(1, Relaxed);
        self.totals.bytes.fetch_add(bytes, Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.totals.bytes.fetch_sub(bytes, Relaxed);
        self.waiting.fetch_sub(1, Relaxed);
    }

    fn end(&self, end: RecordingEnd) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
    }

    /// Why it ends, if it does and nothing of it waits any more.
    fn ended(&self) -> Option<RecordingEnd> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone();
        end.filter(|_| self.waiting.load(Relaxed) == 0)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.totals.tapes.fetch_sub(1, Relaxed);
    }
}

impl Drop for RecorderThread {
    fn drop(&mut self) {
        if self.done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("recordings could not be finished in time: what was not written is lost");
            return drop(self.thread.take());
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes recordings had panicked");
        }
    }
}
