//! Recordings of the call and of its legs. Who ends a call does not wait for them; its record does, for a moment.

use super::command::audible;
use super::phase::{MediaState, Phase};
use super::{Call, Reason};
use std::time::Duration;
use tandem_model::{
    CallId, CommandError, CommandOutcome, EventKind, Layout, MAX_RECORDINGS, MediaCommand, Recorded, RecordingDone, RecordingId, Timestamp,
    is_file_name,
};

/// How long the record of a call that is over waits for its last recordings.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// The recordings of a call.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    /// The route wants the call recorded so.
    by_route: Option<Layout>,
    /// It is to begin so, once somebody has answered.
    wanted: Option<Layout>,
    /// Those that run: at most [`MAX_RECORDINGS`].
    running: Vec<(RecordingId, Recorded)>,
    /// The name of the last one.
    last: u16,
    /// The call is over, and its record waits until then.
    until: Option<Timestamp>,
}

impl Call {
    /// The call is to be recorded as soon as it has been answered, if it is not to be already: by its own route, or by that of a call that a leg
    /// came from.
    pub(super) fn want_recording(&mut self, layout: Option<Layout>) {
        let Some(layout) = layout else { return };
        let recordings = self.recordings.get_or_insert_default();
        if recordings.by_route.is_none() {
            (recordings.by_route, recordings.wanted) = (Some(layout), Some(layout));
        }
    }

    /// How a route wants it recorded, if one does.
    pub(super) fn recorded_by_route(&self) -> Option<Layout> {
        self.recordings.as_ref()?.by_route
    }

    /// Begins what is wanted, if it can begin by now. To be asked after each input: there are many ways to an answer.
    pub(super) fn begin_wanted_recording(&mut self) {
        if !matches!(self.phase, Phase::Talking) || self.answered.is_none() || self.ended.is_some() {
            return;
        }
        let wanted = self.recordings.as_mut().and_then(|recordings| recordings.wanted.take_if(|_| self.media == MediaState::Open));
        if let Some(layout) = wanted {
            // One place is kept for it.
            let _ = self.begin_recording(Recorded::Call, layout, file_name(self.id));
        }
    }

    /// Records from now on, because it was told to.
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
        self.begin_recording(of, layout, file).map(|recording| Some(CommandOutcome::Recording(recording)))
    }

    /// Records from now on; [`Call::on_recorded`] hears when it has ended.
    fn begin_recording(&mut self, of: Recorded, layout: Layout, file: Box<str>) -> Result<RecordingId, CommandError> {
        let recordings = self.recordings.get_or_insert_default();
        if recordings.running.len() + usize::from(recordings.wanted.is_some()) >= MAX_RECORDINGS {
            return Err(CommandError::TooManyRecordings(MAX_RECORDINGS));
        }
        recordings.last = recordings.last.wrapping_add(1);
        let recording = RecordingId(recordings.last);
        recordings.running.push((recording, of));
        self.media(MediaCommand::Record { call: self.id, recording, of, layout, file });
        Ok(recording)
    }

    /// Ends a recording; [`Call::on_recorded`] hears when it has ended.
    pub(super) fn stop_recording(&mut self, recording: RecordingId) -> Result<Option<CommandOutcome>, CommandError> {
        let runs = self.recordings.as_ref().is_some_and(|recordings| recordings.running.iter().any(|(running, _)| *running == recording));
        if !runs {
            return Err(CommandError::UnknownRecording(recording));
        }
        self.media(MediaCommand::StopRecording { call: self.id, recording });
        Ok(Some(CommandOutcome::Done))
    }

    /// A recording has ended, and its file is whole.
    pub(super) fn on_recorded(&mut self, now: Timestamp, done: RecordingDone) {
        let running = self.recordings.as_mut().map(|recordings| &mut recordings.running);
        let known = running.and_then(|running| {
            let place = running.iter().position(|(recording, _)| *recording == done.recording)?;
            Some(running.swap_remove(place))
        });
        let leg = known.and_then(|(_, of)| if let Recorded::Leg(leg) = of { Some(leg) } else { None });
        self.notify(now, leg, EventKind::RecordingReady(Box::new(done)));
        if self.media == MediaState::None {
            self.record(now);
        }
    }

    /// Whether the record of the call is to wait for recordings.
    pub(super) fn awaits_recordings(&mut self, now: Timestamp) -> bool {
        let Some(recordings) = self.recordings.as_mut().filter(|recordings| !recordings.running.is_empty()) else { return false };
        now < *recordings.until.get_or_insert(now + FINISH_TIMEOUT)
    }

    pub(super) fn recordings_due(&self) -> Option<(Timestamp, Reason)> {
        let until = self.recordings.as_ref()?.until.filter(|_| !self.recorded)?;
        Some((until, Reason::Recording))
    }
}

/// A file for the recording of a call: by the day on which it began, the time of that day, and its id; all in UTC.
fn file_name(call: CallId) -> Box<str> {
    let seconds = call.unix_ms() / 1_000;
    let ((year, month, day), second) = (date(seconds / 86_400), seconds % 86_400);
    format!("{year:04}-{month:02}-{day:02}/{:02}{:02}{:02}-{call}", second / 3_600, second / 60 % 60, second % 60).into()
}

/// Year, month and day, so many days after the first of 1970.
fn date(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // Ids have 42 bits for milliseconds: 140 years.
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_day_and_time() {
        for (unix_s, expected) in [
            (0, "1970-01-01/000000-"),
            (951_782_399, "2000-02-28/235959-"),
            (951_782_400, "2000-02-29/000000-"),
            (951_868_800, "2000-03-01/000000-"),
            (1_735_689_599, "2024-12-31/235959-"),
            (1_795_317_289, "2026-11-22/031449-"),
            (4_107_542_400, "2100-03-01/000000-"),
        ] {
            let call = CallId::new(unix_s * 1_000 + 7, 3);
            assert_eq!(*file_name(call), format!("{expected}{call}"));
        }
    }
}
