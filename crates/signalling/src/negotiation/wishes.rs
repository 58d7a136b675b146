//! What a leg asks for beside codecs and addresses, for whoever is to be offered the like.

use super::{
    format::Format,
    read::{Heard, Stream},
};

/// How a leg wants its audio, as its last description said.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    /// Parameters of Opus. Noted only of a leg that answered an offer of ours: parameters are wishes too, and one whom
    /// nobody tells of them sends what any decoder takes (RFC 7587 §6.1).
    pub(super) opus: Option<Box<[u8]>>,
}

impl Wishes {
    /// Of packets alone, which costs nothing.
    pub(super) fn of_packets(stream: &Stream) -> Wishes {
        Wishes { ptime: stream.ptime, maxptime: stream.maxptime, opus: None }
    }

    /// All of them.
    pub(super) fn of(heard: &Heard<'_>) -> Wishes {
        Wishes { opus: heard.parameters(Format::Opus).map(Box::from), ..Wishes::of_packets(heard.stream) }
    }
}

/// Whose wishes a line of ours carries over.
#[derive(Clone, Copy)]
pub(super) enum Like<'a> {
    /// Nobody's: it is an offer of our own.
    Nobody,
    /// Those of a description at hand.
    Heard(Heard<'a>),
    /// Those of a leg that described itself before.
    Noted(&'a Wishes),
}

impl<'a> Like<'a> {
    /// What `a=fmtp` says of a format.
    pub(super) fn parameters(&self, format: Format) -> Option<&'a [u8]> {
        match self {
            Like::Nobody => format.own_parameters(),
            Like::Heard(heard) => heard.parameters(format),
            Like::Noted(wishes) if format == Format::Opus => wishes.opus.as_deref(),
            Like::Noted(_) => format.own_parameters(),
        }
    }

    /// `a=ptime` and `a=maxptime`.
    pub(super) fn packets(&self) -> (Option<u16>, Option<u16>) {
        match self {
            Like::Nobody => (None, None),
            Like::Heard(heard) => (heard.stream.ptime, heard.stream.maxptime),
            Like::Noted(wishes) => (wishes.ptime, wishes.maxptime),
        }
    }
}
