//! An offer as it came, and which of its audio lines to go on with.

use super::{
    Refusal,
    format::{FormatList, Numbers},
    read::{Audio, Head, Heard, MediaLine},
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
    Audio(Audio),
    Other(MediaLine),
}

/// On what terms an offer is looked at.
pub(super) struct Terms {
    pub(super) anchored: bool,
    /// Where the audio was so far.
    pub(super) audio: Option<usize>,
    /// Our own address on that leg, once it is known.
    pub(super) local: Option<IpAddr>,
}

/// The audio line of an offer that is gone on with.
pub(super) struct Chosen<'a> {
    pub(super) index: usize,
    pub(super) audio: &'a Audio,
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

    pub(super) fn heard<'a>(&'a self, audio: &'a Audio) -> Heard<'a> {
        Heard { text: &self.text, head: &self.head, audio }
    }

    /// The lines of the answer, the `audio`-th of which is the one in use.
    pub(super) fn layout(&self, audio: usize) -> Layout {
        let others = self.media.iter().enumerate().filter(|(index, _)| *index != audio);
        Layout::new(audio, others.map(|(_, medium)| medium.line().rejected(&self.text)).collect())
    }

    /// All its lines as an answer rejects them.
    pub(super) fn rejected_lines(&self) -> impl Iterator<Item = Box<[u8]>> {
        self.media.iter().map(|medium| medium.line().rejected(&self.text))
    }

    fn audio(&self, index: usize) -> Option<&Audio> {
        match self.media.get(index)? {
            Medium::Audio(audio) => Some(audio),
            Medium::Other(_) => None,
        }
    }

    /// The audio line to go on with, and its formats: the line that was used before if it will do, else the first that
    /// does. `allowed` are the codecs that may be used, the best first.
    pub(super) fn choose(&self, terms: &Terms, allowed: &FormatList) -> Result<Chosen<'_>, Refusal> {
        let mut refusal = Refusal::NO_AUDIO;
        for index in terms.audio.into_iter().chain(0..self.media.len()) {
            let Some(audio) = self.audio(index) else { continue };
            match accept(audio, terms, allowed) {
                Ok(formats) => return Ok(Chosen { index, audio, formats }),
                Err(reason) if refusal == Refusal::NO_AUDIO => refusal = reason,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// The audio in use, where an offer switches everything off. Some hold a call so.
    pub(super) fn switched_off(&self, terms: &Terms) -> Option<(usize, &Audio)> {
        let index = terms.audio?;
        let audio = self.audio(index)?;
        self.media.iter().all(|medium| medium.line().port == 0).then_some((index, audio))
    }
}

impl Medium {
    fn read(text: &[u8], media: &Media<'_>, head: &Head) -> Medium {
        if media.is_audio() {
            Medium::Audio(Audio::read(text, media, head, &Numbers::NONE))
        } else {
            Medium::Other(MediaLine::read(text, media))
        }
    }

    fn line(&self) -> &MediaLine {
        match self {
            Medium::Audio(audio) => &audio.line,
            Medium::Other(line) => line,
        }
    }
}

/// The formats to go on with when these codecs are allowed, in that order.
fn accept(audio: &Audio, terms: &Terms, allowed: &FormatList) -> Result<FormatList, Refusal> {
    if audio.line.port == 0 {
        return Err(Refusal::NO_AUDIO);
    }
    audio.check_protocol(terms.anchored)?;
    if terms.anchored {
        audio.remote(terms.local)?;
    }
    let formats = audio.formats.restrict(allowed);
    if formats.codec().is_none() { Err(Refusal::NO_CODEC) } else { Ok(formats) }
}

/// Whether an offer can be translated at all between legs that allow these codecs: asked before ports are spent on it.
///
/// # Errors
/// What [`super::translate_offer`] would refuse, but for what depends on our own addresses.
pub fn screen_offer(offer: &Offer, from: &[Codec], to: &[Codec], anchored: bool) -> Result<(), Refusal> {
    let terms = Terms { anchored, audio: None, local: None };
    let from = FormatList::of_codecs(from);
    let allowed = FormatList::of_codecs(to).retain(|format| from.contains(format));
    offer.choose(&terms, &allowed).map(|_| ())
}
