//! Recordings of the call and of its legs.

use super::Call;
use super::command::{Controls, audible};
use super::phase::MediaState;
use tandem_model::{
    CommandError, CommandOutcome, EventKind, Layout, MAX_RECORDINGS, MediaCommand, Recorded, RecordingDone, RecordingId, Timestamp,
    is_file_name,
};

impl Controls {
    /// The name of one more recording.
    fn next_recording(&mut self) -> Result<RecordingId, CommandError> {
        if self.recordings.len() >= MAX_RECORDINGS {
            return Err(CommandError::TooManyRecordings(MAX_RECORDINGS));
        }
        self.last_recording = self.last_recording.wrapping_add(1);
        let recording = RecordingId(self.last_recording);
        self.recordings.push(recording);
        Ok(recording)
    }
}

impl Call {
    /// Records from now on.
    pub(super) fn record_to(&mut self, of: Recorded, layout: Layout, file: Box<str>) -> Result<Option<CommandOutcome>, CommandError> {
        self.is_through_us()?;
        match of {
            Recorded::Leg(leg) => audible(self.named(leg)?)?,
            Recorded::Call if self.media != MediaState::Open => return Err(CommandError::NotAnswered(self.caller.id)),
            Recorded::Call => {}
        }
        if !is_file_name(&file) {
            return Err(CommandError::BadName(file));
        }
        let recording = self.controls.get_or_insert_default().next_recording()?;
        self.media(MediaCommand::Record { call: self.id, recording, of, layout, file });
        Ok(Some(CommandOutcome::Recording(recording)))
    }

    /// Ends a recording; [`Call::on_recorded`] hears when it has ended.
    pub(super) fn stop_recording(&mut self, recording: RecordingId) -> Result<Option<CommandOutcome>, CommandError> {
        let runs = self.controls.as_ref().is_some_and(|controls| controls.recordings.contains(&recording));
        if !runs {
            return Err(CommandError::UnknownRecording(recording));
        }
        self.media(MediaCommand::StopRecording { call: self.id, recording });
        Ok(Some(CommandOutcome::Done))
    }

    /// A recording has ended, and its file is whole.
    pub(super) fn on_recorded(&mut self, now: Timestamp, done: RecordingDone) {
        if let Some(controls) = &mut self.controls {
            controls.recordings.retain(|recording| *recording != done.recording);
        }
        self.notify(now, None, EventKind::RecordingReady(Box::new(done)));
    }
}
