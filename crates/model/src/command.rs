//! What a call can be told to do from outside, and what comes of that.

use crate::{CallId, DialLeg, KeyPress, Layout, LegId, MAX_ENDPOINTS, PlayId, Recorded, RecordingId, Signal, Sound};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Entries of the hear matrix that one call keeps, and that one command may set.
pub const MAX_HEARING: usize = 64;

/// What may be played to the legs of a call at a time because it was told so.
pub const MAX_PLAYS: usize = 8;

/// Legs that are in a call at a time beside the two that it joins, those that ring among them: the two have an endpoint each in the media session,
/// and so has one that the call is transferred to.
pub const MAX_GUESTS: usize = MAX_ENDPOINTS - 3;

/// Keys that one command presses.
pub const MAX_PRESSES: usize = 32;

/// Bytes of the name of a file.
pub const MAX_FILE_NAME: usize = 200;

/// The longest reason, in bytes.
const MAX_REASON: usize = 100;

/// Names a command to whoever gave it: [`CommandError`] or [`CommandOutcome`] comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

/// Something that a call is told to do. What is asked for stays asked for while the leg that it is about is part of the call; a leg that
/// takes its place begins afresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallCommand {
    /// Sets entries of the hear matrix; the rest stays. Without any, legs that talk with each other hear each other.
    Hear {
        /// At most [`MAX_HEARING`].
        entries: Box<[HearEntry]>,
    },
    /// Nobody hears the leg.
    Mute {
        /// Which.
        leg: LegId,
    },
    /// It is heard again, by whom the rest says.
    Unmute {
        /// Which.
        leg: LegId,
    },
    /// The leg hears nobody, though what is played to it.
    Deafen {
        /// Which.
        leg: LegId,
    },
    /// It hears again.
    Undeafen {
        /// Which.
        leg: LegId,
    },
    /// The leg is held (RFC 3264 §8.4): its peer is told, nobody hears it, and it hears nobody. The other legs are told nothing.
    Hold {
        /// Which.
        leg: LegId,
        /// What it hears until it is held no more, over and over; silence if nothing.
        music: Option<Sound>,
    },
    /// The leg is as it was before.
    Unhold {
        /// Which.
        leg: LegId,
    },
    /// Plays. `play.ended` tells of each leg when it is over.
    Play {
        /// To whom; to all that talk, if nobody is named.
        leg: Option<LegId>,
        /// What.
        sound: Sound,
        /// How often; 0: until it is stopped.
        times: u16,
        /// Mixed with what the leg hears; else in place of that, and of what is played so already.
        over: bool,
    },
    /// Ends what is played.
    Stop {
        /// What of it.
        what: Stopping,
    },
    /// Presses keys for a leg's peer to hear, in the way that it wants them.
    Press {
        /// Who hears them.
        leg: LegId,
        /// At most [`MAX_PRESSES`].
        keys: Box<[KeyPress]>,
    },
    /// Records, until it is stopped or who is recorded has gone. `recording.ready` tells when the file is whole.
    Record {
        /// What.
        of: Recorded,
        /// How it lies in its file.
        layout: Layout,
        /// The file below the folder for recordings, with or without `.wav`.
        file: Box<str>,
    },
    /// Ends a recording.
    StopRecording {
        /// Which.
        recording: RecordingId,
    },
    /// Dials somebody into the call, who is then heard by all that talk, and hears them. Told once it is being dialled.
    Add {
        /// Whom.
        leg: Box<DialLeg>,
    },
    /// Whoever talks with this leg is joined to somebody else, and this leg is hung up. Told once that one has answered, or has not.
    Transfer {
        /// Which leg is to leave.
        leg: LegId,
        /// Who takes its place.
        to: Box<DialLeg>,
    },
    /// Tells those who listen to the events of the call. The call is as before.
    Signal {
        /// Whom it is for; `None`: all.
        leg: Option<LegId>,
        /// What.
        signal: Box<Signal>,
    },
    /// Hangs up a leg, which may ring yet. The call goes on if two are left who talk with each other, else it ends.
    HangUp {
        /// Which.
        leg: LegId,
    },
    /// Refuses whoever has called and has no answer yet; the call ends.
    Reject {
        /// The leg that calls.
        leg: LegId,
        /// The answer that it gets: 400 to 699.
        status: u16,
        /// Why, in words: see [`is_reason`].
        reason: Option<Box<str>>,
    },
    /// Ends the call.
    End {
        /// Why, in words: see [`is_reason`].
        reason: Option<Box<str>>,
    },
}

impl CallCommand {
    /// What it is called.
    pub const fn name(&self) -> &'static str {
        match self {
            CallCommand::Hear { .. } => "hear",
            CallCommand::Mute { .. } => "mute",
            CallCommand::Unmute { .. } => "unmute",
            CallCommand::Deafen { .. } => "deafen",
            CallCommand::Undeafen { .. } => "undeafen",
            CallCommand::Hold { .. } => "hold",
            CallCommand::Unhold { .. } => "unhold",
            CallCommand::Play { .. } => "play",
            CallCommand::Stop { .. } => "stop",
            CallCommand::Press { .. } => "dtmf",
            CallCommand::Record { .. } => "record",
            CallCommand::StopRecording { .. } => "stop_record",
            CallCommand::Add { .. } => "add",
            CallCommand::Transfer { .. } => "transfer",
            CallCommand::Signal { .. } => "signal",
            CallCommand::HangUp { .. } => "hang_up",
            CallCommand::Reject { .. } => "reject",
            CallCommand::End { .. } => "end",
        }
    }
}

/// What is to be played no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopping {
    /// That one, to all its legs.
    Play(PlayId),
    /// All that was asked to be played to this leg. The music of a held leg goes on.
    Leg(LegId),
}

/// One entry of the hear matrix, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HearEntry {
    /// Who is heard, or not.
    pub speaker: LegId,
    /// By whom: another leg.
    pub listener: LegId,
    /// Whether.
    pub hears: bool,
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandOutcome {
    /// It is as was asked for.
    Done,
    /// It is played under that name.
    Playing(PlayId),
    /// It is recorded.
    Recording(RecordingId),
    /// It is being dialled as this leg; if that fails at one place and there is another, as the next.
    Leg(LegId),
}

/// Why a command came to nothing. Nothing was changed by it then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandError {
    /// There is no such call, or it is over.
    CallOver(CallId),
    /// The call has as much to do as may wait.
    Busy(CallId),
    /// The call has no such leg, or no more.
    UnknownLeg(LegId),
    /// The leg has not answered, or not agreed on any sound yet.
    NotAnswered(LegId),
    /// The leg is about to leave for another call, or another command about the same is under way.
    UnderWay(LegId),
    /// Media does not pass through here: it flows between the peers.
    NotAnchored(CallId),
    /// The leg has no audio, but fax, or has switched it off.
    NoAudio(LegId),
    /// An entry of the hear matrix in which a leg would hear itself.
    Itself(LegId),
    /// So many entries of the hear matrix, or more, are kept.
    TooManyEntries(usize),
    /// So much is played.
    TooManyPlays(usize),
    /// More keys than one command may press.
    TooManyKeys(usize),
    /// Nothing of that name is played.
    UnknownPlay(PlayId),
    /// So many recordings run.
    TooManyRecordings(usize),
    /// No recording of that name runs.
    UnknownRecording(RecordingId),
    /// No file may have that name.
    BadName(Box<str>),
    /// So many legs at a time, or over its life, are all that a call may have.
    TooManyLegs(usize),
    /// So many transfers were carried out in the call.
    TooManyTransfers(usize),
    /// The leg was added to a call of others: it has no other party that could be joined to somebody.
    IsGuest(LegId),
    /// The leg talks with nobody.
    IsAlone(LegId),
    /// The leg is not one that calls and has no answer yet.
    NotCalling(LegId),
    /// No call is refused with that status.
    BadStatus(u16),
    /// What is no reason: see [`is_reason`].
    BadReason(Box<str>),
    /// Nobody was called: there is nobody there, or it may not be called.
    NotCalled {
        /// What stands for it.
        status: u16,
        /// Why, where that says more.
        reason: Option<Box<str>>,
    },
    /// The leg's peer refused what it was told, with this status.
    Refused {
        /// Whose.
        leg: LegId,
        /// The final status, 503 if it could not be reached.
        status: u16,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::CallOver(call) => write!(f, "{call}: there is no such call, or it is over"),
            CommandError::Busy(call) => write!(f, "{call}: the call has as much to do as may wait"),
            CommandError::UnknownLeg(leg) => write!(f, "{leg}: the call has no such leg"),
            CommandError::NotAnswered(leg) => write!(f, "{leg}: the leg has not answered yet"),
            CommandError::UnderWay(leg) => write!(f, "{leg}: something of that kind is under way with the leg"),
            CommandError::NotAnchored(call) => write!(f, "{call}: media flows between the peers and not through here"),
            CommandError::NoAudio(leg) => write!(f, "{leg}: the leg has no audio"),
            CommandError::Itself(leg) => write!(f, "{leg}: speaker and listener are the same leg"),
            CommandError::TooManyEntries(most) => write!(f, "entries: a call keeps no more than {most}"),
            CommandError::TooManyPlays(most) => write!(f, "plays: no more than {most} are heard in a call at a time"),
            CommandError::TooManyKeys(most) => write!(f, "keys: a command presses no more than {most}"),
            CommandError::UnknownPlay(play) => write!(f, "play {}: nothing of that name is played", play.0),
            CommandError::TooManyRecordings(most) => write!(f, "recordings: no more than {most} run in a call at a time"),
            CommandError::UnknownRecording(recording) => write!(f, "recording {}: no such recording runs", recording.0),
            CommandError::BadName(name) => write!(f, "file {name:?}: no file may have that name"),
            CommandError::TooManyLegs(most) => write!(f, "legs: a call has no more than {most}"),
            CommandError::TooManyTransfers(most) => write!(f, "transfers: no more than {most} are carried out in a call"),
            CommandError::IsGuest(leg) => write!(f, "{leg}: the leg was added to a call of others, and can only be hung up"),
            CommandError::IsAlone(leg) => write!(f, "{leg}: the leg talks with nobody who could be transferred"),
            CommandError::NotCalling(leg) => write!(f, "{leg}: the leg is not one that calls and waits for an answer"),
            CommandError::BadStatus(status) => write!(f, "status {status}: a call is refused with 400 to 699"),
            CommandError::BadReason(_) => write!(f, "reason: no more than {MAX_REASON} bytes are possible, and no control characters"),
            CommandError::NotCalled { status, reason: Some(reason) } => write!(f, "nobody was called: {status} {reason}"),
            CommandError::NotCalled { status, reason: None } => write!(f, "nobody was called: {status}"),
            CommandError::Refused { leg, status } => write!(f, "{leg}: its peer refused with {status}"),
        }
    }
}

impl std::error::Error for CommandError {}

/// Whether peers may be told that as a reason: it is not long, and has no control characters.
pub fn is_reason(words: &str) -> bool {
    words.len() <= MAX_REASON && !words.chars().any(char::is_control)
}

/// Whether a file below one of our folders may be asked for by that name: it leads nowhere else, and can be shown.
pub fn is_file_name(name: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(|odd: char| odd.is_control() || odd == '\\');
    name.len() <= MAX_FILE_NAME && name.split('/').all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["a", "a.wav", "2026/11/a b.wav", "ä.wav", "a..b"] {
            assert!(is_file_name(name), "{name}");
        }
        for name in ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", ".a", "a\\b", "a\0", "a\n", "\u{7f}"] {
            assert!(!is_file_name(name), "{name:?}");
        }
        assert!(is_file_name(&"a".repeat(MAX_FILE_NAME)) && !is_file_name(&"a".repeat(MAX_FILE_NAME + 1)));
    }

    #[test]
    fn errors_name_the_place() {
        let call = CallId::new(1, 1);
        let leg = call.leg(1).unwrap();
        let places = [
            (CommandError::UnknownLeg(leg), leg.to_string()),
            (CommandError::NotAnchored(call), call.to_string()),
            (CommandError::Refused { leg, status: 488 }, "488".into()),
            (CommandError::BadName("a\nb".into()), "\"a\\nb\"".into()),
        ];
        for (error, place) in places {
            assert!(error.to_string().contains(&place), "{error}");
        }
    }
}
