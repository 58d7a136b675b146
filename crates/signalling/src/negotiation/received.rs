//! An offer as it came, and which of its lines to go on with.

use super::{
    Refusal,
    format::{FormatList, Numbers},
    read::{Head, Heard, MediaLine, Stream, is_fax},
    write::Layout,
};
use crate::sdp::{Description, Media};
use bytes::Bytes;
use std::net::IpAddr;
use tandem_model::Codec;

/// An offer, read once for all that is asked of it: whether it can be taken at all, by this leg or that.
#[derive(Clone, Debug)]
pub struct Offer {
    text: Bytes,
    head: Head,
    media: Box<[Medium]>,
}

#[derive(Clone, Copy, Debug)]
enum Medium {
    Stream(Stream),
    Other(MediaLine),
}

/// On what terms an offer is looked at.
pub(super) struct Terms {
    pub(super) anchored: bool,
    /// Which line was in use so far.
    pub(super) live: Option<usize>,
    /// Fax may be passed.
    pub(super) fax: bool,
    /// Our own address on that leg, once it is known.
    pub(super) local: Option<IpAddr>,
}

/// Which codecs may be used, the best first.
pub(super) struct Allowed {
    /// With whoever offers.
    from: FormatList,
    /// With both sides: what is said in these is passed on as it is.
    both: FormatList,
    /// With the other side alone: what is said in these is said again in one that whoever offers may use.
    other: FormatList,
}

impl Allowed {
    /// Between two legs. `says_again`: what one says may be said to the other in another codec.
    pub(super) fn between(from: FormatList, to: FormatList, says_again: bool) -> Allowed {
        let both = to.retain(|format| from.contains(format));
        let other = if says_again { to } else { FormatList::EMPTY };
        Allowed { from, both, other }
    }

    /// With whoever offers, and nobody else.
    pub(super) fn alone(from: FormatList) -> Allowed {
        Allowed { from, both: from, other: FormatList::EMPTY }
    }

    /// What the other side is to be offered: first what whoever offers has too, so that nothing is said again that need not be.
    fn of(&self, offered: &FormatList) -> FormatList {
        if offered.restrict(&self.from).codec().is_none() {
            return FormatList::EMPTY;
        }
        offered.restrict_and_make(&self.both, &self.other)
    }
}

/// The line of an offer that is gone on with.
pub(super) struct Chosen<'a> {
    pub(super) index: usize,
    pub(super) stream: &'a Stream,
    /// None for fax.
    pub(super) formats: FormatList,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// 400 for what is no description.
    pub fn read(text: Bytes) -> Result<Offer, Refusal> {
        let description = Description::parse(&text)?;
        let head = Head::read(&text, &description);
        let media = description.media().iter().map(|media| Medium::read(&text, media, &head)).collect();
        Ok(Offer { text, head, media })
    }

    pub(super) fn text(&self) -> &Bytes {
        &self.text
    }

    /// `t=`, for the answer.
    pub(super) fn times(&self) -> Option<&[u8]> {
        self.head.times(&self.text)
    }

    pub(super) fn heard<'a>(&'a self, stream: &'a Stream) -> Heard<'a> {
        Heard { text: &self.text, head: &self.head, stream }
    }

    /// The lines of the answer, the `live`-th of which is the one in use.
    pub(super) fn layout(&self, live: usize) -> Layout {
        let others = self.media.iter().enumerate().filter(|(index, _)| *index != live);
        Layout::new(live, others.map(|(_, medium)| medium.line().rejected(&self.text)).collect())
    }

    /// All its lines as an answer rejects them.
    pub(super) fn rejected_lines(&self) -> impl Iterator<Item = Box<[u8]>> {
        self.media.iter().map(|medium| medium.line().rejected(&self.text))
    }

    fn stream(&self, index: usize) -> Option<&Stream> {
        match self.media.get(index)? {
            Medium::Stream(stream) => Some(stream),
            Medium::Other(_) => None,
        }
    }

    /// The line to go on with, and its formats: the line that was used before if it will do, else the first that does; fax
    /// where no audio will do.
    pub(super) fn choose(&self, terms: &Terms, allowed: &Allowed) -> Result<Chosen<'_>, Refusal> {
        let mut refusal = Refusal::NO_AUDIO;
        let lines = || terms.live.into_iter().chain(0..self.media.len()).filter_map(|index| Some((index, self.stream(index)?)));
        let fax = lines().filter(|(_, stream)| terms.fax && stream.is_fax());
        for (index, stream) in lines().filter(|(_, stream)| !stream.is_fax()).chain(fax) {
            match accept(stream, terms, allowed) {
                Ok(formats) => return Ok(Chosen { index, stream, formats }),
                Err(reason) if refusal == Refusal::NO_AUDIO => refusal = reason,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// The line in use, where an offer switches everything off. Some hold a call so.
    pub(super) fn switched_off(&self, terms: &Terms) -> Option<(usize, &Stream)> {
        let index = terms.live?;
        let stream = self.stream(index).filter(|stream| terms.fax || !stream.is_fax())?;
        self.media.iter().all(|medium| medium.line().port == 0).then_some((index, stream))
    }
}

impl Medium {
    fn read(text: &[u8], media: &Media<'_>, head: &Head) -> Medium {
        if media.is_audio() || is_fax(media) {
            Medium::Stream(Stream::read(text, media, head, &Numbers::NONE))
        } else {
            Medium::Other(MediaLine::read(text, media))
        }
    }

    fn line(&self) -> &MediaLine {
        match self {
            Medium::Stream(stream) => &stream.line,
            Medium::Other(line) => line,
        }
    }
}

/// The formats to go on with when these codecs are allowed, in that order.
fn accept(stream: &Stream, terms: &Terms, allowed: &Allowed) -> Result<FormatList, Refusal> {
    if stream.line.port == 0 {
        return Err(Refusal::NO_AUDIO);
    }
    stream.check_protocol(terms.anchored)?;
    if terms.anchored {
        stream.remote(terms.local)?;
    }
    if stream.is_fax() {
        return Ok(FormatList::EMPTY);
    }
    let formats = allowed.of(&stream.formats);
    if formats.codec().is_none() { Err(Refusal::NO_CODEC) } else { Ok(formats) }
}

/// What can become of an offer between two legs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passage {
    /// Its media goes through us.
    pub anchored: bool,
    /// Both allow fax.
    pub fax: bool,
    /// Both allow that what one says is said again in another codec.
    pub transcodes: bool,
}

/// Whether an offer can be translated at all between legs that allow these codecs: asked before ports are spent on it.
///
/// # Errors
/// What [`super::translate_offer`] would refuse, but for what depends on our own addresses.
pub fn screen_offer(offer: &Offer, from: &[Codec], to: &[Codec], passage: Passage) -> Result<(), Refusal> {
    let Passage { anchored, fax, transcodes } = passage;
    let terms = Terms { anchored, live: None, fax, local: None };
    let allowed = Allowed::between(FormatList::of_codecs(from), FormatList::of_codecs(to), anchored && transcodes);
    offer.choose(&terms, &allowed).map(|_| ())
}
