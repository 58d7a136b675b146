//! A bounded buffer between those who log and the file that is written: nobody waits for a disk or a terminal.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of log lines that may wait to be written; what does not fit is lost and counted.
pub const MAX_BUFFERED_BYTES: usize = 4 << 20;

/// How long lines gather before they are written together.
pub const TICK: Duration = Duration::from_millis(20);

/// Ticks without a line after which the writer sleeps until one comes.
const IDLE_TICKS: u32 = 50;

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    lost: u64,
    asleep: bool,
    stopping: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl Shared {
    /// A thread that panicked while it held the lock left a whole state behind: every change is a single push.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that log lines are put into. Clones share one buffer.
#[derive(Clone)]
pub struct LogBuffer(Arc<Shared>);

/// Keeps the writer thread; dropping it writes what waits and ends the thread.
pub struct LogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The line that says how many were lost.
pub(super) type LostLine = fn(u64) -> String;

/// Starts a thread that writes lines to `sink`.
///
/// # Errors
/// The system's, when it has no thread to give.
pub(super) fn start(sink: Box<dyn Write + Send>, lost_line: LostLine) -> io::Result<(LogBuffer, LogWriter)> {
    let shared = Arc::new(Shared::default());
    let thread = {
        let shared = shared.clone();
        thread::Builder::new().name("tandem-log".into()).spawn(move || drain(&shared, sink, lost_line))?
    };
    Ok((LogBuffer(shared.clone()), LogWriter { shared, thread: Some(thread) }))
}

impl LogBuffer {
    /// Takes one whole line, or counts it as lost.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > MAX_BUFFERED_BYTES {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        if std::mem::take(&mut state.asleep) {
            self.0.wake.notify_one();
        }
    }
}

/// One line at a time: the formatter hands over a whole line in one call.
impl Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = LogBuffer;

    fn make_writer(&'a self) -> LogBuffer {
        self.clone()
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

fn drain(shared: &Shared, mut sink: Box<dyn Write + Send>, lost_line: LostLine) {
    let mut lines = Vec::new();
    let mut idle_ticks = 0;
    loop {
        let (lost, stopping) = wait_for_lines(shared, &mut lines, &mut idle_ticks);
        if lost > 0 {
            lines.extend_from_slice(lost_line(lost).as_bytes());
        }
        // Nobody is left to be told that the log cannot be written.
        let _ = sink.write_all(&lines).and_then(|()| sink.flush());
        lines.clear();
        if stopping {
            return;
        }
    }
}

/// Sleeps one tick (or until a line comes, when none came for long), then swaps what waits into `lines`.
fn wait_for_lines(shared: &Shared, lines: &mut Vec<u8>, idle_ticks: &mut u32) -> (u64, bool) {
    let mut state = shared.lock();
    if *idle_ticks >= IDLE_TICKS {
        state.asleep = state.waiting.is_empty();
        state = shared.wake.wait_while(state, |state| state.asleep && !state.stopping).unwrap_or_else(PoisonError::into_inner);
        *idle_ticks = 0;
    }
    let ticking = |state: &mut State| !state.stopping;
    (state, _) = shared.wake.wait_timeout_while(state, TICK, ticking).unwrap_or_else(PoisonError::into_inner);
    *idle_ticks = if state.waiting.is_empty() { *idle_ticks + 1 } else { 0 };
    std::mem::swap(&mut state.waiting, lines);
    (std::mem::take(&mut state.lost), state.stopping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A sink that hands on what is written and, while `gate` is held, blocks as a full pipe does.
    struct Sink(mpsc::Sender<Vec<u8>>, Arc<Mutex<()>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            drop(self.1.lock());
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_is_written_before_the_writer_ends() {
        let (sender, written) = mpsc::channel();
        let (buffer, writer) = start(Box::new(Sink(sender, Arc::default())), |_| String::new()).unwrap();
        (0..100).for_each(|line| buffer.push(format!("line {line}\n").as_bytes()));
        drop(writer);
        let text = String::from_utf8(written.iter().flatten().collect()).unwrap();
        assert_eq!(text.lines().count(), 100);
        assert!(text.ends_with("line 99\n"));
    }

    #[test]
    fn a_stuck_sink_loses_lines_and_says_how_many() {
        let (sender, written) = mpsc::channel();
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().unwrap();
        let (buffer, writer) = start(Box::new(Sink(sender, gate.clone())), |lost| format!("{lost} are lost\n")).unwrap();
        let line = [b'x'; 1 << 20];
        // Twice the bound: at most one buffer is being written while another fills.
        (0..9).for_each(|_| buffer.push(&line));
        assert!(buffer.0.lock().waiting.len() <= MAX_BUFFERED_BYTES);
        drop(held);
        drop(writer);
        let text = String::from_utf8(written.iter().flatten().collect()).unwrap();
        assert!(text.contains(" are lost\n") && !text.contains("0 are lost"), "{} bytes", text.len());
    }
}
