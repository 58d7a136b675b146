//! What recordings of the sessions of a thread are written to.

use super::Worker;
use crate::recorder::Tape;
use tandem_media::Input;
use tandem_model::{CallId, Layout, MediaEvent, Recorded, RecordingEnd, RecordingFailure, RecordingId, Timestamp};

/// The recordings of one session.
#[derive(Debug, Default)]
pub(super) struct Tapes {
    running: Vec<Tape>,
    /// Those that took no more: the session does not know of it yet.
    over: Vec<RecordingId>,
}

impl Tapes {
    pub(super) fn write(&mut self, recording: RecordingId, bytes: &[u8]) {
        let Some(place) = self.running.iter().position(|tape| tape.recording() == recording) else { return };
        if self.running[place].write(bytes).is_err() {
            self.running.swap_remove(place);
            self.over.push(recording);
        }
    }

    pub(super) fn end(&mut self, recording: RecordingId, end: RecordingEnd) {
        if let Some(place) = self.running.iter().position(|tape| tape.recording() == recording) {
            self.running.swap_remove(place).end(end);
        }
    }

    /// What the session is to be told of one that took no more.
    pub(super) fn news(&mut self) -> Option<Input> {
        self.over.pop().map(Input::StopRecording)
    }

    /// The session failed.
    pub(super) fn fail(&mut self) {
        self.running.drain(..).for_each(|tape| tape.end(RecordingEnd::Failed(RecordingFailure::Internal)));
    }
}

impl Worker {
    /// Begins a recording; one that cannot begin has ended.
    pub(super) fn record(&mut self, now: Timestamp, call: CallId, what: (RecordingId, Recorded, Layout), file: Box<str>) {
        let (recording, of, layout) = what;
        let place = self.calls.get(&call).copied();
        let entry = place.and_then(|place| self.sessions.get_mut(place as usize)?.as_mut());
        let begun = match entry {
            None => Err(RecordingEnd::Failed(RecordingFailure::NoLeg)),
            Some(entry) => match entry.session.record(now, recording, of, layout) {
                Err(failure) => Err(RecordingEnd::Failed(failure)),
                Ok(format) => match self.recorder.begin(call, recording, file, format) {
                    Ok(tape) => {
                        entry.tapes.running.push(tape);
                        Ok(())
                    }
                    Err(end) => {
                        entry.tapes.over.push(recording);
                        Err(end)
                    }
                },
            },
        };
        if let Err(end) = begun {
            (self.sink)(call, MediaEvent::Recorded { recording, file: "".into(), ms: 0, end });
        }
        if let Some(place) = place {
            self.handle(now, place, None);
        }
    }
}
