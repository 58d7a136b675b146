//! Recordings: what is recorded, how it lies in its file, and how it ended.

use crate::LegId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Recordings of one call that may run at a time.
pub const MAX_RECORDINGS: usize = 4;

/// A recording of a call, which numbers its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordingId(pub u16);

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recorded {
    /// What this leg says, and what it hears: what others say to it, and what is played to it, over that or in its place.
    Leg(LegId),
    /// What all legs say, whether anybody hears it or not, and what is played to any of them: once for each.
    Call,
}

/// How a recording lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// One channel with all of it.
    Mono,
    /// Two channels. Of a leg: left what it says, right what it hears. Of the call: left what the first leg says, right what the others
    /// say and what is played to any, the first one included.
    Sides,
}

impl Layout {
    /// Channels of the file.
    pub const fn channels(self) -> u16 {
        match self {
            Layout::Mono => 1,
            Layout::Sides => 2,
        }
    }
}

/// Why a recording ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingEnd {
    /// It was asked to.
    Stopped,
    /// Who was recorded has gone: the leg has left, or the call is over.
    LegGone,
    /// The disk is full, or what may be used of it; what was written before is there.
    DiskFull,
    /// Something else failed; what was written before is there, if there is a file.
    Failed(RecordingFailure),
}

/// Why a recording failed, or never began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingFailure {
    /// Its name is none that a file below the folder for recordings may have.
    Name,
    /// There are as many files of that name, and with numbers behind it, as are tried.
    Exists,
    /// There is no media session, or it has no such leg.
    NoLeg,
    /// As many recordings run as may, of the call or of all.
    TooMany,
    /// The disk takes less than there is to be written.
    Slow,
    /// A WAV file holds no more.
    Long,
    /// The media threads have as much queued as they may.
    Overloaded,
    /// It failed inside.
    Internal,
    /// The system would not; its words.
    System(Box<str>),
}

impl RecordingEnd {
    /// Whether it lasted as long as it was to.
    pub const fn is_good(&self) -> bool {
        matches!(self, RecordingEnd::Stopped | RecordingEnd::LegGone)
    }

    /// In a few words.
    pub fn words(&self) -> &str {
        match self {
            RecordingEnd::Stopped => "stopped",
            RecordingEnd::LegGone => "who was recorded has gone",
            RecordingEnd::DiskFull => "the disk is full",
            RecordingEnd::Failed(RecordingFailure::Name) => "no file may have that name",
            RecordingEnd::Failed(RecordingFailure::Exists) => "too many files of that name exist",
            RecordingEnd::Failed(RecordingFailure::NoLeg) => "there is nobody to be recorded",
            RecordingEnd::Failed(RecordingFailure::TooMany) => "as many recordings run as may",
            RecordingEnd::Failed(RecordingFailure::Slow) => "the disk is too slow",
            RecordingEnd::Failed(RecordingFailure::Long) => "a WAV file holds no more",
            RecordingEnd::Failed(RecordingFailure::Overloaded) => "the media threads have as much queued as they may",
            RecordingEnd::Failed(RecordingFailure::Internal) => "internal error",
            RecordingEnd::Failed(RecordingFailure::System(words)) => words,
        }
    }
}

impl fmt::Display for RecordingEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
