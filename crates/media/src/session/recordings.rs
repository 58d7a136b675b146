//! Recordings that run: as long as there is one, the session is mixed, and each tick is given to it.

use super::{Output, Session};
use crate::{
    endpoint::Plain,
    path::mix::Mix,
    sink::{Ear, Format, Part, Sink},
    voice::{Tick, Voice},
};
use tandem_model::{Layout, LegId, MAX_RECORDINGS, Recorded, RecordingEnd, RecordingFailure, RecordingId, Timestamp};

/// What is recorded of a session.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    /// At most [`MAX_RECORDINGS`].
    sinks: Vec<Sink>,
    /// Legs to which something is played, or was.
    ears: Vec<(LegId, Ear)>,
}

impl Session {
    /// Begins a recording, whose blocks are outputs from now on; and what they are. Drain and ask for the time anew, as after `handle`.
    ///
    /// # Errors
    /// Why there is none; the session is as it was.
    pub fn record(&mut self, now: Timestamp, recording: RecordingId, of: Recorded, layout: Layout) -> Result<Format, RecordingFailure> {
        let is_known = |leg: LegId| self.endpoints.iter().any(|endpoint| endpoint.leg == leg);
        if self.closed || matches!(of, Recorded::Leg(leg) if !is_known(leg)) {
            return Err(RecordingFailure::NoLeg);
        }
        let running = self.recordings.iter().flat_map(|recordings| &recordings.sinks);
        if running.clone().count() >= MAX_RECORDINGS || running.clone().any(|sink| sink.recording == recording) {
            return Err(RecordingFailure::TooMany);
        }
        self.now = now;
        self.recordings.get_or_insert_default();
        self.arrange();
        let rate_hz = self.mix.as_ref().map_or(8_000, |mix| mix.rate_hz());
        let first = self.endpoints.iter().min_by_key(|endpoint| endpoint.name).map(|endpoint| endpoint.leg);
        let sink = Sink::new(now, recording, (of, layout), rate_hz, first);
        let format = sink.format();
        self.recordings.get_or_insert_default().sinks.push(sink);
        self.arrange();
        Ok(format)
    }

    pub(super) fn stop_recording(&mut self, recording: RecordingId) {
        self.end_recordings(|sink| sink.recording == recording, &RecordingEnd::Stopped);
    }

    /// That leg has left; or everybody has.
    pub(super) fn end_recordings_of(&mut self, leg: Option<LegId>) {
        self.end_recordings(|sink| leg.is_none_or(|leg| sink.of == Recorded::Leg(leg)), &RecordingEnd::LegGone);
        if let (Some(recordings), Some(leg)) = (&mut self.recordings, leg) {
            recordings.ears.retain(|(own, _)| *own != leg);
        }
    }

    fn end_recordings(&mut self, which: impl Fn(&Sink) -> bool, end: &RecordingEnd) {
        let now = self.now;
        let sinks = self.recordings.iter_mut().flat_map(|recordings| &mut recordings.sinks);
        sinks.filter(|sink| which(sink)).for_each(|sink| sink.end(now, end.clone()));
    }

    /// Whether there is something to be written, or a recording is over.
    pub(super) fn has_block(&self) -> bool {
        self.recordings.as_ref().is_some_and(|recordings| recordings.sinks.iter().any(Sink::has_output))
    }

    /// The next block of a recording, or that it is over. When the last one is, packets go on directly again.
    pub(super) fn next_block(&mut self) -> Option<Output<'_>> {
        let sinks = &mut self.recordings.as_mut()?.sinks;
        let place = sinks.iter().position(Sink::has_output)?;
        if let Some(end) = sinks[place].over() {
            let recording = sinks.swap_remove(place).recording;
            let was_last = sinks.is_empty();
            if was_last {
                self.recordings = None;
            }
            if was_last && !self.closed {
                self.arrange();
            }
            return Some(Output::RecordingOver { recording, end });
        }
        let sink = &mut self.recordings.as_mut()?.sinks[place];
        let recording = sink.recording;
        sink.block().map(|bytes| Output::Block { recording, bytes })
    }
}

impl Recordings {
    /// Whether what the leg says is to be heard, though nobody hears it.
    pub(super) fn hear(&self, leg: LegId) -> bool {
        self.sinks.iter().any(|sink| matches!(sink.of, Recorded::Call) || sink.of == Recorded::Leg(leg))
    }

    /// Whether what the leg hears is.
    pub(super) fn are_of(&self, leg: LegId) -> bool {
        self.sinks.iter().any(|sink| sink.of == Recorded::Leg(leg))
    }

    /// A tick begins.
    pub(super) fn begin(&mut self, tick: &Tick) {
        self.sinks.iter_mut().for_each(|sink| sink.clear(tick.samples));
    }

    /// What a leg hears in this tick, and what of that is played over the rest.
    pub(super) fn add_heard(&mut self, leg: LegId, heard: Option<&[i16]>, over: Option<&[i16]>) {
        for sink in &mut self.sinks {
            heard.into_iter().for_each(|frame| sink.add(Part::Heard, leg, frame));
            over.into_iter().for_each(|frame| sink.add(Part::Over, leg, frame));
        }
    }

    /// What a voice has just said to a leg that is played something.
    pub(super) fn overhear(&mut self, leg: LegId, voice: &Voice, rate_hz: u32) {
        let Some((samples, from_hz)) = voice.played().filter(|_| self.hear(leg)) else { return };
        let place = self.ears.iter().position(|(own, _)| *own == leg).unwrap_or_else(|| {
            self.ears.push((leg, Ear::new()));
            self.ears.len() - 1
        });
        self.ears[place].1.hear(samples, from_hz, rate_hz);
    }

    /// The tick is over.
    pub(super) fn end(&mut self, tick: &Tick, mix: &Mix, endpoints: &[Plain]) {
        for sink in &mut self.sinks {
            for endpoint in endpoints {
                if let Some(frame) = mix.said_by(endpoint.name) {
                    sink.add(Part::Said, endpoint.leg, frame);
                }
            }
        }
        for (leg, ear) in &mut self.ears {
            if let Some(frame) = ear.frame(tick.samples) {
                self.sinks.iter_mut().for_each(|sink| sink.add(Part::Played, *leg, frame));
            }
        }
        self.sinks.iter_mut().for_each(|sink| sink.push(tick.at, mix.rate_hz()));
    }
}
