//! Recordings without files: what was recorded is kept for tests to look at.

use std::time::Duration;
use tandem_media::Format;
use tandem_model::{CallId, MediaEvent, RecordingEnd, RecordingId};

/// One recording: finished, or running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Whose.
    pub call: CallId,
    /// Its name in the call.
    pub recording: RecordingId,
    /// The file that it would be in.
    pub file: Box<str>,
    /// What the bytes are.
    pub format: Format,
    /// All of it, as it was written.
    pub bytes: Vec<u8>,
    /// Why it ended, once it has.
    pub end: Option<RecordingEnd>,
}

impl Recording {
    /// The samples of one of its channels.
    pub fn channel(&self, index: usize) -> Vec<i16> {
        let moments = self.bytes.chunks_exact(self.format.moment());
        moments.map(|moment| i16::from_le_bytes([moment[2 * index], moment[2 * index + 1]])).collect()
    }

    /// How long it plays.
    pub fn ms(&self) -> u64 {
        self.bytes.len() as u64 / self.format.moment() as u64 * 1_000 / u64::from(self.format.rate_hz)
    }
}

/// The disk.
#[derive(Debug, Default)]
pub struct Recordings {
    /// All that there have been, in the order in which they began.
    pub all: Vec<Recording>,
    /// How many bytes of sound find room on it; `None`: any number.
    pub room: Option<usize>,
    /// How much longer than everything else it takes until a call hears of the end of a recording.
    pub delay: Duration,
}

impl Recordings {
    pub(crate) fn begin(&mut self, call: CallId, recording: RecordingId, file: Box<str>, format: Format) {
        self.all.push(Recording { call, recording, file, format, bytes: Vec::new(), end: None });
    }

    /// Writes a block; what the call is to be told if there is no room for it.
    pub(crate) fn write(&mut self, call: CallId, recording: RecordingId, bytes: &[u8]) -> Option<MediaEvent> {
        let full = self.room.is_some_and(|room| room < self.all.iter().map(|one| one.bytes.len()).sum::<usize>() + bytes.len());
        if full {
            return self.end(call, recording, RecordingEnd::DiskFull);
        }
        self.running(call, recording)?.bytes.extend_from_slice(bytes);
        None
    }

    /// Ends one that runs; what the call is to be told.
    pub(crate) fn end(&mut self, call: CallId, recording: RecordingId, end: RecordingEnd) -> Option<MediaEvent> {
        let one = self.running(call, recording)?;
        one.end = Some(end.clone());
        Some(MediaEvent::Recorded { recording, file: one.file.clone(), ms: one.ms(), end })
    }

    fn running(&mut self, call: CallId, recording: RecordingId) -> Option<&mut Recording> {
        self.all.iter_mut().find(|one| one.call == call && one.recording == recording && one.end.is_none())
    }
}
