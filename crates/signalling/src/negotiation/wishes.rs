//! What a leg asks for beside codecs and addresses, for whoever is to be offered the like.

use super::{
    format::Format,
    read::{Heard, Stream},
};
use tandem_model::Codec;

/// How a leg wants its audio, as its last description said.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    /// Parameters of Opus.
    opus: Option<Box<[u8]>>,
    /// It answered an offer of ours: another leg may be told these parameters. They are wishes too, and one whom nobody tells of them
    /// sends what any decoder takes (RFC 7587 §6.1).
    answered: bool,
}

impl Wishes {
    /// Of a leg that made an offer, or took another leg's.
    pub(super) fn of_stream(stream: &Stream, text: &[u8]) -> Wishes {
        let opus = stream.parameters(text, Format::Opus).map(Box::from);
        Wishes { ptime: stream.ptime, maxptime: stream.maxptime, opus, answered: false }
    }

    /// Of a leg that answered an offer of ours.
    pub(super) fn of_answer(stream: &Stream, text: &[u8]) -> Wishes {
        Wishes { answered: true, ..Wishes::of_stream(stream, text) }
    }

    #[cfg(test)]
    pub(super) fn of_lengths(ptime: Option<u16>, maxptime: Option<u16>) -> Wishes {
        Wishes { ptime, maxptime, ..Wishes::default() }
    }

    /// What it says of a codec that it wants to be sent.
    pub(super) fn parameters_of(&self, codec: Codec) -> Option<Box<str>> {
        let said = self.opus.as_deref().filter(|_| codec == Codec::Opus)?;
        std::str::from_utf8(said).ok().map(Box::from)
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
            Like::Heard(heard) if heard.stream.formats.contains(format) => heard.parameters(format),
            // The same events at another clock.
            Like::Heard(heard) if format.is_event() && heard.stream.formats.event().is_some() => {
                heard.stream.formats.event().and_then(|event| heard.parameters(event))
            }
            Like::Heard(_) => format.made_parameters(),
            Like::Noted(wishes) if format == Format::Opus => wishes.opus.as_deref().filter(|_| wishes.answered),
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
