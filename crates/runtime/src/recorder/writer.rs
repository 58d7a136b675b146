//! The thread that writes recordings.

use super::{
    Begin, State, Work, name,
    wav_file::{Unwritten, WavFile},
};
use crate::{containment::contain, log::Escaped, shard::Sink};
use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};
use tandem_media::Format;
use tandem_model::{CallId, MediaEvent, RecordingEnd, RecordingFailure, RecordingId};

/// How often it is looked for recordings whose end found no room in the queue.
const SWEEP: Duration = Duration::from_secs(1);

/// Writes what it is given, until nobody is left who could give it more.
pub(super) struct Writer {
    folder: PathBuf,
    tell: Sink,
    open: Vec<Open>,
}

/// A recording whose file is open.
struct Open {
    call: CallId,
    recording: RecordingId,
    name: Box<str>,
    file: WavFile<File>,
    state: Arc<State>,
    spare: SyncSender<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, tell: Sink) -> Writer {
        Writer { folder, tell, open: Vec::new() }
    }

    pub(super) fn run(mut self, work: &Receiver<Work>) {
        loop {
            let next =
                if self.open.is_empty() { work.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { work.recv_timeout(SWEEP) };
            if next.as_ref().err() == Some(&RecvTimeoutError::Disconnected) {
                return self.finish();
            }
            if let Err(panic) = contain(|| self.work(next.ok())) {
                tracing::error!(place = %panic.place, "writing a recording failed inside: {}", Escaped(&panic.message));
            }
        }
    }

    fn work(&mut self, work: Option<Work>) {
        match work {
            Some(Work::Begin(begin)) => self.begin(*begin),
            Some(Work::Block(state, block)) => self.write(&state, block),
            Some(Work::End) | None => self.finish(),
            #[cfg(test)]
            Some(Work::Wait(until)) => drop(until.recv()),
        }
    }

    fn begin(&mut self, begin: Begin) {
        let Begin { call, recording, file, format, state, spare } = begin;
        let opened = match name::checked(&file) {
            None => Err(RecordingEnd::Failed(RecordingFailure::Name)),
            Some(stem) => name::create(&self.folder, stem).and_then(|(file, name)| self.head(file, name, format)).map_err(ended_by),
        };
        match opened {
            Ok((file, name)) => self.open.push(Open { call, recording, name, file, state, spare }),
            Err(end) => {
                state.is_over.store(true, Relaxed);
                (self.tell)(call, MediaEvent::Recorded { recording, file: "".into(), ms: 0, end });
            }
        }
    }

    /// Makes a WAV file of an empty one. One that finds no room is not left behind.
    fn head(&self, file: File, name: Box<str>, format: Format) -> io::Result<(WavFile<File>, Box<str>)> {
        match WavFile::begin(file, format) {
            Ok(file) => Ok((file, name)),
            Err(error) => fs::remove_file(self.folder.join(&*name)).and(Err(error)),
        }
    }

    /// What is of a recording that has ended is dropped.
    fn write(&mut self, state: &Arc<State>, mut block: Vec<u8>) {
        let place = self.open.iter().position(|open| Arc::ptr_eq(&open.state, state));
        let written = place.map(|place| self.open[place].file.write(&block));
        state.give_back(block.len());
        block.clear();
        match (written, place) {
            (Some(Ok(())), Some(place)) => {
                // Whoever filled it may be gone.
                let _ = self.open[place].spare.try_send(block);
            }
            (Some(Err(unwritten)), Some(place)) => {
                let end = match unwritten {
                    Unwritten::Long => RecordingEnd::Failed(RecordingFailure::Long),
                    Unwritten::System(error) => ended_by(error),
                };
                state.is_over.store(true, Relaxed);
                self.close(place, end);
            }
            _ => {}
        }
    }

    /// Closes the files of which nothing more comes.
    fn finish(&mut self) {
        let mut place = 0;
        while let Some(open) = self.open.get(place) {
            match open.state.ended() {
                Some(end) => self.close(place, end),
                None => place += 1,
            }
        }
    }

    fn close(&mut self, place: usize, end: RecordingEnd) {
        let Open { call, recording, name, file, .. } = self.open.swap_remove(place);
        let ms = file.ms();
        drop(file);
        (self.tell)(call, MediaEvent::Recorded { recording, file: name, ms, end });
    }
}

fn ended_by(error: io::Error) -> RecordingEnd {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => RecordingEnd::DiskFull,
        ErrorKind::AlreadyExists => RecordingEnd::Failed(RecordingFailure::Exists),
        _ => RecordingEnd::Failed(RecordingFailure::System(error.to_string().into())),
    }
}
